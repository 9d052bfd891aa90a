//! `POST /usage/events` of a gateway: as the API server's, and answered once the events are held. And
//! `/backups`, where the backup job asks for one and hears what became of it.

use std::sync::Arc;

use axum::extract::{FromRef, Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use uuid::Uuid;

use super::backup::{Backups, Report};
use super::spool::{Fresh, NotHeld, Spool};
use crate::auth::caller::Clock;
use crate::auth::rule::{BackupJob, Neighbour};
use crate::auth::{Authenticator, Caller};
use crate::domain::event::{self, Context, Members};
use crate::http::Problem;
use crate::http::problem::Code;
use crate::http::query::Parameters;
use crate::routes::events::{Read, answer, busy, receive, take};
use crate::routes::{Flows, Metrics, flow_of};

/// What the gateway's handler can reach. Clones are the same.
#[derive(Clone)]
pub struct Gateway {
    /// Who may come in.
    pub authenticator: Authenticator,
    /// What time it is.
    pub clock: Clock,
    /// Where events are held.
    pub spool: Arc<Spool>,
    /// Who makes backups.
    pub backups: Arc<Backups>,
    /// Whether the gateway knows whom to believe, and for which account.
    pub knows: Arc<dyn Fn() -> bool + Send + Sync>,
    /// What is counted.
    pub metrics: Metrics,
}

impl FromRef<Gateway> for Authenticator {
    fn from_ref(gateway: &Gateway) -> Self {
        gateway.authenticator.clone()
    }
}

/// Every operation of a gateway, so that who may not is refused each of them.
pub const OPERATIONS: [(&str, &str); 3] =
    [("POST", "/usage/events"), ("POST", "/backups"), ("GET", "/backups/{id}")];

/// The gateway's routes.
pub fn router(gateway: Gateway) -> Router {
    let ready = from_fn_with_state(gateway.clone(), known);
    let [(_, events), (_, backups), (_, backup)] = OPERATIONS;
    Router::new()
        .route(events, post(send))
        .route(backups, post(ask))
        .route(backup, get(report))
        .layer(ready)
        .with_state(gateway)
}

/// A gateway that knows nobody yet must not tell good senders that their tokens are bad.
async fn known(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    if (gateway.knows)() {
        return next.run(request).await;
    }
    Problem::new(
        Code::NotReady,
        "The gateway has not reached the control plane yet, so it cannot know its senders. Nothing \
         was taken; send it again later.",
    )
    .with_retry_after(5)
    .into_response()
}

/// Answers at once: a copy may take longer than an answer.
async fn ask(_: Caller<BackupJob>, State(gateway): State<Gateway>) -> (StatusCode, Json<Report>) {
    (StatusCode::ACCEPTED, Json(gateway.backups.ask()))
}

/// A gateway that was started anew knows nothing of what was asked before.
async fn report(
    _: Caller<BackupJob>,
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
) -> Result<Json<Report>, Problem> {
    let id: Uuid = id.parse().map_err(|_| Problem::not_found())?;
    let last = gateway.backups.report().filter(|report| report.id == id);
    last.map(Json).ok_or_else(Problem::not_found)
}

async fn send(
    caller: Caller<Neighbour>,
    State(gateway): State<Gateway>,
    parameters: Parameters,
    request: Request,
) -> Result<Response, Problem> {
    let account = caller.own()?;
    let arrived = (gateway.clock)();
    let sent = receive(&gateway.authenticator, account, parameters, request).await?;
    let of = account.clone();
    let read = move |mut members: Members| {
        let stamped = event::stamp(&mut members, arrived);
        let context = Context { account: &of, now: arrived };
        event::read(&members, context).map(|event| Fresh { event, stamped })
    };
    let Read { events, names, atomic, share: _held } = sent.read(read).await?;
    let hold = |events: Vec<Fresh>| async {
        let counts: Vec<_> = events.iter().map(|fresh| flow_of(&fresh.event)).collect();
        let held = gateway.spool.take(account, arrived, atomic, events).await.map_err(not_held)?;
        let mut flows = Flows::default();
        counts.into_iter().zip(&held.outcomes).for_each(|(count, told)| flows.note(count, told));
        gateway.metrics.held.iter().for_each(|metrics| metrics.taken(&flows));
        Ok(held)
    };
    let mut taken = take(events, &names, atomic, hold).await?;
    // Rows are the ledger's, and not there yet.
    taken.ledger = None;
    gateway.metrics.events(&taken);
    answer(taken)
}

/// Nothing was acknowledged; sending again is safe.
fn not_held(why: NotHeld) -> Problem {
    match why {
        NotHeld::Full => Problem::new(
            Code::SpoolFull,
            "The gateway holds as much usage as it may until the control plane takes some. Nothing of \
             this request was taken; keep it and send it again.",
        )
        .with_retry_after(30),
        NotHeld::Sealed => Problem::new(
            Code::Sealed,
            "This tenant is being removed and its usage is closed. Nothing of this request was taken.",
        )
        .with_retry_after(60),
        NotHeld::Store(error) => busy(error),
    }
}
