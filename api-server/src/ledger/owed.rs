//! Periods for which something is owed though nothing was used: they are stored while they run, so that
//! they are closed and settled like those with use.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Ledger, LedgerError, lease::Token, posting::Calendar};
use crate::{
    domain::{account::AccountId, calendar::Period},
    store::{
        Session, StoreError,
        append::{self, Opened},
        periods, plans,
    },
};

/// Accounts that are looked at in one transaction: few enough that nobody waits for them.
const AT_ONCE: u32 = 500;

/// How far a server has looked for older periods: once, since it alone could have missed them.
#[derive(Clone, Debug, Default)]
pub(super) struct Looked {
    until: Option<AccountId>,
    at_all: bool,
}

/// Stores the running period of every account that is on a plan, with those before it that nobody stored,
/// and looks at some more accounts for older ones that are missing; answers how many it stored.
pub(super) async fn open(
    ledger: &Ledger,
    token: Option<&Token>,
    looked: &mut Looked,
) -> Result<u64, LedgerError> {
    let mut opened = 0;
    let mut after = None;
    loop {
        let mut session = ledger.store().read().await?;
        let now = ledger.now();
        let page = periods::without_running(&mut session, after.as_ref(), now, AT_ONCE).await?;
        drop(session);
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        opened += fill(ledger, token, &page).await?;
    }
    if !looked.at_all {
        let mut session = ledger.store().read().await?;
        let page = plans::with_any(&mut session, looked.until.as_ref(), AT_ONCE).await?;
        drop(session);
        opened += fill(ledger, token, &page).await?;
        // Not before: what was not stored is looked at again.
        looked.at_all = page.is_empty();
        looked.until = page.last().cloned();
    }
    Ok(opened)
}

/// Stores what is missing of accounts. One that cannot be read is left out, and named: nobody else's periods wait
/// for it.
async fn fill(
    ledger: &Ledger,
    token: Option<&Token>,
    accounts: &[AccountId],
) -> Result<u64, LedgerError> {
    match store(ledger, token, accounts).await {
        Err(LedgerError::Store(StoreError::Unreadable(_))) => {}
        other => return other,
    }
    let mut stored = 0;
    for account in accounts {
        match store(ledger, token, std::slice::from_ref(account)).await {
            Err(LedgerError::Store(StoreError::Unreadable(why))) => {
                tracing::warn!(%account, why, "periods of an account that are owed cannot be found");
            }
            other => stored += other?,
        }
    }
    Ok(stored)
}

/// Stores what is missing of accounts, if all can be read. Nobody is locked where nothing is.
async fn store(
    ledger: &Ledger,
    token: Option<&Token>,
    accounts: &[AccountId],
) -> Result<u64, LedgerError> {
    let mut session = ledger.store().read().await?;
    let found = missing(&mut session, accounts, ledger.now()).await?;
    drop(session);
    let mut lacking: Vec<AccountId> = found.into_iter().map(|(account, _)| account).collect();
    lacking.dedup();
    if lacking.is_empty() {
        return Ok(0);
    }
    let work = ledger.transact_by(token, None, move |session, now| {
        Box::pin(async move {
            // Else a row that another server stores meanwhile would open a period with other edges.
            session.lock(&lacking).await?;
            let missing = missing(session, &lacking, now).await?;
            let opened = |(account, period)| Opened { account, period, closed: None };
            let opened: Vec<_> = missing.into_iter().map(opened).collect();
            append::insert_periods(session, &opened).await?;
            Ok(opened.len() as u64)
        })
    });
    work.await
}

/// The periods that are not stored and in which a plan is in force, each account's together: from when it is known
/// to the running one. What is agreed after a close changes no bill: of a period that is over, with its grace, that
/// counts which had been recorded by then.
async fn missing(
    session: &mut Session,
    accounts: &[AccountId],
    now: Timestamp,
) -> Result<Vec<(AccountId, Period)>, StoreError> {
    let agreements = plans::agreements(session, accounts).await?;
    let mut calendars = BTreeMap::new();
    for (account, _) in append::load_accounts(session, accounts).await? {
        let Some(all) = agreements.get(&account.id) else { continue };
        let Some(began) = plans::subscription(all).and_then(|agreed| agreed.began()) else {
            continue;
        };
        let calendar = Calendar::new(account.zone, account.anchor);
        calendars.insert(account.id, (calendar, began.max(account.created_at), all));
    }
    for (account, stored) in append::load_periods(session, accounts).await? {
        if let Some((calendar, ..)) = calendars.get_mut(&account) {
            calendar.add(stored);
        }
    }
    let mut missing = Vec::new();
    for (account, (mut calendar, mut instant, all)) in calendars {
        while instant <= now {
            let period = calendar.period_at(instant);
            let outside = |error| StoreError::Unreadable(format!("periods of {account}: {error}"));
            instant = period.map_err(outside)?.period.end();
        }
        let owed = calendar.opened().iter().filter(|period| is_owed(all, **period));
        missing.extend(owed.map(|period| (account.clone(), *period)));
    }
    Ok(missing)
}

/// Whether a plan is in force in a period, by what was recorded until its grace was over.
fn is_owed(all: &[plans::Recorded], period: Period) -> bool {
    let until = periods::grace_over(period);
    let counts = all.iter().filter(|one| until.is_none_or(|until| one.recorded_at < until));
    let counts: Vec<_> = counts.cloned().collect();
    plans::subscription(&counts).is_some_and(|plans| !plans.stretches(period).is_empty())
}
