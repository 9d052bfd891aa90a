//! `GET /billing/usage/triage`: whom to call.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::wire::ListMeta;
use super::super::{App, Routes, route};
use super::list::{Beside, UsageOut, at, out, position};
use crate::auth::{Caller, rule::BillingRead};
use crate::http::Problem;
use crate::http::page::Pages;
use crate::http::query::{Grammar, Parameters};
use crate::store::snapshots::{self, Filter, Listed, Query, Sort};

pub(super) fn routes(routes: Routes) -> Routes {
    route!(routes, triage)
}

const LIST: &str = "/billing/usage/triage";
const GRAMMAR: Grammar = Grammar { filters: &[], sorts: &["health"] };

/// A page of accounts to call.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Triage {
    /// The worst first.
    pub data: Vec<Call>,
    /// About the page.
    pub meta: ListMeta,
}

/// An account to call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Call {
    /// Why, in one sentence.
    #[schema(example = "Health is 0.63, below 0.75: 2 of 5 planned departments active.")]
    pub reason: String,
    /// The factor that costs most health, with what was measured; null when none costs any.
    #[schema(example = "adoption: 2 of 5 planned departments active")]
    pub costs_most: Option<String>,
    /// The smallest change that would bring health back, or what keeps use within the plan.
    #[schema(example = "Start 2 more departments: 4 of 5: health would be 0.79.")]
    pub helps_most: Option<String>,
    /// What the account came to.
    #[serde(flatten)]
    pub usage: UsageOut,
}

/// List accounts to call
///
/// Those that are flagged, by health, the worst first; then those that are flagged for their use
/// alone. Each says why, what costs most, and which change would help.
#[utoipa::path(
    get, path = "/billing/usage/triage", operation_id = "triage_usage", tag = "usage",
    params(
        ("sort" = Option<String>, Query, pattern = "^health( (asc|desc))?$", description = "`health asc` (the default) or `health desc`."),
        ("page[size]" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "1 to 1000; 100 unless given."),
        ("page[after]" = Option<String>, Query, description = "A cursor, as in `meta.page.next`."),
    ),
    responses((status = 200, description = "A page of them.", body = Triage))
)]
async fn triage(
    _: Caller<BillingRead>,
    State(app): State<App>,
    parameters: Parameters,
) -> Result<axum::Json<Triage>, Problem> {
    let query = parameters.list(GRAMMAR)?;
    let pages = Pages::new(&app.cursors, &query, LIST, "everyone");
    let wanted = Query {
        filter: Filter { flagged: Some(true), ..Filter::default() },
        sort: Sort::Health,
        descending: query.descending,
        after: position(&pages)?,
        limit: pages.limit(),
    };
    let mut session = app.ledger.store().read().await.map_err(Problem::unavailable)?;
    let rows = snapshots::page(&mut session, &wanted).await;
    let mut rows = rows.map_err(Problem::unavailable)?;
    let next = pages.cut(&mut rows, |last| at(last, Sort::Health));
    let beside = Beside::read(&mut session, &rows, app.ledger.now()).await;
    let beside = beside.map_err(Problem::unavailable)?;
    let data = rows.iter().map(|listed| call(&app, listed, &beside)).collect();
    Ok(axum::Json(Triage { data, meta: ListMeta::new(next) }))
}

fn call(app: &App, listed: &Listed, beside: &Beside) -> Call {
    let row = &listed.row;
    Call {
        reason: row.reason.clone().unwrap_or_default(),
        costs_most: row.costs.clone(),
        helps_most: row.helps.clone(),
        usage: out(app, listed, beside),
    }
}
