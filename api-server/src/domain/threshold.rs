//! How much of a quota is used, which alert level that is, and when an alert is raised and taken
//! back.
//!
//! Levels compare exactly, `used × 100 ≥ quota × percent` in 128 bits: a rounded ratio never decides.
//! A level that has fired stays fired until use falls below it by [`HYSTERESIS_POINTS`], so that use
//! which hovers at an edge does not ring again and again (a Schmitt trigger).

use super::{Ppm, Quantity};

/// How many points below its level use must fall before the level is taken back.
pub const HYSTERESIS_POINTS: u8 = 2;

/// The largest ratio that [`ratio`] says: a thousandfold. Use of an empty quota reads as this too.
pub const LARGEST_RATIO: Ppm = Ppm(1_000_000_000);

/// An alert level of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// 80 %: time to talk about it.
    Soft,
    /// 95 %: time to act.
    Hard,
}

impl Level {
    /// All levels, the lower first.
    pub const ALL: [Self; 2] = [Self::Soft, Self::Hard];

    /// The share of the quota at which it is reached, in percent.
    #[must_use]
    pub const fn percent(self) -> u8 {
        match self {
            Self::Soft => 80,
            Self::Hard => 95,
        }
    }

    /// Its name on the wire and in the store: `soft`, `hard`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Soft => "soft",
            Self::Hard => "hard",
        }
    }

    /// The level of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

/// Whether use is at or above `percent` of the quota. Never of no quota (unlimited, `None`); of an
/// empty quota (zero or less) as soon as there is any use.
#[must_use]
pub fn at_least(used: Quantity, quota: Option<Quantity>, percent: impl Into<i128>) -> bool {
    let Some(quota) = quota.map(|q| q.micros().max(0)) else {
        return false;
    };
    let (used, quota) = (i128::from(used.micros()), i128::from(quota));
    used > 0 && used * 100 >= quota * percent.into()
}

/// Whether use is above `percent` of the quota; at exactly that share it is not. Never of no quota,
/// of an empty one as soon as there is any use.
#[must_use]
pub fn above(used: Quantity, quota: Option<Quantity>, percent: u8) -> bool {
    let (used, quota) = (i128::from(used.micros()), quota.map(|q| i128::from(q.micros().max(0))));
    quota.is_some_and(|quota| used * 100 > quota * i128::from(percent))
}

/// The highest level that use has reached; `None` is fine.
#[must_use]
pub fn level(used: Quantity, quota: Option<Quantity>) -> Option<Level> {
    Level::ALL.into_iter().rev().find(|level| at_least(used, quota, level.percent()))
}

/// `used ÷ quota`, for people to read and to sort by; `None` when there is no quota. It is rounded,
/// and held to at most [`LARGEST_RATIO`], which is also what any use of an empty quota reads as.
#[must_use]
pub fn ratio(used: Quantity, quota: Option<Quantity>) -> Option<Ppm> {
    let quota = quota?.micros();
    if quota <= 0 {
        return Some(if used.micros() > 0 { LARGEST_RATIO } else { Ppm(0) });
    }
    let ratio = Ppm::of(i128::from(used.micros()), i128::from(quota))?;
    Some(ratio.min(LARGEST_RATIO))
}

/// One level's alert. `arming` counts, from 1, how often it was made ready within this period; with
/// account, meter, period and level it names one alert, so that none is raised twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Alert {
    /// Which time in this period it is armed or fired.
    pub arming: u32,
    /// Raised, and not taken back yet.
    pub fired: bool,
}

impl Default for Alert {
    /// Armed for the first time.
    fn default() -> Self {
        Self { arming: 1, fired: false }
    }
}

/// The alerts of one meter of one account in one period. A new period begins with
/// [`State::default`]: everything is armed again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// The alert of [`Level::Soft`].
    pub soft: Alert,
    /// The alert of [`Level::Hard`].
    pub hard: Alert,
}

impl State {
    /// The alert of a level.
    #[must_use]
    pub const fn of(self, level: Level) -> Alert {
        match level {
            Level::Soft => self.soft,
            Level::Hard => self.hard,
        }
    }

    fn set(&mut self, level: Level, alert: Alert) {
        match level {
            Level::Soft => self.soft = alert,
            Level::Hard => self.hard = alert,
        }
    }
}

/// What happened to a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Use has reached it.
    Reached,
    /// Use has fallen clearly below it, or the quota was raised or lifted.
    Recovered,
}

impl Kind {
    /// Its name on the wire: `threshold_reached`, `threshold_recovered`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reached => "threshold_reached",
            Self::Recovered => "threshold_recovered",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Reached, Self::Recovered].into_iter().find(|kind| kind.name() == name)
    }
}

/// A level was reached or has recovered; a recovery carries the arming number that had fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    /// Reached or recovered.
    pub kind: Kind,
    /// Which level.
    pub level: Level,
    /// Which alert of that level in this period.
    pub arming: u32,
}

/// Takes the alerts of a period to a new use and quota. Changes come in the order in which they were
/// crossed: a jump reaches soft before hard, a drop recovers hard before soft.
#[must_use]
pub fn step(mut state: State, used: Quantity, quota: Option<Quantity>) -> (State, Vec<Change>) {
    let mut changes = Vec::new();
    for level in Level::ALL.into_iter().rev() {
        let Alert { arming, fired } = state.of(level);
        if fired && !at_least(used, quota, level.percent() - HYSTERESIS_POINTS) {
            changes.push(Change { kind: Kind::Recovered, level, arming });
            state.set(level, Alert { arming: arming.saturating_add(1), fired: false });
        }
    }
    for level in Level::ALL {
        let Alert { arming, fired } = state.of(level);
        if !fired && at_least(used, quota, level.percent()) {
            changes.push(Change { kind: Kind::Reached, level, arming });
            state.set(level, Alert { arming, fired: true });
        }
    }
    (state, changes)
}

#[cfg(test)]
mod tests;
