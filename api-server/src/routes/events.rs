//! `/usage/events`: usage in, and what became of it.

use std::borrow::Borrow;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::metrics::usage::{self, Flows};
use super::{App, Routes, route};
use crate::auth::{Authenticator, Caller, rule::UsageWrite};
use crate::domain::account::AccountId;
use crate::domain::event::{self, Context, Members, Rejected, UsageEvent};
use crate::http::problem::{Code, FieldError, ProblemBody};
use crate::http::query::Parameters;
use crate::http::{Problem, body, room};
use crate::ledger::{Append, Item, LedgerError, Outcome, Receipt};
use crate::store::StoreError;
pub(crate) use rejects::Name;

mod media;
pub mod read;
mod rejects;
mod schema;
#[cfg(test)]
mod tests;

pub use schema::{Amount, CloudEvent, CloudEvents, OneOrMany, Use};

pub(super) fn routes(routes: Routes) -> Routes {
    read::routes(route!(routes, send))
}

/// How large a request with usage may be once unpacked, in bytes.
const LARGEST: usize = 5 * 1024 * 1024;

/// What became of a request's events, after all that was taken is durable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Taken {
    /// Events that are new in the ledger.
    pub accepted: usize,
    /// Events that were there already: a success.
    pub duplicates: usize,
    /// Events that were not taken.
    pub rejected: Vec<NotTaken>,
    /// The new rows; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Rows>,
}

/// Rows of an account's ledger that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rows {
    /// The first.
    #[schema(minimum = 1)]
    pub from: i64,
    /// The last.
    #[schema(minimum = 1)]
    pub to: i64,
}

/// An event that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotTaken {
    /// Its place in the request, from 0.
    pub index: usize,
    /// Its id, if it has a readable one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Stable, for programs; the first of `errors` if there are several.
    #[schema(example = "conflict")]
    pub code: String,
    /// What is wrong with it, and the remedy.
    pub detail: String,
    /// When the event that it conflicts with arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub first_seen_at: Option<Timestamp>,
    /// All that is wrong with it; pointers go into the event.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// Send usage
///
/// One CloudEvent or a batch of up to 1,000; the answer comes after the durable commit. Sending the
/// same event again is a success. Each event has its own outcome, unless `atomic=true`: then all are
/// taken or none. Binary mode (`ce-*` headers) works for one event.
#[utoipa::path(
    post, path = "/usage/events", operation_id = "send_usage", tag = "usage",
    params(("atomic" = Option<bool>, Query, description = "All events or none. Default: each on its own.")),
    request_body(
        description = "A CloudEvent 1.0, or a list of them. `type` is `dev.tenantry.usage.` and a \
            meter; `data.quantity` a decimal in the meter's unit.",
        content(
            (CloudEvent = "application/cloudevents+json"),
            (CloudEvents = "application/cloudevents-batch+json"),
            (OneOrMany = "application/json"),
        )
    ),
    responses(
        (status = 200, description = "All were taken, now or before.", body = Taken),
        (status = 207, description = "Some were not taken.", body = Taken),
        (status = 422, description = "None was taken; `errors` says why, its pointers go into the body.",
            body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn send(
    caller: Caller<UsageWrite>,
    State(app): State<App>,
    parameters: Parameters,
    request: Request,
) -> Result<Response, Problem> {
    let account = caller.own()?;
    let arrived = (app.clock)();
    // Whether there is room counts once the body is read; until then a flood waits, with its bytes on its side.
    let _full = app.ledger.wait_for_room(account).await.is_err();
    let sent = receive(&app.authenticator, account, parameters, request).await?;
    app.ledger.room(account).map_err(busy)?;
    let of = account.clone();
    let read =
        move |members: Members| event::read(&members, Context { account: &of, now: arrived });
    let Read { events, names, atomic, share: _held } = sent.read(read).await?;
    let store = |events: Vec<UsageEvent>| async {
        let counts: Vec<_> = events.iter().map(usage::of).collect();
        let items = events.into_iter().map(Item::Usage).collect();
        let append = Append { account: account.clone(), arrived, atomic, items };
        let receipt = app.ledger.append(append).await.map_err(busy)?;
        let mut flows = Flows::default();
        counts.into_iter().zip(&receipt.outcomes).for_each(|(count, told)| flows.note(count, told));
        app.metrics.taking.taken(account, &flows, arrived);
        Ok(receipt)
    };
    let taken = take(events, &names, atomic, store).await?;
    app.metrics.events(&taken);
    app.rejects.note(rejects::of(account, arrived, &taken, &names));
    answer(taken)
}

/// A request with usage, of which nothing is read yet.
pub(crate) struct Sent {
    headers: HeaderMap,
    body: Bytes,
    atomic: bool,
    share: room::Share,
}

/// A request with usage, each event read on its own.
pub(crate) struct Read<E> {
    /// What could be read, and why the rest could not.
    pub events: Vec<Result<E, Rejected>>,
    /// What they are called.
    pub names: Vec<Name>,
    /// All events or none.
    pub atomic: bool,
    /// Held until the answer: what is read of the body has about its size.
    pub share: room::Share,
}

/// Takes a request with usage off the wire.
pub(crate) async fn receive(
    authenticator: &Authenticator,
    account: &AccountId,
    parameters: Parameters,
    request: Request,
) -> Result<Sent, Problem> {
    let atomic = atomic(parameters)?;
    let (head, content) = request.into_parts();
    let mut share = authenticator.budgets().room.share(account);
    let body: Bytes = body::held(content, LARGEST, &mut share).await?;
    Ok(Sent { headers: head.headers, body, atomic, share })
}

impl Sent {
    /// Reads each event with `read`; a large request waits for its account's turn.
    pub(crate) async fn read<E: Borrow<UsageEvent> + Send + 'static>(
        self,
        read: impl Fn(Members) -> Result<E, Rejected> + Send + 'static,
    ) -> Result<Read<E>, Problem> {
        let Self { headers, body, atomic, share } = self;
        let work = move || {
            let members = media::members(&headers, &body)?;
            let events: Vec<_> = members.into_iter().map(read).collect();
            let names = events.iter().map(Name::of).collect();
            Ok::<_, Problem>((events, names))
        };
        let (events, names) = share.work(work).await??;
        Ok(Read { events, names, atomic, share })
    }
}

fn atomic(parameters: Parameters) -> Result<bool, Problem> {
    match parameters.only(&["atomic"])?.get("atomic").map(String::as_str) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Problem::field("atomic", "invalid_value", "Give true or false.")),
    }
}

/// Hands the events that can be read to `store`, and says what became of each.
pub(crate) async fn take<E, F>(
    events: Vec<Result<E, Rejected>>,
    names: &[Name],
    atomic: bool,
    store: impl FnOnce(Vec<E>) -> F,
) -> Result<Taken, Problem>
where
    F: Future<Output = Result<Receipt, Problem>>,
{
    let mut taken = Taken::default();
    let (mut good, mut places) =
        (Vec::with_capacity(events.len()), Vec::with_capacity(events.len()));
    for (index, event) in events.into_iter().enumerate() {
        match event {
            Ok(event) => {
                places.push(index);
                good.push(event);
            }
            Err(rejected) => taken.rejected.push(unreadable(index, rejected)),
        }
    }
    if good.is_empty() || (atomic && !taken.rejected.is_empty()) {
        return Ok(taken);
    }
    let receipt = store(good).await?;
    Ok(account_for(taken, &places, names, &receipt))
}

fn unreadable(index: usize, rejected: Rejected) -> NotTaken {
    let errors: Vec<FieldError> = rejected
        .refusals
        .into_iter()
        .map(|refusal| FieldError {
            pointer: refusal.pointer,
            code: refusal.code.name().to_owned(),
            detail: refusal.detail,
        })
        .collect();
    let first = errors.first().map(|error| (error.code.clone(), error.detail.clone()));
    let (code, detail) = first.unwrap_or_default();
    NotTaken { index, id: rejected.id, code, detail, first_seen_at: None, errors }
}

/// Adds what the ledger says of the events that it was given.
fn account_for(mut taken: Taken, places: &[usize], names: &[Name], receipt: &Receipt) -> Taken {
    for (&index, outcome) in places.iter().zip(&receipt.outcomes) {
        let (code, detail, first_seen_at) = match outcome {
            Outcome::Accepted { .. } => {
                taken.accepted += 1;
                continue;
            }
            Outcome::Duplicate { .. } => {
                taken.duplicates += 1;
                continue;
            }
            Outcome::Conflict { first_seen_at } => (
                "conflict",
                "another event has this source and id; give this one an id of its own",
                Some(*first_seen_at),
            ),
            Outcome::Refused(reason) => (reason.code(), reason.detail(), None),
        };
        let (code, detail) = (code.to_owned(), detail.to_owned());
        taken.rejected.push(NotTaken {
            index,
            id: names.get(index).and_then(|name| name.id.clone()),
            code,
            detail,
            first_seen_at,
            errors: Vec::new(),
        });
    }
    taken.rejected.sort_by_key(|not_taken| not_taken.index);
    taken.ledger = receipt.range().map(|(from, to)| Rows { from, to });
    taken
}

/// 200 when all were taken, 207 when some were, 422 when none was: a sender that looks at the
/// status alone must not take a refusal for a success.
pub(crate) fn answer(taken: Taken) -> Result<Response, Problem> {
    let some = taken.accepted + taken.duplicates > 0;
    match (taken.rejected.is_empty(), some) {
        (true, _) => Ok(axum::Json(taken).into_response()),
        (false, true) => Ok((StatusCode::MULTI_STATUS, axum::Json(taken)).into_response()),
        (false, false) => Err(none_taken(taken.rejected)),
    }
}

fn none_taken(rejected: Vec<NotTaken>) -> Problem {
    let problem = Problem::new(
        Code::NoEventTaken,
        "Nothing of this request is in the ledger; see errors, whose pointers begin with the \
         event's place in the request.",
    );
    rejected.into_iter().fold(problem, |problem, NotTaken { index, code, detail, errors, .. }| {
        if errors.is_empty() {
            return problem.with_error(format!("/{index}"), &code, detail);
        }
        errors.into_iter().fold(problem, |problem, error| {
            problem.with_error(format!("/{index}{}", error.pointer), &error.code, error.detail)
        })
    })
}

/// Nothing was acknowledged; sending again is safe.
pub(crate) fn busy(error: LedgerError) -> Problem {
    match error {
        LedgerError::AccountBusy => room::account_busy(),
        LedgerError::Store(StoreError::Statement(_)) | LedgerError::OtherAccount => {
            Problem::internal(error)
        }
        _ => Problem::unavailable(error),
    }
}
