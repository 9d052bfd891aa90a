//! Everything that a summary of one account is made of, read from one snapshot of the ledger.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    days::{self, Span, number},
    inputs::{Kept, KeptUse, Knew, Turn},
};
use crate::{
    domain::{
        Money, Ppm, Quantity,
        bill::{BillError, Cut, FORMULA_VERSION},
        calendar::Period,
        facts::{Known, Stated},
        meter::Meter,
        quota::{self, KnownTerms, counted, quota},
        rating::{RatingError, Usage},
        snapshot::{self, Inputs, Metered, Snapshot},
        subscription::Subscription,
    },
    store::{
        Session, StoreError,
        accounts::Account,
        facts, onboarding, periods, plans,
        snapshots::{self, Counts, Recorded},
        support,
    },
};

/// What an account is summed up from.
#[derive(Clone, Debug)]
pub struct Gathered {
    /// Whose.
    pub account: Account,
    /// What is kept with the summary.
    pub kept: Kept,
    /// The facts that hold, if any were stated.
    pub facts: Option<facts::Version>,
    /// The plans.
    pub subscription: Option<Subscription>,
    /// Their terms.
    pub terms: KnownTerms,
    /// By which version of the formula the running period is billed.
    formula: u32,
}

fn unreadable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable(error.to_string())
}

impl Gathered {
    /// All that there is at `now`, in a turn.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn now(
        session: &mut Session,
        account: &Account,
        turn: Turn,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let counts = snapshots::counts(session, std::slice::from_ref(&account.id)).await?;
        let counts = counts.first().map(|(_, counts)| *counts).unwrap_or_default();
        let intake = onboarding::of_account(session, &account.id).await?;
        let promised = intake.map(|intake| intake.promised()).transpose()?;
        let promised = promised.map(|promised| (promised.go_live, promised.departments));
        Self::at(session, account, (turn, now), counts, promised).await
    }

    /// The same again, as of what a summary counted then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn again(
        session: &mut Session,
        account: &Account,
        kept: &Kept,
    ) -> Result<Self, StoreError> {
        let when = (kept.turn(), kept.computed_at);
        Self::at(session, account, when, kept.counts(), kept.promised).await
    }

    /// The same again, as of the last summary of a day.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn of_day(
        session: &mut Session,
        account: &Account,
        day: &Recorded,
    ) -> Result<Self, StoreError> {
        let (knew, now) = (Knew::read(&day.knew)?, day.computed_at);
        let when = (knew.turn(now), now);
        Self::at(session, account, when, knew.counts(day.ledger_seq), knew.promised()).await
    }

    async fn at(
        session: &mut Session,
        account: &Account,
        (turn, now): (Turn, Timestamp),
        counts: Counts,
        promised: Option<(jiff::civil::Date, u16)>,
    ) -> Result<Self, StoreError> {
        let context = Context::load(session, account, counts).await?;
        let row = periods::at(session, account, now).await?;
        let period = row.period;
        let (span, running) = span(account, period, now, counts.ledger_seq);
        let used = days::load(session, account, span).await?;
        let end = number(account.zone.date(period.end()));
        let days = u16::try_from(end - number(used.first_day)).unwrap_or_default();
        let cuts = Cut::new(context.subscription.as_ref(), period).instants();
        let earlier = days::in_slices(session, account, span, &cuts).await?;
        let answers = support::answers(session, &account.id, now, counts.interactions).await?;
        let named = |usage: BTreeMap<Meter, Quantity>| {
            usage.into_iter().map(|(meter, q)| (meter.name().to_owned(), q.micros())).collect()
        };
        let kept = Kept {
            computed_at: now,
            turn: turn.begun,
            raised: turn.raised,
            ledger_seq: counts.ledger_seq,
            agreements: counts.agreements,
            facts: counts.facts,
            interactions: counts.interactions,
            period: (period.start(), period.end()),
            first_day: used.first_day,
            days,
            running,
            last_event: used.last_event,
            promised,
            answers: (answers.met, answers.missed),
            watch: (turn.watch.into(), turn.watch.into()),
            meters: used.meters.into_iter().map(|(m, used)| (m.name().to_owned(), used)).collect(),
            earlier: earlier.into_iter().map(named).collect(),
        };
        Ok(context.with(account, kept, row.formula))
    }

    /// What was kept with a summary, with the plans and facts that it knew.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn of(
        session: &mut Session,
        account: &Account,
        kept: Kept,
    ) -> Result<Self, StoreError> {
        let formula = periods::at(session, account, kept.period.0).await?.formula;
        Ok(Context::load(session, account, kept.counts()).await?.with(account, kept, formula))
    }

    /// The running period.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn period(&self) -> Result<Period, StoreError> {
        Period::from_edges(self.kept.period.0, self.kept.period.1).map_err(unreadable)
    }

    /// Sums the account up.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when a figure does not fit.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let (kept, period) = (&self.kept, self.period()?);
        let used = Meter::ALL.map(|meter| (meter, Lines::from(kept.used(meter))));
        let before = self.days_before(period);
        let cut = Cut::new(self.subscription.as_ref(), period);
        let mut meters = BTreeMap::new();
        for (meter, lines) in &used {
            let prior = snapshot::prior(*meter, kept.first_day, &lines.past, before);
            let quota = quota(self.subscription.as_ref(), &self.terms, period, *meter);
            let metered = Metered {
                quota,
                since: quota::since(self.subscription.as_ref(), &self.terms, period, *meter),
                past: &lines.past,
                held: self.held(period, *meter),
                full: &lines.full,
                today: lines.today,
                // What no plan charges for uses up nothing of what a plan includes, now or later.
                apart: match quota {
                    Some(_) => counted(lines.apart, self.free(&cut, *meter), FORMULA_VERSION),
                    None => lines.apart,
                },
                prior: prior.map_err(unreadable)?,
            };
            meters.insert(*meter, metered);
        }
        let inputs = Inputs {
            computed_at: kept.computed_at,
            ledger_seq: kept.ledger_seq,
            period: snapshot::Period {
                edges: period,
                first_day: kept.first_day,
                days: kept.days,
                running: kept.running.map(Ppm),
            },
            meters,
            facts: self.known().facts(),
            watch: kept.turn().watch,
        };
        let rate = |usage: &Usage| self.price(&cut, usage);
        let priced = !cut.stretches().is_empty();
        snapshot::snapshot(&inputs, if priced { Some(&rate) } else { None }).map_err(unreadable)
    }

    /// What is known of the account beside its use.
    #[must_use]
    pub fn known(&self) -> Known<'_> {
        Known {
            now: self.kept.computed_at,
            zone: &self.account.zone,
            opened: self.account.created_at,
            last_event: self.kept.last_event,
            stated: self.facts.as_ref().map_or_else(Stated::default, |facts| facts.stated),
            promised: self.kept.promised(),
            answers: self.kept.answers(),
        }
    }

    /// How many whole days right before the period had a quota of the meter too.
    fn held(&self, period: Period, meter: Meter) -> usize {
        let since = quota::unbroken_since(self.subscription.as_ref(), &self.terms, period, meter);
        let zone = &self.account.zone;
        // The day within which it began is no whole one.
        let first = number(zone.date(since)) + i64::from(zone.day(since) < since);
        usize::try_from(number(self.kept.first_day) - first).unwrap_or_default()
    }

    /// What of a meter's use in the period happened before the first plan.
    fn free(&self, cut: &Cut, meter: Meter) -> Quantity {
        let free = self.kept.earlier.first().filter(|_| self.knows_free(cut));
        let free = free.and_then(|free| free.get(meter.name()));
        free.copied().map(Quantity::from_micros).unwrap_or_default()
    }

    /// Summaries by the first formulas left out what was used before any plan, where that is nothing.
    fn knows_free(&self, cut: &Cut) -> bool {
        self.kept.earlier.len() >= cut.instants().len()
    }

    /// How many days the period before has.
    fn days_before(&self, period: Period) -> u16 {
        let Account { zone, anchor, .. } = &self.account;
        let before = period.previous(zone, *anchor);
        let days = before.map(|b| number(zone.date(b.end())) - number(zone.date(b.start())));
        u16::try_from(days.unwrap_or_default()).unwrap_or_default()
    }

    /// Prices a period's use since the first plan as its bill would: what was used under earlier plans by
    /// those, all else by the last. What was used before costs nothing.
    fn price(&self, cut: &Cut, usage: &Usage) -> Result<Money, RatingError> {
        let mut rest = usage.clone();
        let mut slices = vec![Usage::new()];
        for part in self.kept.earlier.iter().skip(usize::from(self.knows_free(cut))) {
            let part: Usage = part
                .iter()
                .filter_map(|(name, micros)| Some((name.parse().ok()?, *micros)))
                .map(|(meter, micros)| (meter, Quantity::from_micros(micros)))
                .collect();
            for (meter, quantity) in &part {
                let left = rest.entry(*meter).or_default();
                *left = left.checked_sub(*quantity).ok_or(RatingError::Overflow(*meter))?;
            }
            slices.push(part);
        }
        slices.push(rest);
        match cut.bill(&self.terms, &slices, self.formula) {
            Ok(Some(statement)) => Ok(statement.total),
            Ok(None) | Err(BillError::Unknown(_)) => Err(RatingError::NoPlan),
            Err(BillError::Rating(error)) => Err(error),
        }
    }
}

/// The days of a period as they stand at an instant, and the share of the running day that has
/// passed.
fn span(account: &Account, period: Period, now: Timestamp, ledger_seq: i64) -> (Span, Option<i64>) {
    let zone = &account.zone;
    let (first_day, today) = (zone.date(period.start()), zone.date(now));
    let start = zone.day(now);
    let length = zone.next_day(start).duration_since(start).as_millis().max(1);
    let passed = now.duration_since(start).as_millis().clamp(0, length - 1);
    let elapsed = i64::try_from(passed * 1_000_000 / length).unwrap_or_default();
    let running = (passed > 0).then_some(elapsed);
    let span = Span { period, first_day, today, running: running.is_some(), ledger_seq };
    (span, running)
}

/// Plans and facts as of some numbers.
struct Context {
    facts: Option<facts::Version>,
    subscription: Option<Subscription>,
    terms: KnownTerms,
}

impl Context {
    async fn load(
        session: &mut Session,
        account: &Account,
        counts: Counts,
    ) -> Result<Self, StoreError> {
        let mut recorded = plans::of_account(session, &account.id).await?;
        recorded.truncate(usize::try_from(counts.agreements).unwrap_or_default());
        Ok(Self {
            terms: plans::terms(session, &recorded).await?,
            subscription: plans::subscription(&recorded),
            facts: match counts.facts {
                0 => None,
                n => facts::get(session, &account.id, Some(n)).await?,
            },
        })
    }

    fn with(self, account: &Account, kept: Kept, formula: u32) -> Gathered {
        let Self { facts, subscription, terms } = self;
        Gathered { account: account.clone(), kept, facts, subscription, terms, formula }
    }
}

/// A meter's days, typed.
struct Lines {
    past: Vec<Quantity>,
    full: Vec<Quantity>,
    today: Quantity,
    apart: Quantity,
}

impl From<KeptUse> for Lines {
    fn from(kept: KeptUse) -> Self {
        let typed = |all: Vec<i64>| all.into_iter().map(Quantity::from_micros).collect();
        Self {
            past: typed(kept.past),
            full: typed(kept.full),
            today: Quantity::from_micros(kept.today),
            apart: Quantity::from_micros(kept.apart),
        }
    }
}
