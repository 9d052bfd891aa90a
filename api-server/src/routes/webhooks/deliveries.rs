//! `/webhooks/{id}/deliveries`: what was sent, what is to be, what could not be.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::found;
use crate::auth::{
    Caller,
    rule::{WebhooksAdmin, WebhooksRead},
};
use crate::domain::webhook::message;
use crate::http::Problem;
use crate::http::page::Pages;
use crate::http::problem::{Code, ProblemBody};
use crate::http::query::{Filter, Grammar, Op, Parameters};
use crate::ledger::whole_millisecond;
use crate::routes::events::busy;
use crate::routes::wire::ListMeta;
use crate::routes::{App, Routes, route};
use crate::store::webhooks::{self, Delivery, Endpoint, Position, State as How};

pub(super) fn routes(routes: Routes) -> Routes {
    route!(route!(route!(routes, test), list), redeliver)
}

const GRAMMAR: Grammar = Grammar { filters: &[("state", &[Op::Eq])], sorts: &["queued_at"] };

/// A page of deliveries.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Deliveries {
    /// In the order in which they were queued.
    pub data: Vec<DeliveryOut>,
    /// About the page.
    pub meta: ListMeta,
}

/// A message to a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryOut {
    /// The message's id, which is its header `webhook-id`.
    #[schema(example = "msg_5f3a0c9d1b7e4a2f8c6d0e1f2a3b4c5d")]
    pub message: String,
    /// Its type.
    #[serde(rename = "type")]
    #[schema(example = "usage.threshold.crossed")]
    pub kind: String,
    /// What it says, as it is sent.
    pub body: String,
    /// `pending`, `delivered`, or `dead` when it is not sent any more.
    #[schema(example = "pending")]
    pub state: String,
    /// When it was queued.
    #[schema(value_type = String, format = DateTime)]
    pub queued_at: Timestamp,
    /// How often it was sent.
    #[schema(minimum = 0)]
    pub attempts: i64,
    /// When it is sent next; null when it is not.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_at: Option<Timestamp>,
    /// When it was sent last.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_at: Option<Timestamp>,
    /// The status that was answered then; null when none was.
    pub last_status: Option<i64>,
    /// Why it failed then.
    pub last_error: Option<String>,
}

fn out(delivery: Delivery) -> DeliveryOut {
    DeliveryOut {
        message: delivery.message,
        kind: delivery.kind.name().to_owned(),
        body: delivery.body,
        state: delivery.state.name().to_owned(),
        queued_at: delivery.queued_at,
        attempts: delivery.attempts,
        next_at: delivery.next_at,
        last_at: delivery.last_at,
        last_status: delivery.last_status,
        last_error: delivery.last_error,
    }
}

/// Nothing would be sent.
fn enabled(endpoint: &Endpoint) -> Result<(), Problem> {
    match endpoint.disabled {
        None => Ok(()),
        Some(_) => Err(Problem::new(
            Code::WebhookDisabled,
            "Nothing is sent to this webhook. Enable it first: PUT /webhooks/{id} with enabled true.",
        )),
    }
}

/// Send a test message
///
/// Of type `webhook.test`, which every webhook gets, whatever it chose; retried like all others.
#[utoipa::path(
    post, path = "/webhooks/{id}/test", operation_id = "test_webhook", tag = "webhooks",
    params(("id" = String, Path, description = "The webhook's id.")),
    responses(
        (status = 202, description = "It is queued.", body = DeliveryOut),
        (status = 404, description = "There is none.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The webhook is disabled.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn test(
    _: Caller<WebhooksAdmin>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<(StatusCode, axum::Json<DeliveryOut>), Problem> {
    let endpoint = found(&app, &id).await?;
    enabled(&endpoint)?;
    let now = whole_millisecond(app.ledger.now());
    let n = Uuid::now_v7().to_string();
    let message = message::test(&endpoint.id.to_string(), &n, now);
    let work = app.ledger.transact(None, move |session, _| {
        Box::pin(async move {
            webhooks::tell_one(session, endpoint.id, &message, now).await?;
            webhooks::delivery(session, endpoint.id, &message.id).await
        })
    });
    let queued = work.await.map_err(busy)?.ok_or_else(Problem::not_found)?;
    Ok((StatusCode::ACCEPTED, axum::Json(out(queued))))
}

/// List a webhook's deliveries
///
/// By the time at which they were queued. They are kept for 30 days.
#[utoipa::path(
    get, path = "/webhooks/{id}/deliveries", operation_id = "list_webhook_deliveries", tag = "webhooks",
    params(
        ("id" = String, Path, description = "The webhook's id."),
        ("filter[state][eq]" = Option<String>, Query, pattern = "^(pending|delivered|dead)$", description = "pending, delivered or dead."),
        ("sort" = Option<String>, Query, pattern = "^queued_at( (asc|desc))?$", description = "`queued_at asc` (the default) or `queued_at desc`."),
        ("page[size]" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "1 to 1000; 100 unless given."),
        ("page[after]" = Option<String>, Query, description = "A cursor, as in `meta.page.next`."),
    ),
    responses(
        (status = 200, description = "A page of them.", body = Deliveries),
        (status = 404, description = "There is no such webhook.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn list(
    _: Caller<WebhooksRead>,
    State(app): State<App>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<axum::Json<Deliveries>, Problem> {
    let endpoint = found(&app, &id).await?.id;
    let query = parameters.list(GRAMMAR)?;
    let state = query.filter("state").map(Filter::parse::<How>).transpose()?;
    let route = format!("/webhooks/{endpoint}/deliveries");
    let pages = Pages::new(&app.cursors, &query, route, &endpoint.to_string());
    let after = pages.after::<Position>()?;
    let page = webhooks::Page { descending: query.descending, after, limit: pages.limit() };
    let filter = webhooks::Filter { endpoint, state };
    let mut session = app.ledger.store().read().await.map_err(Problem::unavailable)?;
    let mut rows =
        webhooks::page(&mut session, filter, page).await.map_err(Problem::unavailable)?;
    let next = pages.cut(&mut rows, |last| (last.queued_at.as_millisecond(), last.message.clone()));
    let data = rows.into_iter().map(out).collect();
    Ok(axum::Json(Deliveries { data, meta: ListMeta::new(next) }))
}

/// Send a message again
///
/// At once and, if need be, by the whole schedule again; under the same id, newly signed. Also one that was
/// delivered: the receiver tells by the id.
#[utoipa::path(
    post, path = "/webhooks/{id}/deliveries/{message}/redeliver", operation_id = "redeliver_webhook", tag = "webhooks",
    params(
        ("id" = String, Path, description = "The webhook's id."),
        ("message" = String, Path, description = "The message's id."),
    ),
    responses(
        (status = 202, description = "It is queued.", body = DeliveryOut),
        (status = 404, description = "There is no such webhook or message.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The webhook is disabled.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn redeliver(
    _: Caller<WebhooksAdmin>,
    State(app): State<App>,
    Path((id, message)): Path<(String, String)>,
) -> Result<(StatusCode, axum::Json<DeliveryOut>), Problem> {
    let endpoint = found(&app, &id).await?;
    if !message::is_id(&message) {
        return Err(Problem::not_found());
    }
    enabled(&endpoint)?;
    let work = app.ledger.transact(None, move |session, now| {
        let now = whole_millisecond(now);
        Box::pin(async move {
            webhooks::redeliver(session, endpoint.id, &message, now).await?;
            webhooks::delivery(session, endpoint.id, &message).await
        })
    });
    let queued = work.await.map_err(busy)?.ok_or_else(Problem::not_found)?;
    Ok((StatusCode::ACCEPTED, axum::Json(out(queued))))
}
