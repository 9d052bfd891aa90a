//! Whether an account is flagged, over time.

use super::{CLEAR_AFTER, CLEAR_FROM, ENOUGH_COVERAGE, FLAG_BELOW, Health};

/// What is remembered from one snapshot of an account to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Watch {
    /// The account has been below the line and has not recovered since.
    pub flagged: bool,
    /// While flagged: how many snapshots running were good enough to clear it.
    pub good_running: u8,
}

/// What a snapshot says of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// All is well.
    Healthy,
    /// Someone should call.
    Flagged,
    /// Too little is known to say; never a flag, and never a clean bill either.
    InsufficientData,
}

impl Standing {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Flagged => "flagged",
            Self::InsufficientData => "insufficient_data",
        }
    }

    /// The standing of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Healthy, Self::Flagged, Self::InsufficientData];
        all.into_iter().find(|standing| standing.name() == name)
    }
}

impl Watch {
    /// Takes the next snapshot's health in. While too little is known, a flag is neither raised nor
    /// cleared, and good snapshots are no longer running.
    #[must_use]
    pub fn observe(self, health: &Health) -> (Self, Standing) {
        let known = health.score.filter(|_| health.coverage >= ENOUGH_COVERAGE);
        let Some(score) = known else {
            return (Self { good_running: 0, ..self }, Standing::InsufficientData);
        };
        let next = match self {
            Self { flagged: false, .. } => Self { flagged: score < FLAG_BELOW, good_running: 0 },
            Self { good_running, .. } if score >= CLEAR_FROM => {
                let good_running = good_running.saturating_add(1);
                if good_running >= CLEAR_AFTER {
                    Self::default()
                } else {
                    Self { flagged: true, good_running }
                }
            }
            Self { .. } => Self { flagged: true, good_running: 0 },
        };
        (next, if next.flagged { Standing::Flagged } else { Standing::Healthy })
    }
}
