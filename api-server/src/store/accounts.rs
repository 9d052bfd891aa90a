//! Accounts, and which workload stands for which.

use jiff::Timestamp;

use super::{
    Session, StoreError,
    sql::{Row, args},
};
use crate::domain::{
    account::AccountId,
    calendar::{AnchorDay, Zone},
};

/// A customer in the ledger. Zone, anchor day and currency never change: figures rest on them. The name may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The customer's name, to show.
    pub name: String,
    /// By whose midnights its periods, days and hours run.
    pub zone: Zone,
    /// The day of the month on which its periods start.
    pub anchor: AnchorDay,
    /// ISO 4217 code of what it is billed in.
    pub currency: String,
    /// Since when the ledger knows it.
    pub created_at: Timestamp,
}

/// A workload whose projected token stands for an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The account.
    pub account: AccountId,
    /// The workload's namespace.
    pub namespace: String,
    /// Its ServiceAccount's name.
    pub service_account: String,
    /// That ServiceAccount's uid, so that one made anew under the name is another.
    pub uid: String,
    /// Who signs its tokens; nothing where nobody has said, which leaves it as it is.
    pub issuer: Option<String>,
}

/// Whose workload one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The account.
    pub account: AccountId,
    /// Whose tokens alone stand for it; nothing while nobody has said.
    pub issuer: Option<String>,
}

/// What became of a row that was to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is new.
    New,
    /// The same is there already.
    Same,
    /// Another one has its key; nothing was changed.
    Other,
}

pub(super) const COLUMNS: usize = 6;

pub(super) fn account(row: &Row) -> Result<Account, StoreError> {
    let bad = |what: &str| StoreError::Unreadable(format!("accounts.{what}"));
    Ok(Account {
        id: row.parsed(0)?,
        name: row.text(1)?.to_owned(),
        zone: row.parsed(2)?,
        anchor: AnchorDay::new(row.int(3)?).map_err(|_| bad("anchor_day"))?,
        currency: row.text(4)?.to_owned(),
        created_at: row.time(5)?,
    })
}

/// Adds an account; the same account again is no error, whenever it was added.
pub async fn add(session: &mut Session, new: &Account) -> Result<Added, StoreError> {
    let values = args![
        &new.id,
        new.name.as_str(),
        new.zone.name(),
        i64::from(new.anchor.day()),
        new.currency.as_str(),
        new.created_at,
    ];
    let sql = "INSERT INTO accounts (account, name, zone, anchor_day, currency, created_at)
               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    if session.run(sql, values).await? == 1 {
        return Ok(Added::New);
    }
    let known = get(session, &new.id).await?;
    let same = known.is_some_and(|known| Account { created_at: new.created_at, ..known } == *new);
    Ok(if same { Added::Same } else { Added::Other })
}

/// Gives an account another name.
pub(crate) async fn rename(
    session: &mut Session,
    id: &AccountId,
    name: &str,
) -> Result<(), StoreError> {
    let sql = "UPDATE accounts SET name = $2 WHERE account = $1";
    session.run(sql, args![id, name]).await.map(drop)
}

/// One account.
pub async fn get(session: &mut Session, id: &AccountId) -> Result<Option<Account>, StoreError> {
    let sql = "SELECT account, name, zone, anchor_day, currency, created_at
               FROM accounts WHERE account = $1";
    session.row(sql, args![id]).await?.as_ref().map(account).transpose()
}

/// All accounts after `after`, by id, at most `limit`.
pub async fn page(
    session: &mut Session,
    after: Option<&AccountId>,
    limit: u32,
) -> Result<Vec<Account>, StoreError> {
    let sql = "SELECT account, name, zone, anchor_day, currency, created_at
               FROM accounts WHERE account > $1 ORDER BY account LIMIT $2";
    let after = after.map(AccountId::as_str).unwrap_or_default();
    session.rows(sql, args![after, limit]).await?.iter().map(account).collect()
}

/// Whether a workload stands for another account.
pub(crate) async fn is_anothers(
    session: &mut Session,
    binding: &Binding,
) -> Result<bool, StoreError> {
    let sql = "SELECT account FROM bindings
               WHERE namespace = $1 AND service_account = $2 AND account <> $3";
    let Binding { account, namespace, service_account, .. } = binding;
    let values = args![namespace.as_str(), service_account.as_str(), account];
    Ok(session.row(sql, values).await?.is_some())
}

/// Binds a workload to an account. A ServiceAccount that was made anew (another uid), or of another issuer,
/// replaces the old one of the same account; a workload of another account is refused.
pub async fn bind(
    session: &mut Session,
    binding: &Binding,
    now: Timestamp,
) -> Result<Added, StoreError> {
    let by_workload = "SELECT account, service_account_uid, issuer FROM bindings
                       WHERE namespace = $1 AND service_account = $2";
    let workload = args![binding.namespace.as_str(), binding.service_account.as_str()];
    if let Some(known) = session.row(by_workload, workload).await? {
        if known.text(0)? != binding.account.as_str() {
            return Ok(Added::Other);
        }
        let issuer = known.opt_text(2)?;
        let same_issuer = binding.issuer.is_none() || binding.issuer.as_deref() == issuer;
        if known.text(1)? == binding.uid && same_issuer {
            return Ok(Added::Same);
        }
    }
    let sql = "INSERT INTO bindings
                 (account, namespace, service_account, service_account_uid, bound_at, issuer)
               VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (account, namespace, service_account) DO UPDATE SET
                 service_account_uid = excluded.service_account_uid, bound_at = excluded.bound_at,
                 issuer = coalesce(excluded.issuer, bindings.issuer)";
    let values = args![
        &binding.account,
        binding.namespace.as_str(),
        binding.service_account.as_str(),
        binding.uid.as_str(),
        now,
        binding.issuer.clone(),
    ];
    session.run(sql, values).await?;
    Ok(Added::New)
}

/// Ends what the workloads of a namespace stand for, of one account.
pub(crate) async fn unbind(
    session: &mut Session,
    account: &AccountId,
    namespace: &str,
) -> Result<u64, StoreError> {
    let sql = "DELETE FROM bindings WHERE account = $1 AND namespace = $2";
    session.run(sql, args![account, namespace]).await
}

/// Ends what one workload stands for; false when it does not stand for that account.
pub(crate) async fn unbind_one(
    session: &mut Session,
    account: &AccountId,
    namespace: &str,
    service_account: &str,
) -> Result<bool, StoreError> {
    let sql = "DELETE FROM bindings
               WHERE account = $1 AND namespace = $2 AND service_account = $3";
    Ok(session.run(sql, args![account, namespace, service_account]).await? == 1)
}

/// For whom a workload stands; none when any of the three differs. Of whose tokens is for the caller to look at.
pub async fn bound(
    session: &mut Session,
    namespace: &str,
    service_account: &str,
    uid: &str,
) -> Result<Option<Bound>, StoreError> {
    let sql = "SELECT account, issuer FROM bindings
               WHERE namespace = $1 AND service_account = $2 AND service_account_uid = $3";
    let row = session.row(sql, args![namespace, service_account, uid]).await?;
    row.map(|row| {
        Ok(Bound { account: row.parsed(0)?, issuer: row.opt_text(1)?.map(str::to_owned) })
    })
    .transpose()
}

/// Names whose tokens a workload's are from now on, where nobody has; what is named stays.
pub(crate) async fn name_issuer(
    session: &mut Session,
    (namespace, service_account, uid): (&str, &str, &str),
    issuer: &str,
) -> Result<(), StoreError> {
    let sql = "UPDATE bindings SET issuer = $4 WHERE namespace = $1 AND service_account = $2
               AND service_account_uid = $3 AND issuer IS NULL";
    session.run(sql, args![namespace, service_account, uid, issuer]).await.map(drop)
}
