//! Which plan version an account is on, since when, and what a change of plan does.
//!
//! A subscription is the list of what was agreed, in the order in which it was agreed; nothing in it
//! is ever changed. An agreement cancels those that had not taken effect when it was made. The terms
//! are those of the agreed version until something else is agreed, whatever is on sale by then.
//!
//! A plan with the same or a larger base fee takes effect at once, and its fee is prorated; one with
//! a smaller fee takes effect when the period ends, since the period has been paid for. So does an end.
//! A plan that is agreed to after an end counts from the start of the period then running: nobody saves a
//! base fee by a pause within a period.

use jiff::Timestamp;
use thiserror::Error;

use super::{
    calendar::Period,
    catalogue::{Catalogue, PlanId, PlanVersion},
    money::{Currency, Money},
    proration::{Change, Share},
};

mod agreed;

pub use agreed::{Agreed, Agreement, End};

/// The plans of an account over time. At least one was agreed to; it may have ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// What took effect or will, by when.
    standing: Vec<Agreed>,
    last_agreed: Timestamp,
}

/// A stretch of a period in which one plan version was in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanStretch {
    /// Which one.
    pub plan: PlanId,
    /// Its first instant.
    pub start: Timestamp,
    /// The first instant after it.
    pub end: Timestamp,
    /// Which part of the period it is.
    pub share: Share,
}

/// What a customer asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The key of a plan.
    pub plan: &'a str,
    /// One version of it; without it, the one that is on sale. Asking for one's own plan without a
    /// version asks for nothing new, even when a newer version is on sale.
    pub version: Option<u32>,
}

/// What a request leads to, to be recorded as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// To be appended to the subscription.
    pub agreement: Agreement,
    /// What it costs within the current period; of what waits for the period's end, nothing.
    pub change: Option<Change>,
}

/// Why a request leads to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// No plan with this key, or not this version of it, is on sale.
    #[error("{asked:?} is not in the catalogue ({on_sale}); the account stays on {current:?}")]
    NotOnSale {
        /// What was asked for.
        asked: String,
        /// What can be asked for.
        on_sale: String,
        /// What the account is on.
        current: String,
    },
    /// The same, of an account that is on no plan yet.
    #[error("{asked:?} is not in the catalogue ({on_sale}); the account is on no plan yet")]
    NotInCatalogue {
        /// What was asked for.
        asked: String,
        /// What can be asked for.
        on_sale: String,
    },
    /// It is what the account is on, and nothing else is about to take effect.
    #[error("the account is on {0} already")]
    Unchanged(PlanId),
    /// A plan in another currency.
    #[error("{plan} is in {}, the account in {}: choose a plan in its currency", .asked.code(), .current.code())]
    Currency {
        /// What was asked for.
        plan: PlanId,
        /// The currency of that.
        asked: Currency,
        /// The account's.
        current: Currency,
    },
    /// There is no plan to end.
    #[error("the account is on no plan: there is nothing to end")]
    NoPlan,
    /// The subscription has not started.
    #[error("the subscription starts at {0}: ask again then")]
    NotStarted(Timestamp),
    /// The catalogue lacks the version that the account is on.
    #[error("the stored catalogue has no {0}, which the account is on: restore it")]
    Unknown(PlanId),
    /// The period that was given is not the one of the instant.
    #[error("{0} is not in the account's current period")]
    Period(Timestamp),
    /// An amount does not fit.
    #[error("the change to {0} costs more than can be kept")]
    Overflow(PlanId),
}

impl Subscription {
    /// A subscription by its first agreement, which may be back-dated.
    #[must_use]
    pub fn start(first: impl Into<Agreed>) -> Self {
        let first = first.into();
        Self { last_agreed: first.agreed_at(), standing: vec![first] }
    }

    /// What the first request of an account at `now` leads to: the plan takes effect at once, and its
    /// fee is charged for what is left of the account's current period.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn begin(
        asked: Request<'_>,
        currency: &str,
        catalogue: &Catalogue,
        period: Period,
        now: Timestamp,
    ) -> Result<Outcome, RequestError> {
        if !period.contains(now) {
            return Err(RequestError::Period(now));
        }
        let live = asked.live(catalogue, now).ok_or_else(|| {
            let (asked, on_sale) = asked.missing(catalogue, now);
            RequestError::NotInCatalogue { asked, on_sale }
        })?;
        let (plan, fee) = (live.id.clone(), live.terms.base);
        let current = Currency::from_code(currency).unwrap_or(fee.currency());
        if current != fee.currency() {
            return Err(RequestError::Currency { plan, asked: fee.currency(), current });
        }
        let change = Change::at(now, period, Money::zero(fee.currency()), fee);
        let change = change.ok_or_else(|| RequestError::Overflow(plan.clone()))?;
        let agreement = Agreement { plan, effective_at: now, agreed_at: now };
        Ok(Outcome { agreement, change: Some(change) })
    }

    /// With one more agreement. What had not taken effect when it was made is cancelled.
    pub fn append(&mut self, agreed: impl Into<Agreed>) {
        let agreed = agreed.into();
        self.standing.retain(|earlier| {
            earlier.effective_at() <= agreed.agreed_at()
                && earlier.effective_at() < agreed.effective_at()
        });
        self.last_agreed = self.last_agreed.max(agreed.agreed_at());
        self.standing.push(agreed);
    }

    /// When the first plan took effect, or will.
    #[must_use]
    pub fn began(&self) -> Option<Timestamp> {
        self.standing.iter().find_map(Agreed::as_plan).map(|agreement| agreement.effective_at)
    }

    /// Since when one plan followed the other up to an instant, each one that `counts`; nothing when right before
    /// it there was none such.
    #[must_use]
    pub fn unbroken_since(
        &self,
        instant: Timestamp,
        counts: impl Fn(&PlanId) -> bool,
    ) -> Option<Timestamp> {
        let before = self.standing.iter().rev().filter(|agreed| agreed.effective_at() < instant);
        let counting = before.take_while(|agreed| agreed.plan().is_some_and(&counts));
        counting.last().map(Agreed::effective_at)
    }

    /// The plan that is in force at an instant.
    #[must_use]
    pub fn at(&self, instant: Timestamp) -> Option<&Agreement> {
        self.in_force(instant).and_then(Agreed::as_plan)
    }

    /// The plan that will take effect after an instant.
    #[must_use]
    pub fn pending(&self, instant: Timestamp) -> Option<&Agreement> {
        self.next(instant).and_then(Agreed::as_plan)
    }

    /// The end that was agreed by an instant and stands: it will take effect, or has and no plan came after it.
    #[must_use]
    pub fn end(&self, instant: Timestamp) -> Option<End> {
        match self.next(instant).or_else(|| self.in_force(instant)) {
            Some(Agreed::End(end)) => Some(*end),
            _ => None,
        }
    }

    /// What comes next after an instant: a plan or an end.
    #[must_use]
    pub fn next(&self, instant: Timestamp) -> Option<&Agreed> {
        self.standing.iter().find(|agreed| agreed.effective_at() > instant)
    }

    fn in_force(&self, instant: Timestamp) -> Option<&Agreed> {
        self.standing.iter().rev().find(|agreed| agreed.effective_at() <= instant)
    }

    /// The stretches of a period, in the order of time: one for each plan version that was in force
    /// in it. Before the subscription started, and after it ended, there is none.
    #[must_use]
    pub fn stretches(&self, period: Period) -> Vec<PlanStretch> {
        let mut stretches: Vec<PlanStretch> = Vec::new();
        for (index, agreed) in self.standing.iter().enumerate() {
            let Agreed::Plan(agreement) = agreed else { continue };
            let next = self.standing.get(index + 1).map_or(Timestamp::MAX, Agreed::effective_at);
            let (mut start, end) =
                (agreement.effective_at.max(period.start()), next.min(period.end()));
            if start >= end {
                continue;
            }
            // The same version agreed to again is no change, unless there was none between.
            let same = |last: &mut PlanStretch| last.plan == agreement.plan && last.end == start;
            if let Some(same) = stretches.pop_if(same) {
                start = same.start;
            }
            let share = Share::between(period, start, end);
            stretches.push(PlanStretch { plan: agreement.plan.clone(), start, end, share });
        }
        stretches
    }

    /// What a request at `now`, in the account's current period, leads to. The catalogue is the
    /// stored one, with every version that was ever agreed to.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn request(
        &self,
        asked: Request<'_>,
        catalogue: &Catalogue,
        period: Period,
        now: Timestamp,
    ) -> Result<Outcome, RequestError> {
        // A clock that was set back must not undo what was agreed before.
        let now = now.max(self.last_agreed);
        if !period.contains(now) {
            return Err(RequestError::Period(now));
        }
        if let Some(Agreed::End(end)) = self.in_force(now) {
            return self.again(*end, asked, catalogue, period, now);
        }
        let current = self.current(catalogue, now)?;
        let wanted = wanted(asked, current, catalogue, now)?;
        if wanted.id == current.id && self.next(now).is_none() {
            return Err(RequestError::Unchanged(current.id.clone()));
        }
        let (old, new) = (current.terms.base, wanted.terms.base);
        let plan = wanted.id.clone();
        if new.currency() != old.currency() {
            let (asked, current) = (new.currency(), old.currency());
            return Err(RequestError::Currency { plan, asked, current });
        }
        if new.minor() < old.minor() {
            let agreement = Agreement { plan, effective_at: period.end(), agreed_at: now };
            return Ok(Outcome { agreement, change: None });
        }
        let change = Change::at(now, period, old, new);
        let change = change.ok_or_else(|| RequestError::Overflow(plan.clone()))?;
        let agreement = Agreement { plan, effective_at: now, agreed_at: now };
        Ok(Outcome { agreement, change: Some(change) })
    }

    /// A plan after an end: it counts from the start of the running period.
    fn again(
        &self,
        end: End,
        asked: Request<'_>,
        catalogue: &Catalogue,
        period: Period,
        now: Timestamp,
    ) -> Result<Outcome, RequestError> {
        let before = self.standing.iter().rev().find_map(Agreed::as_plan);
        let before = before.and_then(|agreement| catalogue.get(&agreement.plan));
        let currency = before.map(|version| version.terms.base.currency().code());
        let outcome = Self::begin(asked, currency.unwrap_or_default(), catalogue, period, now)?;
        let from = period.start().max(end.effective_at);
        let plan = outcome.agreement.plan;
        let fee = catalogue.get(&plan).map(|version| version.terms.base);
        let change = fee.and_then(|fee| Change::at(from, period, Money::zero(fee.currency()), fee));
        let change = change.ok_or_else(|| RequestError::Overflow(plan.clone()))?;
        let agreement = Agreement { plan, effective_at: from, agreed_at: now };
        Ok(Outcome { agreement, change: Some(change) })
    }

    /// What asking for an end at `now`, in the account's current period, leads to: the period has been paid for,
    /// so the plan stays until it is over.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn ending(&self, period: Period, now: Timestamp) -> Result<End, RequestError> {
        // A clock that was set back must not undo what was agreed before.
        let now = now.max(self.last_agreed);
        if !period.contains(now) {
            return Err(RequestError::Period(now));
        }
        if self.at(now).is_none() {
            let first = self.pending(now).ok_or(RequestError::NoPlan)?;
            return Err(RequestError::NotStarted(first.effective_at));
        }
        Ok(End { effective_at: period.end(), agreed_at: now })
    }

    fn current<'a>(
        &self,
        catalogue: &'a Catalogue,
        now: Timestamp,
    ) -> Result<&'a PlanVersion, RequestError> {
        match (self.at(now), self.pending(now)) {
            (Some(Agreement { plan, .. }), _) => {
                catalogue.get(plan).ok_or_else(|| RequestError::Unknown(plan.clone()))
            }
            (None, first) => {
                Err(RequestError::NotStarted(first.map_or(now, |agreement| agreement.effective_at)))
            }
        }
    }
}

fn wanted<'a>(
    asked: Request<'_>,
    current: &'a PlanVersion,
    catalogue: &'a Catalogue,
    now: Timestamp,
) -> Result<&'a PlanVersion, RequestError> {
    let is_own = asked.plan == current.id.plan
        && asked.version.is_none_or(|version| version == current.id.version);
    if is_own {
        return Ok(current);
    }
    asked.live(catalogue, now).ok_or_else(|| {
        let current = current.id.plan.clone();
        let (asked, on_sale) = asked.missing(catalogue, now);
        RequestError::NotOnSale { asked, on_sale, current }
    })
}

impl Request<'_> {
    /// What was asked for, if it is on sale.
    fn live<'c>(&self, catalogue: &'c Catalogue, now: Timestamp) -> Option<&'c PlanVersion> {
        let live = catalogue.live(self.plan, now);
        live.filter(|live| self.version.is_none_or(|version| version == live.id.version))
    }

    /// In words: what was asked for, and what could be.
    fn missing(&self, catalogue: &Catalogue, now: Timestamp) -> (String, String) {
        let on_sale: Vec<_> =
            catalogue.live_plans(now).iter().map(|plan| plan.id.plan.as_str()).collect();
        let version = self.version.map(|version| format!("@{version}")).unwrap_or_default();
        (format!("{}{version}", self.plan), on_sale.join(", "))
    }
}

#[cfg(test)]
mod tests;
