//! Tenants of the cluster: whose account is whose, what their specs ask for, and what the cluster
//! was told.

use jiff::Timestamp;

use super::{
    Session, StoreError, accounts,
    alerts::{self, AlertRow},
    gateways,
    sql::{Row, args},
};
use crate::domain::account::AccountId;

/// A tenant for which an account is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantRow {
    /// Its account.
    pub account: AccountId,
    /// The resource's uid.
    pub uid: String,
    /// The resource's name.
    pub name: String,
    /// The namespace of its stack; empty until it is known.
    pub namespace: String,
    /// Since when the ledger knows it.
    pub seen_at: Timestamp,
}

fn tenant(row: &Row) -> Result<TenantRow, StoreError> {
    Ok(TenantRow {
        account: row.parsed(0)?,
        uid: row.text(1)?.to_owned(),
        name: row.text(2)?.to_owned(),
        namespace: row.text(3)?.to_owned(),
        seen_at: row.time(4)?,
    })
}

/// Those that have not ended.
pub async fn live(session: &mut Session) -> Result<Vec<TenantRow>, StoreError> {
    let sql = "SELECT account, uid, name, namespace, seen_at FROM tenants
               WHERE ended_at IS NULL ORDER BY account, uid";
    session.rows(sql, Vec::new()).await?.iter().map(tenant).collect()
}

/// Those of a name that have not ended.
pub(crate) async fn named(session: &mut Session, name: &str) -> Result<Vec<TenantRow>, StoreError> {
    let sql = "SELECT account, uid, name, namespace, seen_at FROM tenants
               WHERE name = $1 AND ended_at IS NULL ORDER BY account, uid";
    session.rows(sql, args![name]).await?.iter().map(tenant).collect()
}

/// Adds one, or says anew where its stack is; answers since when it is known.
pub(crate) async fn put(session: &mut Session, new: &TenantRow) -> Result<Timestamp, StoreError> {
    let sql = "INSERT INTO tenants (account, uid, name, namespace, seen_at, ended_at)
               VALUES ($1, $2, $3, $4, $5, NULL)
               ON CONFLICT (account, uid) DO UPDATE SET
                 namespace = excluded.namespace, ended_at = NULL";
    let TenantRow { account, uid, name, namespace, seen_at } = new;
    let values = args![account, uid.as_str(), name.as_str(), namespace.as_str(), *seen_at];
    session.run(sql, values).await?;
    let sql = "SELECT seen_at FROM tenants WHERE account = $1 AND uid = $2";
    let row = session.row(sql, args![account, uid.as_str()]).await?;
    row.map_or(Ok(*seen_at), |row| row.time(0))
}

/// Ends one, what the workloads of its namespace stand for, and the drain of its gateway.
pub(crate) async fn end(
    session: &mut Session,
    gone: &TenantRow,
    now: Timestamp,
) -> Result<(), StoreError> {
    let TenantRow { account, uid, namespace, .. } = gone;
    accounts::unbind(session, account, namespace).await?;
    gateways::undrain(session, account, uid).await?;
    let sql = "UPDATE tenants SET ended_at = $3 WHERE account = $1 AND uid = $2";
    session.run(sql, args![account, uid.as_str(), now]).await.map(drop)
}

/// Writes down the customer's name that a spec says, unless it is known; answers whether it said another
/// one before.
pub(crate) async fn call(
    session: &mut Session,
    tenant: &TenantRow,
    name: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let of = args![&tenant.account, tenant.uid.as_str()];
    let sql = "SELECT name FROM tenant_names WHERE account = $1 AND uid = $2
               ORDER BY seen_at DESC LIMIT 1";
    let last = session.row(sql, of).await?;
    let last = last.as_ref().map(|row| row.text(0)).transpose()?;
    if last == Some(name) {
        return Ok(false);
    }
    let sql = "INSERT INTO tenant_names (account, uid, seen_at, name) VALUES ($1, $2, $3, $4)
               ON CONFLICT (account, uid, seen_at) DO UPDATE SET name = excluded.name";
    session.run(sql, args![&tenant.account, tenant.uid.as_str(), now, name]).await?;
    Ok(last.is_some())
}

/// The plan that a spec asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Which; empty when it asks for none.
    pub plan: String,
    /// The generation of the spec that first did.
    pub generation: i64,
    /// When that was seen.
    pub seen_at: Timestamp,
    /// When it was agreed to; none while it cannot be.
    pub accepted_at: Option<Timestamp>,
}

/// What a tenant asked for last.
pub(crate) async fn asked(
    session: &mut Session,
    account: &AccountId,
    uid: &str,
) -> Result<Option<Asked>, StoreError> {
    let sql = "SELECT plan, generation, seen_at, accepted_at FROM tenant_plans
               WHERE account = $1 AND uid = $2";
    let row = session.row(sql, args![account, uid]).await?;
    let read = |row: Row| {
        Ok(Asked {
            plan: row.text(0)?.to_owned(),
            generation: row.int(1)?,
            seen_at: row.time(2)?,
            accepted_at: row.opt_time(3)?,
        })
    };
    row.map(read).transpose()
}

/// Writes down what a tenant asks for now.
pub(crate) async fn ask(
    session: &mut Session,
    account: &AccountId,
    uid: &str,
    asked: &Asked,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO tenant_plans (account, uid, plan, generation, seen_at, accepted_at)
               VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (account, uid) DO UPDATE SET plan = excluded.plan,
                 generation = excluded.generation, seen_at = excluded.seen_at,
                 accepted_at = excluded.accepted_at";
    let Asked { plan, generation, seen_at, accepted_at } = asked;
    let values = args![account, uid, plan.as_str(), *generation, *seen_at, *accepted_at];
    session.run(sql, values).await.map(drop)
}

/// The alerts since a tenant is known that the cluster was not told yet, the oldest first, at most
/// `limit`.
pub async fn untold(
    session: &mut Session,
    tenant: &TenantRow,
    limit: u32,
) -> Result<Vec<AlertRow>, StoreError> {
    let sql = "SELECT a.account, a.period_start, a.meter, a.level, a.arming, a.kind, a.seq,
                 a.used_micro, a.quota_micro, a.at
               FROM alerts a WHERE a.account = $1 AND a.at >= $3 AND NOT EXISTS (
                 SELECT 1 FROM tenant_alerts t WHERE t.account = a.account AND t.uid = $2
                   AND t.period_start = a.period_start AND t.meter = a.meter
                   AND t.level = a.level AND t.arming = a.arming AND t.kind = a.kind)
               ORDER BY a.seq, a.at, a.meter, a.level DESC, a.kind LIMIT $4";
    let values = args![&tenant.account, tenant.uid.as_str(), tenant.seen_at, limit];
    session.rows(sql, values).await?.iter().map(alerts::alert).collect()
}

/// Writes down that the cluster was told of an alert.
pub(crate) async fn told(
    session: &mut Session,
    uid: &str,
    alert: &AlertRow,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO tenant_alerts
                 (account, uid, period_start, meter, level, arming, kind, told_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    let AlertRow { of, change, .. } = alert;
    let values = args![
        &of.account,
        uid,
        of.period_start,
        of.meter.name(),
        change.level.name(),
        change.arming,
        change.kind.name(),
        now,
    ];
    session.run(sql, values).await.map(drop)
}
