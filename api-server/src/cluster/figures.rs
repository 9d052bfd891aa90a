//! What the ledger has of a tenant's account.

use super::status::Figures;
use crate::{
    domain::subscription::Subscription,
    ledger::{
        Ledger,
        figures::{Gathered, Kept},
    },
    store::{StoreError, accounts::Account, plans, snapshots},
};

/// An account's plans, and what it came to if it was summed up yet.
pub(super) async fn read(
    ledger: &Ledger,
    account: &Account,
) -> Result<(Option<Subscription>, Option<Figures>), StoreError> {
    let mut session = ledger.store().read().await?;
    let recorded = plans::of_account(&mut session, &account.id).await?;
    let subscription = plans::subscription(&recorded);
    let Some((row, document)) = snapshots::get(&mut session, &account.id).await? else {
        return Ok((subscription, None));
    };
    let gathered = Gathered::of(&mut session, account, Kept::read(&document)?).await?;
    let (snapshot, period) = (gathered.snapshot()?, gathered.period()?);
    Ok((subscription, Some(Figures { snapshot, period, valid_until: row.valid_until })))
}
