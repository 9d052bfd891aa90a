//! `GET /billing/usage`: every account by what it came to.

use std::collections::HashMap;

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::accounts::plan::PlanVersionOut;
use super::super::support::AnswersOut;
use super::super::wire::{ListMeta, MoneyOnWire};
use super::super::{App, Routes, route};
use crate::auth::{Caller, rule::BillingRead};
use crate::domain::account::AccountId;
use crate::domain::facts::Answers;
use crate::domain::{BasisPoints, Money, Ppm, threshold::Level};
use crate::http::Problem;
use crate::http::page::Pages;
use crate::http::query::{Filter, Grammar, Op, Parameters};
use crate::ledger::figures::Kept;
use crate::store::snapshots::{
    self, Listed, Position, Query, SnapshotRow, Sort, Weeks, level_name,
};
use crate::store::{Session, StoreError, plans};

pub(super) fn routes(routes: Routes) -> Routes {
    route!(routes, list)
}

const LIST: &str = "/billing/usage";
const GRAMMAR: Grammar = Grammar {
    filters: &[
        ("flagged", &[Op::Eq]),
        ("level", &[Op::Eq]),
        ("plan", &[Op::Eq]),
        ("name", &[Op::Starts]),
    ],
    sorts: &["account", "health", "ratio", "projected_cost", "support"],
};

/// A page of accounts.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Usages {
    /// In the order that was asked for.
    pub data: Vec<UsageOut>,
    /// About the page.
    pub meta: ListMeta,
}

/// What an account came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsageOut {
    /// Its id.
    #[schema(example = "acme")]
    pub account: String,
    /// The customer's name.
    pub name: String,
    /// The plan that it is on; null when it is on none.
    pub plan: Option<PlanVersionOut>,
    /// Within how many hours that plan promises an answer of support.
    pub support_hours: Option<u32>,
    /// When the subscription ends, or ended; null while it goes on.
    #[serde(default)]
    #[schema(required = false, value_type = Option<String>, format = DateTime)]
    pub ends_at: Option<Timestamp>,
    /// Health, from 0 to 1; null when nothing is known.
    #[schema(example = "0.927")]
    pub health: Option<String>,
    /// The share of what health is made of that is known, from 0 to 1.
    #[schema(example = "0.9")]
    pub coverage: String,
    /// `healthy`, `flagged`, or `insufficient_data` when too little is known to say.
    #[schema(example = "healthy")]
    pub standing: String,
    /// Whether somebody should call: health below 0.75, or more than 95 % of a quota used.
    pub flagged: bool,
    /// The highest level that any meter has reached: `ok`, `soft` or `hard`.
    #[schema(example = "ok")]
    pub level: String,
    /// The highest share of a quota that is used, and whose; null without any quota.
    pub highest: Option<HighestOut>,
    /// What the running period will cost; null while it is too early to say, or without a plan.
    pub projected_cost: Option<CostRangeOut>,
    /// Answers of support.
    pub support_response_sla_hours: AnswersOut,
    /// The last health that was known in each of the last twelve weeks, the oldest first; null where
    /// none was.
    #[schema(example = json!([null, "0.91", "0.88"]))]
    pub weeks: Vec<Option<String>>,
    /// When and from what it was computed.
    pub as_of: FiguresOut,
}

/// The highest share of a quota.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HighestOut {
    /// Whose.
    #[schema(example = "ingestion")]
    pub meter: String,
    /// What is used ÷ what is included.
    #[schema(example = "0.83")]
    pub ratio: String,
}

/// A cost with the range that holds it with 80 %.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CostRangeOut {
    /// The mean.
    pub mean: MoneyOnWire,
    /// The cost of the lower edge.
    pub low: MoneyOnWire,
    /// The cost of the upper edge.
    pub high: MoneyOnWire,
}

impl From<(Money, Money, Money)> for CostRangeOut {
    fn from((mean, low, high): (Money, Money, Money)) -> Self {
        Self { mean: mean.into(), low: low.into(), high: high.into() }
    }
}

/// When figures were computed, from what, and how long they are good for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FiguresOut {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Until when they may be acted on.
    #[schema(value_type = String, format = DateTime)]
    pub valid_until: Timestamp,
    /// The account's newest row that they count; 0 when there was none.
    #[schema(minimum = 0)]
    pub row: i64,
    /// Rows that have come since.
    #[schema(minimum = 0)]
    pub behind: i64,
    /// Whether something that they were computed from has changed: a row that happened before they
    /// were computed, a plan, a fact. They are computed anew soon.
    pub stale: bool,
    /// By which formulas.
    pub formula_version: u32,
}

impl FiguresOut {
    /// Of a summary with `behind` rows after it.
    pub(super) fn of(row: &SnapshotRow, behind: i64) -> Self {
        Self {
            at: row.computed_at,
            valid_until: row.valid_until,
            row: row.ledger_seq,
            behind,
            stale: row.stale,
            formula_version: row.formula_version,
        }
    }
}

/// Health on the wire.
pub(in crate::routes) fn share(share: BasisPoints) -> String {
    Ppm::from(share).to_string()
}

/// List what accounts came to
///
/// Every account that was summed up, with health, the highest use of a quota and what the period will
/// cost. An account is summed up every few minutes, and within some 20 seconds after its usage moved.
#[utoipa::path(
    get, path = "/billing/usage", operation_id = "list_accounts_usage", tag = "usage",
    params(
        ("filter[flagged][eq]" = Option<bool>, Query, description = "Flagged, or not."),
        ("filter[level][eq]" = Option<String>, Query, pattern = "^(ok|soft|hard)$", description = "`ok`, `soft` or `hard`: the highest level reached."),
        ("filter[plan][eq]" = Option<String>, Query, description = "On this plan, in any version; `none`: on none."),
        ("filter[name][starts]" = Option<String>, Query, description = "Whose name or id begins with this; letters from a to z may be large or small."),
        ("sort" = Option<String>, Query, pattern = "^(account|health|ratio|projected_cost|support)( (asc|desc))?$", description = "`account`, `health`, `ratio`, `projected_cost` or `support` (the share of answers in time), then a space and `asc` or `desc`; `account asc` unless given. Health that is not known and support that nobody asked come last, ratio and cost that are not known first. Costs are compared by their numbers; currencies are not converted."),
        ("page[size]" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "1 to 1000; 100 unless given."),
        ("page[after]" = Option<String>, Query, description = "A cursor, as in `meta.page.next`."),
    ),
    responses((status = 200, description = "A page of them.", body = Usages))
)]
async fn list(
    _: Caller<BillingRead>,
    State(app): State<App>,
    parameters: Parameters,
) -> Result<axum::Json<Usages>, Problem> {
    let query = parameters.list(GRAMMAR)?;
    let pages = Pages::new(&app.cursors, &query, LIST, "everyone");
    let sort = match query.sort {
        "health" => Sort::Health,
        "ratio" => Sort::Ratio,
        "projected_cost" => Sort::Cost,
        "support" => Sort::Support,
        _ => Sort::Account,
    };
    let filter = snapshots::Filter {
        flagged: query.filter("flagged").map(flagged).transpose()?,
        level: query.filter("level").map(level).transpose()?,
        plan: query.filter("plan").map(plan),
        named: query.filter("name").map(named).transpose()?,
    };
    let after = position(&pages)?;
    let wanted = Query { filter, sort, descending: query.descending, after, limit: pages.limit() };
    let mut session = app.ledger.store().read().await.map_err(Problem::unavailable)?;
    let rows = snapshots::page(&mut session, &wanted).await;
    let mut rows = rows.map_err(Problem::unavailable)?;
    let next = pages.cut(&mut rows, |last| at(last, sort));
    let beside = Beside::read(&mut session, &rows, app.ledger.now()).await;
    let beside = beside.map_err(Problem::unavailable)?;
    let data = rows.iter().map(|listed| out(&app, listed, &beside)).collect();
    Ok(axum::Json(Usages { data, meta: ListMeta::new(next) }))
}

/// Where a page begins.
pub(super) fn position(pages: &Pages<'_>) -> Result<Option<Position>, Problem> {
    match pages.after::<(i64, String)>()? {
        None => Ok(None),
        Some((key, id)) => Ok(Some((key, id.parse().map_err(Problem::internal)?))),
    }
}

/// The position of a row, for a cursor.
pub(super) fn at(listed: &Listed, sort: Sort) -> (i64, String) {
    let (key, account) = listed.position(sort);
    (key, account.to_string())
}

fn flagged(filter: &Filter) -> Result<bool, Problem> {
    filter.value.parse().map_err(|_| filter.refuse("Give true or false."))
}

fn level(filter: &Filter) -> Result<Option<Level>, Problem> {
    match filter.value.as_str() {
        "ok" => Ok(None),
        name => match Level::from_name(name) {
            Some(level) => Ok(Some(level)),
            None => Err(filter.refuse("Give ok, soft or hard.")),
        },
    }
}

fn plan(filter: &Filter) -> String {
    if filter.value == "none" { String::new() } else { filter.value.clone() }
}

fn named(filter: &Filter) -> Result<String, Problem> {
    if filter.value.chars().any(char::is_control) {
        return Err(filter.refuse("Give the beginning of a name, in one line."));
    }
    Ok(filter.value.clone())
}

/// What a list shows beside summaries, of all its accounts at once.
pub(super) struct Beside {
    weeks: HashMap<AccountId, Weeks>,
    answers: HashMap<AccountId, Answers>,
    ends: HashMap<AccountId, Timestamp>,
}

impl Beside {
    pub(super) async fn read(
        session: &mut Session,
        rows: &[Listed],
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let accounts: Vec<AccountId> =
            rows.iter().map(|listed| listed.row.account.clone()).collect();
        let today = now.as_millisecond().div_euclid(86_400_000);
        let weeks = snapshots::weeks(session, &accounts, today).await?;
        let kept = snapshots::documents(session, &accounts).await?;
        let answers = kept
            .into_iter()
            .map(|(account, document)| Ok((account, Kept::answers_in(&document)?)))
            .collect::<Result<_, StoreError>>()?;
        let ends = plans::ends(session, &accounts, now).await?;
        Ok(Self { weeks, answers, ends })
    }
}

/// An account in a list.
pub(super) fn out(app: &App, listed: &Listed, beside: &Beside) -> UsageOut {
    let Listed { row, name, behind, .. } = listed;
    let weeks = beside.weeks.get(&row.account).copied().unwrap_or_default();
    let answers = beside.answers.get(&row.account).copied().unwrap_or_default();
    let terms = row.plan.as_ref().and_then(|id| app.catalogue.get(id));
    UsageOut {
        account: row.account.to_string(),
        name: name.clone(),
        plan: row.plan.as_ref().map(PlanVersionOut::from),
        support_hours: terms.map(|version| version.terms.support_hours),
        ends_at: beside.ends.get(&row.account).copied(),
        health: row.health.map(share),
        coverage: share(row.coverage),
        standing: row.standing.name().to_owned(),
        flagged: row.flagged,
        level: level_name(row.level).to_owned(),
        highest: row.highest.map(|(meter, ratio)| HighestOut {
            meter: meter.name().to_owned(),
            ratio: ratio.to_string(),
        }),
        projected_cost: row.cost.map(CostRangeOut::from),
        support_response_sla_hours: answers.into(),
        weeks: weeks.into_iter().map(|health| health.map(share)).collect(),
        as_of: FiguresOut::of(row, *behind),
    }
}
