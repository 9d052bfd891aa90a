//! What was sent to endpoints, what is to be, and what could not be.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;
use uuid::Uuid;

use super::{Endpoint, get};
use crate::{
    domain::webhook::Kind,
    store::{
        Session, StoreError,
        sql::{Row, Value, args},
    },
};

/// How long a delivery is kept after it was queued.
pub const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is to be sent.
    Pending,
    /// The receiver has it.
    Delivered,
    /// It is not sent any more, unless somebody asks.
    Dead,
}

/// Why a text is no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("Give pending, delivered or dead.")]
pub struct UnknownState;

impl State {
    const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Dead];

    /// As it is stored and sent.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.name() == text).ok_or(UnknownState)
    }
}

/// A message to an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The message's id.
    pub message: String,
    /// What it is about.
    pub kind: Kind,
    /// What it says.
    pub body: String,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// How far it is.
    pub state: State,
    /// How often it was sent.
    pub attempts: i64,
    /// How often that failed since it was queued, or asked for again.
    pub failed: i64,
    /// When it is sent next.
    pub next_at: Option<Timestamp>,
    /// When it was sent last.
    pub last_at: Option<Timestamp>,
    /// The status that was answered then.
    pub last_status: Option<i64>,
    /// Why it failed then.
    pub last_error: Option<String>,
}

/// What one attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// How far it is.
    pub state: State,
    /// When it was sent.
    pub at: Timestamp,
    /// The status that was answered.
    pub status: Option<u16>,
    /// Why it failed.
    pub error: Option<String>,
    /// When to send it again.
    pub again: Option<Timestamp>,
}

macro_rules! select {
    ($($rest:expr),+) => {
        concat!(
            "SELECT message, type, body, queued_at, state, attempts, failed, next_at, last_at,
               last_status, last_error
             FROM webhook_deliveries ",
            $($rest),+
        )
    };
}

fn read(row: &Row) -> Result<Delivery, StoreError> {
    let bad = |what: &str| StoreError::Unreadable(format!("webhook_deliveries.{what}"));
    Ok(Delivery {
        message: row.text(0)?.to_owned(),
        kind: row.text(1)?.parse().map_err(|_| bad("type"))?,
        body: row.text(2)?.to_owned(),
        queued_at: row.time(3)?,
        state: row.text(4)?.parse().map_err(|_| bad("state"))?,
        attempts: row.int(5)?,
        failed: row.int(6)?,
        next_at: row.opt_time(7)?,
        last_at: row.opt_time(8)?,
        last_status: row.opt_int(9)?,
        last_error: row.opt_text(10)?.map(str::to_owned),
    })
}

/// One delivery.
pub async fn delivery(
    session: &mut Session,
    endpoint: Uuid,
    message: &str,
) -> Result<Option<Delivery>, StoreError> {
    let sql = select!("WHERE endpoint = $1 AND message = $2");
    let row = session.row(sql, args![endpoint.to_string(), message]).await?;
    row.as_ref().map(read).transpose()
}

/// Which deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// To this endpoint.
    pub endpoint: Uuid,
    /// In this state.
    pub state: Option<State>,
}

/// Where a page begins: behind the delivery that was queued then, of that message.
pub type Position = (i64, String);

/// Which part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The newest first.
    pub descending: bool,
    /// Behind this one.
    pub after: Option<Position>,
    /// At most so many.
    pub limit: u32,
}

/// Deliveries by the time at which they were queued.
pub async fn page(
    session: &mut Session,
    filter: Filter,
    page: Page,
) -> Result<Vec<Delivery>, StoreError> {
    let Page { descending, after, limit } = page;
    // Beyond all times that can be stored, so that the first page needs no query of its own.
    let edge = if descending { i64::MAX } else { i64::MIN };
    let (time, message) = after.unwrap_or((edge, String::new()));
    let mut values = args![filter.endpoint.to_string(), time, message, limit];
    values.extend(filter.state.map(|state| Value::from(state.name())));
    let sql = match (filter.state, descending) {
        (None, false) => select!(
            "WHERE endpoint = $1 AND (queued_at, message) > ($2, $3)
             ORDER BY queued_at, message LIMIT $4"
        ),
        (None, true) => select!(
            "WHERE endpoint = $1 AND (queued_at, message) < ($2, $3)
             ORDER BY queued_at DESC, message DESC LIMIT $4"
        ),
        (Some(_), false) => select!(
            "WHERE endpoint = $1 AND state = $5 AND (queued_at, message) > ($2, $3)
             ORDER BY queued_at, message LIMIT $4"
        ),
        (Some(_), true) => select!(
            "WHERE endpoint = $1 AND state = $5 AND (queued_at, message) < ($2, $3)
             ORDER BY queued_at DESC, message DESC LIMIT $4"
        ),
    };
    session.rows(sql, values).await?.iter().map(read).collect()
}

/// The endpoints to which something is to be sent by now.
pub async fn due(session: &mut Session, now: Timestamp) -> Result<Vec<Uuid>, StoreError> {
    let sql = "SELECT e.endpoint FROM webhook_endpoints e
               WHERE e.disabled IS NULL
                 AND EXISTS (SELECT 1 FROM webhook_deliveries d
                             WHERE d.endpoint = e.endpoint AND d.next_at <= $1)
               ORDER BY e.endpoint";
    session.rows(sql, args![now]).await?.iter().map(|row| row.parsed(0)).collect()
}

/// The types that this version knows, behind so many arguments.
macro_rules! known {
    () => {
        "type IN ($5, $6, $7, $8, $9, $10, $11, $12, $13)"
    };
}
const _: () = assert!(Kind::ALL.len() == 9, "known! names as many");

fn kinds() -> impl Iterator<Item = Value> {
    Kind::ALL.into_iter().map(|kind| Value::from(kind.name()))
}

/// What is to be sent next to an endpoint by now, what waits longest first; nothing to one that is
/// disabled or gone. What cannot be read, as by a version that does not know its type, stays where it is and lets
/// others pass.
pub async fn next(
    session: &mut Session,
    endpoint: Uuid,
    now: Timestamp,
) -> Result<Option<(Endpoint, Delivery)>, StoreError> {
    let Some(to) = get(session, endpoint).await?.filter(|to| to.disabled.is_none()) else {
        return Ok(None);
    };
    let sql = select!(
        "WHERE endpoint = $1 AND next_at <= $2 AND (next_at, message) > ($3, $4) AND ",
        known!(),
        " ORDER BY next_at, message LIMIT 1"
    );
    let mut after = (i64::MIN, String::new());
    let mut damaged = Vec::new();
    let found = loop {
        let mut values = args![endpoint.to_string(), now, after.0, after.1];
        values.extend(kinds());
        let Some(row) = session.row(sql, values).await? else { break None };
        match read(&row) {
            Err(StoreError::Unreadable(what)) => {
                let message = row.text(0)?.to_owned();
                damaged.push(format!("{message} ({what})"));
                after = (row.int(7)?, message);
            }
            found => break Some(found?),
        }
    };
    if !damaged.is_empty() {
        let messages = damaged.join(", ");
        tracing::warn!(webhook = %endpoint, messages, "messages are damaged; others pass them");
    }
    Ok(found.map(|found| (to, found)))
}

/// How much of what is to be sent to an endpoint by now is of types that this version does not know, and the first of
/// these.
pub async fn unknown(
    session: &mut Session,
    endpoint: Uuid,
    now: Timestamp,
) -> Result<Option<(i64, String)>, StoreError> {
    // As many arguments as `known!` needs before its own.
    let sql = concat!(
        "SELECT COUNT(*), MIN(type) FROM webhook_deliveries
         WHERE endpoint = $1 AND next_at <= $2 AND (next_at, message) > ($3, $4) AND NOT ",
        known!()
    );
    let mut values = args![endpoint.to_string(), now, i64::MIN, ""];
    values.extend(kinds());
    let Some(row) = session.row(sql, values).await? else { return Ok(None) };
    let first = row.opt_text(1)?.map(str::to_owned);
    let many = row.int(0)?;
    Ok(first.map(|first| (many, first)))
}

/// Records an attempt, unless another server recorded one meanwhile, or somebody had it sent again: then
/// the whole schedule is before it.
pub async fn tried(
    session: &mut Session,
    endpoint: Uuid,
    sent: &Delivery,
    tried: &Tried,
) -> Result<(), StoreError> {
    let Tried { state, at, status, error, again } = tried;
    let failed = sent.failed + i64::from(*state != State::Delivered);
    let sql = "UPDATE webhook_deliveries SET state = $4, attempts = attempts + 1, failed = $5,
                 next_at = $6, last_at = $7, last_status = $8, last_error = $9
               WHERE endpoint = $1 AND message = $2 AND attempts = $3 AND next_at IS NOT NULL
                 AND failed = $10";
    let mut values = args![endpoint.to_string(), sent.message.as_str(), sent.attempts];
    values.extend(args![state.name(), failed, *again, *at, status.map(i64::from), error.clone()]);
    values.extend(args![sent.failed]);
    session.run(sql, values).await.map(drop)
}

/// Has a message sent again at once, with the whole schedule before it, whatever became of it; false
/// when there is no such.
pub async fn redeliver(
    session: &mut Session,
    endpoint: Uuid,
    message: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE webhook_deliveries SET state = $3, failed = 0, next_at = $4
               WHERE endpoint = $1 AND message = $2";
    let values = args![endpoint.to_string(), message, State::Pending.name(), now];
    Ok(session.run(sql, values).await? == 1)
}

/// Forgets what was queued before an instant; answers how much that was.
pub async fn drop_old(session: &mut Session, before: Timestamp) -> Result<u64, StoreError> {
    let sql = "DELETE FROM webhook_deliveries WHERE queued_at < $1";
    session.run(sql, args![before]).await
}
