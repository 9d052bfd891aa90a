//! `GET /billing/usage/alerts`: which levels of which quotas were reached, and which recovered.

use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::wire::ListMeta;
use super::super::{App, Routes, route};
use crate::auth::{
    Caller,
    rule::{AccountRead, BillingRead},
};
use crate::domain::Quantity;
use crate::domain::account::AccountId;
use crate::domain::meter::Meter;
use crate::domain::threshold::{Kind, Level};
use crate::http::Problem;
use crate::http::page::Pages;
use crate::http::problem::ProblemBody;
use crate::http::query::{Between, Filter, Grammar, ListQuery, Op, Parameters};
use crate::store::Session;
use crate::store::alerts::{self, AlertRow, Page, Position};

pub(super) fn routes(routes: Routes) -> Routes {
    route!(route!(routes, list), of_account)
}

const LIST: &str = "/billing/usage/alerts";
const OF_ALL: Grammar = Grammar {
    filters: &[
        ("account", &[Op::Eq]),
        ("meter", &[Op::Eq]),
        ("level", &[Op::Eq]),
        ("kind", &[Op::Eq]),
        ("at", &[Op::Gte, Op::Lt]),
    ],
    sorts: &["at"],
};
const OF_ONE: Grammar = Grammar {
    filters: &[
        ("meter", &[Op::Eq]),
        ("level", &[Op::Eq]),
        ("kind", &[Op::Eq]),
        ("at", &[Op::Gte, Op::Lt]),
    ],
    sorts: &["at"],
};

/// A page of alerts.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Alerts {
    /// In the order of time.
    pub data: Vec<AlertOut>,
    /// About the page.
    pub meta: ListMeta,
}

/// A level that was reached or has recovered, with the figures of that moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertOut {
    /// Whose quota.
    #[schema(example = "acme")]
    pub account: String,
    /// Of which meter.
    #[schema(example = "ingestion")]
    pub meter: String,
    /// What one unit of it is.
    #[schema(example = "GB")]
    pub unit: String,
    /// `threshold_reached` or `threshold_recovered`.
    #[schema(example = "threshold_reached")]
    pub kind: String,
    /// `soft` or `hard`.
    #[schema(example = "soft")]
    pub level: String,
    /// The share of the quota at which the level is reached.
    #[schema(example = 80, minimum = 1, maximum = 100)]
    pub percent: u8,
    /// How often the level was armed in the period by then, from 1.
    #[schema(minimum = 1)]
    pub arming: u32,
    /// The start of the period.
    #[schema(value_type = String, format = DateTime)]
    pub period: Timestamp,
    /// What was used then.
    #[schema(example = "402.5")]
    pub used: String,
    /// What was included then; null when the quota had been lifted.
    #[schema(example = "500")]
    pub quota: Option<String>,
    /// The row of the ledger with which it happened; the newest row when a change of plan did it.
    #[schema(minimum = 0)]
    pub row: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// List alerts
///
/// Of all accounts, by time. A level that was reached is listed once, until use has fallen clearly
/// below it and reaches it again.
#[utoipa::path(
    get, path = "/billing/usage/alerts", operation_id = "list_alerts", tag = "usage",
    params(
        ("filter[account][eq]" = Option<String>, Query, description = "Of one account."),
        ("filter[meter][eq]" = Option<String>, Query, pattern = "^(ingestion|query|timeline|agents|signup)$", description = "Of one meter."),
        ("filter[level][eq]" = Option<String>, Query, pattern = "^(soft|hard)$", description = "`soft` or `hard`."),
        ("filter[kind][eq]" = Option<String>, Query, pattern = "^threshold_(reached|recovered)$", description = "`threshold_reached` or `threshold_recovered`."),
        ("filter[at][gte]" = Option<String>, Query, format = DateTime, description = "Since this time."),
        ("filter[at][lt]" = Option<String>, Query, format = DateTime, description = "Before this time."),
        ("sort" = Option<String>, Query, pattern = "^at( (asc|desc))?$", description = "`at asc` (the default) or `at desc`."),
        ("page[size]" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "1 to 1000; 100 unless given."),
        ("page[after]" = Option<String>, Query, description = "A cursor, as in `meta.page.next`."),
    ),
    responses((status = 200, description = "A page of them.", body = Alerts))
)]
async fn list(
    _: Caller<BillingRead>,
    State(app): State<App>,
    parameters: Parameters,
) -> Result<axum::Json<Alerts>, Problem> {
    let query = parameters.list(OF_ALL)?;
    let account = query.filter("account").map(Filter::parse::<AccountId>).transpose()?;
    let session = app.ledger.store().read().await.map_err(Problem::unavailable)?;
    let pages = Pages::new(&app.cursors, &query, LIST, "everyone");
    answer(session, &query, &pages, account).await
}

/// List an account's alerts
///
/// By time. A level that was reached is listed once, until use has fallen clearly below it and
/// reaches it again.
#[utoipa::path(
    get, path = "/billing/usage/{account}/alerts", operation_id = "list_account_alerts", tag = "usage",
    params(
        ("account" = String, Path, description = "The account's id."),
        ("filter[meter][eq]" = Option<String>, Query, pattern = "^(ingestion|query|timeline|agents|signup)$", description = "Of one meter."),
        ("filter[level][eq]" = Option<String>, Query, pattern = "^(soft|hard)$", description = "`soft` or `hard`."),
        ("filter[kind][eq]" = Option<String>, Query, pattern = "^threshold_(reached|recovered)$", description = "`threshold_reached` or `threshold_recovered`."),
        ("filter[at][gte]" = Option<String>, Query, format = DateTime, description = "Since this time."),
        ("filter[at][lt]" = Option<String>, Query, format = DateTime, description = "Before this time."),
        ("sort" = Option<String>, Query, pattern = "^at( (asc|desc))?$", description = "`at asc` (the default) or `at desc`."),
        ("page[size]" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "1 to 1000; 100 unless given."),
        ("page[after]" = Option<String>, Query, description = "A cursor, as in `meta.page.next`."),
    ),
    responses(
        (status = 200, description = "A page of them.", body = Alerts),
        (status = 404, description = "No account that this caller may see.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn of_account(
    caller: Caller<AccountRead>,
    State(app): State<App>,
    Path(account): Path<String>,
    parameters: Parameters,
) -> Result<axum::Json<Alerts>, Problem> {
    let (session, account) = super::account(&app, &caller, &account).await?;
    let query = parameters.list(OF_ONE)?;
    let route = format!("/billing/usage/{}/alerts", account.id);
    let pages = Pages::new(&app.cursors, &query, route, account.id.as_str());
    answer(session, &query, &pages, Some(account.id)).await
}

async fn answer(
    mut session: Session,
    query: &ListQuery,
    pages: &Pages<'_>,
    account: Option<AccountId>,
) -> Result<axum::Json<Alerts>, Problem> {
    let Between { from, to } = query.between("at")?;
    let filter = alerts::Filter {
        account,
        meter: query.filter("meter").map(Filter::parse::<Meter>).transpose()?,
        level: query.filter("level").map(level).transpose()?,
        kind: query.filter("kind").map(kind).transpose()?,
        from,
        to,
    };
    let page = Page { descending: query.descending, after: pages.after()?, limit: pages.limit() };
    let mut rows = alerts::page(&mut session, filter, page).await.map_err(Problem::unavailable)?;
    let next = pages.cut(&mut rows, Position::of);
    let data = rows.iter().map(out).collect();
    Ok(axum::Json(Alerts { data, meta: ListMeta::new(next) }))
}

fn level(filter: &Filter) -> Result<Level, Problem> {
    Level::from_name(&filter.value).ok_or_else(|| filter.refuse("Give soft or hard."))
}

fn kind(filter: &Filter) -> Result<Kind, Problem> {
    let refuse = || filter.refuse("Give threshold_reached or threshold_recovered.");
    Kind::from_name(&filter.value).ok_or_else(refuse)
}

fn out(row: &AlertRow) -> AlertOut {
    let AlertRow { of, change, seq, used, quota, at } = row;
    AlertOut {
        account: of.account.to_string(),
        meter: of.meter.name().to_owned(),
        unit: of.meter.unit().to_owned(),
        kind: change.kind.name().to_owned(),
        level: change.level.name().to_owned(),
        percent: change.level.percent(),
        arming: change.arming,
        period: of.period_start,
        used: used.to_string(),
        quota: quota.as_ref().map(Quantity::to_string),
        row: *seq,
        at: *at,
    }
}
