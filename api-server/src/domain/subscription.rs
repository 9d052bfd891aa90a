//! Which plan version an account is on, since when, and what a change of plan does.
//!
//! A subscription is the list of what was agreed, in the order in which it was agreed; nothing in it
//! is ever changed. An agreement cancels those that had not taken effect when it was made. The terms
//! are those of the agreed version until something else is agreed, whatever is on sale by then.
//!
//! A plan with the same or a larger base fee takes effect at once, and its fee is prorated; one with
//! a smaller fee takes effect when the period ends, since the period has been paid for.

use jiff::Timestamp;
use thiserror::Error;

use super::{
    calendar::Period,
    catalogue::{Catalogue, PlanId, PlanVersion},
    money::{Currency, Money},
    proration::{Change, Share},
};

/// That an account is on a plan version from some instant on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// On which.
    pub plan: PlanId,
    /// From when.
    pub effective_at: Timestamp,
    /// When it was agreed; later than `effective_at` when it was back-dated.
    pub agreed_at: Timestamp,
}

/// The plans of an account over time. There is always at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// What took effect or will, by `effective_at`.
    standing: Vec<Agreement>,
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
    pub fn start(first: Agreement) -> Self {
        Self { last_agreed: first.agreed_at, standing: vec![first] }
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
    pub fn append(&mut self, agreement: Agreement) {
        self.standing.retain(|earlier| {
            earlier.effective_at <= agreement.agreed_at
                && earlier.effective_at < agreement.effective_at
        });
        self.last_agreed = self.last_agreed.max(agreement.agreed_at);
        self.standing.push(agreement);
    }

    /// When the first plan took effect, or will.
    #[must_use]
    pub fn began(&self) -> Option<Timestamp> {
        self.standing.first().map(|agreement| agreement.effective_at)
    }

    /// What is in force at an instant.
    #[must_use]
    pub fn at(&self, instant: Timestamp) -> Option<&Agreement> {
        self.standing.iter().rev().find(|agreement| agreement.effective_at <= instant)
    }

    /// What will take effect after an instant.
    #[must_use]
    pub fn pending(&self, instant: Timestamp) -> Option<&Agreement> {
        self.standing.iter().find(|agreement| agreement.effective_at > instant)
    }

    /// The stretches of a period, in the order of time: one for each plan version that was in force
    /// in it. Before the subscription started there is none.
    #[must_use]
    pub fn stretches(&self, period: Period) -> Vec<PlanStretch> {
        let mut stretches: Vec<PlanStretch> = Vec::new();
        for (index, agreement) in self.standing.iter().enumerate() {
            let next = self.standing.get(index + 1).map_or(Timestamp::MAX, |n| n.effective_at);
            let (mut start, end) =
                (agreement.effective_at.max(period.start()), next.min(period.end()));
            if start >= end {
                continue;
            }
            // The same version agreed to again is no change.
            if let Some(same) = stretches.pop_if(|last| last.plan == agreement.plan) {
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
        let current = self.current(catalogue, now)?;
        let wanted = wanted(asked, current, catalogue, now)?;
        if wanted.id == current.id && self.pending(now).is_none() {
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
