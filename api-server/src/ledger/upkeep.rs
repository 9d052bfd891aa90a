//! What a ledger needs from time to time: periods begun, closed and settled, heads written down, old keys
//! dropped.

use std::time::Duration;

use jiff::{SignedDuration, civil::Date, tz::Offset};
use tokio::time::Instant;

use super::{
    Ledger, LedgerError, dedup,
    heads::HeadsError,
    lease::{self, Lease, Token},
    owed, settle,
};
use crate::store::{accounts, append, periods, settlements::Settlement};

/// How often to look. A period is closed at most this much late; until then it is not final.
pub const EVERY: Duration = Duration::from_secs(300);

/// How far apart servers' clocks may be.
const CLOCKS: SignedDuration = SignedDuration::from_hours(1);

/// Keys dropped in one transaction: few enough that nobody waits for them.
const KEYS_AT_ONCE: u32 = 2_000;

/// What was done when.
#[derive(Clone, Debug, Default)]
pub struct Upkeep {
    heads_of: Option<Date>,
    keys_of: Option<i64>,
    token: Option<Token>,
    looked: owed::Looked,
}

/// What one round did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Periods stored that nothing was used in so far.
    pub opened: u64,
    /// Periods closed.
    pub closed: u64,
    /// Closed periods settled, by this server, now.
    pub settled: Vec<Settlement>,
    /// How many days of the last periods foresaw their bills, and how many of these were right.
    pub foresight: (i64, i64),
    /// Whether heads were written down.
    pub heads: bool,
    /// Keys dropped.
    pub keys: u64,
}

impl Upkeep {
    /// Goes on for ever, in rounds while the lease is ours; faults are logged, and tried again in
    /// the next round. `tell` hears of each.
    pub async fn run(
        mut self,
        ledger: &Ledger,
        lease: &mut Lease,
        every: Duration,
        tell: impl Fn(&Done),
    ) {
        let mut due = Instant::now();
        loop {
            if Instant::now() < due {
                if let Err(error) = lease.hold(ledger).await {
                    tracing::warn!(%error, "the lease of the ledger's upkeep could not be kept");
                }
            } else {
                match self.turn(ledger, lease).await {
                    Ok(None) => {}
                    Ok(Some(done)) => {
                        due = Instant::now() + every;
                        tell(&done);
                        let Done { opened, closed, heads, keys, .. } = done;
                        let settled = done.settled.len();
                        if (opened, closed, settled, heads, keys) != (0, 0, 0, false, 0) {
                            tracing::info!(opened, closed, settled, heads, keys, "kept the ledger");
                        }
                    }
                    Err(HeadsError::Ledger(error @ LedgerError::Overtaken)) => {
                        tracing::info!(%error, "the ledger's upkeep was left to another server");
                    }
                    // Soon: what was in the way may be another server's end.
                    Err(error) => {
                        tracing::error!(%error, "the ledger could not be kept; tried again");
                    }
                }
            }
            tokio::time::sleep(lease::RENEW.min(every)).await;
        }
    }

    /// A round, if the lease is ours.
    ///
    /// # Errors
    /// As [`Upkeep::round`].
    pub async fn turn(
        &mut self,
        ledger: &Ledger,
        lease: &mut Lease,
    ) -> Result<Option<Done>, HeadsError> {
        if !lease.hold(ledger).await? {
            return Ok(None);
        }
        self.token = Some(lease.token());
        self.round(ledger).await.map(Some)
    }

    /// Begins what is owed, closes and settles what is due; writes heads down once a day, drops keys once a month (UTC).
    ///
    /// # Errors
    /// What kept it from being done; what was done stays.
    pub async fn round(&mut self, ledger: &Ledger) -> Result<Done, HeadsError> {
        let token = self.token.as_ref();
        let opened = owed::open(ledger, token, &mut self.looked).await?;
        let mut done = Done { opened, ..Done::default() };
        done.closed = close_due(ledger, token).await?;
        done.settled = settle::settle(ledger, token).await?;
        done.foresight = settle::coverage(ledger).await?;
        let now = ledger.now();
        let today = Offset::UTC.to_datetime(now).date();
        if self.heads_of != Some(today) {
            ledger.record_heads().await?;
            (self.heads_of, done.heads) = (Some(today), true);
        }
        // By the clocks of other servers it may still be the month before.
        let (month, previous) = dedup::months(now.checked_sub(CLOCKS).unwrap_or(now));
        if self.keys_of != Some(month) {
            done.keys = drop_keys(ledger, self.token.as_ref(), previous).await?;
            self.keys_of = Some(month);
        }
        Ok(done)
    }
}

/// Closes every period whose grace is over; answers how many.
pub(super) async fn close_due(ledger: &Ledger, token: Option<&Token>) -> Result<u64, LedgerError> {
    let mut closed = 0;
    loop {
        let some = ledger
            .transact_by(token, None, |session, now| Box::pin(periods::close_due(session, now)));
        match some.await? {
            0 => return Ok(closed),
            some => closed += some,
        }
    }
}

/// Drops the keys of the months before one.
async fn drop_keys(
    ledger: &Ledger,
    token: Option<&Token>,
    before: i64,
) -> Result<u64, LedgerError> {
    let mut dropped = 0;
    let mut after = None;
    loop {
        let mut session = ledger.store().read().await?;
        let page = accounts::page(&mut session, after.as_ref(), 500).await?;
        drop(session);
        let Some(last) = page.last() else { return Ok(dropped) };
        after = Some(last.id.clone());
        for account in page {
            loop {
                let id = account.id.clone();
                let work = ledger.transact_by(token, None, move |session, _| {
                    Box::pin(
                        async move { append::drop_keys(session, &id, before, KEYS_AT_ONCE).await },
                    )
                });
                let some = work.await?;
                dropped += some;
                if some < u64::from(KEYS_AT_ONCE) {
                    break;
                }
            }
        }
    }
}
