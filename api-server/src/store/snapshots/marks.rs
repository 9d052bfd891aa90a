//! Marks on summaries that are no longer what they were computed from.

use jiff::Timestamp;

use crate::{
    domain::account::AccountId,
    store::{
        Session, StoreError,
        sql::{Value, args},
    },
};

/// Marks an account's newest summary: something beside its rows has changed.
pub(crate) async fn outdate(session: &mut Session, account: &AccountId) -> Result<(), StoreError> {
    let sql = "UPDATE snapshots SET stale = 1 WHERE account = $1 AND stale = 0";
    session.run(sql, args![account]).await.map(drop)
}

/// Marks all summaries of accounts that were computed after what is added now happened: of each
/// account, the earliest instant of its new rows.
pub(crate) async fn outdate_after(
    session: &mut Session,
    rows: &[(AccountId, Timestamp)],
) -> Result<(), StoreError> {
    let values: Vec<Value> = rows.iter().flat_map(|(account, at)| args![account, *at]).collect();
    let newest = (
        "WITH want (account, at) AS (",
        ") UPDATE snapshots SET stale = 1 WHERE account IN (
             SELECT s.account FROM want CROSS JOIN snapshots s
             WHERE s.account = want.account AND s.computed_at > want.at AND s.stale = 0)",
    );
    session.run_many(newest, 2, values.clone()).await?;
    let days = (
        "WITH want (account, at) AS (",
        ") UPDATE snapshot_days SET stale = 1 WHERE (account, day) IN (
             SELECT d.account, d.day FROM want CROSS JOIN snapshot_days d
             WHERE d.account = want.account AND d.day >= want.at / 86400000
                 AND d.computed_at > want.at AND d.stale = 0)",
    );
    session.run_many(days, 2, values).await
}
