//! Tenants to be made of approved requests: the outbox between the ledger and where tenants live.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Session, StoreError,
    sql::{Row, args},
};

/// How far the making of a tenant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is still to be made.
    Queued,
    /// Another's tenant has the name. It is looked at again, since people may free the name.
    Conflict,
    /// It was made. What becomes of it afterwards is its own.
    Made,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Queued, Self::Conflict, Self::Made];

    /// As it is stored and sent.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Conflict => "conflict",
            Self::Made => "made",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Outcome {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == text).ok_or(())
    }
}

/// What a stack does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not all of it runs yet, or any more.
    Starting,
    /// All of it runs.
    Ready,
    /// Its tenant is being deleted, or is gone.
    Removed,
}

impl Phase {
    const ALL: [Self; 3] = [Self::Starting, Self::Ready, Self::Removed];

    /// As it is stored and sent.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Removed => "removed",
        }
    }
}

impl FromStr for Phase {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|phase| phase.name() == text).ok_or(())
    }
}

/// How far the stack of a request's tenant is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// What it does.
    pub phase: Phase,
    /// How many of its parts run.
    pub ready: u32,
    /// How many parts it has.
    pub parts: u32,
    /// What it waits for; none when it waits for nothing.
    pub waits: Option<String>,
}

/// How the making of a request's tenant stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provision {
    /// How far it is.
    pub outcome: Outcome,
    /// When the request was approved.
    pub queued_at: Timestamp,
    /// How often it was tried.
    pub attempts: i64,
    /// What kept it from being made last.
    pub detail: Option<String>,
    /// When it was made.
    pub made_at: Option<Timestamp>,
    /// How far its stack is, and since when its phase is that; none where nobody says.
    pub stack: Option<(Stack, Timestamp)>,
}

/// What one try came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// How far it is.
    pub outcome: Outcome,
    /// What is in the way.
    pub detail: Option<String>,
    /// When it was tried.
    pub at: Timestamp,
    /// When to try again; `None` when it is made.
    pub again: Option<Timestamp>,
}

/// Has a request's tenant made; give this the transaction that approves the request.
pub(super) async fn queue(
    session: &mut Session,
    request: Uuid,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO provisions (request, queued_at, outcome, attempts, next_at)
               VALUES ($1, $2, $3, 0, $2)";
    session.run(sql, args![request.to_string(), now, Outcome::Queued.name()]).await.map(drop)
}

/// Requests whose tenants are to be made by now, those that wait longest first, with how often each
/// was tried; at most so many.
pub async fn due(
    session: &mut Session,
    now: Timestamp,
    most: u32,
) -> Result<Vec<(Uuid, i64)>, StoreError> {
    let sql = "SELECT request, attempts FROM provisions WHERE next_at <= $1
               ORDER BY next_at, request LIMIT $2";
    let rows = session.rows(sql, args![now, most]).await?;
    rows.iter().map(|row| Ok((row.parsed(0)?, row.int(1)?))).collect()
}

/// Records a try. What was made stays made, whoever else tried meanwhile.
pub(crate) async fn tried(
    session: &mut Session,
    request: Uuid,
    tried: &Tried,
) -> Result<(), StoreError> {
    let Tried { outcome, detail, at, again } = tried;
    let made = (*outcome == Outcome::Made).then_some(*at);
    let sql = "UPDATE provisions SET outcome = $2, attempts = attempts + 1, next_at = $3,
                 detail = $4, made_at = $5
               WHERE request = $1 AND next_at IS NOT NULL";
    let values = args![request.to_string(), outcome.name(), *again, detail.clone(), made];
    session.run(sql, values).await.map(drop)
}

/// Records how far the stack of a request's tenant is. Nothing happens where the request is for a tenant
/// of another name, or that stands already.
pub(crate) async fn stands(
    session: &mut Session,
    (request, tenant): (Uuid, &str),
    stack: &Stack,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE provisions
               SET stack_since = CASE WHEN stack = $3 THEN stack_since ELSE $7 END,
                 stack = $3, stack_ready = $4, stack_parts = $5, stack_waits = $6
               WHERE request = $1
                 AND EXISTS (SELECT 1 FROM intakes WHERE intake = request AND tenant = $2)
                 AND NOT (COALESCE(stack, '') = $3 AND COALESCE(stack_ready, -1) = $4
                          AND COALESCE(stack_parts, -1) = $5 AND COALESCE(stack_waits, '') = $8)";
    let values = args![
        request.to_string(),
        tenant,
        stack.phase.name(),
        i64::from(stack.ready),
        i64::from(stack.parts),
        stack.waits.clone(),
        now,
        stack.waits.clone().unwrap_or_default(),
    ];
    session.run(sql, values).await.map(drop)
}

/// Records that the tenant of this name is gone, whatever request it was made of, unless there is another
/// of that name.
pub(crate) async fn gone(
    session: &mut Session,
    tenant: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE provisions SET stack = 'removed', stack_since = $2, stack_ready = 0, stack_waits = NULL
               WHERE stack IS NOT NULL AND stack <> 'removed'
                 AND request IN (SELECT intake FROM intakes WHERE tenant = $1)
                 AND NOT EXISTS (SELECT 1 FROM tenants WHERE name = $1 AND ended_at IS NULL)";
    session.run(sql, args![tenant, now]).await.map(drop)
}

/// How many tenants are to be made, and since when the first of them.
pub async fn waiting(session: &mut Session) -> Result<(i64, Option<Timestamp>), StoreError> {
    let sql = "SELECT COUNT(*), MIN(queued_at) FROM provisions WHERE next_at IS NOT NULL";
    let row = session.row(sql, vec![]).await?;
    row.map_or(Ok((0, None)), |row| Ok((row.int(0)?, row.opt_time(1)?)))
}

/// Reads what [`super::onboarding`] selects of a request's row here: outcome, queued_at, attempts,
/// detail, made_at and the five of the stack, from a column on; all NULL when no tenant is made of it.
pub(super) fn of_row(row: &Row, from: usize) -> Result<Option<Provision>, StoreError> {
    let Some(outcome) = row.opt_text(from)? else { return Ok(None) };
    Ok(Some(Provision {
        outcome: outcome.parse().map_err(|()| unreadable("outcome"))?,
        queued_at: row.time(from + 1)?,
        attempts: row.int(from + 2)?,
        detail: row.opt_text(from + 3)?.map(str::to_owned),
        made_at: row.opt_time(from + 4)?,
        stack: stack(row, from + 5)?,
    }))
}

fn stack(row: &Row, from: usize) -> Result<Option<(Stack, Timestamp)>, StoreError> {
    let Some(phase) = row.opt_text(from)? else { return Ok(None) };
    let count = |column| u32::try_from(row.int(column)?).map_err(|_| unreadable("stack_parts"));
    let stack = Stack {
        phase: phase.parse().map_err(|()| unreadable("stack"))?,
        ready: count(from + 2)?,
        parts: count(from + 3)?,
        waits: row.opt_text(from + 4)?.map(str::to_owned),
    };
    Ok(Some((stack, row.time(from + 1)?)))
}

fn unreadable(column: &str) -> StoreError {
    StoreError::Unreadable(format!("provisions.{column}"))
}
