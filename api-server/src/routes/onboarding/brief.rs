//! `GET /onboarding/{id}/brief`: what customer success hands on, to read or to print.

use std::sync::LazyLock;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::answer::{self, Evaluated};
use super::assumptions::{self, AssumptionsOut};
use super::form::{self, ContactIn, IntakeIn};
use super::reachable;
use crate::auth::{Caller, rule::OnboardingRead};
use crate::domain::brief::{self, Compared, Criterion};
use crate::domain::catalogue::Catalogue;
use crate::domain::onboarding::{Evaluation, evaluate};
use crate::http::problem::ProblemBody;
use crate::http::query::Parameters;
use crate::http::{Problem, accept};
use crate::routes::recommendation::PlanRef;
use crate::routes::wire::{MoneyOnWire, RangeOnWire};
use crate::routes::{App, Routes, route};
use crate::store::onboarding::Intake;

mod page;

pub(super) fn routes(routes: Routes) -> Routes {
    route!(routes, brief_onboarding)
}

const JSON: &str = "application/json";
const HTML: &str = "text/html";

/// A hand-off brief.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BriefOut {
    /// The name of the tenant and of its account.
    #[schema(example = "acme")]
    pub tenant: String,
    /// `awaiting_approval`, `approved`, `rejected` or `withdrawn`.
    #[schema(example = "approved")]
    pub status: String,
    /// The customer's name.
    pub display_name: String,
    /// Whom to talk to.
    pub contact: ContactIn,
    /// What it is for, in the customer's words.
    pub use_case: String,
    /// The day on which work is to begin, in the customer's zone.
    #[schema(format = Date, example = "2027-01-15")]
    pub go_live_date: String,
    /// The customer's zone.
    #[schema(example = "America/Chicago")]
    pub time_zone: String,
    /// When the form came: plan, profile and business case are of that day.
    #[schema(value_type = String, format = DateTime)]
    pub submitted_at: Timestamp,
    /// Plan, profile and business case, as they were answered to the form.
    #[serde(flatten)]
    pub evaluated: Evaluated,
    /// What the business case was worked out from.
    pub assumptions: AssumptionsOut,
    /// The plans that were on sale that day, the least expected cost first, then those that do not fit.
    pub comparison: Vec<ComparedOut>,
    /// By what it will be seen whether it goes well; the customer's own signs in their words.
    pub criteria: Vec<CriterionOut>,
}

/// A plan of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ComparedOut {
    /// Which.
    pub plan: PlanRef,
    /// Whether it is the one that was recommended.
    pub recommended: bool,
    /// Its fee of a month.
    pub base: MoneyOnWire,
    /// Within how many hours it promises an answer of support.
    pub support_hours: u32,
    /// What it includes in a month.
    pub included: Vec<IncludedOut>,
    /// What it would cost in a month, by the estimates of use; null when it does not fit.
    pub monthly: Option<RangeOnWire<MoneyOnWire>>,
    /// Why it does not fit.
    pub excluded: Option<String>,
}

/// What a plan includes of a meter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IncludedOut {
    /// Which.
    #[schema(example = "agents")]
    pub meter: String,
    /// What one unit of it is.
    #[schema(example = "runs")]
    pub unit: String,
    /// How many.
    #[schema(example = "40000")]
    pub quantity: String,
}

/// A sign of success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CriterionOut {
    /// What is to be so.
    pub what: String,
    /// Where that shows.
    #[schema(example = "facts: criteria")]
    pub measured_by: String,
}

/// Brief a hand-off
///
/// What the form says, the plans that were weighed, the business case, and the criteria by which it
/// will be seen whether it goes well. With `Accept: text/html` it is a page to print.
#[utoipa::path(
    get, path = "/onboarding/{id}/brief", operation_id = "brief_onboarding", tag = "onboarding",
    params(
        ("id" = String, Path, description = "The request's id, as in `follow`."),
        ("format" = Option<String>, Query, pattern = "^(json|html)$", description = "`json` or `html`; as `Accept` says unless given."),
    ),
    responses(
        (status = 200, description = "The brief.", content(
            (BriefOut = "application/json"),
            (String = "text/html"),
        )),
        (status = 404, description = "There is none.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 406, description = "Neither JSON nor HTML will do.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn brief_onboarding(
    caller: Caller<OnboardingRead>,
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let media_type = chosen(parameters, &headers)?;
    let intake = reachable(&app, caller.reach(), &id).await?;
    let brief = brief(&intake, &app.catalogue)?;
    if media_type == HTML {
        return Ok((page_headers(), page::page(&brief)).into_response());
    }
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(brief)).into_response())
}

fn chosen(parameters: Parameters, headers: &HeaderMap) -> Result<&'static str, Problem> {
    match parameters.only(&["format"])?.remove("format").as_deref() {
        None => accept::choose(headers, &[JSON, HTML]),
        Some("json") => Ok(JSON),
        Some("html") => Ok(HTML),
        Some(_) => Err(Problem::field("format", "invalid_value", "Give json or html.")),
    }
}

/// The page holds what strangers wrote: nothing in it may run, load or be framed, whatever it is, and no style counts
/// but the page's own.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(page::STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; sandbox"
    )
});

fn page_headers() -> [(header::HeaderName, &'static str); 5] {
    [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY.as_str()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ]
}

fn brief(stored: &Intake, catalogue: &Catalogue) -> Result<BriefOut, Problem> {
    let given: IntakeIn = serde_json::from_str(&stored.form).map_err(Problem::internal)?;
    let intake = form::read(&given, stored.submitted_at)?;
    // By the price list of that day: the comparison is the one that the answer came of.
    let plans = catalogue.live_plans(stored.submitted_at);
    let evaluation = evaluate(&intake, &plans)
        .map_err(|_| Problem::internal("a form that was answered cannot be evaluated"))?;
    let recommended = stored.plan.as_ref();
    let roi = evaluation.roi.as_ref().filter(|_| evaluation.plan.plan.as_ref() == recommended);
    let evaluated = answer::evaluated(stored)?;
    let criteria = brief::criteria(&intake, recommended.and_then(|id| catalogue.get(id)), roi);
    Ok(BriefOut {
        tenant: stored.tenant.clone(),
        status: stored.state.status().name().to_owned(),
        display_name: stored.display_name.clone(),
        assumptions: assumptions::of(&given, &evaluated)?,
        contact: given.contact,
        use_case: intake.use_case,
        go_live_date: intake.go_live.to_string(),
        time_zone: stored.zone.clone(),
        submitted_at: stored.submitted_at,
        evaluated,
        comparison: comparison(&evaluation, stored, catalogue),
        criteria: criteria.into_iter().map(CriterionOut::from).collect(),
    })
}

fn comparison(evaluation: &Evaluation, stored: &Intake, catalogue: &Catalogue) -> Vec<ComparedOut> {
    let all = brief::compare(evaluation, stored.plan.as_ref(), catalogue);
    all.into_iter().map(ComparedOut::from).collect()
}

impl From<Compared> for ComparedOut {
    fn from(compared: Compared) -> Self {
        let included = compared.included.into_iter().map(|(meter, quantity)| IncludedOut {
            meter: meter.name().to_owned(),
            unit: meter.unit().to_owned(),
            quantity: quantity.to_string(),
        });
        Self {
            plan: PlanRef { key: compared.plan.plan, version: compared.plan.version },
            recommended: compared.recommended,
            base: compared.base.into(),
            support_hours: compared.support_hours,
            included: included.collect(),
            monthly: compared.costs.map(|costs| RangeOnWire {
                low: costs.low.into(),
                base: costs.base.into(),
                high: costs.high.into(),
            }),
            excluded: compared.excluded,
        }
    }
}

impl From<Criterion> for CriterionOut {
    fn from(Criterion { what, measured_by }: Criterion) -> Self {
        Self { what, measured_by: measured_by.to_owned() }
    }
}
