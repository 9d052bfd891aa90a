//! What tenants' gateways ask of the control plane.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::events::busy;
use super::wire::Faults;
use super::{App, Routes, route};
use crate::auth::{Caller, Identity, rule::Gateway};
use crate::http::problem::ProblemBody;
use crate::http::{Json, Problem};
use crate::store::gateways::{self, Heartbeat};

pub(super) fn routes(routes: Routes) -> Routes {
    let routes = route!(routes, heartbeat);
    route!(routes, keys)
}

/// How long a version, or a uid, may be, in bytes.
const LONGEST: usize = 64;

/// How a gateway stands.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HeartbeatIn {
    /// The version of its program.
    #[schema(example = "0.1.0", min_length = 1, max_length = 64)]
    pub version: String,
    /// Events that it holds.
    pub held_events: u64,
    /// Their size, in bytes.
    pub held_bytes: u64,
    /// When the oldest of them was taken.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub oldest: Option<Timestamp>,
    /// Events that the ledger refused it, ever.
    pub refused: u64,
    /// Whether it takes nothing any more.
    pub sealed: bool,
    /// The uid of the tenant for whose removal that is, as the control plane said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64)]
    pub sealed_for: Option<String>,
}

/// What a gateway is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeartbeatOut {
    /// Whose gateway it is.
    #[schema(example = "acme")]
    pub account: String,
    /// Whether to take nothing more and hand over what is left.
    pub drain: bool,
    /// The uid of the tenant that is being removed, to be said with `sealed`; there while `drain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain_for: Option<String>,
    /// The control plane's time.
    #[schema(value_type = String, format = DateTime)]
    pub now: Timestamp,
}

/// Say how a gateway stands
///
/// A tenant's gateway says what it holds and hears whose it is and whether to drain. What is sealed
/// for the tenant that is being removed, and holds nothing, can be removed without losing usage.
#[utoipa::path(
    post, path = "/gateway/heartbeat", operation_id = "heartbeat", tag = "gateways",
    request_body = HeartbeatIn,
    responses(
        (status = 200, description = "Heard.", body = HeartbeatOut),
        (status = 422, description = "It cannot stand so.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn heartbeat(
    caller: Caller<Gateway>,
    State(app): State<App>,
    Json(given): Json<HeartbeatIn>,
) -> Result<axum::Json<HeartbeatOut>, Problem> {
    let account = caller.own()?.clone();
    let now = (app.clock)();
    let beat = read(given, now)?;
    let mut session = app.ledger.store().read().await.map_err(Problem::unavailable)?;
    let last = gateways::last(&mut session, &account).await.map_err(Problem::unavailable)?;
    let drain_for = gateways::drains(&mut session, &account).await;
    let mut drain_for = drain_for.map_err(Problem::unavailable)?;
    drop(session);
    if last.is_none_or(|last| beat.is_news_after(&last)) {
        let of = account.clone();
        let work = app.ledger.transact(Some(account.clone()), move |session, _| {
            Box::pin(async move {
                gateways::put(session, &of, &beat).await?;
                // Asked again: who was told meanwhile that there is no gateway must be right.
                gateways::drains(session, &of).await
            })
        });
        drain_for = work.await.map_err(busy)?;
    }
    Ok(axum::Json(HeartbeatOut {
        account: account.to_string(),
        drain: drain_for.is_some(),
        drain_for,
        now,
    }))
}

fn read(given: HeartbeatIn, at: Timestamp) -> Result<Heartbeat, Problem> {
    let HeartbeatIn { version, held_events, held_bytes, oldest, refused, sealed, sealed_for } =
        given;
    let mut faults = Faults::default();
    for (pointer, text) in [("/version", Some(&version)), ("/sealed_for", sealed_for.as_ref())] {
        if text.is_some_and(|text| !is_plain(text)) {
            faults.note(pointer, format!("must have 1 to {LONGEST} visible characters"));
        }
    }
    let mut count = |pointer: &str, count: u64| {
        faults.or_note(pointer, i64::try_from(count).map_err(|_| "is more than can be kept"))
    };
    let (held_events, held_bytes) =
        (count("/held_events", held_events), count("/held_bytes", held_bytes));
    let refused = count("/refused", refused);
    faults.check()?;
    Ok(Heartbeat { at, version, held_events, held_bytes, oldest, refused, sealed, sealed_for })
}

fn is_plain(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Keys of the gateway's cluster
///
/// The key set (JWK) of the issuer that signed the caller's token. A gateway verifies the tokens of
/// its namespace's workloads with it; it may not ask Kubernetes itself.
#[utoipa::path(
    get, path = "/gateway/keys", operation_id = "gateway_keys", tag = "gateways",
    responses((status = 200, description = "The key set.", body = serde_json::Value, content_type = "application/jwk-set+json"))
)]
async fn keys(caller: Caller<Gateway>, State(app): State<App>) -> Result<Response, Problem> {
    let Some(Identity::Workload(workload)) = caller.identity() else {
        return Err(Problem::not_found());
    };
    let issuers = app.authenticator.verifier().issuers();
    let issuer = issuers.iter().find(|issuer| issuer.name() == workload.issuer);
    let set = issuer.and_then(|issuer| issuer.keys().set());
    let set =
        set.ok_or_else(|| Problem::of(StatusCode::SERVICE_UNAVAILABLE).with_retry_after(1))?;
    Ok(([(header::CONTENT_TYPE, "application/jwk-set+json")], set.to_vec()).into_response())
}
