//! `POST /accounts/{account}/plan`: another plan.

use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::{Caller, rule::BillingPlan};
use crate::domain::catalogue::PlanId;
use crate::domain::subscription::RequestError;
use crate::http::problem::{Code, ProblemBody};
use crate::http::{Json, Problem};
use crate::ledger::{NotChanged, PlanChange, PlanWish};
use crate::routes::App;
use crate::routes::accounts::{actor, reachable};
use crate::routes::events::busy;
use crate::routes::wire::{Faults, MoneyOnWire};

/// The plan that an account is to be on, or that it is to be on none.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanIn {
    /// The plan's key; null: the subscription ends.
    #[serde(deserialize_with = "said")]
    #[schema(required = true, example = "team", min_length = 1, max_length = 64)]
    pub plan: Option<String>,
    /// One version of it; without it, the one on sale.
    #[schema(minimum = 1)]
    pub version: Option<u32>,
    /// Only say what would happen.
    #[serde(default)]
    pub preview: bool,
}

/// What is not said ends nothing: without this a body that names no plan would read as one that says null.
fn said<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(from)
}

/// A version of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanVersionOut {
    /// The plan's key.
    #[schema(example = "team")]
    pub key: String,
    /// The version.
    #[schema(minimum = 1)]
    pub version: u32,
}

impl From<&PlanId> for PlanVersionOut {
    fn from(id: &PlanId) -> Self {
        Self { key: id.plan.clone(), version: id.version }
    }
}

/// Whether anything was agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanStatus {
    /// Now.
    Agreed,
    /// Before: nothing was changed.
    Standing,
    /// No: this is what would happen.
    Preview,
}

/// When a plan takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TakesEffect {
    /// At once, or it has.
    Now,
    /// When the account's current period ends.
    PeriodEnd,
}

/// What a change of plan does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanChangeOut {
    /// Whose plan.
    pub account: String,
    /// Whether anything was agreed.
    pub status: PlanStatus,
    /// The plan; null: from then on there is none.
    pub plan: Option<PlanVersionOut>,
    /// The plan before it; null when it is the account's first, or the one before had ended.
    pub from: Option<PlanVersionOut>,
    /// When it takes effect.
    pub takes_effect: TakesEffect,
    /// That instant.
    #[schema(value_type = String, format = DateTime)]
    pub effective_at: Timestamp,
    /// When it was agreed, or would be.
    #[schema(value_type = String, format = DateTime)]
    pub agreed_at: Timestamp,
    /// Who asked for it; null when it was agreed on the server's own command line.
    pub by: Option<String>,
    /// When the account's current period ends.
    #[schema(value_type = String, format = DateTime)]
    pub period_ends_at: Timestamp,
    /// What is given back of the old fee for what is left of the period; null when nothing changes
    /// within it, or when that is not on record.
    pub credit: Option<MoneyOnWire>,
    /// What is charged of the new fee for what is left of the period.
    pub charge: Option<MoneyOnWire>,
    /// The charge less the credit.
    pub net: Option<MoneyOnWire>,
}

/// Change an account's plan
///
/// A plan with the same or a larger base fee takes effect at once, and both fees are prorated; one
/// with a smaller fee takes effect when the period ends. Asking for the same again changes nothing.
/// With `plan` null the subscription ends when the period does: nothing is owed of later ones. A plan that is agreed
/// to before takes the end back; one that is agreed to later counts from the start of the period then running.
/// With `preview` nothing is agreed.
#[utoipa::path(
    post, path = "/accounts/{account}/plan", operation_id = "change_plan", tag = "accounts",
    params(("account" = String, Path, description = "The account's id.")),
    request_body = PlanIn,
    responses(
        (status = 200, description = "It is agreed, durably, or would be.", body = PlanChangeOut),
        (status = 404, description = "No such account.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The subscription has not started.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "No such plan is on sale, or one in another currency, or there is no plan to end.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(in crate::routes) async fn change(
    caller: Caller<BillingPlan>,
    State(app): State<App>,
    Path(account): Path<String>,
    Json(PlanIn { plan, version, preview }): Json<PlanIn>,
) -> Result<axum::Json<PlanChangeOut>, Problem> {
    let account = reachable(&caller, &account)?;
    let mut faults = Faults::default();
    if version == Some(0) {
        faults.note("/version", "must be 1 or more");
    } else if plan.is_none() && version.is_some() {
        faults.note("/version", "is of no plan: leave it out to end the subscription");
    }
    faults.check()?;
    let wish = PlanWish { account: account.clone(), plan, version, actor: actor(&caller) };
    let wished = match preview {
        true => app.ledger.preview_plan(&wish).await,
        false => app.ledger.change_plan(wish).await,
    };
    let change = wished.map_err(busy)?.map_err(refuse)?;
    Ok(axum::Json(answer(account.to_string(), &change, preview, app.ledger.now())))
}

fn answer(account: String, change: &PlanChange, preview: bool, now: Timestamp) -> PlanChangeOut {
    let PlanChange { agreed, from, period, cost, actor, stands } = change;
    let (effective_at, agreed_at) = (agreed.effective_at(), agreed.agreed_at());
    let waits = effective_at > now && effective_at > agreed_at;
    PlanChangeOut {
        account,
        status: match (stands, preview) {
            (true, _) => PlanStatus::Standing,
            (false, true) => PlanStatus::Preview,
            (false, false) => PlanStatus::Agreed,
        },
        plan: agreed.plan().map(PlanVersionOut::from),
        from: from.as_ref().map(PlanVersionOut::from),
        takes_effect: if waits { TakesEffect::PeriodEnd } else { TakesEffect::Now },
        effective_at,
        agreed_at,
        by: actor.clone(),
        period_ends_at: period.end(),
        credit: cost.map(|cost| cost.credit.into()),
        charge: cost.map(|cost| cost.charge.into()),
        net: cost.and_then(|cost| cost.net()).map(MoneyOnWire::from),
    }
}

fn refuse(not: NotChanged) -> Problem {
    let error = match not {
        NotChanged::UnknownAccount => return Problem::not_found(),
        NotChanged::Refused(error) => error,
    };
    let (pointer, code) = match &error {
        RequestError::NotOnSale { .. } | RequestError::NotInCatalogue { .. } => {
            ("/plan", "unknown_plan")
        }
        RequestError::Currency { .. } => ("/plan", "other_currency"),
        RequestError::NoPlan => ("/plan", "no_plan"),
        RequestError::NotStarted(_) => {
            return Problem::new(Code::NotStarted, error.to_string());
        }
        RequestError::Unchanged(_)
        | RequestError::Unknown(_)
        | RequestError::Period(_)
        | RequestError::Overflow(_) => return Problem::internal(error),
    };
    Problem::new(Code::PlanNotChanged, "Nothing was changed; see errors.").with_error(
        pointer,
        code,
        error.to_string(),
    )
}
