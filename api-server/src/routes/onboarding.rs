//! `/onboarding`: a stranger asks to be taken on, customer success decides.

use std::time::Instant;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::events::busy;
use super::wire::{Faults, ListMeta};
use super::{App, Routes, route};
use crate::auth::rule::{
    OnboardingDecide, OnboardingFollow, OnboardingRead, OnboardingWithdraw, Public,
};
use crate::auth::{Caller, Reach, ReceiptHash};
use crate::domain::onboarding::{Actor, Decision, Evaluation, Status, Verdict, evaluate};
use crate::http::budget::Payer;
use crate::http::page::Pages;
use crate::http::problem::{Code, ProblemBody};
use crate::http::query::{Filter, Grammar, Op, Parameters};
use crate::http::{Json, Problem};
use crate::ledger::whole_millisecond;
use crate::store::onboarding::{self as intakes, Decided, Intake, Position};

mod answer;
mod assumptions;
mod brief;
mod form;
mod idempotency;

pub use answer::{Evaluated, Request, Requests, Submitted, Summary};
pub use form::IntakeIn;

pub(super) fn routes(routes: Routes) -> Routes {
    let routes = route!(route!(routes, submit), list);
    let routes = route!(route!(routes, show), approve);
    brief::routes(route!(route!(routes, reject), withdraw))
}

/// How long a reason may be, in characters.
const REASON: usize = 500;
const LIST: &str = "/onboarding";
const GRAMMAR: Grammar = Grammar { filters: &[("status", &[Op::Eq])], sorts: &["submitted_at"] };

/// Ask to be taken on
///
/// The form is kept and answered with the plan and profile that would fit and the business case;
/// somebody of customer success decides. The same `Idempotency-Key` with the same form has the same
/// answer and makes no second request; with another form it is another request.
#[utoipa::path(
    post, path = "/onboarding", operation_id = "submit_onboarding", tag = "onboarding",
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,255}$", description = "1 to 255 visible ASCII characters, made up anew for each form.")),
    request_body = IntakeIn,
    responses(
        (status = 201, description = "It waits for approval.", body = Submitted),
        (status = 422, description = "Values that cannot be worked with; `errors` has all of them.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn submit(
    caller: Caller<Public>,
    State(app): State<App>,
    headers: HeaderMap,
    Json(given): Json<IntakeIn>,
) -> Result<Response, Problem> {
    let key = idempotency::key(&headers)?;
    let secret = key.map_or_else(idempotency::once, |key| Ok(key.to_owned()))?;
    let new = prepare(&app, &given, key, &secret)?;
    // Who asks again what became of a form is answered, whatever is left: nothing more is kept for it.
    if let Some(intake) = sent_before(&app, &new).await? {
        return created(&intake, &secret);
    }
    let left = pay(&app, &caller)?;
    let work = app.ledger.transact(None, move |session, _| {
        Box::pin(async move { intakes::add(session, &new).await })
    });
    let intake = work.await.map_err(busy)?.ok_or_else(many_wait)?;
    tracing::info!(target: "billing", flow = "onboarding", step = "submitted", id = %intake.id, "onboarding");
    Ok((AppendHeaders(left), created(&intake, &secret)?).into_response())
}

/// The request that the same form made with the same key.
async fn sent_before(app: &App, new: &Intake) -> Result<Option<Intake>, Problem> {
    let Some(scope) = &new.scope else { return Ok(None) };
    let mut session = app.ledger.store().read().await.map_err(Problem::unavailable)?;
    intakes::of_scope(&mut session, scope).await.map_err(Problem::unavailable)
}

/// Pays for a form that is kept, from what is one stranger's. Who runs the server is told that strangers are
/// refused: behind a proxy that is not named, all of them are one.
fn pay(app: &App, caller: &Caller<Public>) -> Result<[(HeaderName, HeaderValue); 2], Problem> {
    let budgets = app.authenticator.budgets();
    let payer = caller.payer().whole();
    budgets.onboarding.spend(&payer).inspect_err(|_| {
        let Some(refused) = budgets.onboarding_refuses.happened(Instant::now()) else { return };
        let Payer::Address(from) = payer else { return };
        tracing::warn!(
            refused, %from,
            "a request to be taken on is refused: as many came from one address as may in an hour \
             (--rate-onboarding). If it is a proxy's, all strangers come from it: name it (--trusted-proxy)"
        );
    })
}

fn created(intake: &Intake, secret: &str) -> Result<Response, Problem> {
    let token = idempotency::receipt(&intake.salt, secret, &intake.form);
    let answer = answer::submitted(intake, token)?;
    let place = HeaderValue::from_str(&answer.follow).map_err(Problem::internal)?;
    Ok((StatusCode::CREATED, secret_headers(place), axum::Json(answer)).into_response())
}

/// 429: nobody comes after with deciding. It is strangers who ask too much, and no failure of the server,
/// which 5xx would be counted as.
fn many_wait() -> Problem {
    let most = intakes::MOST_WAITING;
    tracing::warn!(most, "onboarding is refused: as many requests wait for a decision as may");
    Problem::new(
        Code::TooManyWaiting,
        "No more requests are taken until some of those before are decided. Send it again later.",
    )
    .with_retry_after(3_600)
}

/// The answer has a token: no cache may keep it.
fn secret_headers(place: HeaderValue) -> [(HeaderName, HeaderValue); 2] {
    [(header::LOCATION, place), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))]
}

/// The request that a form makes, if nobody sent it before.
fn prepare(
    app: &App,
    given: &IntakeIn,
    key: Option<&str>,
    secret: &str,
) -> Result<Intake, Problem> {
    let now = (app.clock)();
    let form = form::read(given, now)?;
    let evaluation = evaluate(&form, &app.catalogue.live_plans(now)).map_err(|invalid| {
        let mut faults = Faults::default();
        invalid.into_iter().for_each(|one| faults.note(one.pointer, one.message));
        faults.check().err().unwrap_or_else(|| Problem::internal("no fault was named"))
    })?;
    let (zone, _) = form.calendar().map_err(Problem::internal)?;
    let text = serde_json::to_string(given).map_err(Problem::internal)?;
    let Evaluation { plan, profile, .. } = &evaluation;
    let salt = idempotency::random()?;
    let receipt = idempotency::receipt(&salt, secret, &text);
    let receipt = ReceiptHash::of(&receipt).ok_or_else(|| Problem::internal("no receipt"))?;
    Ok(Intake {
        id: Uuid::now_v7(),
        tenant: form.tenant,
        display_name: form.display_name,
        answer: serde_json::to_string(&Evaluated::from(&evaluation)).map_err(Problem::internal)?,
        plan: plan.plan.clone(),
        profile: profile.profile.to_owned(),
        currency: form.currency.code().to_owned(),
        zone: zone.name().to_owned(),
        anchor_day: form.anchor_day,
        receipt: receipt.bytes(),
        scope: key.map(|key| idempotency::scope(key, &text)),
        salt,
        submitted_at: whole_millisecond(now),
        state: crate::domain::onboarding::State::AwaitingApproval,
        provision: None,
        form: text,
    })
}

/// Look at a request
///
/// With its receipt, or as customer success, who sees the form and the decision too.
#[utoipa::path(
    get, path = "/onboarding/{id}", operation_id = "show_onboarding", tag = "onboarding",
    params(("id" = String, Path, description = "The request's id, as in `follow`.")),
    responses(
        (status = 200, description = "The request.", body = Request),
        (status = 404, description = "None that this caller may see.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn show(
    caller: Caller<OnboardingFollow>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<axum::Json<Request>, Problem> {
    let intake = reachable(&app, caller.reach(), &id).await?;
    Ok(axum::Json(answer::request(&intake, *caller.reach() == Reach::Everyone)?))
}

/// The request of an id, if the caller may reach it; one answer for all that they may not.
async fn reachable(app: &App, reach: &Reach, id: &str) -> Result<Intake, Problem> {
    let id: Uuid = id.parse().map_err(|_| Problem::not_found())?;
    let mut session = app.ledger.store().read().await.map_err(Problem::unavailable)?;
    let intake = intakes::get(&mut session, id).await.map_err(Problem::unavailable)?;
    let intake = intake.ok_or_else(Problem::not_found)?;
    match reach {
        Reach::Everyone => Ok(intake),
        Reach::Receipt(hash) if *hash == ReceiptHash::stored(intake.receipt) => Ok(intake),
        Reach::Receipt(_) | Reach::Own(_) | Reach::Nothing => Err(Problem::not_found()),
    }
}

/// List requests
///
/// All of them, by the time at which they came.
#[utoipa::path(
    get, path = "/onboarding", operation_id = "list_onboarding", tag = "onboarding",
    params(
        ("filter[status][eq]" = Option<String>, Query, pattern = "^(awaiting_approval|approved|rejected|withdrawn)$", description = "awaiting_approval, approved, rejected or withdrawn."),
        ("sort" = Option<String>, Query, pattern = "^submitted_at( (asc|desc))?$", description = "`submitted_at asc` (the default) or `submitted_at desc`."),
        ("page[size]" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "1 to 1000; 100 unless given."),
        ("page[after]" = Option<String>, Query, description = "A cursor, as in `meta.page.next`."),
    ),
    responses((status = 200, description = "A page of them.", body = Requests))
)]
async fn list(
    _: Caller<OnboardingRead>,
    State(app): State<App>,
    parameters: Parameters,
) -> Result<axum::Json<Requests>, Problem> {
    let query = parameters.list(GRAMMAR)?;
    let status = query.filter("status").map(Filter::parse::<Status>).transpose()?;
    let pages = Pages::new(&app.cursors, &query, LIST, "everyone");
    let after: Option<Position> = match pages.after::<(i64, Uuid)>()? {
        None => None,
        Some((ms, id)) => {
            Some((jiff::Timestamp::from_millisecond(ms).map_err(Problem::internal)?, id))
        }
    };
    let page = intakes::Page { status, descending: query.descending, after, limit: pages.limit() };
    let mut session = app.ledger.store().read().await.map_err(Problem::unavailable)?;
    let mut rows = intakes::page(&mut session, page).await.map_err(Problem::unavailable)?;
    let next = pages.cut(&mut rows, |last| (last.submitted_at.as_millisecond(), last.id));
    let data = rows.iter().map(answer::summary).collect();
    Ok(axum::Json(Requests { data, meta: ListMeta::new(next) }))
}

/// Take a customer on
///
/// Opens the account, with the form's currency, time zone and anchor day, and the tenant's name as
/// its id, on the plan that was answered to the form, from now on. Approving what one approved before changes nothing.
#[utoipa::path(
    post, path = "/onboarding/{id}/approve", operation_id = "approve_onboarding", tag = "onboarding",
    params(("id" = String, Path, description = "The request's id, as in `follow`.")),
    responses(
        (status = 200, description = "It is approved.", body = Request),
        (status = 404, description = "There is none.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "It was decided otherwise, the name is taken, or no plan fits.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn approve(
    caller: Caller<OnboardingDecide>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<axum::Json<Request>, Problem> {
    let intake = reachable(&app, caller.reach(), &id).await?;
    decide(&app, &caller, &intake, Verdict::Approved).await
}

/// Why not.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// For customer success; whoever holds the receipt does not see it.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// Turn a request down
///
/// Rejecting it again, for the same reason, changes nothing.
#[utoipa::path(
    post, path = "/onboarding/{id}/reject", operation_id = "reject_onboarding", tag = "onboarding",
    params(("id" = String, Path, description = "The request's id, as in `follow`.")),
    request_body = Rejection,
    responses(
        (status = 200, description = "It is rejected.", body = Request),
        (status = 404, description = "There is none.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "It was decided otherwise.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The reason is none.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn reject(
    caller: Caller<OnboardingDecide>,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(Rejection { reason }): Json<Rejection>,
) -> Result<axum::Json<Request>, Problem> {
    let mut faults = Faults::default();
    let bounded = !reason.trim().is_empty() && reason.chars().count() <= REASON;
    if !bounded || reason.chars().any(char::is_control) {
        faults.note(
            "/reason",
            format!("must have 1 to {REASON} characters and no control characters"),
        );
    }
    faults.check()?;
    let intake = reachable(&app, caller.reach(), &id).await?;
    decide(&app, &caller, &intake, Verdict::Rejected { reason }).await
}

/// Take a request back
///
/// With its receipt, or as customer success, while nobody decided.
#[utoipa::path(
    post, path = "/onboarding/{id}/withdraw", operation_id = "withdraw_onboarding", tag = "onboarding",
    params(("id" = String, Path, description = "The request's id, as in `follow`.")),
    responses(
        (status = 200, description = "It is withdrawn.", body = Request),
        (status = 404, description = "None that this caller may see.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "It was decided otherwise.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn withdraw(
    caller: Caller<OnboardingWithdraw>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<axum::Json<Request>, Problem> {
    let intake = reachable(&app, caller.reach(), &id).await?;
    decide(&app, &caller, &intake, Verdict::Withdrawn).await
}

/// Decides about a request that the caller may reach.
async fn decide<R>(
    app: &App,
    caller: &Caller<R>,
    intake: &Intake,
    verdict: Verdict,
) -> Result<axum::Json<Request>, Problem> {
    let subject = caller.identity().map(|identity| identity.subject().to_owned());
    let by = subject.map_or(Actor::Applicant, Actor::Manager);
    let decision = Decision { verdict, by, at: whole_millisecond((app.clock)()) };
    let (id, provide) = (intake.id, app.provides);
    let work = app.ledger.transact(None, move |session, _| {
        Box::pin(async move { intakes::decide(session, id, decision, provide).await })
    });
    let whole = *caller.reach() == Reach::Everyone;
    match work.await.map_err(busy)? {
        Decided::Stands(intake) => {
            tracing::info!(target: "billing", flow = "onboarding", step = "decided", %id, "onboarding");
            Ok(axum::Json(answer::request(&intake, whole)?))
        }
        Decided::Otherwise(status) => Err(Problem::new(
            Code::AlreadyDecided,
            format!("The request is {status} already. A decision stays; send the form anew."),
        )),
        Decided::NoPlan => Err(Problem::new(
            Code::NoPlan,
            "There is no plan to approve; plan.reasons says why. Reject the request, and agree \
             with the customer on a form that a plan fits.",
        )),
        Decided::NameTaken => Err(Problem::new(
            Code::NameTaken,
            format!(
                "There is an account or a Tenant {} already. Reject the request, and ask the customer for \
                 another name.",
                intake.tenant
            ),
        )),
        Decided::Unknown => Err(Problem::not_found()),
    }
}
