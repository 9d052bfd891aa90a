//! What is done about an account that has used up its quota, if its tenant asks for more than being
//! told: announced, and after a grace the services are stopped; undone when the cause is gone.
//!
//! What stands is about one period. It ends with the period, when no meter is at the stated share
//! any more, and when it is not asked for any more. Nothing is announced twice meanwhile, and what was
//! announced never comes earlier than that.
//!
//! A brake stops all of it when too many would be hit within an hour: an error in prices, plans or
//! figures must not stop a fleet, not even slowly. So it does not ration: while more are due than
//! may be, none of them is stopped, and a person is to look.

use jiff::{SignedDuration, Timestamp};

use super::{Quantity, calendar::Period, meter::Meter, snapshot::MeterSnapshot, threshold};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Whether services are stopped, or people are only told.
    pub suspends: bool,
    /// At which share of its quota a meter calls for it, in percent.
    pub at: u16,
    /// For how long it is announced.
    pub grace: SignedDuration,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// People are told.
    Alert,
    /// The end of the services is announced.
    Announced,
    /// It would come now, but for the brake.
    Held,
    /// The services are stopped.
    Suspend,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Alert, Self::Announced, Self::Held, Self::Suspend];

    /// Its name in the store and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Announced => "announced",
            Self::Held => "held",
            Self::Suspend => "suspend",
        }
    }

    /// The action of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}

/// The meter that calls for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over {
    /// Which.
    pub meter: Meter,
    /// How much was used of it.
    pub used: Quantity,
    /// How much is included.
    pub quota: Quantity,
}

/// What stands of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What is done.
    pub action: Action,
    /// The period that it is about.
    pub period: Period,
    /// Since when it was to be seen that this might come to a suspension.
    pub announced: Timestamp,
    /// Before which no service is stopped.
    pub not_before: Timestamp,
    /// Since when this action is the one.
    pub since: Timestamp,
    /// What called for it, as it was then.
    pub over: Over,
}

/// What is to become of what stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It stays.
    Keep,
    /// Nothing stands any more.
    End,
    /// This stands from now on.
    Take(Standing),
    /// The services are to be stopped now, if the brake lets them.
    Due(Standing),
}

/// Of the meters at or above `percent` of their quota, the one that is furthest.
#[must_use]
pub fn over<'a>(
    meters: impl IntoIterator<Item = (Meter, &'a MeterSnapshot)>,
    percent: u16,
) -> Option<Over> {
    let reached = meters.into_iter().filter_map(|(meter, of)| {
        let quota = of.quota.filter(|_| threshold::at_least(of.used, of.quota, percent))?;
        Some((of.ratio, Over { meter, used: of.used, quota }))
    });
    let furthest = reached.reduce(|best, next| if next.0 > best.0 { next } else { best });
    furthest.map(|(_, over)| over)
}

/// What is to be done at `now`, in the running `period`, where `over` is what [`over`] says.
#[must_use]
pub fn decide(
    rule: Rule,
    stands: Option<&Standing>,
    period: Period,
    over: Option<Over>,
    now: Timestamp,
) -> Step {
    let Some(over) = over else {
        return if stands.is_some() { Step::End } else { Step::Keep };
    };
    let stands = stands.filter(|stands| stands.period == period);
    let fresh = |action, not_before| {
        Step::Take(Standing { action, period, announced: now, not_before, since: now, over })
    };
    match stands {
        Some(stands) if !rule.suspends && stands.action == Action::Alert => Step::Keep,
        _ if !rule.suspends => fresh(Action::Alert, now),
        None | Some(Standing { action: Action::Alert, .. }) => {
            fresh(Action::Announced, after(now, rule.grace))
        }
        Some(Standing { action: Action::Suspend, .. }) => Step::Keep,
        Some(stands) => announced(rule, stands, over, now),
    }
}

/// A grace that was made longer puts off what is announced; nothing brings it forward.
fn announced(rule: Rule, stands: &Standing, over: Over, now: Timestamp) -> Step {
    let not_before = stands.not_before.max(after(stands.announced, rule.grace));
    let due = not_before <= now;
    if !due && not_before == stands.not_before {
        return Step::Keep;
    }
    let action = if due { Action::Suspend } else { Action::Announced };
    let next = Standing { action, not_before, since: now, over, ..*stands };
    if due { Step::Due(next) } else { Step::Take(next) }
}

fn after(instant: Timestamp, span: SignedDuration) -> Timestamp {
    instant.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// Over which time the brake counts.
pub const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// How many a brake has to do with, beside the one that is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// All tenants, the one that is due included.
    pub tenants: u64,
    /// Whose services were stopped within [`WINDOW`] before now.
    pub done: u64,
    /// Whose services are due to be stopped.
    pub due: u64,
    /// Whose services come to be due within [`WINDOW`] from now.
    pub coming: u64,
}

/// How many may be stopped within [`WINDOW`]: the share of all, rounded down, and one at least;
/// none when the share is nothing.
#[must_use]
pub fn allowed(tenants: u64, percent: u8) -> u64 {
    let share = u128::from(tenants) * u128::from(percent) / 100;
    let share = u64::try_from(share).unwrap_or(u64::MAX);
    if percent == 0 { 0 } else { share.max(1) }
}

/// Whether one that is due has to wait: more than `percent` of all would have been stopped within the
/// hour that ends now, or would be within the one that begins.
#[must_use]
pub fn brakes(traffic: Traffic, percent: u8) -> bool {
    let Traffic { tenants, done, due, coming } = traffic;
    1 + due + done.max(coming) > allowed(tenants, percent)
}

#[cfg(test)]
mod tests;
