//! Who does what one server alone may do, and until when by the database's clock.

use super::{Session, StoreError, sql::args};

/// Takes a lease for some milliseconds from now, or keeps it; answers whether `holder` has it. `former` is
/// who held it, if that was the same server: nobody else's work is in between.
pub(crate) async fn take(
    session: &mut Session,
    name: &str,
    (holder, former): (&str, &str),
    milliseconds: i64,
) -> Result<bool, StoreError> {
    let now = session.clock().await?;
    let sql = "INSERT INTO leases (name, holder, until_at) VALUES ($1, $2, $3)
               ON CONFLICT (name) DO UPDATE SET holder = excluded.holder,
                 until_at = excluded.until_at
               WHERE leases.holder = excluded.holder OR leases.holder = $5 OR leases.until_at <= $4";
    let until = now.saturating_add(milliseconds);
    Ok(session.run(sql, args![name, holder, until, now, former]).await? == 1)
}

/// Whether `holder` has a lease; if so nobody takes it before this transaction ends.
pub(crate) async fn keeps(
    session: &mut Session,
    name: &str,
    holder: &str,
) -> Result<bool, StoreError> {
    let sql = if session.is_shared() {
        "SELECT holder FROM leases WHERE name = $1 AND holder = $2 FOR SHARE"
    } else {
        "SELECT holder FROM leases WHERE name = $1 AND holder = $2"
    };
    Ok(session.row(sql, args![name, holder]).await?.is_some())
}

/// Gives a lease back, if `holder` has it.
pub(crate) async fn release(
    session: &mut Session,
    name: &str,
    holder: &str,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM leases WHERE name = $1 AND holder = $2";
    session.run(sql, args![name, holder]).await.map(drop)
}

/// Ends every lease, for who knows that no holder is left.
pub(crate) async fn end_all(session: &mut Session) -> Result<(), StoreError> {
    session.run("DELETE FROM leases", Vec::new()).await.map(drop)
}
