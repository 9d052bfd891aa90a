//! What a tenant's status should say of its account, and whether that is to be written now.
//!
//! What people act on is written at once: a level, a plan, a condition. Other figures wait, and take turns
//! when they have waited, so that a thousand tenants that are used all the time cost a few writes in every
//! second. Nothing is written
//! while it stands there already, and what somebody else wrote over it is put right.

use crds::{
    conditions,
    tenant::{
        Display, Drain as ShownDrain, Enforcement, EnforcementAction, Highest, Level as ShownLevel,
        MeterUsage, MoneyAmount, UsagePeriod, UsageStatus,
    },
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    conditions as ours, enforcement,
    record::Shown,
    words::{self, UNKNOWN},
};
use crate::{
    domain::{
        BasisPoints, Ppm,
        calendar::Period,
        enforcement::Standing as Enforced,
        health::Standing,
        meter::Meter,
        snapshot::{MeterSnapshot, Snapshot},
        subscription::{Agreed, Subscription},
        threshold::Level,
    },
    ledger::{drains::Drain, figures::ahead_of, tenants::Answered},
};

/// What an account came to.
#[derive(Clone, Debug)]
pub struct Figures {
    /// The newest summary.
    pub snapshot: Snapshot,
    /// The billing period that it speaks of.
    pub period: Period,
    /// Until when it may be acted on.
    pub valid_until: Timestamp,
}

/// All that is known of a tenant.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Now.
    pub now: Timestamp,
    /// The generation of the spec.
    pub generation: i64,
    /// The plan that the spec names.
    pub plan: Option<&'a str>,
    /// Why there cannot be an account.
    pub impossible: Option<&'a str>,
    /// What the account has that is other than the spec says.
    pub differs: Option<&'a String>,
    /// The ServiceAccounts that stand for another account; none while the ledger was not asked.
    pub refused: Option<&'a [String]>,
    /// What came of asking for the plan.
    pub answered: Option<&'a Answered>,
    /// The account's plans.
    pub subscription: Option<&'a Subscription>,
    /// What the account came to.
    pub figures: Option<&'a Figures>,
    /// What is done about a used-up quota.
    pub stands: Option<&'a Enforced>,
    /// How far its gateway is with handing over what it holds, while it is to.
    pub drain: Option<Drain>,
}

impl Known<'_> {
    /// When something comes to be that nothing tells of: figures that grow old, a plan that takes
    /// effect, an announcement that comes due, a period that ends for what was decided in it.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        let now = self.now;
        let old = self.figures.map(|figures| figures.valid_until);
        let plan = self.subscription.and_then(|plans| plans.next(now));
        let plan = plan.map(Agreed::effective_at);
        let enforced = enforcement::next(self.stands, now);
        [old, plan, enforced].into_iter().flatten().filter(|at| *at > now).min()
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Nothing, before an instant if one is given.
    Leave(Option<Timestamp>),
    /// To write this at once.
    Write(Box<Shown>),
    /// To write this, evenly with the other tenants' ([`super::pace`]).
    Paced(Box<Shown>),
}

/// What the status should say, where `stands` is what it says.
#[must_use]
pub fn wanted(known: &Known<'_>, stands: &Shown) -> Shown {
    let generation = Some(known.generation);
    Shown {
        display: Some(display(known)),
        usage: known.figures.map(|figures| usage(known, figures)),
        conditions: conditions::merge(&stands.conditions, &ours::all(known), generation, known.now),
    }
}

/// Whether and when that is to be written, where `written` is what was written last, as far as
/// that is known.
#[must_use]
pub fn decide(
    wanted: Shown,
    stands: &Shown,
    written: Option<&Shown>,
    now: Timestamp,
    every: SignedDuration,
) -> Step {
    let lapses = lapses(&wanted, stands, now);
    if says_the_same(&wanted, stands) && !lapses {
        return Step::Leave(None);
    }
    let somebody_elses = written.is_some_and(|written| written != stands);
    let last = stands.usage.as_ref().and_then(|usage| usage.as_of.parse::<Timestamp>().ok());
    // Of a clock that was set back: the interval from there is not waited for.
    let last = last.filter(|last| *last <= ahead_of(now));
    let due = last.and_then(|last| last.checked_add(every).ok());
    match due {
        Some(due) if !somebody_elses && !lapses && !is_urgent(&wanted, stands) => {
            if now < due {
                Step::Leave(Some(due))
            } else {
                Step::Paced(Box::new(wanted))
            }
        }
        _ => Step::Write(Box::new(wanted)),
    }
}

/// Whether the operator would soon do nothing about what it is asked to do, since the figures that
/// stand there would be too old: half of their time is over.
fn lapses(wanted: &Shown, stands: &Shown, now: Timestamp) -> bool {
    let until = |shown: &Shown| shown.usage.as_ref()?.valid_until.as_ref()?.parse().ok();
    let left = |until: Option<Timestamp>| until.map(|until| until.duration_since(now).as_secs());
    let (new, old) = (left(until(wanted)), left(until(stands)));
    let asks = wanted.usage.as_ref().and_then(|usage| usage.enforcement.as_ref());
    asks.is_some_and(|asks| asks.action == EnforcementAction::Suspend)
        && new.is_some_and(|new| new > 0 && old.is_none_or(|old| old <= new / 2))
}

/// Whether nothing but instants of the figures differs.
fn says_the_same(wanted: &Shown, stands: &Shown) -> bool {
    let undated = |shown: &Shown| {
        let mut shown = shown.clone();
        if let Some(usage) = &mut shown.usage {
            usage.as_of.clear();
            usage.valid_until = None;
        }
        shown.conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
        shown
    };
    undated(wanted) == undated(stands)
}

/// Whether something differs that people act on.
fn is_urgent(wanted: &Shown, stands: &Shown) -> bool {
    said(&wanted.conditions) != said(&stands.conditions)
        || acted_on(wanted.usage.as_ref()) != acted_on(stands.usage.as_ref())
        || plan(wanted) != plan(stands)
}

fn plan(shown: &Shown) -> Option<&Option<String>> {
    shown.display.as_ref().map(|display| &display.plan)
}

/// What conditions say but for their words, which hold figures.
fn said(conditions: &[Condition]) -> Vec<(&str, &str, &str, Option<i64>)> {
    let mut said: Vec<_> = conditions
        .iter()
        .map(|c| (c.type_.as_str(), c.status.as_str(), c.reason.as_str(), c.observed_generation))
        .collect();
    said.sort_unstable();
    said
}

type ActedOn<'a> = Option<(
    &'a Option<String>,
    &'a UsagePeriod,
    &'a Option<Enforcement>,
    Vec<(&'a str, ShownLevel, bool)>,
    Option<ShownDrain>,
)>;

fn acted_on<'a>(usage: Option<&'a UsageStatus>) -> ActedOn<'a> {
    let usage = usage?;
    // That a meter is used at all is waited for by who has just begun.
    let level = |meter: &'a MeterUsage| (meter.name.as_str(), meter.level, meter.used != "0");
    let levels = usage.meters.iter().map(level).collect();
    Some((&usage.plan, &usage.period, &usage.enforcement, levels, usage.drain))
}

fn display(known: &Known<'_>) -> Display {
    let current = known.subscription.and_then(|plans| plans.at(known.now));
    let snapshot = known.figures.map(|figures| &figures.snapshot);
    let cost = snapshot.and_then(|snapshot| snapshot.projected_cost);
    // As the operator marks them when nobody writes any more.
    let old = known.figures.is_some_and(|figures| figures.valid_until <= known.now);
    let said = |word: String| {
        Some(if old && word != UNKNOWN {
            format!("{word}{}", conditions::STALE_WORD)
        } else {
            word
        })
    };
    Display {
        plan: Some(current.map_or_else(|| UNKNOWN.to_owned(), |current| current.plan.plan.clone())),
        health: said(words::health(snapshot.and_then(score))),
        usage: said(words::usage(snapshot.and_then(highest))),
        projected: said(words::cost(cost.map(|cost| cost.units))),
    }
}

/// The health that may be shown: none while too little is known to judge, as of a new customer.
fn score(snapshot: &Snapshot) -> Option<BasisPoints> {
    snapshot.health.score.filter(|_| snapshot.standing != Standing::InsufficientData)
}

/// The highest share that lists show: none of who has never sent anything, whose nothing is not the
/// little of who has.
fn highest(snapshot: &Snapshot) -> Option<(Meter, Ppm)> {
    snapshot.highest.filter(|_| snapshot.ledger_seq > 0)
}

fn usage(known: &Known<'_>, figures: &Figures) -> UsageStatus {
    let Figures { snapshot, period, valid_until } = figures;
    let current = known.subscription.and_then(|plans| plans.at(known.now));
    UsageStatus {
        plan: current.map(|current| current.plan.to_string()),
        period: UsagePeriod { start: period.start().to_string(), end: period.end().to_string() },
        meters: snapshot.meters.iter().map(|(name, of)| meter(*name, of)).collect(),
        highest: snapshot.highest.map(|(meter, ratio)| Highest {
            meter: meter.name().to_owned(),
            ratio_ppm: least(ratio),
        }),
        health_basis_points: score(snapshot).map(|score| score.0),
        projected_cost: snapshot.projected_cost.map(|cost| MoneyAmount {
            amount: cost.units.amount(),
            currency: cost.units.currency().code().to_owned(),
        }),
        enforcement: known.stands.map(enforcement::shown),
        valid_until: Some(valid_until.to_string()),
        drain: known.drain.map(|Drain { sealed, held }| ShownDrain { sealed, held }),
        as_of: snapshot.computed_at.to_string(),
    }
}

/// Less than nothing is used only where corrections took back more than there was.
fn least(ratio: Ppm) -> i64 {
    ratio.0.max(0)
}

fn meter(name: Meter, of: &MeterSnapshot) -> MeterUsage {
    MeterUsage {
        name: name.name().to_owned(),
        used: of.used.to_string(),
        quota: of.quota.map(|quota| quota.to_string()),
        ratio_ppm: of.ratio.map(least),
        level: match of.level {
            None => ShownLevel::Ok,
            Some(Level::Soft) => ShownLevel::Soft,
            Some(Level::Hard) => ShownLevel::Hard,
        },
    }
}

#[cfg(test)]
mod tests;
