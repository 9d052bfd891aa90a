//! What holds a score down.

use super::{Inputs, LONG_OVERDUE_DAYS, SILENT_DAYS, Stage};
use crate::domain::BasisPoints;

/// What holds a score down, whatever the factors say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cap {
    /// An open incident of severity 1 is past its promised answer.
    Sev1PastSla,
    /// Live, and no event for [`SILENT_DAYS`].
    Silent,
    /// Overdue for more than [`LONG_OVERDUE_DAYS`].
    LongOverdue,
}

impl Cap {
    /// All caps.
    pub const ALL: [Self; 3] = [Self::Sev1PastSla, Self::Silent, Self::LongOverdue];

    /// The highest score it allows.
    #[must_use]
    pub const fn limit(self) -> BasisPoints {
        BasisPoints(match self {
            Self::Sev1PastSla => 7_400,
            Self::Silent => 5_000,
            Self::LongOverdue => 6_000,
        })
    }

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sev1PastSla => "sev1_past_sla",
            Self::Silent => "silent",
            Self::LongOverdue => "long_overdue",
        }
    }

    fn holds(self, inputs: &Inputs) -> bool {
        match self {
            Self::Sev1PastSla => inputs.support.is_some_and(|s| s.sev1_past_sla > 0),
            Self::Silent => {
                inputs.stage == Stage::Live && inputs.quiet_days.is_some_and(|d| d >= SILENT_DAYS)
            }
            Self::LongOverdue => inputs.days_overdue.is_some_and(|d| d > LONG_OVERDUE_DAYS),
        }
    }

    /// The caps that hold.
    pub(super) fn of(inputs: &Inputs) -> Vec<Self> {
        Self::ALL.into_iter().filter(|cap| cap.holds(inputs)).collect()
    }
}

/// A score under caps.
pub(super) fn held(caps: &[Cap], score: BasisPoints) -> BasisPoints {
    caps.iter().map(|cap| cap.limit()).fold(score, BasisPoints::min)
}
