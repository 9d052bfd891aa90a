//! Summaries of accounts, kept up to date: computed from the ledger in rounds, and soon after an
//! account's rows moved.
//!
//! Each account is computed from one read snapshot of the ledger and stored with what it was computed
//! from, so that it can be computed again and compared ([`recomputed`]). A page of accounts is read,
//! worked out and stored at a time; nothing grows with their number. A round costs at most half of the
//! time: the next one waits as long as the last one took.

use std::{collections::HashMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{
    Ledger, LedgerError,
    lease::{Lease, Token},
    whole_millisecond,
};
use crate::{
    domain::{account::AccountId, snapshot::FORMULA_VERSION},
    store::{
        Session, StoreError,
        accounts::Account,
        snapshots::{self, Due, KEPT_DAYS, Made, Recorded, SnapshotRow, Told as DayTold},
    },
};

pub mod board;
mod days;
pub mod export;
mod flags;
mod gather;
mod inputs;
mod row;

use board::Board;
pub use gather::Gathered;
pub use inputs::{Kept, Turn};

/// Accounts that are read, worked out and stored at a time.
const PAGE: u32 = 64;

/// When summaries are made.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// Each account this often, whatever happened. Only then does a flag move on.
    pub every: SignedDuration,
    /// An account whose rows, plan or facts moved, no more often than this.
    pub refresh: SignedDuration,
    /// How often to look, and how often `usage.json` is written at most.
    pub look: Duration,
    /// See [`Rhythm::look`].
    pub export: SignedDuration,
}

impl Rhythm {
    /// The rhythm of a server that makes each summary `every` so often.
    #[must_use]
    pub fn every(every: SignedDuration) -> Self {
        Self {
            every,
            refresh: SignedDuration::from_secs(15).min(every),
            look: Duration::from_secs(5),
            export: SignedDuration::from_secs(60).min(every),
        }
    }

    /// For how long a summary may be acted on: two rounds may fail.
    fn validity(&self) -> SignedDuration {
        self.every.saturating_mul(3)
    }
}

/// What one round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Accounts that were summed up.
    pub computed: u64,
    /// Accounts whose figures do not fit; the log names them.
    pub failed: u64,
}

/// Makes the summaries of a ledger.
#[derive(Clone)]
pub struct Figures {
    rhythm: Rhythm,
    exported: Told,
    shown: Told,
    counted: Told,
    board: Option<Board>,
    token: Option<Token>,
}

/// When something was told of the summaries, and whether any changed since.
#[derive(Clone, Copy, Debug)]
struct Told {
    last: Option<Timestamp>,
    changed: bool,
}

impl Told {
    const NEVER: Self = Self { last: None, changed: true };

    fn is_due(self, now: Timestamp, rest: SignedDuration) -> bool {
        self.changed && self.last.is_none_or(|last| now.duration_since(last).abs() >= rest)
    }

    const fn at(now: Timestamp) -> Self {
        Self { last: Some(now), changed: false }
    }
}

impl Figures {
    /// In this rhythm.
    #[must_use]
    pub const fn new(rhythm: Rhythm) -> Self {
        let (exported, shown, counted) = (Told::NEVER, Told::NEVER, Told::NEVER);
        Self { rhythm, exported, shown, counted, board: None, token: None }
    }

    /// Shows on this board what they say.
    #[must_use]
    pub fn on(self, board: Board) -> Self {
        Self { board: Some(board), ..self }
    }

    /// Under this lease: once another server has it, nothing is stored.
    #[must_use]
    pub fn under(self, lease: &Lease) -> Self {
        Self { token: Some(lease.token()), ..self }
    }

    /// Goes on for ever, while the lease is ours; faults are logged, and tried again in the next
    /// round.
    pub async fn run(mut self, ledger: &Ledger, lease: &mut Lease) {
        if let Some(board) = &self.board {
            board.held_under(lease.fence());
        }
        loop {
            let begun = Instant::now();
            if lease.keep(ledger).await {
                // That of this time: who takes a lease anew is another holder.
                self.token = Some(lease.token());
                self.turn(ledger).await;
            }
            tokio::time::sleep(self.rhythm.look.max(begun.elapsed())).await;
        }
    }

    async fn turn(&mut self, ledger: &Ledger) {
        match self.round(ledger).await {
            Ok(Done { computed: 0, failed: 0 }) => {}
            Ok(Done { computed, failed }) => {
                tracing::debug!(computed, failed, "summed accounts up");
            }
            Err(error @ LedgerError::Overtaken) => {
                tracing::info!(%error, "accounts were left to another server to sum up");
            }
            Err(error) => {
                tracing::error!(%error, "accounts could not be summed up; tried again");
            }
        }
        if let Err(error) = self.export_if_due(ledger).await {
            tracing::error!(%error, "usage.json could not be written; tried again");
        }
        if let Err(error) = self.show_if_due(ledger).await {
            tracing::error!(%error, "figures could not be shown as metrics; tried again");
        }
    }

    /// Sums up every account that is due.
    ///
    /// # Errors
    /// What kept it from being done; what was done stays.
    pub async fn round(&mut self, ledger: &Ledger) -> Result<Done, LedgerError> {
        let mut done = Done::default();
        let mut after = None;
        loop {
            // As it is stored: else what is computed again later would be of another instant.
            let now = whole_millisecond(ledger.now());
            let due = Due {
                older_than: before(now, self.rhythm.every),
                moved: before(now, self.rhythm.refresh),
                formula_version: FORMULA_VERSION,
                ahead: ahead_of(now),
            };
            let mut session = ledger.store().read().await?;
            let page = snapshots::due(&mut session, due, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            let (rows, failed) = self.page(&mut session, &page, now).await?;
            drop(session);
            done.computed += rows.len() as u64;
            done.failed += failed;
            self.exported.changed |= !rows.is_empty();
            self.shown.changed |= !rows.is_empty();
            store(ledger, self.token.as_ref(), rows).await?;
        }
        Ok(done)
    }

    async fn page(
        &self,
        session: &mut Session,
        accounts: &[Account],
        now: Timestamp,
    ) -> Result<(Vec<Computed>, u64), LedgerError> {
        let ids: Vec<AccountId> = accounts.iter().map(|account| account.id.clone()).collect();
        let before: HashMap<_, _> =
            snapshots::documents(session, &ids).await?.into_iter().collect();
        let (mut rows, mut failed) = (Vec::new(), 0);
        for account in accounts {
            let last = before.get(&account.id).and_then(|text| Kept::read(text).ok());
            let turn = last
                .as_ref()
                .map_or_else(|| Turn::first(now), |last| last.next_turn(now, self.rhythm.every));
            let flagged = last.is_some_and(|last| last.is_flagged());
            match compute(session, account, turn, now, self.rhythm.validity()).await {
                Ok(computed) => rows.push(Computed { was_flagged: flagged, ..computed }),
                Err(StoreError::Unreadable(why)) => {
                    tracing::warn!(account = %account.id, why, "an account cannot be summed up");
                    failed += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok((rows, failed))
    }

    /// Writes `usage.json` when something was computed since, and not too often.
    ///
    /// # Errors
    /// [`export::ExportError`].
    pub async fn export_if_due(&mut self, ledger: &Ledger) -> Result<bool, export::ExportError> {
        let now = ledger.now();
        if !self.exported.is_due(now, self.rhythm.export) {
            return Ok(false);
        }
        export::write(ledger.store(), now).await?;
        self.exported = Told::at(now);
        Ok(true)
    }

    /// Shows figures as metrics when something was computed since, and how many requests are how far; not
    /// too often.
    ///
    /// # Errors
    /// [`StoreError`]; then it shows what it showed.
    pub async fn show_if_due(&mut self, ledger: &Ledger) -> Result<(), StoreError> {
        let (now, rest) = (ledger.now(), self.rhythm.export);
        let Some(board) = &self.board else { return Ok(()) };
        if self.shown.is_due(now, rest) {
            board.show(ledger.store()).await?;
            self.shown = Told::at(now);
        }
        // No round says that a request has moved.
        if self.counted.is_due(now, rest) {
            board.count_requests(ledger.store()).await?;
            self.counted = Told { changed: true, ..Told::at(now) };
        }
        Ok(())
    }
}

/// How far servers' clocks may lie apart. What is dated later than that was dated by a clock that has been set back:
/// waiting for that instant would be to stand still.
const APART: SignedDuration = SignedDuration::from_secs(60);

/// What is dated later than this is not to be waited for.
pub(crate) fn ahead_of(now: Timestamp) -> Timestamp {
    now.checked_add(APART).unwrap_or(Timestamp::MAX)
}

fn before(now: Timestamp, span: SignedDuration) -> Timestamp {
    now.checked_sub(span).unwrap_or(Timestamp::MIN)
}

/// A summary with what it was computed from.
#[derive(Clone)]
struct Computed {
    row: SnapshotRow,
    kept: Kept,
    /// Whether the summary before it was flagged, by health.
    was_flagged: bool,
}

async fn compute(
    session: &mut Session,
    account: &Account,
    turn: Turn,
    now: Timestamp,
    validity: SignedDuration,
) -> Result<Computed, StoreError> {
    let mut gathered = Gathered::now(session, account, turn, now).await?;
    let snapshot = gathered.snapshot()?;
    gathered.kept.remember(snapshot.watch);
    let valid_until = now.checked_add(validity).unwrap_or(Timestamp::MAX);
    let row = row::row(&gathered, &snapshot, valid_until);
    Ok(Computed { row, kept: gathered.kept, was_flagged: false })
}

/// Stores a page. What changed while it was worked out makes it stale at once. A page of one that was
/// frozen meanwhile is older than its successor's, and not stored.
async fn store(
    ledger: &Ledger,
    token: Option<&Token>,
    computed: Vec<Computed>,
) -> Result<(), LedgerError> {
    if computed.is_empty() {
        return Ok(());
    }
    let work = ledger.transact_by(token, None, move |session, now| {
        Box::pin(async move {
            let ids: Vec<_> = computed.iter().map(|one| one.row.account.clone()).collect();
            // Else what another server stores meanwhile would be overwritten as if it were counted.
            session.lock(&ids).await?;
            let counts: HashMap<_, _> =
                snapshots::counts(session, &ids).await?.into_iter().collect();
            flags::tell(session, &computed, now).await?;
            let mut rows = Vec::with_capacity(computed.len());
            for Computed { mut row, kept, .. } in computed {
                row.stale = counts.get(&row.account) != Some(&kept.counts());
                if kept.begins_a_turn() {
                    snapshots::drop_days(session, &row.account, row.day() - KEPT_DAYS).await?;
                }
                let (inputs, knew) = (kept.text()?, kept.knew()?);
                rows.push(Made { row, inputs, knew });
            }
            snapshots::put(session, &rows).await
        })
    });
    work.await
}

/// An account's newest summary, and what it comes to when it is computed again from the rows that it
/// counted; `None` when there is none, or one by other formulas.
///
/// # Errors
/// [`StoreError`].
pub async fn recomputed(
    session: &mut Session,
    account: &Account,
) -> Result<Option<Recomputed>, StoreError> {
    let Some((stored, document)) = snapshots::get(session, &account.id).await? else {
        return Ok(None);
    };
    if stored.formula_version != FORMULA_VERSION {
        return Ok(None);
    }
    let kept = Kept::read(&document)?;
    let mut gathered = Gathered::again(session, account, &kept).await?;
    let snapshot = gathered.snapshot()?;
    gathered.kept.remember(snapshot.watch);
    let mut row = row::row(&gathered, &snapshot, stored.valid_until);
    row.stale = stored.stale;
    let again = gathered.kept.text()?;
    Ok(Some(Recomputed { stored: (stored, document), again: (row, again) }))
}

/// Days of an account whose last summary comes to something else when it is computed again from the rows that
/// it counted. Those by other formulas, or from before these inputs were kept, cannot be.
///
/// # Errors
/// [`StoreError`].
pub async fn days_that_differ(
    session: &mut Session,
    account: &Account,
    which: impl Fn(i64) -> bool,
) -> Result<Vec<Recorded>, StoreError> {
    let mut differ = Vec::new();
    for day in snapshots::recorded(session, &account.id).await? {
        if day.formula_version != FORMULA_VERSION || !which(day.day) {
            continue;
        }
        let snapshot = Gathered::of_day(session, account, &day).await?.snapshot()?;
        let cost = snapshot.projected_cost.map(|cost| (cost.units, cost.likely.0, cost.likely.1));
        let again = DayTold {
            flagged: snapshot.flagged,
            health: snapshots::told_health(snapshot.health.score, snapshot.standing),
            ratio: snapshot.highest.map(|(_, ratio)| ratio),
            cost: cost.map(|(cost, low, high)| (cost.minor(), low.minor(), high.minor())),
        };
        if again != day.told {
            differ.push(day);
        }
    }
    Ok(differ)
}

/// A summary twice: as it is stored, and computed again; each with its inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recomputed {
    /// As it is stored.
    pub stored: (SnapshotRow, String),
    /// As the rows have it.
    pub again: (SnapshotRow, String),
}

#[cfg(test)]
mod tests;
