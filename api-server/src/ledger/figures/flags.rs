//! Flags of health that are raised or taken back with a summary, told in its transaction.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{Computed, Kept};
use crate::{
    domain::webhook::{Message, message::Flag},
    store::{Session, StoreError, snapshots, webhooks},
};

/// Has it told which of these summaries raise a flag or take one back. Before they are stored: what is
/// stored may be another server's by now, and is what they are compared with.
pub(super) async fn tell(
    session: &mut Session,
    computed: &[Computed],
    now: Timestamp,
) -> Result<(), StoreError> {
    let turned = computed.iter().filter(|one| one.kept.is_flagged() != one.was_flagged);
    let turned: Vec<_> = turned.collect();
    if turned.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = turned.iter().map(|one| one.row.account.clone()).collect();
    let stored: HashMap<_, _> = snapshots::documents(session, &ids).await?.into_iter().collect();
    let news = turned.into_iter().filter(|one| {
        let before = stored.get(&one.row.account).and_then(|text| Kept::read(text).ok());
        one.kept.is_flagged() != before.is_some_and(|kept| kept.is_flagged())
    });
    let messages: Vec<_> = news.map(message).collect();
    webhooks::tell(session, &messages, now).await
}

fn message(Computed { row, kept, .. }: &Computed) -> Message {
    let flag = Flag {
        account: &row.account,
        raised: kept.is_flagged(),
        health: row.health,
        costs: row.costs.as_deref(),
        helps: row.helps.as_deref(),
        at: row.computed_at,
    };
    flag.message()
}
