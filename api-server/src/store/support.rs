//! Answers of support, and whether they came when they were promised.

use jiff::{SignedDuration, Timestamp};

use super::{
    Session, StoreError, plans,
    sql::{Row, args},
};
use crate::domain::{
    account::AccountId,
    adherence::Tally,
    facts::{Answers, SUPPORT_DAYS},
};

/// An answer as it is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// Whose question it was.
    pub account: AccountId,
    /// Which system reports it.
    pub source: String,
    /// That system's name for it; source and id together count once.
    pub id: String,
    /// When the question came, in whole milliseconds.
    pub opened_at: Timestamp,
    /// When it was first answered, in whole milliseconds.
    pub answered_at: Timestamp,
    /// Within how many hours the answer was promised; `None`: what the account's plan promises.
    pub sla_hours: Option<u32>,
    /// Who reports it.
    pub actor: String,
}

/// An answer as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interaction {
    /// When the question came.
    pub opened_at: Timestamp,
    /// When it was first answered.
    pub answered_at: Timestamp,
    /// Within how many hours the answer was promised.
    pub sla_hours: u32,
    /// Whether it came within them.
    pub met: bool,
}

/// What became of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is recorded now.
    New(Interaction),
    /// It was recorded before.
    Same(Interaction),
    /// Another one has its source and id.
    Other,
    /// The account has no plan that would promise anything.
    NoPromise,
}

/// Records an answer. The plan in force when the question came says what was promised, the first one
/// for a question from before it.
pub async fn record(
    session: &mut Session,
    new: &Reported,
    now: Timestamp,
) -> Result<Outcome, StoreError> {
    if let Some(known) = get(session, new).await? {
        let same = (known.opened_at, known.answered_at) == (new.opened_at, new.answered_at)
            && new.sla_hours.is_none_or(|hours| hours == known.sla_hours);
        return Ok(if same { Outcome::Same(known) } else { Outcome::Other });
    }
    let sla_hours = match new.sla_hours {
        Some(hours) => hours,
        None => match promised(session, &new.account, new.opened_at).await? {
            Some(hours) => hours,
            None => return Ok(Outcome::NoPromise),
        },
    };
    let within = SignedDuration::from_hours(i64::from(sla_hours));
    let (opened_at, answered_at) = (new.opened_at, new.answered_at);
    let met = answered_at.duration_since(opened_at) <= within;
    let sql = "INSERT INTO support_interactions (account, n, source, id, opened_at, answered_at,
                 sla_hours, met, recorded_at, actor)
               VALUES ($1, (SELECT COALESCE(MAX(n), 0) + 1 FROM support_interactions
                            WHERE account = $1), $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = args![
        &new.account,
        new.source.as_str(),
        new.id.as_str(),
        opened_at,
        answered_at,
        sla_hours,
        met,
        now,
        new.actor.as_str(),
    ];
    session.run(sql, values).await?;
    Ok(Outcome::New(Interaction { opened_at, answered_at, sla_hours, met }))
}

async fn get(session: &mut Session, of: &Reported) -> Result<Option<Interaction>, StoreError> {
    let sql = "SELECT opened_at, answered_at, sla_hours, met FROM support_interactions
               WHERE account = $1 AND source = $2 AND id = $3";
    let row = session.row(sql, args![&of.account, of.source.as_str(), of.id.as_str()]).await?;
    let read = |row: Row| {
        let sla_hours = u32::try_from(row.int(2)?)
            .map_err(|_| StoreError::Unreadable("support_interactions.sla_hours".to_owned()))?;
        Ok(Interaction {
            opened_at: row.time(0)?,
            answered_at: row.time(1)?,
            sla_hours,
            met: row.int(3)? != 0,
        })
    };
    row.map(read).transpose()
}

/// Within how many hours the plan in force at an instant promises an answer.
async fn promised(
    session: &mut Session,
    account: &AccountId,
    at: Timestamp,
) -> Result<Option<u32>, StoreError> {
    let recorded = plans::of_account(session, account).await?;
    let Some(subscription) = plans::subscription(&recorded) else { return Ok(None) };
    let agreed = subscription.at(at).or_else(|| subscription.pending(at));
    let terms = plans::terms(session, &recorded).await?;
    Ok(agreed.and_then(|agreed| terms.get(&agreed.plan)).map(|terms| terms.support_hours))
}

/// The answers that count at `now`: to questions of the last [`SUPPORT_DAYS`], up to number `last`.
pub async fn answers(
    session: &mut Session,
    account: &AccountId,
    now: Timestamp,
    last: i64,
) -> Result<Answers, StoreError> {
    let since = now.checked_sub(SignedDuration::from_hours(24 * SUPPORT_DAYS));
    let since = since.unwrap_or(Timestamp::MIN);
    let sql = "SELECT met, COUNT(*) FROM support_interactions
               WHERE account = $1 AND opened_at > $2 AND n <= $3 GROUP BY met";
    let mut answers = Answers::default();
    for row in session.rows(sql, args![account, since, last]).await? {
        let count = u32::try_from(row.int(1)?).unwrap_or(u32::MAX);
        if row.int(0)? == 0 { answers.missed = count } else { answers.met = count }
    }
    Ok(answers)
}

/// The answers to questions that came from `from` on and before `to`, by promised hours.
pub async fn tallies(
    session: &mut Session,
    account: &AccountId,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<Tally>, StoreError> {
    let sql = "SELECT sla_hours, CAST(SUM(met) AS BIGINT), COUNT(*), MAX(answered_at - opened_at)
               FROM support_interactions
               WHERE account = $1 AND answered_at >= $2 AND answered_at < $3
               GROUP BY sla_hours ORDER BY sla_hours";
    let bad = || StoreError::Unreadable("support_interactions".to_owned());
    let count = |n: i64| u32::try_from(n).map_err(|_| bad());
    let read = |row: &Row| {
        let met = count(row.int(1)?)?;
        Ok(Tally {
            promised_hours: count(row.int(0)?)?,
            met,
            missed: count(row.int(2)?)?.checked_sub(met).ok_or_else(bad)?,
            slowest: SignedDuration::from_millis(row.int(3)?),
        })
    };
    session.rows(sql, args![account, from, to]).await?.iter().map(read).collect()
}
