//! What signs the cursors of lists.

use super::{Session, StoreError, sql::args};

/// The key that is kept; this one, when none is.
pub(crate) async fn key(session: &mut Session, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
    let sql = "INSERT INTO cursor_key (id, k) VALUES (1, $1) ON CONFLICT DO NOTHING";
    session.run(sql, args![Some(fresh)]).await?;
    let row = session.row("SELECT k FROM cursor_key WHERE id = $1", args![1_i64]).await?;
    row.map_or(Ok(fresh), |row| row.bytes(0))
}

/// The key that is kept, if any is.
pub(crate) async fn kept(session: &mut Session) -> Result<Option<[u8; 32]>, StoreError> {
    let row = session.row("SELECT k FROM cursor_key WHERE id = $1", args![1_i64]).await?;
    row.map(|row| row.bytes(0)).transpose()
}
