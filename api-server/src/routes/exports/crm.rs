//! `GET /exports/crm`: accounts as a customer relationship system keeps them.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::super::wire::ListMeta;
use super::super::{App, Routes, route};
use super::{Asked, known};
use crate::auth::{Caller, rule::BillingExport};
use crate::http::Problem;
use crate::http::csv::{Cell, Csv};
use crate::http::problem::ProblemBody;
use crate::http::query::Parameters;
use crate::http::sheet;
use crate::ledger::heads::hex;
use crate::routes::usage::list::{CostRangeOut, share};
use crate::store::accounts::Account;
use crate::store::snapshots::{SnapshotRow, level_name};
use crate::store::{Session, StoreError, facts, onboarding, support};

pub(in crate::routes) fn routes(routes: Routes) -> Routes {
    route!(routes, export_crm)
}

const ROUTE: &str = "/exports/crm";

/// A page of accounts.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CrmExport {
    /// By id.
    pub data: Vec<CrmRow>,
    /// About the page.
    pub meta: ListMeta,
}

/// An account as a customer relationship system keeps it. It names no person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CrmRow {
    /// Its id, which never changes: the key to keep the row by.
    #[schema(example = "acme")]
    pub account: String,
    /// Another one as soon as anything else in the row is, `as_of` excepted: a row whose version is
    /// known need not be written again.
    pub version: String,
    /// The customer's name.
    pub name: String,
    /// The plan that it is on; null when it is on none, or nothing was summed up yet.
    pub plan: Option<String>,
    /// Which version of it.
    pub plan_version: Option<u32>,
    /// Within how many hours that plan promises an answer of support.
    pub support_hours: Option<u32>,
    /// What it is billed in.
    #[schema(example = "USD")]
    pub currency: String,
    /// By whose clocks it is billed.
    pub time_zone: String,
    /// The day on which it was opened, UTC.
    #[schema(format = Date)]
    pub customer_since: String,
    /// The request that it came from; null when it was opened otherwise.
    pub request: Option<String>,
    /// `before_go_live` or `live`, where customer success stated it.
    pub stage: Option<String>,
    /// The day on which it goes live, as stated, else as its form said.
    #[schema(value_type = Option<String>, format = Date)]
    pub go_live_date: Option<String>,
    /// Health, from 0 to 1.
    #[schema(example = "0.927")]
    pub health: Option<String>,
    /// `healthy`, `flagged` or `insufficient_data`.
    pub standing: Option<String>,
    /// Whether somebody should call.
    pub flagged: bool,
    /// Why, in one sentence.
    pub reason: Option<String>,
    /// The factor that costs most health.
    pub costs_most: Option<String>,
    /// The change that would help most.
    pub helps_most: Option<String>,
    /// The highest level that any meter has reached: `ok`, `soft` or `hard`.
    pub level: Option<String>,
    /// The highest share of a quota that is used.
    pub usage_ratio: Option<String>,
    /// Whose.
    pub usage_meter: Option<String>,
    /// What the running period will cost; null while it is too early to say.
    pub projected_cost: Option<CostRangeOut>,
    /// Answers of support within the promised hours, of the last 90 days.
    pub support_met: u32,
    /// Later ones.
    pub support_missed: u32,
    /// The day, UTC, on which the figures were computed.
    #[schema(value_type = Option<String>, format = Date)]
    pub as_of: Option<String>,
    /// When the subscription ends, or ended; null while it goes on.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ends_at: Option<Timestamp>,
}

/// Export accounts for a CRM
///
/// Every account with plan, health, use, projected cost and answers of support, by id. While nothing
/// changes the answer is the same to the byte, and `If-None-Match` answers 304. Go on behind the last
/// account of a page, at any server, at any time.
#[utoipa::path(
    get, path = "/exports/crm", operation_id = "export_crm", tag = "exports",
    params(
        ("format" = Option<String>, Query, pattern = "^(json|csv)$", description = "`json` or `csv`; as `Accept` says unless given."),
        ("page[size]" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "1 to 1000; 100 unless given."),
        ("filter[account][gt]" = Option<String>, Query, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description = "Only accounts whose ids come after this one: the last one of the page before."),
    ),
    responses(
        (status = 200, description = "A page of them. In CSV, `Link` has the next one.", content(
            (CrmExport = "application/json"),
            (String = "text/csv"),
        )),
        (status = 304, description = "`If-None-Match` has the page's `ETag`."),
        (status = 406, description = "Neither JSON nor CSV will do.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn export_crm(
    _: Caller<BillingExport>,
    State(app): State<App>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let asked = Asked::read(ROUTE, &headers, parameters, None)?;
    let mut session = app.ledger.store().read().await.map_err(Problem::unavailable)?;
    let page = asked.page(&mut session).await.map_err(Problem::unavailable)?;
    let now = (app.clock)();
    let ends = page.ends(&mut session, now).await.map_err(Problem::unavailable)?;
    let mut data = Vec::with_capacity(page.rows.len());
    for (account, summary) in &page.rows {
        let said = Said::read(&mut session, account, now).await.map_err(Problem::unavailable)?;
        let said = Said { ends_at: ends.get(&account.id).copied(), ..said };
        data.push(row(&app, account, summary.as_ref(), said)?);
    }
    let document = CrmExport { data, meta: ListMeta::new(page.next.clone()) };
    let file = ("crm.csv", page.next.as_deref());
    sheet::answer(&headers, asked.form, file, &document, |document| table(&document.data))
}

/// What is known of an account beside its summary.
struct Said {
    request: Option<String>,
    stage: Option<String>,
    go_live: Option<String>,
    answers: (u32, u32),
    ends_at: Option<Timestamp>,
}

impl Said {
    async fn read(
        session: &mut Session,
        account: &Account,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let intake = onboarding::of_account(session, &account.id).await?;
        let promised = intake.as_ref().map(onboarding::Intake::promised).transpose()?;
        let stated = facts::get(session, &account.id, None).await?.map(|version| version.stated);
        let go_live = stated.and_then(|stated| stated.go_live);
        let answers = support::answers(session, &account.id, now, i64::MAX).await?;
        Ok(Self {
            request: intake.map(|intake| intake.id.to_string()),
            stage: stated.and_then(|s| s.stage).map(|stage| stage.name().to_owned()),
            go_live: go_live.or(promised.map(|p| p.go_live)).map(|day| day.to_string()),
            answers: (answers.met, answers.missed),
            ends_at: None,
        })
    }
}

fn day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).date().to_string()
}

fn row(
    app: &App,
    account: &Account,
    summary: Option<&SnapshotRow>,
    said: Said,
) -> Result<CrmRow, Problem> {
    let plan = summary.and_then(|row| row.plan.as_ref());
    let terms = plan.and_then(|id| app.catalogue.get(id)).map(|version| &version.terms);
    let highest = summary.and_then(|row| row.highest);
    let text = |of: fn(&SnapshotRow) -> Option<&String>| summary.and_then(of).cloned();
    let row = CrmRow {
        account: account.id.to_string(),
        version: String::new(),
        name: account.name.clone(),
        plan: plan.map(|id| id.plan.clone()),
        plan_version: plan.map(|id| id.version),
        support_hours: terms.map(|terms| terms.support_hours),
        currency: account.currency.clone(),
        time_zone: account.zone.name().to_owned(),
        customer_since: day(account.created_at),
        request: said.request,
        stage: said.stage,
        go_live_date: said.go_live,
        health: summary.and_then(|row| row.health).map(share),
        standing: summary.map(|row| row.standing.name().to_owned()),
        flagged: summary.is_some_and(|row| row.flagged),
        reason: text(|row| row.reason.as_ref()),
        costs_most: text(|row| row.costs.as_ref()),
        helps_most: text(|row| row.helps.as_ref()),
        level: summary.map(|row| level_name(row.level).to_owned()),
        usage_ratio: highest.map(|(_, ratio)| ratio.to_string()),
        usage_meter: highest.map(|(meter, _)| meter.name().to_owned()),
        projected_cost: summary.and_then(|row| row.cost).map(CostRangeOut::from),
        support_met: said.answers.0,
        support_missed: said.answers.1,
        as_of: None,
        ends_at: said.ends_at,
    };
    // In hexadecimal, so that no spreadsheet can take it for a formula.
    let hash = hex(&Sha256::digest(serde_json::to_vec(&row).map_err(Problem::internal)?));
    let version = hash.get(..24).unwrap_or(&hash).to_owned();
    Ok(CrmRow { version, as_of: summary.map(|row| day(row.computed_at)), ..row })
}

const COLUMNS: [&str; 28] = [
    "account",
    "version",
    "name",
    "plan",
    "plan_version",
    "support_hours",
    "currency",
    "time_zone",
    "customer_since",
    "request",
    "stage",
    "go_live_date",
    "health",
    "standing",
    "flagged",
    "reason",
    "costs_most",
    "helps_most",
    "level",
    "usage_ratio",
    "usage_meter",
    "projected_cost",
    "projected_low",
    "projected_high",
    "support_met",
    "support_missed",
    "as_of",
    "ends_at",
];

fn table(rows: &[CrmRow]) -> Csv {
    let mut table = Csv::new(&COLUMNS);
    for row in rows {
        let number = |n: Option<u32>| Cell::Number(n.map(|n| n.to_string()).unwrap_or_default());
        let decimal = |text: &Option<String>| Cell::Number(text.clone().unwrap_or_default());
        let cost = |of: fn(&CostRangeOut) -> &String| {
            Cell::Number(row.projected_cost.as_ref().map(of).cloned().unwrap_or_default())
        };
        table.row([
            Cell::Text(&row.account),
            Cell::Text(&row.version),
            Cell::Text(&row.name),
            Cell::Text(known(row.plan.as_ref())),
            number(row.plan_version),
            number(row.support_hours),
            Cell::Text(&row.currency),
            Cell::Text(&row.time_zone),
            Cell::Text(&row.customer_since),
            Cell::Text(known(row.request.as_ref())),
            Cell::Text(known(row.stage.as_ref())),
            Cell::Text(known(row.go_live_date.as_ref())),
            decimal(&row.health),
            Cell::Text(known(row.standing.as_ref())),
            Cell::Text(if row.flagged { "true" } else { "false" }),
            Cell::Text(known(row.reason.as_ref())),
            Cell::Text(known(row.costs_most.as_ref())),
            Cell::Text(known(row.helps_most.as_ref())),
            Cell::Text(known(row.level.as_ref())),
            decimal(&row.usage_ratio),
            Cell::Text(known(row.usage_meter.as_ref())),
            cost(|cost| &cost.mean.amount),
            cost(|cost| &cost.low.amount),
            cost(|cost| &cost.high.amount),
            number(Some(row.support_met)),
            number(Some(row.support_missed)),
            Cell::Text(known(row.as_of.as_ref())),
            Cell::Text(&row.ends_at.map(|at| at.to_string()).unwrap_or_default()),
        ]);
    }
    table
}
