//! `/webhooks`: who is told what happened, and what became of the telling.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use uuid::Uuid;

use super::accounts::actor;
use super::events::busy;
use super::wire::{Faults, ListMeta};
use super::{App, Routes, route};
use crate::auth::{
    Caller,
    rule::{WebhooksAdmin, WebhooksRead},
};
use crate::domain::webhook::{Kind, Secret, sign};
use crate::http::problem::{Code, ProblemBody};
use crate::http::{Json, Problem};
use crate::ledger::whole_millisecond;
use crate::store::webhooks::{self, Endpoint, MOST, Wish};
use crate::webhooks::target;

mod deliveries;
mod shapes;

use shapes::{
    MessageType, RotationIn, RotationOut, WebhookChange, WebhookIn, WebhookMade, WebhookOut,
    Webhooks, out,
};

pub(super) fn routes(routes: Routes) -> Routes {
    let routes = route!(route!(route!(routes, create), list), show);
    deliveries::routes(route!(route!(route!(routes, update), delete), rotate))
}

/// How long a description may be, in characters.
const DESCRIPTION: usize = 256;

/// What is wished for, if it can be.
fn read(app: &App, url: &str, description: String, types: &[MessageType]) -> Result<Wish, Problem> {
    let mut faults = Faults::default();
    let url = target::read(url, &app.webhooks).map(|url| url.to_string());
    let url = faults.or_note("/url", url);
    if description.chars().count() > DESCRIPTION || description.chars().any(char::is_control) {
        let detail =
            format!("must have at most {DESCRIPTION} characters and no control characters");
        faults.note("/description", detail);
    }
    if types.len() > Kind::CHOICE.len() {
        faults.note("/types", format!("must name at most {} types", Kind::CHOICE.len()));
    }
    faults.check()?;
    let mut types: Vec<Kind> = types.iter().map(|chosen| (*chosen).into()).collect();
    types.sort_by_key(|kind| kind.name());
    types.dedup();
    Ok(Wish { url, description, types })
}

fn new_secret() -> Result<Secret, Problem> {
    let mut bytes = [0; sign::BYTES];
    getrandom::fill(&mut bytes).map_err(Problem::internal)?;
    Secret::new(&bytes).ok_or_else(|| Problem::internal("a secret of another length"))
}

/// The webhook of a path.
async fn found(app: &App, id: &str) -> Result<Endpoint, Problem> {
    let id: Uuid = id.parse().map_err(|_| Problem::not_found())?;
    let mut session = app.ledger.store().read().await.map_err(Problem::unavailable)?;
    let found = webhooks::get(&mut session, id).await.map_err(Problem::unavailable)?;
    found.ok_or_else(Problem::not_found)
}

/// Set a webhook up
///
/// From then on each thing of its types that happens is sent to it, signed as Standard Webhooks has it, until
/// it answers 2xx: ten attempts over three days. The answer has the secret, this once.
#[utoipa::path(
    post, path = "/webhooks", operation_id = "create_webhook", tag = "webhooks",
    request_body = WebhookIn,
    responses(
        (status = 201, description = "It is set up.", body = WebhookMade),
        (status = 409, description = "There are as many as there may be.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Values that cannot be worked with.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn create(
    caller: Caller<WebhooksAdmin>,
    State(app): State<App>,
    Json(WebhookIn { url, description, types }): Json<WebhookIn>,
) -> Result<Response, Problem> {
    let now = whole_millisecond(app.ledger.now());
    let new = Endpoint {
        id: Uuid::now_v7(),
        wish: read(&app, &url, description, &types)?,
        secret: new_secret()?,
        old: None,
        disabled: None,
        created_at: now,
        created_by: actor(&caller),
    };
    let made = WebhookMade { webhook: out(&new, now), secret: new.secret.text() };
    let work = app.ledger.transact(None, move |session, _| {
        Box::pin(async move { webhooks::add(session, &new).await })
    });
    if !work.await.map_err(busy)? {
        let detail = format!("There are {MOST} webhooks. Delete one that nobody needs.");
        return Err(Problem::new(Code::TooManyWebhooks, detail));
    }
    Ok((StatusCode::CREATED, axum::Json(made)).into_response())
}

/// List webhooks
///
/// All of them, the oldest first, without their secrets.
#[utoipa::path(
    get, path = "/webhooks", operation_id = "list_webhooks", tag = "webhooks",
    responses((status = 200, description = "All of them.", body = Webhooks))
)]
async fn list(
    _: Caller<WebhooksRead>,
    State(app): State<App>,
) -> Result<axum::Json<Webhooks>, Problem> {
    let mut session = app.ledger.store().read().await.map_err(Problem::unavailable)?;
    let all = webhooks::all(&mut session).await.map_err(Problem::unavailable)?;
    let now = app.ledger.now();
    let data = all.iter().map(|endpoint| out(endpoint, now)).collect();
    Ok(axum::Json(Webhooks { data, meta: ListMeta::new(None) }))
}

/// Look at a webhook
///
/// Without its secret.
#[utoipa::path(
    get, path = "/webhooks/{id}", operation_id = "show_webhook", tag = "webhooks",
    params(("id" = String, Path, description = "The webhook's id.")),
    responses(
        (status = 200, description = "The webhook.", body = WebhookOut),
        (status = 404, description = "There is none.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn show(
    _: Caller<WebhooksRead>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<axum::Json<WebhookOut>, Problem> {
    let endpoint = found(&app, &id).await?;
    Ok(axum::Json(out(&endpoint, app.ledger.now())))
}

/// Change a webhook
///
/// All that people set of it. Enabling it again sends what waited.
#[utoipa::path(
    put, path = "/webhooks/{id}", operation_id = "change_webhook", tag = "webhooks",
    params(("id" = String, Path, description = "The webhook's id.")),
    request_body = WebhookChange,
    responses(
        (status = 200, description = "It is so.", body = WebhookOut),
        (status = 404, description = "There is none.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Values that cannot be worked with.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn update(
    _: Caller<WebhooksAdmin>,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(WebhookChange { url, description, types, enabled }): Json<WebhookChange>,
) -> Result<axum::Json<WebhookOut>, Problem> {
    let wish = read(&app, &url, description, &types)?;
    let id = found(&app, &id).await?.id;
    let work = app.ledger.transact(None, move |session, now| {
        let now = whole_millisecond(now);
        Box::pin(async move { webhooks::update(session, id, &wish, enabled, now).await })
    });
    let changed = work.await.map_err(busy)?.ok_or_else(Problem::not_found)?;
    Ok(axum::Json(out(&changed, app.ledger.now())))
}

/// Delete a webhook
///
/// With all that was and was to be sent to it.
#[utoipa::path(
    delete, path = "/webhooks/{id}", operation_id = "delete_webhook", tag = "webhooks",
    params(("id" = String, Path, description = "The webhook's id.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 404, description = "There is none.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn delete(
    _: Caller<WebhooksAdmin>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = found(&app, &id).await?.id;
    let work = app.ledger.transact(None, move |session, _| Box::pin(webhooks::remove(session, id)));
    if work.await.map_err(busy)? { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}

/// Give a webhook a new secret
///
/// Messages are signed with it from now on, and for a while with the old one too, so that the receiver can
/// change over. The answer has it, this once. One that was older still is good no more.
#[utoipa::path(
    post, path = "/webhooks/{id}/secret", operation_id = "rotate_webhook_secret", tag = "webhooks",
    params(("id" = String, Path, description = "The webhook's id.")),
    request_body = RotationIn,
    responses(
        (status = 200, description = "It has a new one.", body = RotationOut),
        (status = 404, description = "There is none.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Values that cannot be worked with.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn rotate(
    _: Caller<WebhooksAdmin>,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(RotationIn { overlap_hours }): Json<RotationIn>,
) -> Result<axum::Json<RotationOut>, Problem> {
    let mut faults = Faults::default();
    if overlap_hours > 168 {
        faults.note("/overlap_hours", "must be at most 168, a week");
    }
    faults.check()?;
    let id = found(&app, &id).await?.id;
    let new = new_secret()?;
    let overlap = SignedDuration::from_hours(overlap_hours.into());
    let until = app.ledger.now().checked_add(overlap).map_err(Problem::internal)?;
    let until = whole_millisecond(until);
    let secret = new.text();
    let work = app.ledger.transact(None, move |session, _| {
        Box::pin(async move { webhooks::rotate(session, id, &new, until).await })
    });
    if !work.await.map_err(busy)? {
        return Err(Problem::not_found());
    }
    Ok(axum::Json(RotationOut { secret, previous_secret_until: until }))
}
