//! Corrections, found by their names.

use super::{
    Session, StoreError,
    append::SaltedDims,
    row::{self, ENTRY_WIDTH, Entry},
    sql::{Row, args},
};
use crate::domain::account::AccountId;

/// Before and after the list of wanted names. `> 0` is what the index by name says of its rows.
const NAMED: (&str, &str) = (
    "WITH want (account, source, id) AS (",
    ") SELECT l.account, l.seq, l.kind, l.source, l.event_id, l.meter, l.t_event, l.t_ingest,
         l.t_stored, l.qty_micro, l.ref_seq, l.period_start, l.happened_in, l.dims_hash,
         l.chain, d.salt, d.dims
       FROM want CROSS JOIN usage_ledger l
         LEFT JOIN event_dims d ON d.account = l.account AND d.seq = l.seq
       WHERE l.account = want.account AND l.ref_seq > 0
         AND l.source = want.source AND l.event_id = want.id",
);

/// The corrections of these accounts, sources and ids, of whatever row, with their notes unless they were erased.
pub async fn named(
    session: &mut Session,
    of: &[(AccountId, String, String)],
) -> Result<Vec<(Entry, Option<SaltedDims>)>, StoreError> {
    let values =
        of.iter().flat_map(|(account, source, id)| args![account, source.as_str(), id.as_str()]);
    let rows = session.rows_many(NAMED, 3, values.collect()).await?;
    let read = |row: &Row| {
        let dims = row.opt_bytes(ENTRY_WIDTH)?.zip(row.opt_text(ENTRY_WIDTH + 1)?);
        let dims = dims.map(|(salt, json)| SaltedDims { salt, json: json.to_owned() });
        Ok((row::entry(row)?.0, dims))
    };
    rows.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    /// An account may have tens of thousands: one is found without a look at the others.
    #[tokio::test]
    async fn a_correction_is_searched_by_its_whole_name() {
        let folder = tempfile::tempdir().unwrap();
        let (store, writer) = Store::open(folder.path()).await.unwrap();
        let mut session = store.read().await.unwrap();
        let parts = ["EXPLAIN QUERY PLAN ", NAMED.0, "VALUES ($1, $2, $3)", NAMED.1];
        let rows = session.rows_of(&parts, args!["acme", "/billing/corrections", "c-1"]).await;
        let rows = rows.unwrap();
        let steps: Vec<&str> = rows.iter().map(|row| row.text(3).unwrap()).collect();
        let looked = "SEARCH l USING INDEX usage_ledger_by_correction \
                      (account=? AND source=? AND event_id=? AND ref_seq>?)";
        assert!(steps.iter().any(|step| step.starts_with(looked)), "{steps:?}");
        drop(session);
        drop(writer);
    }
}
