//! An account's use by civil day, as of a row of its ledger.
//!
//! Hours hold what they hold now. What a summary counted is that less the rows that came after it,
//! so an older one is computed again without adding its account up from the start.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, civil::Date, tz::Offset};

use super::inputs::KeptUse;
use crate::{
    domain::{Quantity, calendar::Period, meter::Meter},
    store::{
        Session, StoreError,
        accounts::Account,
        append,
        row::TotalKey,
        sql::{Row, args, sum_of},
    },
};

/// The days before a period that tell of weekdays and growth: eight weeks.
const PAST_DAYS: i64 = 56;
/// Rows that are taken off at a time.
const ROWS: u32 = 5_000;

/// Which days.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// The running period.
    pub period: Period,
    /// Its first day.
    pub first_day: Date,
    /// The running day.
    pub today: Date,
    /// Whether any of it has passed.
    pub running: bool,
    /// The newest row to count.
    pub ledger_seq: i64,
}

/// When the ledger came to know an account, in days since 1970-01-01.
#[derive(Clone, Copy, Debug)]
struct Opened {
    /// That day.
    day: i64,
    /// The first day that it knew from its beginning: of the other, what was used before is not known.
    whole: i64,
}

impl Opened {
    fn of(account: &Account) -> Self {
        let date = account.zone.date(account.created_at);
        let begun =
            account.zone.first_instant(date).is_some_and(|start| start < account.created_at);
        Self { day: number(date), whole: number(date) + i64::from(begun) }
    }
}

/// What was used on them.
#[derive(Clone, Debug)]
pub(super) struct Days {
    pub meters: BTreeMap<Meter, KeptUse>,
    /// The first day of the period of which anything is known: its first, unless the account was
    /// opened later.
    pub first_day: Date,
    /// The start of the last hour in which anything happened.
    pub last_event: Option<Timestamp>,
}

/// What came after the newest row to count: by meter, hour and the period that it was posted to.
type Later = BTreeMap<(Meter, Timestamp, Timestamp), i64>;

/// Days since 1970-01-01.
pub(super) fn number(day: Date) -> i64 {
    let start = Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).unwrap_or(Timestamp::UNIX_EPOCH);
    start.as_second().div_euclid(86_400)
}

macro_rules! meters {
    () => {
        "meter IN ('ingestion', 'query', 'timeline', 'agents', 'signup')"
    };
}

/// Use of each meter by day, and what else entered the period's figures.
pub(super) async fn load(
    session: &mut Session,
    account: &Account,
    span: Span,
) -> Result<Days, StoreError> {
    let later = later(session, account, span.ledger_seq).await?;
    let mut used = Used::load(session, account, span).await?;
    used.take_off(account, span, &later);
    let totals = totals(session, account, span.period, &later).await?;
    let last_event = match used.last {
        Some(last) => Some(last),
        None => last_before(session, account, used.posted_from, span.ledger_seq).await?,
    };
    let since = used.known_since(Opened::of(account), number(span.today));
    let meters = Meter::ALL.map(|meter| (meter, used.of(meter, span, since, totals.get(&meter))));
    let later = SignedDuration::from_hours(24 * (since - number(span.first_day)).max(0));
    let first_day = span.first_day.checked_add(later).unwrap_or(span.first_day);
    Ok(Days { meters: meters.into(), first_day, last_event })
}

/// Use by meter and day, by when it happened; in the period, what was posted to it.
struct Used {
    days: BTreeMap<(Meter, i64), i64>,
    first: Option<i64>,
    last: Option<Timestamp>,
    from: i64,
    posted_from: Timestamp,
}

impl Used {
    async fn load(
        session: &mut Session,
        account: &Account,
        span: Span,
    ) -> Result<Self, StoreError> {
        let zone = &account.zone;
        let from = span.first_day.checked_sub(SignedDuration::from_hours(24 * PAST_DAYS));
        let from = from.unwrap_or(span.first_day);
        let start = zone.first_instant(from).unwrap_or(span.period.start());
        // A row is posted to the period in which it happened or a later one.
        let posted_from = crate::domain::calendar::period_of(start, zone, account.anchor)
            .map_or(start, Period::start);
        let end = zone.first_instant(span.today).map_or(span.period.end(), |t| zone.next_day(t));
        let (number, none) = (number(from), BTreeMap::new());
        let mut used = Self { days: none, first: None, last: None, from: number, posted_from };
        let edge = span.period.start();
        for (from, to, shift) in zone.shifts(start, edge) {
            let sql = concat!(
                "SELECT meter, (hour + $2) / 86400000, ",
                sum_of!("qty_micro"),
                ",
                   MIN(CASE WHEN first_seq <= $3 THEN hour END),
                   MAX(CASE WHEN first_seq <= $3 THEN hour END)
                 FROM usage_rollup_hour WHERE account = $1 AND ",
                meters!(),
                " AND period_start >= $4 AND hour >= $5 AND hour < $6
                 GROUP BY meter, (hour + $2) / 86400000"
            );
            let values = args![&account.id, shift, span.ledger_seq, posted_from, from, to];
            used.add(&session.rows(sql, values).await?, shift)?;
        }
        for (from, to, shift) in zone.shifts(edge, end.max(edge)) {
            let sql = concat!(
                "SELECT meter, (hour + $2) / 86400000, ",
                sum_of!("qty_micro"),
                ",
                   MIN(CASE WHEN first_seq <= $3 THEN hour END),
                   MAX(CASE WHEN first_seq <= $3 THEN hour END)
                 FROM usage_rollup_hour WHERE account = $1 AND ",
                meters!(),
                " AND period_start = $4 AND hour >= $5 AND hour < $6
                 GROUP BY meter, (hour + $2) / 86400000"
            );
            let values = args![&account.id, shift, span.ledger_seq, edge, from, to];
            used.add(&session.rows(sql, values).await?, shift)?;
        }
        Ok(used)
    }

    fn add(&mut self, rows: &[Row], shift: i64) -> Result<(), StoreError> {
        for row in rows {
            let (meter, day, sum): (Meter, _, _) = (row.parsed(0)?, row.int(1)?, row.sum(2)?);
            let of_day = self.days.entry((meter, day)).or_default();
            *of_day = of_day.checked_add(sum).ok_or_else(overflow)?;
            if let Some((first, last)) = row.opt_int(4)?.zip(row.opt_time(5)?) {
                let day = (first + shift).div_euclid(86_400_000);
                self.first = Some(self.first.map_or(day, |known| known.min(day)));
                self.last = self.last.max(Some(last));
            }
        }
        Ok(())
    }

    fn take_off(&mut self, account: &Account, span: Span, later: &Later) {
        for (&(meter, hour, posted), sum) in later {
            let in_period = hour >= span.period.start();
            let day = number(account.zone.date(hour));
            let counted = !in_period || posted == span.period.start();
            if counted && let Some(of_day) = self.days.get_mut(&(meter, day)) {
                *of_day = of_day.saturating_sub(*sum);
            }
        }
    }

    /// The first day of which all is known: the first whole one of the account, or the day of its first use where
    /// that came before; not before the days that are looked at, nor after the running one.
    fn known_since(&self, opened: Opened, today: i64) -> i64 {
        let first = self.first.filter(|first| *first < opened.day);
        first.unwrap_or(opened.whole).max(self.from).min(today)
    }

    fn of(&self, meter: Meter, span: Span, since: i64, total: Option<&i64>) -> KeptUse {
        let on = |day: i64| self.days.get(&(meter, day)).copied().unwrap_or_default();
        let (first, today) = (number(span.first_day), number(span.today));
        let past = (since..first).map(on).collect();
        let full: Vec<i64> = (first.max(since)..today).map(on).collect();
        let today = if span.running { on(today) } else { 0 };
        let days: i64 = full.iter().fold(today, |sum, day| sum.saturating_add(*day));
        let apart = total.copied().unwrap_or_default().saturating_sub(days);
        KeptUse { past, full, today, apart }
    }
}

fn overflow() -> StoreError {
    StoreError::Unreadable("the sum of hours does not fit".to_owned())
}

/// The period's figures as of the newest row to count.
async fn totals(
    session: &mut Session,
    account: &Account,
    period: Period,
    later: &Later,
) -> Result<BTreeMap<Meter, i64>, StoreError> {
    let keys = Meter::ALL.map(|meter| TotalKey {
        account: account.id.clone(),
        period_start: period.start(),
        meter,
    });
    let stored = append::load_totals(session, &keys).await?;
    let mut totals: BTreeMap<Meter, i64> =
        stored.into_iter().map(|(key, total)| (key.meter, total.used.micros())).collect();
    for (&(meter, _, posted), sum) in later {
        if posted == period.start()
            && let Some(total) = totals.get_mut(&meter)
        {
            *total = total.saturating_sub(*sum);
        }
    }
    Ok(totals)
}

/// The rows after a number, added up.
async fn later(session: &mut Session, account: &Account, seq: i64) -> Result<Later, StoreError> {
    let mut later = Later::new();
    let mut after = seq;
    loop {
        let sql = "SELECT seq, meter, t_event, period_start, qty_micro FROM usage_ledger
                   WHERE account = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        let rows = session.rows(sql, args![&account.id, after, ROWS]).await?;
        let Some(last) = rows.last() else { return Ok(later) };
        after = last.int(0)?;
        for row in &rows {
            let hour = account.zone.hour(row.time(2)?);
            let sum = later.entry((row.parsed(1)?, hour, row.time(3)?)).or_default();
            *sum = sum.checked_add(row.int(4)?).ok_or_else(overflow)?;
        }
    }
}

/// The last hour with anything in it, of an account of which the days that are looked at have nothing.
async fn last_before(
    session: &mut Session,
    account: &Account,
    before: Timestamp,
    seq: i64,
) -> Result<Option<Timestamp>, StoreError> {
    let sql = concat!(
        "SELECT MAX(hour) FROM usage_rollup_hour WHERE account = $1 AND ",
        meters!(),
        " AND first_seq <= $3 AND period_start =
           (SELECT MAX(period_start) FROM usage_period WHERE account = $1 AND period_start < $2)"
    );
    let row = session.row(sql, args![&account.id, before, seq]).await?;
    row.map_or(Ok(None), |row| row.opt_time(0))
}

/// What was used in a period up to each of some cuts, from the cut before on; what comes after the
/// last is not in it. As of the newest row to count. The rows of an hour with a cut inside are looked at
/// one by one, as `store::posted` does for a bill, which is slower and of today alone.
pub(super) async fn in_slices(
    session: &mut Session,
    account: &Account,
    span: Span,
    cuts: &[Timestamp],
) -> Result<Vec<BTreeMap<Meter, Quantity>>, StoreError> {
    if cuts.is_empty() {
        return Ok(Vec::new());
    }
    let later = later(session, account, span.ledger_seq).await?;
    let mut before: BTreeMap<Meter, i64> = BTreeMap::new();
    let mut slices = Vec::with_capacity(cuts.len());
    for &cut in cuts {
        let sums = up_to(session, account, span, cut, &later).await?;
        let less = |meter: &Meter| before.get(meter).copied().unwrap_or_default();
        // Nothing is left out, so that it is all one whether a meter has no rows or only later ones.
        let slice = sums
            .iter()
            .map(|(meter, sum)| (*meter, Quantity::from_micros(sum.saturating_sub(less(meter)))))
            .filter(|(_, quantity)| *quantity != Quantity::ZERO);
        slices.push(slice.collect());
        before = sums;
    }
    Ok(slices)
}

/// What was posted to the period and happened before a cut.
async fn up_to(
    session: &mut Session,
    account: &Account,
    span: Span,
    cut: Timestamp,
    later: &Later,
) -> Result<BTreeMap<Meter, i64>, StoreError> {
    let (hour, posted) = (account.zone.hour(cut), span.period.start());
    let sql = concat!(
        "SELECT meter, ",
        sum_of!("qty_micro"),
        " FROM usage_rollup_hour WHERE account = $1 AND ",
        meters!(),
        " AND period_start = $2 AND hour < $3 GROUP BY meter"
    );
    let mut sums: BTreeMap<Meter, i64> = BTreeMap::new();
    for row in session.rows(sql, args![&account.id, posted, hour]).await? {
        sums.insert(row.parsed(0)?, row.sum(1)?);
    }
    for (&(meter, of, period), sum) in later {
        if period == posted && of < hour {
            let so_far = sums.entry(meter).or_default();
            *so_far = so_far.saturating_sub(*sum);
        }
    }
    let start = account.zone.first_of_hour(hour);
    if start < cut {
        let sql = concat!(
            "SELECT meter, ",
            sum_of!("qty_micro"),
            " FROM usage_ledger
              WHERE account = $1 AND t_event >= $2 AND t_event < $3 AND period_start = $4
                AND +seq <= $5
              GROUP BY meter"
        );
        let values = args![&account.id, start, cut, posted, span.ledger_seq];
        for row in session.rows(sql, values).await? {
            let so_far = sums.entry(row.parsed(0)?).or_default();
            *so_far = so_far.checked_add(row.sum(1)?).ok_or_else(overflow)?;
        }
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statements_name_every_meter() {
        let names: Vec<String> =
            Meter::ALL.iter().map(|meter| format!("'{}'", meter.name())).collect();
        assert_eq!(meters!(), format!("meter IN ({})", names.join(", ")));
    }
}
