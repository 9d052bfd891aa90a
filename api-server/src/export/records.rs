//! What is said of each thing. Names, and how values are written, are those of the API.

use jiff::Timestamp;

use crate::domain::money::Currency;
use crate::domain::{Money, Ppm};
use crate::ledger::dims_object;
use crate::ledger::heads::hex;
use crate::store::accounts::Account;
use crate::store::append::Head;
use crate::store::events::EventRow;
use crate::store::periods::PeriodRow;
use crate::store::plans::Asked;
use crate::store::row::{Total, TotalKey};
use crate::store::snapshots::{SnapshotRow, level_name};

/// A value. `None` is not known, or not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// A text.
    Text(Option<String>),
    /// A whole number.
    Whole(Option<i64>),
    /// A decimal, which JSON has as a text.
    Decimal(Option<String>),
    /// Yes or no.
    Flag(bool),
    /// JSON, as it is.
    Json(Option<String>),
}

impl Cell {
    fn text(text: &impl ToString) -> Self {
        Self::Text(Some(text.to_string()))
    }

    fn maybe(text: Option<impl ToString>) -> Self {
        Self::Text(text.map(|text| text.to_string()))
    }

    fn decimal(number: Option<impl ToString>) -> Self {
        Self::Decimal(number.map(|number| number.to_string()))
    }

    const fn whole(number: i64) -> Self {
        Self::Whole(Some(number))
    }
}

/// One thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) kind: &'static str,
    pub(super) cells: Vec<(&'static str, Cell)>,
}

pub(super) fn account(account: &Account) -> Record {
    Record {
        kind: "account",
        cells: vec![
            ("account", Cell::text(&account.id)),
            ("name", Cell::text(&account.name)),
            ("time_zone", Cell::text(&account.zone.name())),
            ("anchor_day", Cell::whole(i64::from(account.anchor.day()))),
            ("currency", Cell::text(&account.currency)),
            ("created_at", Cell::text(&account.created_at)),
        ],
    }
}

pub(super) fn plan(account: &Account, asked: &Asked, personal: bool) -> Record {
    let Asked { number, recorded, actor, credit, charge } = asked;
    let agreed = &recorded.agreed;
    let currency = Currency::from_code(&account.currency);
    let version = Cell::Whole(agreed.plan().map(|id| i64::from(id.version)));
    let amount = |minor: &Option<i64>| {
        let money = minor.zip(currency).map(|(minor, currency)| Money::from_minor(minor, currency));
        Cell::decimal(money.map(Money::amount))
    };
    let mut record = Record {
        kind: "plan",
        cells: vec![
            ("account", Cell::text(&account.id)),
            ("number", Cell::whole(*number)),
            ("plan", Cell::maybe(agreed.plan().map(|id| &id.plan))),
            ("version", version),
            ("effective_at", Cell::text(&agreed.effective_at())),
            ("agreed_at", Cell::text(&agreed.agreed_at())),
            ("recorded_at", Cell::text(&recorded.recorded_at)),
            ("after_row", Cell::whole(recorded.at_seq)),
            ("credit", amount(credit)),
            ("charge", amount(charge)),
            ("currency", Cell::text(&account.currency)),
        ],
    };
    if personal {
        record.cells.push(("actor", Cell::maybe(actor.as_ref())));
    }
    record
}

/// Whether the figures of the period with this start are final.
fn is_final(periods: &[PeriodRow], start: Timestamp) -> bool {
    let row = periods.iter().find(|row| row.period.start() == start);
    row.is_some_and(|row| row.closed.is_some())
}

pub(super) fn row(
    row: &EventRow,
    chain: [u8; 32],
    periods: &[PeriodRow],
    personal: bool,
) -> Record {
    let entry = &row.entry;
    let dims = row.dims.as_ref().map(dims_object);
    let mut cells = vec![
        ("account", Cell::text(&entry.account)),
        ("row", Cell::whole(entry.seq)),
        ("kind", Cell::text(&entry.kind.name())),
        ("id", Cell::text(&entry.event_id)),
        ("source", Cell::text(&entry.source)),
        ("meter", Cell::text(&entry.meter.name())),
        ("unit", Cell::text(&entry.meter.unit())),
        ("quantity", Cell::decimal(Some(entry.quantity))),
        ("time", Cell::text(&entry.t_event)),
        ("ingested_at", Cell::text(&entry.t_ingest)),
        ("stored_at", Cell::text(&entry.t_stored)),
        ("corrects", Cell::Whole(entry.ref_seq)),
        ("period", Cell::text(&entry.period_start)),
        ("final", Cell::Flag(is_final(periods, entry.period_start))),
        ("happened_in", Cell::maybe(entry.happened_in)),
    ];
    if personal {
        cells.push(("dimensions", Cell::Json(dims)));
    }
    // What the chain value covers, so that anyone can compute it again.
    cells.push(("dimensions_hash", Cell::maybe(entry.dims_hash.map(|hash| hex(&hash)))));
    cells.push(("chain", Cell::text(&hex(&chain))));
    Record { kind: "row", cells }
}

pub(super) fn periods<'a>(
    account: &'a Account,
    periods: &'a [PeriodRow],
    totals: &'a [(TotalKey, Total)],
) -> impl Iterator<Item = Record> + 'a {
    totals.iter().map(move |(key, total)| {
        let row = periods.iter().find(|row| row.period.start() == key.period_start);
        let closed = row.and_then(|row| row.closed);
        Record {
            kind: "period",
            cells: vec![
                ("account", Cell::text(&account.id)),
                ("period", Cell::text(&key.period_start)),
                ("ends", Cell::maybe(row.map(|row| row.period.end()))),
                ("final", Cell::Flag(closed.is_some())),
                ("closed_at", Cell::maybe(closed.map(|closed| closed.at))),
                ("closed_row", Cell::Whole(closed.map(|closed| closed.seq))),
                ("meter", Cell::text(&key.meter.name())),
                ("unit", Cell::text(&key.meter.unit())),
                ("rows", Cell::whole(total.count)),
                ("used", Cell::decimal(Some(total.used))),
            ],
        }
    })
}

pub(super) fn summary(row: &SnapshotRow) -> Record {
    let cost = |part: fn((Money, Money, Money)) -> Money| {
        Cell::decimal(row.cost.map(|cost| part(cost).amount()))
    };
    let health = row.health.map(Ppm::from);
    Record {
        kind: "summary",
        cells: vec![
            ("account", Cell::text(&row.account)),
            ("computed_at", Cell::text(&row.computed_at)),
            ("valid_until", Cell::text(&row.valid_until)),
            ("ledger_row", Cell::whole(row.ledger_seq)),
            ("formula_version", Cell::whole(i64::from(row.formula_version))),
            ("stale", Cell::Flag(row.stale)),
            ("plan", Cell::maybe(row.plan.as_ref().map(|plan| &plan.plan))),
            ("version", Cell::Whole(row.plan.as_ref().map(|plan| i64::from(plan.version)))),
            ("health", Cell::decimal(health)),
            ("coverage", Cell::decimal(Some(Ppm::from(row.coverage)))),
            ("standing", Cell::text(&row.standing.name())),
            ("flagged", Cell::Flag(row.flagged)),
            ("reason", Cell::maybe(row.reason.as_ref())),
            ("level", Cell::text(&level_name(row.level))),
            ("meter", Cell::maybe(row.highest.map(|(meter, _)| meter.name()))),
            ("usage_ratio", Cell::decimal(row.highest.map(|(_, ratio)| ratio))),
            ("projected_cost", cost(|(mean, _, _)| mean)),
            ("projected_low", cost(|(_, low, _)| low)),
            ("projected_high", cost(|(_, _, high)| high)),
            ("currency", Cell::maybe(row.cost.map(|(mean, _, _)| mean.currency().code()))),
        ],
    }
}

pub(super) fn head(account: &Account, head: &Head) -> Record {
    Record {
        kind: "head",
        cells: vec![
            ("account", Cell::text(&account.id)),
            ("row", Cell::whole(head.seq)),
            ("chain", Cell::text(&hex(&head.chain))),
        ],
    }
}
