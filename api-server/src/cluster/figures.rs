//! What the ledger has of a tenant's account.

use super::{metrics::Metrics, status::Figures};
use crate::{
    domain::subscription::Subscription,
    ledger::{
        Ledger,
        figures::{Gathered, Kept},
    },
    store::{Session, StoreError, accounts::Account, plans, snapshots},
};

/// An account's plans, and what it came to if it was summed up yet. A summary that cannot be read is as none,
/// counted and logged: the tenant's turn goes on, and the next round makes it anew.
pub(super) async fn read(
    ledger: &Ledger,
    account: &Account,
    metrics: &Metrics,
) -> Result<(Option<Subscription>, Option<Figures>), StoreError> {
    let mut session = ledger.store().read().await?;
    let recorded = plans::of_account(&mut session, &account.id).await?;
    let subscription = plans::subscription(&recorded);
    let figures = match figures(&mut session, account).await {
        Err(StoreError::Unreadable(why)) => {
            metrics.unreadable();
            tracing::warn!(account = %account.id, why, "the summary of an account cannot be read");
            None
        }
        figures => figures?,
    };
    Ok((subscription, figures))
}

async fn figures(session: &mut Session, account: &Account) -> Result<Option<Figures>, StoreError> {
    let Some((row, document)) = snapshots::get(session, &account.id).await? else {
        return Ok(None);
    };
    let gathered = Gathered::of(session, account, Kept::read(&document)?).await?;
    let (snapshot, period) = (gathered.snapshot()?, gathered.period()?);
    Ok(Some(Figures { snapshot, period, valid_until: row.valid_until }))
}
