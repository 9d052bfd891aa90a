//! A dated summary of one account: what is shown, ranked and acted on without asking the ledger again.
//!
//! A snapshot carries what it was computed from, by ledger position, formula version and time, so
//! that it can be computed again and compared.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, civil::Date};
use thiserror::Error;

use super::{
    Money, Ppm, Quantity,
    calendar::{self, Elapsed},
    health::{self, CLEAR_FROM, Health, Remedy, Share, Stage, Standing, Support, Watch},
    meter::{Aggregation, Meter},
    projection::{self, Cost, Forecast, Projection, ProjectionError, Running, Season},
    rating::Usage,
    threshold::{self, Level},
};

/// Raised with every change of a formula that can change a snapshot's figures. 2: what a plan change
/// within an hour divides is priced as in the bill. 3: sentences have figures as people write them, and
/// the share of support's answers in time is kept. 4: the edges of what a period will cost are in order and
/// hold the mean, also where more use costs less. 5: it is priced by the formula of its period's bill, and
/// what was used before there was a plan counts against no quota. 6: the pace of a quota that began within the
/// period is measured against what was left of it then. 7: a quota has a pace only once it has run for three
/// days and a tenth of its period, in a period's first week with the days before it; weekdays are learnt from
/// weeks with use and forgotten where use contradicts them; what is not billed holds no projected cost up; the
/// day on which an account was opened is no full day; who is not flagged is given no reason. 8: of the days
/// before a period those without a plan are held against no quota's pace.
pub const FORMULA_VERSION: u32 = 8;

/// Above this share of a quota, in percent, an account is flagged whatever its health.
const FLAG_ABOVE: u8 = 95;

/// A quota that has run for less than so many days, or than the tenth part of its period, has no pace.
const PACE_DAYS: u64 = 3;
const PACE_PART: u64 = 10;

const DAY_MS: u64 = 24 * 3_600_000;

/// Days that a trend looks at: a week against the four before it.
const WEEK: usize = 7;
const TREND_DAYS: usize = 35;

/// The running billing period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its edges.
    pub edges: calendar::Period,
    /// Its first day, by the account's calendar.
    pub first_day: Date,
    /// How many days it has.
    pub days: u16,
    /// The share of the running day that has passed; `None` exactly at a day's end.
    pub running: Option<Ppm>,
}

/// What one meter counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metered<'a> {
    /// What is included in the period; `None` when there is no quota.
    pub quota: Option<Quantity>,
    /// When that began: the period's start, or later when a plan did. Its pace is measured from there.
    pub since: Timestamp,
    /// Each day before the period, without gaps and the last day last, as far as known.
    pub past: &'a [Quantity],
    /// How many whole days right before the period had a quota too: see [`super::quota::unbroken_since`].
    pub held: usize,
    /// Each full day of the period so far.
    pub full: &'a [Quantity],
    /// The running day so far; nothing when [`Period::running`] is `None`.
    pub today: Quantity,
    /// What entered the period's figure but happened on none of these days: see
    /// [`projection::Inputs::apart`].
    pub apart: Quantity,
    /// Last period's [`Forecast::rate`].
    pub prior: Option<Quantity>,
}

/// What is known beside use; `None` where nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Where the account is in its life.
    pub stage: Stage,
    /// Active departments of those planned.
    pub adoption: Option<Share>,
    /// See [`health::Inputs::quiet_days`].
    pub quiet_days: Option<u32>,
    /// Support.
    pub support: Option<Support>,
    /// Success criteria met of those due.
    pub success: Option<Share>,
    /// Share of the error budget that is used.
    pub budget_used: Option<Ppm>,
    /// Days overdue.
    pub days_overdue: Option<u32>,
}

/// Everything that a snapshot is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inputs<'a> {
    /// Now.
    pub computed_at: Timestamp,
    /// The ledger's last row that the figures count.
    pub ledger_seq: i64,
    /// The running period.
    pub period: Period,
    /// Use, by meter.
    pub meters: BTreeMap<Meter, Metered<'a>>,
    /// What else is known.
    pub facts: Facts,
    /// What the last snapshot remembered; the default of the first.
    pub watch: Watch,
}

/// One meter in a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeterSnapshot {
    /// What was used in the period; beside a quota, since there was a plan.
    pub used: Quantity,
    /// What is included.
    pub quota: Option<Quantity>,
    /// See [`threshold::ratio`].
    pub ratio: Option<Ppm>,
    /// See [`threshold::level`].
    pub level: Option<Level>,
    /// Where the period will end.
    pub projection: Projection,
}

/// A dated summary of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// When.
    pub computed_at: Timestamp,
    /// The ledger's last row that the figures count.
    pub ledger_seq: i64,
    /// By which formulas.
    pub formula_version: u32,
    /// Health with its factors.
    pub health: Health,
    /// While health holds the flag up: the smallest change that would bring it to where the flag is
    /// taken back.
    pub remedy: Option<Remedy>,
    /// What health says, over time.
    pub standing: Standing,
    /// For the next snapshot.
    pub watch: Watch,
    /// Flagged by health, or by more than 95 % of a quota.
    pub flagged: bool,
    /// Every meter.
    pub meters: BTreeMap<Meter, MeterSnapshot>,
    /// The meter with the highest ratio, the first of equal ones.
    pub highest: Option<(Meter, Ppm)>,
    /// What the period's bill will be; `None` while it is too early for any one meter that is billed, or
    /// when there is none or no plan. Its edges are those of all meters at once, a wider range than theirs together.
    pub projected_cost: Option<Cost>,
}

/// Why there is no snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SnapshotError<E> {
    /// A meter's use does not fit.
    #[error("the use of {0} is larger than can be kept")]
    Overflow(Meter),
    /// A meter cannot be projected.
    #[error("{0}: {1}")]
    Projection(Meter, ProjectionError),
    /// A projection cannot be priced.
    #[error(transparent)]
    Rating(E),
}

/// Prices a whole period's use.
pub type Rate<'a, E> = &'a dyn Fn(&Usage) -> Result<Money, E>;

/// Sums an account up. `rate` prices a whole period's use by the account's plans; without any plan
/// nothing costs anything.
///
/// # Errors
/// [`SnapshotError`].
pub fn snapshot<E>(
    inputs: &Inputs<'_>,
    rate: Option<Rate<'_, E>>,
) -> Result<Snapshot, SnapshotError<E>> {
    let mut meters = BTreeMap::new();
    for (&meter, metered) in &inputs.meters {
        meters.insert(meter, meter_snapshot(inputs, meter, metered)?);
    }
    let highest = highest(&meters);
    let weighed = health_inputs(inputs, &meters, leading(inputs, &meters));
    let health = health::score(&weighed);
    let (watch, standing) = inputs.watch.observe(&health);
    let exceeded = meters.values().any(|m| threshold::above(m.used, m.quota, FLAG_ABOVE));
    Ok(Snapshot {
        computed_at: inputs.computed_at,
        ledger_seq: inputs.ledger_seq,
        formula_version: FORMULA_VERSION,
        flagged: standing == Standing::Flagged || exceeded,
        remedy: health::remedy(&weighed, CLEAR_FROM).filter(|_| standing == Standing::Flagged),
        health,
        standing,
        watch,
        highest,
        projected_cost: match rate {
            Some(rate) => projected_cost(&meters, rate).map_err(SnapshotError::Rating)?,
            None => None,
        },
        meters,
    })
}

fn meter_snapshot<E>(
    inputs: &Inputs<'_>,
    meter: Meter,
    metered: &Metered<'_>,
) -> Result<MeterSnapshot, SnapshotError<E>> {
    let Period { first_day, days, running, .. } = inputs.period;
    let used = metered
        .full
        .iter()
        .try_fold(metered.today, |sum, &day| sum.checked_add(day))
        .and_then(|sum| sum.checked_add(metered.apart))
        .ok_or(SnapshotError::Overflow(meter))?;
    let season = season(first_day, metered.past);
    let Aggregation::Sum = meter.aggregation();
    let projection = projection::project(&projection::Inputs {
        first_day,
        days,
        full: metered.full,
        running: running.map(|elapsed| Running { used: metered.today, elapsed }),
        apart: metered.apart,
        season,
        prior: metered.prior,
        quota: metered.quota,
        grain: projection::grain(meter),
    });
    Ok(MeterSnapshot {
        used,
        quota: metered.quota,
        ratio: threshold::ratio(used, metered.quota),
        level: threshold::level(used, metered.quota),
        projection: projection.map_err(|error| SnapshotError::Projection(meter, error))?,
    })
}

fn days_before(day: Date, count: usize) -> Option<Date> {
    let count = i64::try_from(count).unwrap_or(i64::MAX).min(100_000);
    day.checked_sub(SignedDuration::from_hours(24 * count)).ok()
}

/// The factors of the weekdays by the days before `first_day`.
fn season(first_day: Date, past: &[Quantity]) -> Season {
    let before = days_before(first_day, past.len());
    before.map_or(Season::LEVEL, |first| Season::from_history(first, past))
}

/// What a meter counted on an average day of the period before, weekdays levelled out: the prior of
/// the running one. `past` are the days before `first_day`, of which the last `days` are that
/// period's. `None` when too few of them are known to tell.
///
/// # Errors
/// [`ProjectionError`] when they do not fit.
pub fn prior(
    meter: Meter,
    first_day: Date,
    past: &[Quantity],
    days: u16,
) -> Result<Option<Quantity>, ProjectionError> {
    let full = &past[past.len().saturating_sub(usize::from(days))..];
    let Some(first_day_before) = days_before(first_day, full.len()) else { return Ok(None) };
    let known = u16::try_from(full.len()).unwrap_or(u16::MAX);
    if known == 0 {
        return Ok(None);
    }
    let projection = projection::project(&projection::Inputs {
        first_day: first_day_before,
        days: known,
        full,
        running: None,
        apart: Quantity::ZERO,
        season: season(first_day, past),
        prior: None,
        quota: None,
        grain: projection::grain(meter),
    })?;
    Ok(match projection {
        Projection::TooEarly => None,
        Projection::Forecast(forecast) => Some(forecast.rate),
    })
}

fn highest(meters: &BTreeMap<Meter, MeterSnapshot>) -> Option<(Meter, Ppm)> {
    let ratios = meters.iter().filter_map(|(&meter, m)| m.ratio.map(|ratio| (meter, ratio)));
    ratios.reduce(|best, next| if next.1 > best.1 { next } else { best })
}

fn health_inputs(
    inputs: &Inputs<'_>,
    meters: &BTreeMap<Meter, MeterSnapshot>,
    leading: Option<Meter>,
) -> health::Inputs {
    let facts = inputs.facts;
    let counted = leading.and_then(|meter| meters.get(&meter));
    let history = leading.and_then(|meter| inputs.meters.get(&meter));
    health::Inputs {
        stage: facts.stage,
        pace: counted.zip(history).and_then(|(counted, metered)| pace(inputs, counted, metered)),
        trend: history.and_then(trend),
        adoption: facts.adoption,
        quiet_days: facts.quiet_days,
        support: facts.support,
        success: facts.success,
        budget_used: facts.budget_used,
        days_overdue: facts.days_overdue,
    }
}

/// The meter that health looks at: the one with the highest pace, the first of equal ones; where none has
/// a pace, the one with the highest ratio. In a period's first minutes the ratios say nothing.
fn leading(inputs: &Inputs<'_>, meters: &BTreeMap<Meter, MeterSnapshot>) -> Option<Meter> {
    let paces = meters.iter().filter_map(|(meter, counted)| {
        Some((*meter, pace(inputs, counted, inputs.meters.get(meter)?)?))
    });
    let fastest = paces.reduce(|best, next| if next.1 > best.1 { next } else { best });
    fastest.or_else(|| highest(meters)).map(|(meter, _)| meter)
}

/// The pace of a quota in the period so far; in its first week together with the days before it that had one
/// too, up to seven in all, so that health goes on over a period's begin as it was. `None` until the quota has run
/// long enough.
fn pace(inputs: &Inputs<'_>, counted: &MeterSnapshot, metered: &Metered<'_>) -> Option<Ppm> {
    let edges = inputs.period.edges;
    let mut stretch = lasts(edges, metered.since).elapsed(inputs.computed_at);
    let mut used = counted.used;
    if metered.since <= edges.start() {
        let known = metered.past.len().min(metered.held);
        let lacks = WEEK.saturating_sub(metered.full.len()).min(known);
        for day in &metered.past[metered.past.len() - lacks..] {
            used = used.checked_add(*day)?;
            stretch.elapsed_ms += DAY_MS;
        }
    }
    health::pace(used, counted.quota, stretch).filter(|_| runs_long_enough(edges, stretch))
}

/// For how long a quota is there: the period, or what was left of it when the quota began.
fn lasts(period: calendar::Period, since: Timestamp) -> calendar::Period {
    calendar::Period::from_edges(since.max(period.start()), period.end()).unwrap_or(period)
}

/// Whether what was used of a quota so far says anything of its pace: in its first minute one event is a
/// thousand times too many. Projections wait as long.
fn runs_long_enough(period: calendar::Period, lasts: Elapsed) -> bool {
    let whole = period.elapsed(period.end()).total_ms;
    lasts.elapsed_ms >= PACE_DAYS * DAY_MS && lasts.elapsed_ms.saturating_mul(PACE_PART) >= whole
}

/// Needs 35 full days, from before the period or in it.
fn trend(metered: &Metered<'_>) -> Option<Ppm> {
    let days: Vec<Quantity> = metered.past.iter().chain(metered.full).copied().collect();
    let from = days.len().checked_sub(TREND_DAYS)?;
    let (previous, last) = days[from..].split_at(TREND_DAYS - WEEK);
    let sum =
        |days: &[Quantity]| days.iter().try_fold(Quantity::ZERO, |sum, &day| sum.checked_add(day));
    Some(health::trend(sum(last)?, sum(previous)?))
}

fn projected_cost<E>(
    meters: &BTreeMap<Meter, MeterSnapshot>,
    rate: Rate<'_, E>,
) -> Result<Option<Cost>, E> {
    let forecasts: Option<BTreeMap<Meter, Forecast>> = meters
        .iter()
        .filter(|(meter, _)| meter.billed())
        .map(|(&meter, m)| match m.projection {
            Projection::TooEarly => None,
            Projection::Forecast(forecast) => Some((meter, forecast)),
        })
        .collect();
    let Some(forecasts) = forecasts.filter(|forecasts| !forecasts.is_empty()) else {
        return Ok(None);
    };
    let price = |of: fn(&Forecast) -> Quantity| {
        rate(&forecasts.iter().map(|(&meter, forecast)| (meter, of(forecast))).collect())
    };
    let likely = (price(|f| f.likely.low)?, price(|f| f.likely.high)?);
    let certain = (price(|f| f.nearly_certain.low)?, price(|f| f.nearly_certain.high)?);
    Ok(Some(Cost::new(price(|f| f.units)?, likely, certain)))
}

mod words;

#[cfg(test)]
mod tests;
