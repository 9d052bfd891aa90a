//! Webhooks: where messages are sent, and which.

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Session, StoreError,
    sql::{Row, Value, args},
};
use crate::domain::webhook::{Kind, Message, Secret};

mod deliveries;

pub use deliveries::{
    Delivery, Filter, KEPT, Page, Position, State, Tried, delivery, drop_old, due, next, page,
    redeliver, tried, unknown,
};

/// How many endpoints there may be: each is served by itself, however slow the others are.
pub const MOST: usize = 64;

/// Why nothing is sent to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disabled {
    /// Somebody asked for it.
    Asked,
    /// The receiver answered 410.
    Gone,
}

impl Disabled {
    const ALL: [Self; 2] = [Self::Asked, Self::Gone];

    /// As it is stored and sent.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Gone => "gone",
        }
    }
}

/// What people set of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Where to.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// What it is told; everything when there is none.
    pub types: Vec<Kind>,
}

/// An endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: Uuid,
    /// What people set.
    pub wish: Wish,
    /// What signs.
    pub secret: Secret,
    /// What signs too, and until when.
    pub old: Option<(Secret, Timestamp)>,
    /// Why and since when nothing is sent.
    pub disabled: Option<(Disabled, Timestamp)>,
    /// When it was set up.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
}

impl Endpoint {
    /// What a message to it is signed with at an instant.
    pub fn secrets(&self, now: Timestamp) -> impl Iterator<Item = &Secret> {
        let old = self.old.as_ref().filter(|(_, until)| now < *until).map(|(secret, _)| secret);
        std::iter::once(&self.secret).chain(old)
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT endpoint, url, description, types, secret, old_secret, old_until, disabled,
               disabled_at, created_at, created_by
             FROM webhook_endpoints ",
            $rest
        )
    };
}

fn stored(types: &[Kind]) -> String {
    types.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" ")
}

fn kinds(text: &str) -> Result<Vec<Kind>, StoreError> {
    let bad = |_| StoreError::Unreadable("webhook_endpoints.types".to_owned());
    text.split_whitespace().map(|name| name.parse().map_err(bad)).collect()
}

fn secret(row: &Row, column: usize) -> Result<Option<Secret>, StoreError> {
    let Some(bytes) = row.opt_blob(column)? else { return Ok(None) };
    let bad = || StoreError::Unreadable("a secret of webhook_endpoints".to_owned());
    Secret::new(bytes).map(Some).ok_or_else(bad)
}

fn endpoint(row: &Row) -> Result<Endpoint, StoreError> {
    let bad = |what: &str| StoreError::Unreadable(format!("webhook_endpoints.{what}"));
    let disabled = match (row.opt_text(7)?, row.opt_time(8)?) {
        (Some(name), Some(since)) => {
            let why = Disabled::ALL.into_iter().find(|why| why.name() == name);
            Some((why.ok_or_else(|| bad("disabled"))?, since))
        }
        _ => None,
    };
    Ok(Endpoint {
        id: row.parsed(0)?,
        wish: Wish {
            url: row.text(1)?.to_owned(),
            description: row.text(2)?.to_owned(),
            types: kinds(row.text(3)?)?,
        },
        secret: secret(row, 4)?.ok_or_else(|| bad("secret"))?,
        old: secret(row, 5)?.zip(row.opt_time(6)?),
        disabled,
        created_at: row.time(9)?,
        created_by: row.text(10)?.to_owned(),
    })
}

/// Sets an endpoint up; false when there are as many as there may be.
pub async fn add(session: &mut Session, new: &Endpoint) -> Result<bool, StoreError> {
    let count = session.row("SELECT COUNT(*) FROM webhook_endpoints", vec![]).await?;
    let count = count.map_or(Ok(0), |row| row.int(0))?;
    if usize::try_from(count).is_ok_and(|count| count >= MOST) {
        return Ok(false);
    }
    let sql =
        "INSERT INTO webhook_endpoints (endpoint, url, description, types, secret, created_at,
                 created_by)
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let values = args![
        new.id.to_string(),
        new.wish.url.as_str(),
        new.wish.description.as_str(),
        stored(&new.wish.types),
        new.secret.bytes(),
        new.created_at,
        new.created_by.as_str(),
    ];
    session.run(sql, values).await.map(|_| true)
}

/// One endpoint.
pub async fn get(session: &mut Session, id: Uuid) -> Result<Option<Endpoint>, StoreError> {
    let row = session.row(select!("WHERE endpoint = $1"), args![id.to_string()]).await?;
    row.as_ref().map(endpoint).transpose()
}

/// Every endpoint, the oldest first.
pub async fn all(session: &mut Session) -> Result<Vec<Endpoint>, StoreError> {
    let rows = session.rows(select!("ORDER BY created_at, endpoint"), vec![]).await?;
    rows.iter().map(endpoint).collect()
}

/// Sets an endpoint anew; `None` when there is no such. What was to be sent to one that is disabled
/// waits until it is enabled.
pub async fn update(
    session: &mut Session,
    id: Uuid,
    wish: &Wish,
    enabled: bool,
    now: Timestamp,
) -> Result<Option<Endpoint>, StoreError> {
    let sql =
        "UPDATE webhook_endpoints SET url = $2, description = $3, types = $4 WHERE endpoint = $1";
    let Wish { url, description, types } = wish;
    let of = id.to_string();
    let values = args![of, url.as_str(), description.as_str(), stored(types)];
    if session.run(sql, values).await? == 0 {
        return Ok(None);
    }
    if enabled {
        let sql =
            "UPDATE webhook_endpoints SET disabled = NULL, disabled_at = NULL WHERE endpoint = $1";
        session.run(sql, args![id.to_string()]).await?;
    } else {
        disable(session, id, Disabled::Asked, now).await?;
    }
    get(session, id).await
}

/// Sends nothing more to an endpoint, unless that was so before.
pub async fn disable(
    session: &mut Session,
    id: Uuid,
    why: Disabled,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE webhook_endpoints SET disabled = $2, disabled_at = $3
               WHERE endpoint = $1 AND disabled IS NULL";
    session.run(sql, args![id.to_string(), why.name(), now]).await.map(drop)
}

/// Signs with another secret from now on, and with the one before too until `until`; false when there
/// is no such endpoint.
pub async fn rotate(
    session: &mut Session,
    id: Uuid,
    new: &Secret,
    until: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE webhook_endpoints SET old_secret = secret, old_until = $3, secret = $2
               WHERE endpoint = $1";
    Ok(session.run(sql, args![id.to_string(), new.bytes(), until]).await? == 1)
}

/// Forgets an endpoint with all that was and was to be sent to it; false when there is no such.
pub async fn remove(session: &mut Session, id: Uuid) -> Result<bool, StoreError> {
    let of = || args![id.to_string()];
    session.run("DELETE FROM webhook_deliveries WHERE endpoint = $1", of()).await?;
    Ok(session.run("DELETE FROM webhook_endpoints WHERE endpoint = $1", of()).await? == 1)
}

/// Has messages sent to every endpoint that is to be told; give this the transaction in which happens
/// what they tell. What was queued before is not queued again.
pub async fn tell(
    session: &mut Session,
    messages: &[Message],
    now: Timestamp,
) -> Result<(), StoreError> {
    if messages.is_empty() {
        return Ok(());
    }
    let sql = "SELECT endpoint, types FROM webhook_endpoints WHERE disabled IS NULL";
    let mut values = Vec::new();
    for row in session.rows(sql, vec![]).await? {
        let (endpoint, types) = (row.text(0)?, kinds(row.text(1)?)?);
        let told = messages.iter().filter(|m| types.is_empty() || types.contains(&m.kind));
        values.extend(told.flat_map(|message| queued(endpoint, message, now)));
    }
    queue(session, values).await
}

/// Has one message sent to one endpoint, whatever it chose.
pub async fn tell_one(
    session: &mut Session,
    id: Uuid,
    message: &Message,
    now: Timestamp,
) -> Result<(), StoreError> {
    queue(session, queued(&id.to_string(), message, now)).await
}

const WIDTH: usize = 9;

fn queued(endpoint: &str, message: &Message, now: Timestamp) -> Vec<Value> {
    let Message { id, kind, body } = message;
    let state = State::Pending.name();
    args![endpoint, id.as_str(), kind.name(), body.as_str(), now, state, 0_i64, 0_i64, now]
}

async fn queue(session: &mut Session, values: Vec<Value>) -> Result<(), StoreError> {
    if values.is_empty() {
        return Ok(());
    }
    let sql = (
        "INSERT INTO webhook_deliveries (endpoint, message, type, body, queued_at, state, attempts,
           failed, next_at)",
        "ON CONFLICT (endpoint, message) DO NOTHING",
    );
    session.run_many(sql, WIDTH, values).await
}
