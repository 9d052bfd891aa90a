//! Plan versions, and which account agreed to which.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{
    Session, StoreError,
    sql::{Row, Value, args},
};
use crate::domain::{
    account::AccountId,
    catalogue::{Catalogue, PlanId, PlanVersion, VersionDocument},
    quota::KnownTerms,
    subscription::{Agreed, Agreement, End, Subscription},
};

/// An agreement as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// What was agreed.
    pub agreed: Agreed,
    /// When it was stored.
    pub recorded_at: Timestamp,
    /// The account's newest row then.
    pub at_seq: i64,
}

fn unreadable(error: &impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable(format!("plan_versions: {error}"))
}

/// Every plan version that was ever published here.
pub async fn catalogue(session: &mut Session) -> Result<Catalogue, StoreError> {
    let sql = "SELECT document FROM plan_versions ORDER BY plan, version";
    let rows = session.rows(sql, Vec::new()).await?;
    let versions = rows.iter().map(|row| version(row.text(0)?)).collect::<Result<_, _>>()?;
    Catalogue::new(versions).map_err(|error| unreadable(&error))
}

fn version(document: &str) -> Result<PlanVersion, StoreError> {
    let document: VersionDocument =
        serde_json::from_str(document).map_err(|error| unreadable(&error))?;
    document.read("").map_err(|error| unreadable(&error))
}

/// Those plan versions that are there.
pub async fn versions(
    session: &mut Session,
    wanted: &[PlanId],
) -> Result<Vec<PlanVersion>, StoreError> {
    let sql = (
        "WITH want (plan, version) AS (",
        ") SELECT p.document FROM want CROSS JOIN plan_versions p
           WHERE p.plan = want.plan AND p.version = want.version",
    );
    let values = wanted.iter().flat_map(|id| args![id.plan.as_str(), id.version]).collect();
    let rows = session.rows_many(sql, 2, values).await?;
    rows.iter().map(|row| version(row.text(0)?)).collect()
}

/// Publishes versions, or changes until when they are on sale; what they cost was compared before.
pub async fn put(session: &mut Session, versions: &[PlanVersion]) -> Result<(), StoreError> {
    let mut values: Vec<Value> = Vec::new();
    for version in versions {
        let document = serde_json::to_string(&VersionDocument::from(version));
        let document = document.map_err(|error| unreadable(&error))?;
        values.extend(args![version.id.plan.as_str(), version.id.version, document]);
    }
    let sql = (
        "INSERT INTO plan_versions (plan, version, document)",
        "ON CONFLICT (plan, version) DO UPDATE SET document = excluded.document",
    );
    session.run_many(sql, 3, values).await
}

/// What accounts agreed to, each account's in the order in which it was agreed.
pub async fn agreements(
    session: &mut Session,
    wanted: &[AccountId],
) -> Result<HashMap<AccountId, Vec<Recorded>>, StoreError> {
    let sql = (
        "WITH want (account) AS (",
        ") SELECT g.account, g.plan, g.version, g.effective_at, g.agreed_at, g.recorded_at, g.at_seq
           FROM want CROSS JOIN agreements g WHERE g.account = want.account
           ORDER BY g.account, g.n",
    );
    let values = wanted.iter().map(Value::from).collect();
    let mut all: HashMap<AccountId, Vec<Recorded>> = HashMap::new();
    for row in session.rows_many(sql, 1, values).await? {
        all.entry(row.parsed(0)?).or_default().push(recorded(&row)?);
    }
    Ok(all)
}

/// When the subscriptions of some accounts end or ended, as it was agreed by an instant; those that go on are
/// left out.
pub async fn ends(
    session: &mut Session,
    wanted: &[AccountId],
    by: Timestamp,
) -> Result<HashMap<AccountId, Timestamp>, StoreError> {
    let end = |agreed: &[Recorded]| Some(subscription(agreed)?.end(by)?.effective_at);
    let agreed = agreements(session, wanted).await?;
    Ok(agreed.into_iter().filter_map(|(id, agreed)| Some((id, end(&agreed)?))).collect())
}

fn recorded(row: &Row) -> Result<Recorded, StoreError> {
    let (effective_at, agreed_at) = (row.time(3)?, row.time(4)?);
    let agreed = match row.opt_text(1)? {
        Some(plan) => {
            let version = u32::try_from(row.int(2)?).map_err(|error| unreadable(&error))?;
            let plan = PlanId { plan: plan.to_owned(), version };
            Agreed::Plan(Agreement { plan, effective_at, agreed_at })
        }
        None => Agreed::End(End { effective_at, agreed_at }),
    };
    Ok(Recorded { agreed, recorded_at: row.time(5)?, at_seq: row.int(6)? })
}

/// The subscription that agreements make; none when there are none.
#[must_use]
pub fn subscription(recorded: &[Recorded]) -> Option<Subscription> {
    let (first, rest) = recorded.split_first()?;
    let mut subscription = Subscription::start(first.agreed.clone());
    for later in rest {
        subscription.append(later.agreed.clone());
    }
    Some(subscription)
}

/// What one account agreed to.
pub async fn of_account(
    session: &mut Session,
    account: &AccountId,
) -> Result<Vec<Recorded>, StoreError> {
    let mut all = agreements(session, std::slice::from_ref(account)).await?;
    Ok(all.remove(account).unwrap_or_default())
}

/// Accounts after `after` that agreed to any plan, by id, at most `limit`.
pub(crate) async fn with_any(
    session: &mut Session,
    after: Option<&AccountId>,
    limit: u32,
) -> Result<Vec<AccountId>, StoreError> {
    let sql = "SELECT DISTINCT account FROM agreements
               WHERE account > $1 ORDER BY account LIMIT $2";
    let after = after.map(AccountId::as_str).unwrap_or_default();
    session.rows(sql, args![after, limit]).await?.iter().map(|row| row.parsed(0)).collect()
}

/// The terms of all plan versions that were agreed to.
pub async fn terms(session: &mut Session, recorded: &[Recorded]) -> Result<KnownTerms, StoreError> {
    let ids: Vec<_> = recorded.iter().filter_map(|one| one.agreed.plan().cloned()).collect();
    let versions = versions(session, &ids).await?;
    Ok(versions.into_iter().map(|version| (version.id, version.terms)).collect())
}

/// Adds an agreement as an account's newest.
pub(crate) async fn add(
    session: &mut Session,
    account: &AccountId,
    new: &Recorded,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO agreements
                 (account, n, plan, version, effective_at, agreed_at, recorded_at, at_seq)
               VALUES ($1, (SELECT COALESCE(MAX(n), 0) + 1 FROM agreements WHERE account = $1),
                 $2, $3, $4, $5, $6, $7)";
    let plan = new.agreed.plan();
    let values = args![
        account,
        plan.map(|id| id.plan.clone()),
        plan.map(|id| i64::from(id.version)),
        new.agreed.effective_at(),
        new.agreed.agreed_at(),
        new.recorded_at,
        new.at_seq,
    ];
    session.run(sql, values).await.map(drop)
}

/// An agreement with who asked for it; those made on the server's own command line name nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its number in the account, from 1.
    pub number: i64,
    /// What was agreed.
    pub recorded: Recorded,
    /// The subject of their token.
    pub actor: Option<String>,
    /// What is given back within the period, in minor units.
    pub credit: Option<i64>,
    /// What is charged within it.
    pub charge: Option<i64>,
}

/// All agreements of an account, in the order in which they were made.
pub async fn asked(session: &mut Session, account: &AccountId) -> Result<Vec<Asked>, StoreError> {
    let sql = "SELECT g.account, g.plan, g.version, g.effective_at, g.agreed_at, g.recorded_at,
                 g.at_seq, g.n, n.actor, n.credit_minor, n.charge_minor
               FROM agreements g LEFT JOIN agreement_notes n ON n.account = g.account AND n.n = g.n
               WHERE g.account = $1 ORDER BY g.n";
    let read = |row: &Row| {
        Ok(Asked {
            recorded: recorded(row)?,
            number: row.int(7)?,
            actor: row.opt_text(8)?.map(str::to_owned),
            credit: row.opt_int(9)?,
            charge: row.opt_int(10)?,
        })
    };
    session.rows(sql, args![account]).await?.iter().map(read).collect()
}

/// Who asked for an agreement, and what it costs within the period in which it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The subject of their token.
    pub actor: String,
    /// What is given back and charged; none of what waits for the period's end.
    pub cost: Option<(i64, i64)>,
}

/// Adds a note to an account's newest agreement.
pub(crate) async fn add_note(
    session: &mut Session,
    account: &AccountId,
    note: &Note,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO agreement_notes (account, n, actor, credit_minor, charge_minor)
               VALUES ($1, (SELECT MAX(n) FROM agreements WHERE account = $1), $2, $3, $4)";
    let (credit, charge) = note.cost.unzip();
    session.run(sql, args![account, note.actor.as_str(), credit, charge]).await.map(drop)
}

/// The note of an account's newest agreement; agreements made on the server's own command line have
/// none.
pub async fn last_note(
    session: &mut Session,
    account: &AccountId,
) -> Result<Option<Note>, StoreError> {
    let sql = "SELECT actor, credit_minor, charge_minor FROM agreement_notes
               WHERE account = $1 AND n = (SELECT MAX(n) FROM agreements WHERE account = $1)";
    let row = session.row(sql, args![account]).await?;
    let read = |row: Row| {
        let cost = row.opt_int(1)?.zip(row.opt_int(2)?);
        Ok(Note { actor: row.text(0)?.to_owned(), cost })
    };
    row.map(read).transpose()
}
