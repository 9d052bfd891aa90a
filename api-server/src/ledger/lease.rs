//! Work that one server does at a time, of several on one database.
//!
//! A lease is a row with a holder and an end by the database's clock, so that the servers' clocks
//! need not agree. Who holds it counts its end from before it asked, by a clock that is never set,
//! and so stops no later than another may begin. A process that was frozen may go on after its end, in
//! the middle of something: so what one writes by what it read before carries a [`Token`], and is
//! refused once another one has the lease. All else is also right when two do it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use jiff::Timestamp;
use telemetry::shutdown::Shutdown;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Ledger, LedgerError};
use crate::{
    domain::account::AccountId,
    store::{Session, StoreError, leases},
};

/// How long a lease is good. When its holder vanishes, another one takes over after that.
pub const LENGTH: Duration = Duration::from_secs(90);
/// How often its holder makes it last longer.
pub const RENEW: Duration = Duration::from_secs(30);

/// Until when a lease is ours, for those who do its work.
#[derive(Clone, Debug, Default)]
pub struct Fence(Arc<Mutex<Option<Instant>>>);

impl Fence {
    /// Whether what takes so long at most, and begins now, is over before another server may begin.
    #[must_use]
    pub fn is_open(&self, for_as_long: Duration) -> bool {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() + for_as_long < until)
    }

    fn set(&self, until: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

/// A lease and its holder, for transactions that are to be that holder's alone.
#[derive(Clone, Debug)]
pub struct Token {
    name: &'static str,
    holder: String,
}

fn holder() -> String {
    format!("process {} {}", std::process::id(), Uuid::new_v4())
}

/// One server's claim on a piece of work.
#[derive(Debug)]
pub struct Lease {
    name: &'static str,
    holder: String,
    /// Who it was until it was lost, while it is not held again.
    former: Option<String>,
    fence: Fence,
    asked: Option<Instant>,
}

impl Lease {
    /// A claim on the work of a name; nothing is asked yet.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, holder: holder(), former: None, fence: Fence::default(), asked: None }
    }

    /// Takes the lease if nobody has it, or keeps it; answers whether it is ours.
    ///
    /// # Errors
    /// As [`Ledger::transact`]; what was held is held until its end.
    pub async fn hold(&mut self, ledger: &Ledger) -> Result<bool, LedgerError> {
        let asked = Instant::now();
        self.asked = Some(asked);
        if !self.is_held() && self.former.is_none() {
            // Another than the one whose time was over, though the process is the same: what that read, and has still
            // to write, may be of before somebody else had the lease. Once, or an answer that is lost would keep the
            // next asker out.
            self.former = Some(std::mem::replace(&mut self.holder, holder()));
        }
        let (name, holder) = (self.name, self.holder.clone());
        let former = self.former.clone().unwrap_or_else(|| holder.clone());
        let length = i64::try_from(LENGTH.as_millis()).unwrap_or(i64::MAX);
        let work = ledger.transact(None, move |session, _| {
            Box::pin(async move { leases::take(session, name, (&holder, &former), length).await })
        });
        let ours = work.await?;
        self.fence.set(ours.then(|| asked + LENGTH));
        if ours {
            self.former = None;
        }
        Ok(ours)
    }

    /// Takes or keeps the lease when it is time to ask again; answers whether it is ours now. One that
    /// cannot be kept is logged, and asked for again the next time.
    pub async fn keep(&mut self, ledger: &Ledger) -> bool {
        if self.asked.is_none_or(|asked| asked.elapsed() >= RENEW)
            && let Err(error) = self.hold(ledger).await
        {
            tracing::warn!(lease = self.name, %error, "a lease could not be kept");
        }
        self.is_held()
    }

    /// Whether it is ours at this moment.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.fence.is_open(Duration::ZERO)
    }

    /// What the transactions of its work carry, for as long as it is kept: who takes it anew is another holder.
    #[must_use]
    pub fn token(&self) -> Token {
        Token { name: self.name, holder: self.holder.clone() }
    }

    /// What those ask who do its work.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.fence.clone()
    }

    /// Gives it back, so that another server need not wait for its end.
    ///
    /// # Errors
    /// As [`Ledger::transact`].
    pub async fn release(&mut self, ledger: &Ledger) -> Result<(), LedgerError> {
        let held = self.fence.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if held.is_none() {
            return Ok(());
        }
        let (name, holder) = (self.name, self.holder.clone());
        let work = ledger.transact(None, move |session, _| {
            Box::pin(async move { leases::release(session, name, &holder).await })
        });
        work.await
    }
}

impl Ledger {
    /// As [`Ledger::transact`], unless another one has the lease by then; without a token as that.
    /// Nobody takes it while the transaction is under way.
    ///
    /// # Errors
    /// [`LedgerError::Overtaken`], and nothing was written; else as [`Ledger::transact`].
    pub async fn transact_by<T, W>(
        &self,
        token: Option<&Token>,
        account: Option<AccountId>,
        work: W,
    ) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        W: for<'a> FnOnce(&'a mut Session, Timestamp) -> BoxFuture<'a, Result<T, StoreError>>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        let token = token.cloned();
        let done = self.transact(account, move |session, now| {
            Box::pin(async move {
                if let Some(Token { name, holder }) = token
                    && !leases::keeps(session, name, &holder).await?
                {
                    return Ok(None);
                }
                work(session, now).await.map(Some)
            })
        });
        done.await?.ok_or(LedgerError::Overtaken)
    }
}

/// Does work under the lease of a name until it is time to stop, and gives the lease back.
pub async fn under(
    name: &'static str,
    ledger: &Ledger,
    stop: Shutdown,
    work: impl AsyncFnOnce(&mut Lease),
) {
    let mut lease = Lease::new(name);
    // The work of a server is large; what waits for it need not be.
    let work = Box::pin(work(&mut lease));
    tokio::select! {
        () = work => {}
        () = stop.cancelled() => {}
    }
    if let Err(error) = lease.release(ledger).await {
        tracing::warn!(lease = name, %error, "another server goes on only after the lease's end");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nothing_begins_that_may_not_be_over_before_the_leases_end() {
        let fence = Fence::default();
        let (ten, twenty) = (Duration::from_secs(10), Duration::from_secs(20));
        assert!(!fence.is_open(Duration::ZERO));
        fence.set(Some(Instant::now() + twenty));
        assert!(fence.is_open(ten) && !fence.is_open(twenty));
        tokio::time::advance(ten).await;
        assert!(!fence.is_open(ten) && fence.is_open(Duration::ZERO));
        // As when the process was stopped for long.
        tokio::time::advance(twenty).await;
        assert!(!fence.is_open(Duration::ZERO));
    }
}
