//! `GET /usage/events`: what became of the usage that was sent.

use std::collections::{BTreeMap, HashMap};

use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::wire::ListMeta;
use super::super::{App, Routes, route};
use crate::auth::{
    Caller, Reach,
    rule::{AccountRead, UsageRead},
};
use crate::domain::Quantity;
use crate::domain::account::AccountId;
use crate::domain::meter::Meter;
use crate::http::Problem;
use crate::http::page::Pages;
use crate::http::problem::{FieldError, ProblemBody};
use crate::http::query::{Between, Filter, Grammar, ListQuery, Op, Parameters};
use crate::ledger::dedup;
use crate::store::events::{self, EventRow, Order};
use crate::store::row::Kind;
use crate::store::{Session, StoreError, accounts, append, rejects};

pub(in crate::routes) fn routes(routes: Routes) -> Routes {
    route!(route!(routes, list_own), list_of_account)
}

const OWN: &str = "/usage/events";
const STATUS: &str = "Give accepted or rejected.";
/// Who made a correction: for who may read every account.
const ACTOR: &str = "actor";
const GRAMMAR: Grammar = Grammar {
    filters: &[
        ("status", &[Op::Eq]),
        ("id", &[Op::Eq]),
        ("source", &[Op::Eq]),
        ("meter", &[Op::Eq]),
        ("time", &[Op::Gte, Op::Lt]),
        ("ingested_at", &[Op::Gte, Op::Lt]),
        ("stored_at", &[Op::Gte, Op::Lt]),
        ("period", &[Op::Eq]),
        ("row", &[Op::Gte, Op::Lte]),
    ],
    sorts: &["stored_at", "time"],
};

/// A page of events.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Events {
    /// In the order that was asked for. A page may have fewer than asked for, even none, while
    /// there are more: it looks at 50,000 rows and no further.
    pub data: Vec<EventOut>,
    /// About the page.
    pub meta: ListMeta,
}

/// An event, or a correction of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventOut {
    /// `accepted`: it is a row of the ledger. `rejected`: it is not, and `errors` says why.
    #[schema(example = "accepted")]
    pub status: String,
    /// The number of its row.
    pub row: Option<i64>,
    /// `usage`, `correction` or `void`; null when it was rejected.
    pub kind: Option<String>,
    /// The sender's name for it; null when it had none that could be read.
    pub id: Option<String>,
    /// Who reported it; null when that could not be read.
    pub source: Option<String>,
    /// The meter; null when it named none.
    pub meter: Option<String>,
    /// What one unit of it is.
    pub unit: Option<String>,
    /// What the row adds to its period; below zero in corrections that take back.
    #[schema(example = "12.5")]
    pub quantity: Option<String>,
    /// What it counts by now, with its corrections; of usage alone.
    #[schema(example = "10")]
    pub counts: Option<String>,
    /// When it happened.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub time: Option<Timestamp>,
    /// When it arrived.
    #[schema(value_type = String, format = DateTime)]
    pub ingested_at: Timestamp,
    /// When it was stored.
    #[schema(value_type = String, format = DateTime)]
    pub stored_at: Timestamp,
    /// Its further attributes, or who corrected it and why; null when they were erased, and of
    /// rejected events.
    pub dimensions: Option<BTreeMap<String, String>>,
    /// The row that it corrects.
    pub corrects: Option<i64>,
    /// The start of the period whose figures it enters.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub period: Option<Timestamp>,
    /// The start of the closed period in which it happened, when that is another one.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub happened_in: Option<Timestamp>,
    /// When the event that it conflicts with arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub first_seen_at: Option<Timestamp>,
    /// Why it was rejected; at most eight reasons are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// What a list of events may be asked for; [`GRAMMAR`] reads it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is read by the document alone")]
struct Asked {
    /// `accepted` (unless given) or `rejected`.
    #[param(rename = "filter[status][eq]", pattern = "^(accepted|rejected)$")]
    status: Option<String>,
    /// With this id.
    #[param(rename = "filter[id][eq]")]
    id: Option<String>,
    /// Of this source. With an id of this month or the last, it is found at once.
    #[param(rename = "filter[source][eq]")]
    source: Option<String>,
    /// Of one meter.
    #[param(rename = "filter[meter][eq]", pattern = "^(ingestion|query|timeline|agents|signup)$")]
    meter: Option<String>,
    /// That happened since then.
    #[param(rename = "filter[time][gte]", format = DateTime)]
    time_from: Option<String>,
    /// That happened before.
    #[param(rename = "filter[time][lt]", format = DateTime)]
    time_to: Option<String>,
    /// That arrived since then.
    #[param(rename = "filter[ingested_at][gte]", format = DateTime)]
    ingested_from: Option<String>,
    /// That arrived before.
    #[param(rename = "filter[ingested_at][lt]", format = DateTime)]
    ingested_to: Option<String>,
    /// That were stored since then.
    #[param(rename = "filter[stored_at][gte]", format = DateTime)]
    stored_from: Option<String>,
    /// That were stored before.
    #[param(rename = "filter[stored_at][lt]", format = DateTime)]
    stored_to: Option<String>,
    /// In the figures of the period that starts then.
    #[param(rename = "filter[period][eq]", format = DateTime)]
    period: Option<String>,
    /// From this row on.
    #[param(rename = "filter[row][gte]")]
    row_from: Option<i64>,
    /// Up to this row.
    #[param(rename = "filter[row][lte]")]
    row_to: Option<i64>,
    /// `stored_at` (the default: the order of rows) or `time`, with `asc` or `desc`. Rejected events by `stored_at` alone.
    #[param(rename = "sort", pattern = "^(stored_at|time)( (asc|desc))?$")]
    sort: Option<String>,
    /// 1 to 1000; 100 unless given.
    #[param(rename = "page[size]", minimum = 1, maximum = 1000)]
    size: Option<u32>,
    /// A cursor, as in `meta.page.next`.
    #[param(rename = "page[after]")]
    after: Option<String>,
}

/// List what was sent
///
/// The token's own events, with their corrections, as they are in the ledger; or, with
/// `filter[status][eq]=rejected`, those that were not taken and why. Of these the newest 10,000 (and
/// 4 MiB) are kept, a second or so after they were refused.
#[utoipa::path(
    get, path = "/usage/events", operation_id = "list_usage", tag = "usage",
    params(Asked),
    responses(
        (status = 200, description = "A page of them.", body = Events),
        (status = 404, description = "The ledger has no such account.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn list_own(
    caller: Caller<UsageRead>,
    State(app): State<App>,
    parameters: Parameters,
) -> Result<axum::Json<Events>, Problem> {
    let account = caller.own()?.clone();
    list(&app, account, OWN.to_owned(), parameters, false).await
}

/// List an account's events
///
/// As `GET /usage/events`, for who reads the account's bill: the events behind its lines.
#[utoipa::path(
    get, path = "/billing/usage/{account}/events", operation_id = "list_account_usage", tag = "usage",
    params(("account" = String, Path, description = "The account's id."), Asked),
    responses(
        (status = 200, description = "A page of them.", body = Events),
        (status = 404, description = "No account that this caller may see.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn list_of_account(
    caller: Caller<AccountRead>,
    State(app): State<App>,
    Path(account): Path<String>,
    parameters: Parameters,
) -> Result<axum::Json<Events>, Problem> {
    let account: AccountId = account.parse().map_err(|_| Problem::not_found())?;
    caller.may_reach(&account)?;
    let whole = *caller.reach() == Reach::Everyone;
    let route = format!("/billing/usage/{account}/events");
    list(&app, account, route, parameters, whole).await
}

/// A page of an account's events, with who made corrections if `whole`.
async fn list(
    app: &App,
    account: AccountId,
    route: String,
    parameters: Parameters,
    whole: bool,
) -> Result<axum::Json<Events>, Problem> {
    let query = parameters.list(GRAMMAR)?;
    let mut session = app.ledger.store().read().await.map_err(Problem::unavailable)?;
    let known = accounts::get(&mut session, &account).await.map_err(Problem::unavailable)?;
    known.ok_or_else(Problem::not_found)?;
    let pages = Pages::new(&app.cursors, &query, route, account.as_str());
    let rejected = match query.filter("status") {
        None => false,
        Some(filter) => match filter.value.as_str() {
            "accepted" => false,
            "rejected" => true,
            _ => return Err(filter.refuse(STATUS)),
        },
    };
    let (data, next) = if rejected {
        rejected_ones(&mut session, &account, &query, &pages).await?
    } else {
        let now = (app.clock)();
        accepted_ones(&mut session, &account, &query, &pages, (now, whole)).await?
    };
    Ok(axum::Json(Events { data, meta: ListMeta::new(next) }))
}

type Listed = (Vec<EventOut>, Option<String>);

async fn accepted_ones(
    session: &mut Session,
    account: &AccountId,
    query: &ListQuery,
    pages: &Pages<'_>,
    (now, whole): (Timestamp, bool),
) -> Result<Listed, Problem> {
    let mut filter = wanted(query)?;
    find_by_name(session, account, &mut filter, now).await.map_err(Problem::unavailable)?;
    let order = if query.sort == "time" { Order::Time } else { Order::Row };
    let page = events::Page {
        order,
        descending: query.descending,
        after: pages.after()?,
        limit: pages.limit(),
    };
    let found = events::page(session, account, &filter, page).await;
    let events::Found { mut rows, stopped } = found.map_err(Problem::unavailable)?;
    let next = pages.cut(&mut rows, EventRow::position);
    let next = next.or_else(|| stopped.map(|stopped| pages.next(&stopped)));
    let usage = rows.iter().filter(|row| row.entry.kind == Kind::Usage);
    let usage: Vec<_> = usage.map(|row| (account.clone(), row.entry.seq)).collect();
    let counts = append::load_corrected(session, &usage).await.map_err(Problem::unavailable)?;
    let counts = counts.into_iter().map(|((_, seq), row)| (seq, row.net)).collect();
    Ok((rows.into_iter().map(|row| accepted(row, &counts, whole)).collect(), next))
}

/// Which rows are asked for.
fn wanted(query: &ListQuery) -> Result<events::Filter, Problem> {
    let text = |field| match query.filter(field) {
        // No event has such a name, and not every engine can look for it.
        Some(filter) if filter.value.chars().any(char::is_control) => {
            Err(filter.refuse("Give a text without control characters."))
        }
        filter => Ok(filter.map(|filter| filter.value.clone())),
    };
    let row = |op| match query.filter_by("row", op) {
        None => Ok(None),
        Some(filter) => match filter.value.parse::<i64>() {
            Ok(row) => Ok(Some(row)),
            Err(_) => Err(filter.refuse("Give the number of a row, from 1.")),
        },
    };
    Ok(events::Filter {
        meter: query.filter("meter").map(Filter::parse::<Meter>).transpose()?,
        period_start: query.filter("period").map(Filter::time).transpose()?,
        id: text("id")?,
        source: text("source")?,
        time: between(query, "time")?,
        arrived: between(query, "ingested_at")?,
        stored: between(query, "stored_at")?,
        rows: (row(Op::Gte)?, row(Op::Lte)?),
    })
}

fn between(
    query: &ListQuery,
    field: &str,
) -> Result<(Option<Timestamp>, Option<Timestamp>), Problem> {
    let Between { from, to } = query.between(field)?;
    Ok((from, to))
}

/// Goes straight to the row of a source and id that arrived lately: its key is still known.
async fn find_by_name(
    session: &mut Session,
    account: &AccountId,
    filter: &mut events::Filter,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (Some(source), Some(id)) = (&filter.source, &filter.id) else { return Ok(()) };
    let key = dedup::key(account, source, id);
    let (month, previous) = dedup::months(now);
    let months = [previous, month, dedup::after(month)];
    let keys = months.map(|month| (account.clone(), month, key));
    if let Some(known) = append::load_keys(session, &keys).await?.into_values().next() {
        let (first, last) = filter.rows;
        filter.rows = (
            Some(first.map_or(known.seq, |first| first.max(known.seq))),
            Some(last.map_or(known.seq, |last| last.min(known.seq))),
        );
    }
    Ok(())
}

fn accepted(row: EventRow, counts: &HashMap<i64, Quantity>, whole: bool) -> EventOut {
    let EventRow { entry, mut dims } = row;
    if let Some(notes) = dims.as_mut().filter(|_| entry.kind != Kind::Usage && !whole) {
        notes.remove(ACTOR);
    }
    EventOut {
        status: "accepted".to_owned(),
        row: Some(entry.seq),
        kind: Some(entry.kind.name().to_owned()),
        id: Some(entry.event_id),
        source: Some(entry.source),
        meter: Some(entry.meter.name().to_owned()),
        unit: Some(entry.meter.unit().to_owned()),
        quantity: Some(entry.quantity.to_string()),
        counts: counts.get(&entry.seq).map(Quantity::to_string),
        time: Some(entry.t_event),
        ingested_at: entry.t_ingest,
        stored_at: entry.t_stored,
        dimensions: dims,
        corrects: entry.ref_seq,
        period: Some(entry.period_start),
        happened_in: entry.happened_in,
        ..EventOut::default()
    }
}

async fn rejected_ones(
    session: &mut Session,
    account: &AccountId,
    query: &ListQuery,
    pages: &Pages<'_>,
) -> Result<Listed, Problem> {
    if query.sort != "stored_at" {
        let detail = "Rejected events may have no time that can be read: sort them by stored_at.";
        return Err(Problem::field("sort", "invalid_value", detail));
    }
    let rows = ["period", "row"].into_iter().find_map(|field| query.filter(field));
    if let Some(filter) = rows {
        return Err(filter.refuse("Rejected events are no rows of the ledger, and in no period."));
    }
    let events::Filter { meter, id, source, time, arrived, stored, .. } = wanted(query)?;
    let filter = rejects::Filter { id, source, meter, time, arrived, stored };
    let after = (pages.after()?, query.descending);
    let rows = rejects::page(session, account, &filter, after, pages.limit()).await;
    let mut rows = rows.map_err(Problem::unavailable)?;
    let next = pages.cut(&mut rows, |last| last.n);
    Ok((rows.into_iter().map(rejected).collect(), next))
}

fn rejected(stored: rejects::Stored) -> EventOut {
    let rejects::Stored { reject, stored, .. } = stored;
    let fault = |fault: rejects::Fault| {
        let rejects::Fault { pointer, code, detail } = fault;
        FieldError { pointer, code, detail }
    };
    EventOut {
        status: "rejected".to_owned(),
        id: reject.id,
        source: reject.source,
        meter: reject.meter.map(|meter| meter.name().to_owned()),
        unit: reject.meter.map(|meter| meter.unit().to_owned()),
        time: reject.time,
        ingested_at: reject.arrived,
        stored_at: stored,
        first_seen_at: reject.first_seen_at,
        errors: reject.faults.into_iter().map(fault).collect(),
        ..EventOut::default()
    }
}
