//! Before a tenant's stack is removed, its gateway hands over what it holds: it is told to at its
//! next heartbeat, and what it says from then on is what the removal waits for.

use super::{Ledger, LedgerError, lease::Token};
use crate::{
    domain::account::AccountId,
    store::gateways::{self, Heartbeat},
};

/// How far a tenant's gateway is with handing over what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// Whether it takes nothing any more.
    pub sealed: bool,
    /// Events that it holds, by its last word.
    pub held: i64,
}

impl Drain {
    /// Whether it can be removed without losing usage.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.sealed && self.held == 0
    }

    /// By the last heartbeat of the account's gateway, for the removal of the tenant with this uid.
    ///
    /// Both figures are of one heartbeat, and what was sealed for another tenant's removal does not
    /// count. A gateway of which there is no heartbeat has taken nothing: it takes usage after its
    /// first one, and that one tells it to drain.
    #[must_use]
    pub fn by(last: Option<&Heartbeat>, uid: &str) -> Self {
        let Some(last) = last else { return Self { sealed: true, held: 0 } };
        let sealed = last.sealed && last.sealed_for.as_deref() == Some(uid);
        Self { sealed, held: last.held_events }
    }
}

impl Ledger {
    /// Has the account's gateway drain for the removal of the tenant with this uid, if it is not told
    /// to yet; answers how far it is.
    ///
    /// # Errors
    /// As [`Ledger::transact_by`].
    pub async fn drain(
        &self,
        by: Option<&Token>,
        account: &AccountId,
        uid: &str,
    ) -> Result<Drain, LedgerError> {
        let mut session = self.store().read().await?;
        let told = gateways::drains(&mut session, account).await?;
        if told.as_deref() == Some(uid) {
            let last = gateways::last(&mut session, account).await?;
            return Ok(Drain::by(last.as_ref(), uid));
        }
        drop(session);
        let (of, uid) = (account.clone(), uid.to_owned());
        let work = self.transact_by(by, Some(account.clone()), move |session, now| {
            Box::pin(async move {
                gateways::drain(session, &of, &uid, now).await?;
                // In one transaction: a first heartbeat is either known here or told to drain.
                let last = gateways::last(session, &of).await?;
                Ok(Drain::by(last.as_ref(), &uid))
            })
        });
        work.await
    }
}
