//! `GET /exports/overages`: what use costs beyond base fees, for Finance.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::wire::{ListMeta, MoneyOnWire};
use super::super::{App, Routes, route};
use super::Asked;
use crate::auth::{Caller, rule::BillingExport};
use crate::domain::overage::{self, Expected, Overage};
use crate::http::Problem;
use crate::http::csv::{Cell, Csv};
use crate::http::problem::ProblemBody;
use crate::http::query::{Parameters, address};
use crate::http::sheet;
use crate::store::accounts::Account;
use crate::store::bill::{self, Bill};
use crate::store::snapshots::SnapshotRow;
use crate::store::{Session, StoreError, periods};

pub(in crate::routes) fn routes(routes: Routes) -> Routes {
    route!(routes, export_overages)
}

const ROUTE: &str = "/exports/overages";
const PERIOD: &str = "period";

/// A page of accounts with what they cost beyond their base fees.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OverageExport {
    /// By the accounts' ids. Amounts of different currencies are never added up.
    pub data: Vec<OverageRow>,
    /// About the page.
    pub meta: ListMeta,
}

/// What a period of an account costs, or costs so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OverageRow {
    /// Whose.
    #[schema(example = "acme")]
    pub account: String,
    /// The customer's name.
    pub name: String,
    /// What it is billed in.
    #[schema(example = "USD")]
    pub currency: String,
    /// The plan that the period ends with, such as `team@1`; null when none was in force.
    #[schema(example = "team@1")]
    pub plan: Option<String>,
    /// The period's first instant.
    #[schema(value_type = String, format = DateTime)]
    pub period_start: Timestamp,
    /// The first instant after it.
    #[schema(value_type = String, format = DateTime)]
    pub period_end: Timestamp,
    /// By whose midnights it runs.
    pub time_zone: String,
    /// Whether the period is closed: then its figures are the bill, and stay.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// By the ledger: the bill, or what is due so far. Null when no plan was in force.
    pub billed: Option<OverageOut>,
    /// By the end of the period; null when the period has ended, and while it is too early to say.
    pub projected: Option<ProjectedOverageOut>,
    /// The path of the bill, line by line.
    pub explain: String,
    /// When the subscription ended, or is to end, where that is with this period or before it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ends_at: Option<Timestamp>,
}

/// What a period costs, divided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OverageOut {
    /// Base fees.
    pub base: MoneyOnWire,
    /// What use costs beyond them.
    pub overage: MoneyOnWire,
    /// Both together.
    pub total: MoneyOnWire,
}

/// What a period is expected to cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectedOverageOut {
    /// When that was computed.
    #[schema(value_type = String, format = DateTime)]
    pub as_of: Timestamp,
    /// The mean.
    pub mean: OverageOut,
    /// The lower edge of the interval that holds it with 80 %.
    pub low: OverageOut,
    /// The upper edge.
    pub high: OverageOut,
}

impl From<Overage> for OverageOut {
    fn from(Overage { base, beyond, total }: Overage) -> Self {
        Self { base: base.into(), overage: beyond.into(), total: total.into() }
    }
}

/// Export overages for Finance
///
/// Of each account one period: base fees and what use costs beyond them, exactly by the ledger, and
/// by the end of the period as it is projected. `final` says whether it is the bill.
#[utoipa::path(
    get, path = "/exports/overages", operation_id = "export_overages", tag = "exports",
    params(
        ("period" = Option<String>, Query, description = "`current` (the default), `previous`, or a date such as 2026-11-22: the period in which it lies, by each account's calendar."),
        ("format" = Option<String>, Query, pattern = "^(json|csv)$", description = "`json` or `csv`; as `Accept` says unless given."),
        ("page[size]" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "1 to 1000; 100 unless given."),
        ("filter[account][gt]" = Option<String>, Query, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description = "Only accounts whose ids come after this one: the last one of the page before."),
    ),
    responses(
        (status = 200, description = "A page of them. In CSV, `Link` has the next one.", content(
            (OverageExport = "application/json"),
            (String = "text/csv"),
        )),
        (status = 304, description = "`If-None-Match` has the page's `ETag`."),
        (status = 406, description = "Neither JSON nor CSV will do.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn export_overages(
    _: Caller<BillingExport>,
    State(app): State<App>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let asked = Asked::read(ROUTE, &headers, parameters, Some(PERIOD))?;
    let which = Which::read(asked.own())?;
    let now = (app.clock)();
    let mut session = app.ledger.store().read().await.map_err(Problem::unavailable)?;
    let page = asked.page(&mut session).await.map_err(Problem::unavailable)?;
    let ends = page.ends(&mut session, now).await.map_err(Problem::unavailable)?;
    let mut data = Vec::with_capacity(page.rows.len());
    for (account, summary) in &page.rows {
        let bill = which.bill(&mut session, account, now).await.map_err(Problem::unavailable)?;
        let row = row(account, summary.as_ref(), &bill, now).map(|row| OverageRow {
            ends_at: ends.get(&account.id).copied().filter(|at| *at <= row.period_end),
            ..row
        });
        data.push(row.ok_or_else(|| Problem::internal("a bill does not add up"))?);
    }
    let document = OverageExport { data, meta: ListMeta::new(page.next.clone()) };
    let file = ("overages.csv", page.next.as_deref());
    sheet::answer(&headers, asked.form, file, &document, |document| table(&document.data))
}

/// Which period of each account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Current,
    Previous,
    Of(Date),
}

impl Which {
    fn read(text: Option<&str>) -> Result<Self, Problem> {
        let wrong = |detail| Problem::field(PERIOD, "invalid_value", detail);
        match text {
            None | Some("current") => Ok(Self::Current),
            Some("previous") => Ok(Self::Previous),
            Some(text) => {
                let date: Date = text
                    .parse()
                    .map_err(|_| wrong("Give current, previous, or a date such as 2026-11-22."))?;
                // At the very ends of the calendar there is no period.
                let near = (1..=9_990).contains(&date.year());
                if near {
                    Ok(Self::Of(date))
                } else {
                    Err(wrong("Give a date of the years 1 to 9990."))
                }
            }
        }
    }

    async fn bill(
        self,
        session: &mut Session,
        account: &Account,
        now: Timestamp,
    ) -> Result<Bill, StoreError> {
        let outside = || StoreError::Unreadable("a day outside of the calendar".to_owned());
        let at = match self {
            Self::Current => now,
            Self::Previous => {
                let running = periods::at(session, account, now).await?.period;
                let before = running.previous(&account.zone, account.anchor);
                before.map_err(|_| outside())?.start()
            }
            Self::Of(date) => account.zone.first_instant(date).ok_or_else(outside)?,
        };
        bill::of_period(session, account, at).await
    }
}

/// `None` when amounts do not fit, which rating rules out.
fn row(
    account: &Account,
    summary: Option<&SnapshotRow>,
    bill: &Bill,
    now: Timestamp,
) -> Option<OverageRow> {
    let (period, closed) = (bill.period.period, bill.period.closed);
    let billed = match &bill.statement {
        Some(statement) => Some(overage::of(statement)?),
        None => None,
    };
    let running = closed.is_none() && period.contains(now);
    let plan = bill.cut.stretches().last().map(|stretch| &stretch.plan);
    // One that was made before an upgrade has another plan's fees and prices in its total.
    let summary = summary
        .filter(|row| running && period.contains(row.computed_at) && row.plan.as_ref() == plan);
    let projected = billed.zip(summary).and_then(|(billed, row)| {
        Some((overage::expected(billed.base, row.cost?)?, row.computed_at))
    });
    Some(OverageRow {
        account: account.id.to_string(),
        name: account.name.clone(),
        currency: billed
            .map_or(account.currency.as_str(), |bill| bill.total.currency().code())
            .to_owned(),
        plan: plan.map(ToString::to_string),
        period_start: period.start(),
        period_end: period.end(),
        time_zone: account.zone.name().to_owned(),
        is_final: bill.is_final(now),
        billed: billed.map(OverageOut::from),
        projected: projected.map(|(expected, at)| projection(expected, at)),
        explain: address(
            &format!("/billing/usage/{}/explain", account.id),
            &[(PERIOD, period.start().to_string())],
        ),
        ends_at: None,
    })
}

fn projection(Expected { mean, low, high }: Expected, as_of: Timestamp) -> ProjectedOverageOut {
    ProjectedOverageOut { as_of, mean: mean.into(), low: low.into(), high: high.into() }
}

const COLUMNS: [&str; 18] = [
    "account",
    "name",
    "currency",
    "plan",
    "period_start",
    "period_end",
    "time_zone",
    "final",
    "base",
    "overage",
    "total",
    "projected_overage",
    "projected_overage_low",
    "projected_overage_high",
    "projected_total",
    "projected_as_of",
    "explain",
    "ends_at",
];

fn table(rows: &[OverageRow]) -> Csv {
    let mut table = Csv::new(&COLUMNS);
    for row in rows {
        let (start, end) = (row.period_start.to_string(), row.period_end.to_string());
        let billed = |of: fn(&OverageOut) -> &MoneyOnWire| {
            Cell::Number(row.billed.as_ref().map(|b| of(b).amount.clone()).unwrap_or_default())
        };
        let projected = |of: fn(&ProjectedOverageOut) -> &MoneyOnWire| {
            Cell::Number(row.projected.as_ref().map(|p| of(p).amount.clone()).unwrap_or_default())
        };
        let ends = row.ends_at.map(|at| at.to_string()).unwrap_or_default();
        let as_of = row.projected.as_ref().map(|p| p.as_of.to_string()).unwrap_or_default();
        table.row([
            Cell::Text(&row.account),
            Cell::Text(&row.name),
            Cell::Text(&row.currency),
            Cell::Text(super::known(row.plan.as_ref())),
            Cell::Text(&start),
            Cell::Text(&end),
            Cell::Text(&row.time_zone),
            Cell::Text(if row.is_final { "true" } else { "false" }),
            billed(|b| &b.base),
            billed(|b| &b.overage),
            billed(|b| &b.total),
            projected(|p| &p.mean.overage),
            projected(|p| &p.low.overage),
            projected(|p| &p.high.overage),
            projected(|p| &p.mean.total),
            Cell::Text(&as_of),
            Cell::Text(&row.explain),
            Cell::Text(&ends),
        ]);
    }
    table
}
