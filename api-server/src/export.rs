//! The ledger as text, for other programs: NDJSON or CSV, account by account in the order of their ids.
//!
//! Of each account everything up to one row is written, the row that its head named when its turn came.
//! Rows are only ever added, so they are read in short snapshots, however many there are, and two exports
//! of an account up to the same row have the same rows.

use std::io::{self, Write};

use anyhow::ensure;

use crate::domain::account::AccountId;
use crate::store::accounts::{self, Account};
use crate::store::append::Head;
use crate::store::periods::PeriodRow;
use crate::store::row::{Entry, Total, TotalKey};
use crate::store::snapshots::{self, SnapshotRow};
use crate::store::{Session, Store, audit, events, periods, plans};

mod records;
mod text;

pub use text::Form;
use text::Text;

/// Accounts that are read at a time.
const ACCOUNTS: u32 = 200;
/// Rows that are read at a time.
const ROWS: u32 = 1000;

/// A kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Records {
    /// Accounts.
    Accounts,
    /// The plans that accounts agreed to, with who asked.
    Plans,
    /// The ledger's rows: use, corrections and voids.
    Rows,
    /// Figures: what was used of each meter in each period, and whether that is final.
    Periods,
    /// The newest summary of each account: health, use, projected cost.
    Summaries,
    /// The newest row of each account, with its chain value.
    Heads,
}

impl Records {
    /// All kinds, in the order in which they are written of each account.
    pub const ALL: [Self; 6] =
        [Self::Accounts, Self::Plans, Self::Rows, Self::Periods, Self::Summaries, Self::Heads];
}

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Of these accounts; of all when there are none.
    pub accounts: Vec<AccountId>,
    /// Of these kinds.
    pub records: Vec<Records>,
    /// Whether what may name people is written too: dimensions, notes of corrections, who asked.
    pub personal: bool,
}

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accounts.
    pub accounts: u64,
    /// Records of all kinds.
    pub records: u64,
}

/// Writes what is wanted.
///
/// # Errors
/// When the ledger cannot be read, `out` not be written, or an account is not there; the last is known
/// before anything is written.
pub async fn write(
    store: &Store,
    wanted: &Wanted,
    form: Form,
    out: &mut impl Write,
) -> anyhow::Result<Counts> {
    let mut export = Export { store, wanted, text: Text::new(form, out) };
    let mut accounts = 0;
    if wanted.accounts.is_empty() {
        let mut after = None;
        loop {
            let mut session = store.read().await?;
            let page = accounts::page(&mut session, after.as_ref(), ACCOUNTS).await?;
            drop(session);
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            for account in page {
                export.account(&account).await?;
                accounts += 1;
            }
        }
    } else {
        for account in named(store, &wanted.accounts).await? {
            export.account(&account).await?;
            accounts += 1;
        }
    }
    let records = export.text.finish(accounts)?;
    Ok(Counts { accounts, records })
}

async fn named(store: &Store, ids: &[AccountId]) -> anyhow::Result<Vec<Account>> {
    let mut ids = ids.to_vec();
    ids.sort();
    ids.dedup();
    let mut session = store.read().await?;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let account = accounts::get(&mut session, &id).await?;
        ensure!(account.is_some(), "there is no account {id}");
        found.extend(account);
    }
    Ok(found)
}

struct Export<'a, W> {
    store: &'a Store,
    wanted: &'a Wanted,
    text: Text<'a, W>,
}

/// What is known of an account besides its rows, all of one moment.
struct Known {
    head: Head,
    periods: Vec<PeriodRow>,
    totals: Vec<(TotalKey, Total)>,
    plans: Vec<plans::Asked>,
    summary: Option<SnapshotRow>,
}

impl Known {
    async fn read(session: &mut Session, id: &AccountId) -> anyhow::Result<Self> {
        Ok(Self {
            head: audit::head(session, id).await?,
            periods: periods::of_account(session, id).await?,
            totals: audit::totals(session, id).await?,
            plans: plans::asked(session, id).await?,
            summary: snapshots::get(session, id).await?.map(|(row, _)| row),
        })
    }
}

impl<W: Write> Export<'_, W> {
    async fn account(&mut self, account: &Account) -> anyhow::Result<()> {
        let mut session = self.store.read().await?;
        let known = Known::read(&mut session, &account.id).await?;
        drop(session);
        for kind in Records::ALL.into_iter().filter(|kind| self.wanted.records.contains(kind)) {
            match kind {
                Records::Accounts => self.text.record(&records::account(account))?,
                Records::Plans => {
                    let personal = self.wanted.personal;
                    let plan = |asked| records::plan(account, asked, personal);
                    self.all(known.plans.iter().map(plan))?;
                }
                Records::Rows => self.rows(account, &known).await?,
                Records::Periods => {
                    self.all(records::periods(account, &known.periods, &known.totals))?;
                }
                Records::Summaries => self.all(known.summary.iter().map(records::summary))?,
                Records::Heads => self.text.record(&records::head(account, &known.head))?,
            }
        }
        Ok(())
    }

    fn all(&mut self, all: impl IntoIterator<Item = records::Record>) -> io::Result<()> {
        all.into_iter().try_for_each(|record| self.text.record(&record))
    }

    /// The rows up to the head that is known, in order.
    async fn rows(&mut self, account: &Account, known: &Known) -> anyhow::Result<()> {
        let mut after = 0;
        while after < known.head.seq {
            let mut session = self.store.read().await?;
            let last = known.head.seq.min(after + i64::from(ROWS));
            let page = events::stretch(&mut session, &account.id, after + 1, last).await?;
            drop(session);
            for (row, chain) in &page {
                let Entry { seq, .. } = row.entry;
                after += 1;
                ensure!(
                    seq == after,
                    "account {}: row {after} is missing; see `verify`",
                    account.id
                );
                let record = records::row(row, *chain, &known.periods, self.wanted.personal);
                self.text.record(&record)?;
            }
            ensure!(
                after == last,
                "account {}: rows after {after} are missing; see `verify`",
                account.id
            );
        }
        Ok(())
    }
}
