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

/// How many tenants are to be made, and since when the first of them.
pub async fn waiting(session: &mut Session) -> Result<(i64, Option<Timestamp>), StoreError> {
    let sql = "SELECT COUNT(*), MIN(queued_at) FROM provisions WHERE next_at IS NOT NULL";
    let row = session.row(sql, vec![]).await?;
    row.map_or(Ok((0, None)), |row| Ok((row.int(0)?, row.opt_time(1)?)))
}

/// Reads what [`super::onboarding`] selects of a request's row here: outcome, queued_at, attempts,
/// detail and made_at, from a column on; all NULL when no tenant is made of it.
pub(super) fn of_row(row: &Row, from: usize) -> Result<Option<Provision>, StoreError> {
    let Some(outcome) = row.opt_text(from)? else { return Ok(None) };
    let bad = |()| StoreError::Unreadable("provisions.outcome".to_owned());
    Ok(Some(Provision {
        outcome: outcome.parse().map_err(bad)?,
        queued_at: row.time(from + 1)?,
        attempts: row.int(from + 2)?,
        detail: row.opt_text(from + 3)?.map(str::to_owned),
        made_at: row.opt_time(from + 4)?,
    }))
}
