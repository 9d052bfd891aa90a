//! What is answered about a request.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::assumptions::{self, AssumptionsOut};
use super::form::IntakeIn;
use crate::domain::onboarding::{Actor, Decision, Evaluation, State, Verdict};
use crate::http::Problem;
use crate::routes::roi::{self, RoiOut};
use crate::routes::wire::{ListMeta, MoneyOnWire, RangeOnWire};
use crate::store::onboarding::Intake;
use crate::store::provisions::{Outcome, Provision};

/// What would fit, as it was answered when the form came; that stays as it was.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Evaluated {
    /// The plan.
    pub plan: PlanAdvice,
    /// The profile.
    pub profile: ProfileAdvice,
    /// Whether it pays; null when no plan fits.
    pub roi: Option<RoiOut>,
}

/// The plan to take.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PlanAdvice {
    /// Its key; null when no plan fits.
    #[schema(example = "team")]
    pub key: Option<String>,
    /// Its version.
    pub version: Option<u32>,
    /// What it would cost in a month, by the estimates of use.
    pub monthly: Option<RangeOnWire<MoneyOnWire>>,
    /// What that comes to on average; the business case has twelve times this.
    pub expected: Option<MoneyOnWire>,
    /// Why.
    pub reasons: Vec<String>,
    /// What would lead to another plan.
    pub would_change_if: Vec<String>,
}

/// The profile to run on.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProfileAdvice {
    /// `dev` or `prod`.
    #[schema(example = "prod")]
    pub key: String,
    /// What to put on it.
    pub overlays: Vec<String>,
    /// Why.
    pub reasons: Vec<String>,
}

/// The tenant that a request is for.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TenantOut {
    /// Its name.
    #[schema(example = "acme")]
    pub id: String,
    /// `awaiting_approval`, `approved`, `rejected` or `withdrawn`.
    #[schema(example = "awaiting_approval")]
    pub status: String,
}

/// The answer to a form.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Submitted {
    /// The tenant.
    pub tenant: TenantOut,
    /// What would fit.
    #[serde(flatten)]
    pub evaluated: Evaluated,
    /// When the form came.
    #[schema(value_type = String, format = DateTime)]
    pub submitted_at: Timestamp,
    /// Where to look again, with the receipt.
    pub follow: String,
    /// A bearer token for `follow` and its `/withdraw`, for nothing else. It is told here alone.
    pub receipt_token: String,
}

/// A request as it is now.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Request {
    /// The tenant.
    pub tenant: TenantOut,
    /// What would fit.
    #[serde(flatten)]
    pub evaluated: Evaluated,
    /// When the form came.
    #[schema(value_type = String, format = DateTime)]
    pub submitted_at: Timestamp,
    /// Where to look again.
    pub follow: String,
    /// When it was decided.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<Timestamp>,
    /// How far its tenant is; null while it is not approved, and where people make tenants.
    pub stack: Option<StackOut>,
    /// By whom and why; for customer success alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionOut>,
    /// What was sent; for customer success alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<IntakeIn>,
    /// What the business case was worked out from; for customer success alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assumptions: Option<AssumptionsOut>,
}

/// How far the tenant of an approved request is.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StackOut {
    /// `queued`; `made`, and where the server is beside a cluster then `starting`, `ready` and `removed`;
    /// or for customer success alone `conflict`: another tenant has the name.
    #[schema(example = "ready")]
    pub state: String,
    /// Since when it waits.
    #[schema(value_type = String, format = DateTime)]
    pub queued_at: Timestamp,
    /// When it was made.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub made_at: Option<Timestamp>,
    /// Since when the stack starts, is ready or is removed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// How many parts the stack has, and how many of them run; null until the operator says so.
    pub parts: Option<PartsOut>,
    /// What keeps it from being made, or what the stack waits for; for customer success alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The parts of a stack.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct PartsOut {
    /// How many run.
    #[schema(example = 4)]
    pub ready: u32,
    /// How many there are.
    #[schema(example = 6)]
    pub total: u32,
}

/// Who decided, and why.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DecisionOut {
    /// The subject of their token; null when whoever holds the receipt did.
    pub by: Option<String>,
    /// Why it was rejected.
    pub reason: Option<String>,
}

/// A request among others.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Summary {
    /// The tenant.
    pub tenant: TenantOut,
    /// The customer's name.
    pub display_name: String,
    /// The plan that was recommended; null when none fits.
    pub plan: Option<String>,
    /// The profile that was recommended.
    pub profile: String,
    /// How far its tenant is: `queued`, `conflict`, `made`, `starting`, `ready` or `removed`; null while it is not approved, and where
    /// people make tenants.
    pub stack: Option<String>,
    /// When the form came.
    #[schema(value_type = String, format = DateTime)]
    pub submitted_at: Timestamp,
    /// Where the rest of it is.
    pub follow: String,
}

/// A page of requests.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Requests {
    /// In the order that was asked for.
    pub data: Vec<Summary>,
    /// About the page.
    pub meta: ListMeta,
}

impl From<&Evaluation> for Evaluated {
    fn from(evaluation: &Evaluation) -> Self {
        let Evaluation { plan, costs, profile, roi } = evaluation;
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
        let currency = costs.as_ref().map(|costs| costs.expected.currency().code());
        Self {
            plan: PlanAdvice {
                key: plan.plan.as_ref().map(|id| id.plan.clone()),
                version: plan.plan.as_ref().map(|id| id.version),
                monthly: costs.as_ref().map(|ranked| RangeOnWire {
                    low: ranked.costs.low.into(),
                    base: ranked.costs.base.into(),
                    high: ranked.costs.high.into(),
                }),
                expected: costs.as_ref().map(|ranked| ranked.expected.into()),
                reasons: plan.reasons.clone(),
                would_change_if: plan.would_change_if.clone(),
            },
            profile: ProfileAdvice {
                key: profile.profile.to_owned(),
                overlays: texts(&profile.overlays),
                reasons: profile.reasons.clone(),
            },
            roi: roi.as_ref().map(|roi| roi::out(roi, currency.unwrap_or_default())),
        }
    }
}

fn tenant(intake: &Intake) -> TenantOut {
    TenantOut { id: intake.tenant.clone(), status: intake.state.status().name().to_owned() }
}

fn follow(intake: &Intake) -> String {
    format!("/onboarding/{}", intake.id)
}

fn stored<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Problem> {
    serde_json::from_str(text).map_err(Problem::internal)
}

/// What was answered to a form.
pub(super) fn evaluated(intake: &Intake) -> Result<Evaluated, Problem> {
    stored(&intake.answer)
}

/// What who sent a form is told, first and each time that they send it again.
pub(super) fn submitted(intake: &Intake, receipt_token: String) -> Result<Submitted, Problem> {
    let waiting = Intake { state: State::AwaitingApproval, ..intake.clone() };
    Ok(Submitted {
        tenant: tenant(&waiting),
        evaluated: stored(&intake.answer)?,
        submitted_at: intake.submitted_at,
        follow: follow(intake),
        receipt_token,
    })
}

/// A request, with all that customer success alone may see if `whole`.
pub(super) fn request(intake: &Intake, whole: bool) -> Result<Request, Problem> {
    let decision = match &intake.state {
        State::AwaitingApproval => None,
        State::Decided(decision) => Some(decision),
    };
    let evaluated: Evaluated = stored(&intake.answer)?;
    let form: Option<IntakeIn> = whole.then(|| stored(&intake.form)).transpose()?;
    let assumptions = form.as_ref().map(|form| assumptions::of(form, &evaluated)).transpose()?;
    Ok(Request {
        tenant: tenant(intake),
        evaluated,
        submitted_at: intake.submitted_at,
        follow: follow(intake),
        decided_at: decision.map(|decision| decision.at),
        stack: intake.provision.as_ref().map(|provision| stack(provision, whole)),
        decision: decision.filter(|_| whole).map(decided),
        form,
        assumptions,
    })
}

/// A stranger is not told that a name is another customer's, nor by whom, nor what a stack is made of.
fn stack(provision: &Provision, whole: bool) -> StackOut {
    let (stands, since) = provision.stack.clone().unzip();
    let hidden = provision.outcome == Outcome::Conflict && !whole;
    let waits = stands.as_ref().and_then(|stack| stack.waits.clone());
    StackOut {
        state: if hidden { Outcome::Queued.name() } else { state(provision) }.to_owned(),
        queued_at: provision.queued_at,
        made_at: provision.made_at,
        since,
        parts: stands.map(|stack| PartsOut { ready: stack.ready, total: stack.parts }),
        detail: provision.detail.clone().or(waits).filter(|_| whole),
    }
}

/// What was made is as far as its stack is.
fn state(provision: &Provision) -> &'static str {
    match &provision.stack {
        Some((stack, _)) if provision.outcome == Outcome::Made => stack.phase.name(),
        _ => provision.outcome.name(),
    }
}

fn decided(decision: &Decision) -> DecisionOut {
    let by = match &decision.by {
        Actor::Manager(subject) => Some(subject.clone()),
        Actor::Applicant => None,
    };
    let reason = match &decision.verdict {
        Verdict::Rejected { reason } => Some(reason.clone()),
        Verdict::Approved | Verdict::Withdrawn => None,
    };
    DecisionOut { by, reason }
}

pub(super) fn summary(intake: &Intake) -> Summary {
    Summary {
        tenant: tenant(intake),
        display_name: intake.display_name.clone(),
        plan: intake.plan.as_ref().map(|id| id.plan.clone()),
        profile: intake.profile.clone(),
        stack: intake.provision.as_ref().map(|provision| state(provision).to_owned()),
        submitted_at: intake.submitted_at,
        follow: follow(intake),
    }
}
