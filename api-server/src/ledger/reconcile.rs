//! Compares, all the time and a little at a time, the ledger with itself: what `verify` recomputes of a
//! whole ledger is recomputed of one account after another while the server serves.
//!
//! It takes a twentieth of the time at most: each account is followed by a rest that is nineteen times
//! as long. Of an account with many rows only what was told is made again, its summary and its closed
//! periods' bills: reading all its rows would hold one state of the database for too long. Nothing is
//! written.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use opentelemetry::{
    KeyValue,
    metrics::{Counter, Meter},
};
use tokio::time::Instant;

use super::verify::{self, What};
use crate::{
    domain::account::AccountId,
    store::{Store, StoreError, accounts},
};

/// The rest after an account, as a multiple of what its comparison took.
const REST: u32 = 19;
/// The shortest rest; and how long it rests when there is nothing, or nothing can be read.
const PAUSE: Duration = Duration::from_secs(1);
/// The most rows of an account that is compared as a whole.
pub const WHOLE: i64 = 200_000;

/// Of what a difference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A row, its place in the chain, or its key.
    Rows,
    /// A sum of rows, or an alert that follows from one.
    Figures,
    /// The newest summary: health, projection, flag.
    Summary,
    /// The bill of a closed period.
    Bill,
}

impl Part {
    const ALL: [Self; 4] = [Self::Rows, Self::Figures, Self::Summary, Self::Bill];

    const fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Figures => "figures",
            Self::Summary => "summary",
            Self::Bill => "bill",
        }
    }

    const fn of(what: What) -> Self {
        match what {
            What::Total | What::Rollup | What::Alert => Self::Figures,
            What::Summary | What::Day => Self::Summary,
            What::Settlement => Self::Bill,
            What::Missing
            | What::Unreadable
            | What::Chain
            | What::Dims
            | What::Reference
            | What::Posting
            | What::Dedup
            | What::Head
            | What::External => Self::Rows,
        }
    }
}

/// Where the comparison stands.
#[derive(Debug, Default)]
pub struct Reconciler {
    after: Option<AccountId>,
    differing: BTreeMap<AccountId, BTreeSet<Part>>,
}

/// What was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// All of an account.
    Whole,
    /// What was told of an account with many rows.
    Told,
    /// There is no further account: the next pass begins with the first one.
    Nothing,
}

impl Reconciler {
    /// Goes on for ever; differences and faults are logged, and shown by the metrics.
    pub async fn run(mut self, store: &Store, metrics: &Metrics) {
        loop {
            let begun = Instant::now();
            // Keys are looked for as of a little later: another server, whose clock is ahead, may have
            // dropped a month's already.
            let soon = Timestamp::now().checked_add(SignedDuration::from_hours(1));
            match self.step(store, soon.unwrap_or(Timestamp::MAX), WHOLE).await {
                Ok(compared) => metrics.compared(compared, self.differences()),
                Err(error) => {
                    tracing::warn!(%error, "the ledger could not be compared with itself; tried again");
                }
            }
            tokio::time::sleep(PAUSE.max(begun.elapsed() * REST)).await;
        }
    }

    /// Compares the next account, as a whole when it has at most `rows` rows; keys as of `now`.
    ///
    /// # Errors
    /// [`StoreError`] when the ledger cannot be read; the account is passed over until the next pass.
    pub async fn step(
        &mut self,
        store: &Store,
        now: Timestamp,
        rows: i64,
    ) -> Result<Compared, StoreError> {
        let mut session = store.read().await?;
        let page = accounts::page(&mut session, self.after.as_ref(), 1).await?;
        self.after = page.first().map(|account| account.id.clone());
        let Some(account) = page.first() else { return Ok(Compared::Nothing) };
        let (findings, whole) = verify::account(&mut session, account, rows, now).await?;
        for finding in &findings {
            tracing::error!(%finding, "the ledger is not what its rows say");
        }
        if findings.is_empty() {
            self.differing.remove(&account.id);
        } else {
            let parts = findings.iter().map(|finding| Part::of(finding.what)).collect();
            self.differing.insert(account.id.clone(), parts);
        }
        Ok(if whole { Compared::Whole } else { Compared::Told })
    }

    /// How many accounts differ in what. An account counts until it is compared again and agrees.
    #[must_use]
    pub fn differences(&self) -> BTreeMap<Part, u64> {
        let mut counts = BTreeMap::new();
        for part in self.differing.values().flatten() {
            *counts.entry(*part).or_default() += 1;
        }
        counts
    }
}

/// The instruments.
#[derive(Clone, Debug)]
pub struct Metrics {
    compared: Counter<u64>,
    differences: Arc<Mutex<BTreeMap<Part, u64>>>,
}

impl Metrics {
    /// The instruments, made with `meter`.
    #[must_use]
    pub fn new(meter: &Meter) -> Self {
        let differences = Arc::new(Mutex::new(BTreeMap::new()));
        let seen = differences.clone();
        // The meter keeps it.
        let _kept = meter
            .u64_observable_gauge("billing_reconciliation_difference")
            .with_description("Accounts that are not what the ledger's rows say; must be 0")
            .with_callback(move |gauge| {
                let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                for part in Part::ALL {
                    let count = seen.get(&part).copied().unwrap_or_default();
                    gauge.observe(count, &[KeyValue::new("part", part.name())]);
                }
            })
            .build();
        let compared = meter
            .u64_counter("billing_reconciliation_accounts")
            .with_description("Accounts that were recomputed from the ledger's rows")
            .build();
        Self { compared, differences }
    }

    fn compared(&self, compared: Compared, found: BTreeMap<Part, u64>) {
        let depth = match compared {
            Compared::Whole => "whole",
            Compared::Told => "told",
            Compared::Nothing => return,
        };
        self.compared.add(1, &[KeyValue::new("depth", depth)]);
        *self.differences.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }
}
