//! Recomputes everything from the rows alone and says where the ledger differs.
//!
//! For each account: numbers without gaps, the chain, dimensions against their hash, what a
//! correction is about, the period and hour that each row was posted to, every figure and alert, every
//! key by which repeats are known, the head, what closed periods came to, the newest summary; and heads that were written down
//! elsewhere. Before them the database's file, page by page.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::{dedup, heads::Heads};
use crate::{
    domain::account::AccountId,
    store::{
        Session, Store, StoreError,
        accounts::{self, Account},
        append::Head,
        audit, periods,
    },
};

mod figures;
mod levels;
mod rows;
mod told;

use figures::Figures;
use levels::Levels;
use rows::Rows;

/// The kind of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// A row that should be there is not.
    Missing,
    /// A row that cannot be read.
    Unreadable,
    /// A row that is not the one that was written: its chain value differs.
    Chain,
    /// Dimensions that are not those that the row was written with.
    Dims,
    /// A correction of something that it cannot be about.
    Reference,
    /// A row in a period where it does not belong.
    Posting,
    /// A figure that is not the sum of its rows.
    Total,
    /// An hour that is not the sum of its rows.
    Rollup,
    /// An alert that does not follow from use and quota, or is missing.
    Alert,
    /// A key that does not belong to its row.
    Dedup,
    /// The stored head is not the last row.
    Head,
    /// A closed period did not come to what was written down of it.
    Settlement,
    /// The account's newest summary does not follow from the rows that it counts.
    Summary,
    /// A day's last summary does not follow from the rows that it counts.
    Day,
    /// The ledger does not hold what was written down elsewhere.
    External,
}

impl What {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing row",
            Self::Unreadable => "unreadable row",
            Self::Chain => "changed row",
            Self::Dims => "changed dimensions",
            Self::Reference => "wrong reference",
            Self::Posting => "wrong period",
            Self::Total => "wrong figure",
            Self::Rollup => "wrong hour",
            Self::Alert => "wrong alert",
            Self::Dedup => "wrong key",
            Self::Head => "wrong head",
            Self::Settlement => "wrong settlement",
            Self::Summary => "wrong summary",
            Self::Day => "wrong summary of a day",
            Self::External => "not what was written down",
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// In which account.
    pub account: AccountId,
    /// At which row, when it is one row's.
    pub seq: Option<i64>,
    /// Of what kind.
    pub what: What,
    /// What is there and what should be.
    pub detail: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "account {}", self.account)?;
        if let Some(seq) = self.seq {
            write!(f, ", row {seq}")?;
        }
        write!(f, ": {}: {}", self.what.name(), self.detail)
    }
}

/// The most differences that a report lists of one account.
pub const MAX_FINDINGS: usize = 20;

/// What was looked at and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Accounts.
    pub accounts: u64,
    /// Rows.
    pub rows: u64,
    /// Rows whose dimensions were erased; their hash stays in the chain.
    pub erased: u64,
    /// What is wrong with the database's file itself.
    pub damage: Vec<String>,
    /// Differences, by account and row; at most [`MAX_FINDINGS`] of an account.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether the ledger is what its rows say, in a file that is whole.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.damage.is_empty()
    }
}

/// Checks a whole ledger. Every account is read in one snapshot, so it works beside the server. What cannot be
/// read is a difference: the rest is checked all the same.
///
/// # Errors
/// [`StoreError`] when the ledger cannot be reached.
pub async fn verify(store: &Store, heads: &Heads, now: Timestamp) -> Result<Report, StoreError> {
    let damage = match store.damage().await {
        Ok(lines) => lines,
        Err(error) => vec![of_what_is_stored(store, error)?],
    };
    let mut report = Report { damage, ..Report::default() };
    let mut after = None;
    loop {
        let page = match accounts_after(store, after.as_ref()).await {
            Ok(page) => page,
            Err(error) => {
                let place = after.as_ref().map(|id| format!(" after {id}")).unwrap_or_default();
                let why = of_what_is_stored(store, error)?;
                report.damage.push(format!("the list of accounts{place} cannot be read: {why}"));
                break;
            }
        };
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        for account in &page {
            let mut findings = Findings::of(&account.id);
            match check_one(store, account, heads, now, &mut findings).await {
                Ok((rows, erased)) => {
                    report.rows += rows;
                    report.erased += erased;
                }
                Err(error) => {
                    findings.note(
                        findings.reads,
                        What::Unreadable,
                        of_what_is_stored(store, error)?,
                    );
                }
            }
            report.accounts += 1;
            report.findings.append(&mut findings.found);
        }
    }
    for (account, recorded) in heads {
        let Some(last) = recorded.iter().max_by_key(|head| head.seq) else { continue };
        let (what, detail) = match is_known(store, account).await {
            Ok(true) => continue,
            Ok(false) => (What::External, format!("the account is gone; it had {} rows", last.seq)),
            Err(error) => (What::Unreadable, of_what_is_stored(store, error)?),
        };
        report.findings.push(Finding {
            account: account.clone(),
            seq: Some(last.seq),
            what,
            detail,
        });
    }
    Ok(report)
}

/// What is wrong with what is stored; an error that says nothing of that is passed on.
fn of_what_is_stored(store: &Store, error: StoreError) -> Result<String, StoreError> {
    match error {
        StoreError::Unreadable(why) => Ok(why),
        StoreError::Broken(_) => Ok(error.to_string()),
        // Where a schema's own page is damaged, what is asked by it is refused. Elsewhere a role has no right to it.
        StoreError::Statement(_) if !store.is_shared() => Ok(error.to_string()),
        _ => Err(error),
    }
}

async fn accounts_after(
    store: &Store,
    after: Option<&AccountId>,
) -> Result<Vec<Account>, StoreError> {
    const PAGE: u32 = 500;
    accounts::page(&mut store.read().await?, after, PAGE).await
}

async fn is_known(store: &Store, account: &AccountId) -> Result<bool, StoreError> {
    Ok(accounts::get(&mut store.read().await?, account).await?.is_some())
}

async fn check_one(
    store: &Store,
    account: &Account,
    heads: &Heads,
    now: Timestamp,
    findings: &mut Findings<'_>,
) -> Result<(u64, u64), StoreError> {
    let mut session = store.read().await?;
    check_account(&mut session, account, heads, now, findings).await
}

/// The findings of one account.
struct Findings<'a> {
    account: &'a AccountId,
    found: Vec<Finding>,
    /// The row that is being read, and no other with it.
    reads: Option<i64>,
}

impl<'a> Findings<'a> {
    const fn of(account: &'a AccountId) -> Self {
        Self { account, found: Vec::new(), reads: None }
    }

    fn note(&mut self, seq: Option<i64>, what: What, detail: impl Into<String>) {
        if self.found.len() < MAX_FINDINGS {
            let (account, detail) = (self.account.clone(), detail.into());
            self.found.push(Finding { account, seq, what, detail });
        }
    }
}

/// Checks one account: all of it when it has at most `rows` rows, else what was told of it alone,
/// which is its newest summary and the bills of its settled periods, made again from its hours and
/// totals. The differences, and whether all was checked.
///
/// # Errors
/// [`StoreError`] when the ledger cannot be read; a row that cannot is a finding.
pub async fn account(
    session: &mut Session,
    account: &Account,
    rows: i64,
    now: Timestamp,
) -> Result<(Vec<Finding>, bool), StoreError> {
    let mut findings = Findings::of(&account.id);
    let whole = audit::head(session, &account.id).await?.seq <= rows;
    let checked = if whole {
        let checked = check_account(session, account, &Heads::new(), now, &mut findings).await;
        checked.map(|_| ())
    } else {
        told::check(session, account, &mut findings).await
    };
    match checked {
        Ok(()) => {}
        Err(StoreError::Unreadable(why)) => findings.note(None, What::Unreadable, why),
        Err(error) => return Err(error),
    }
    Ok((findings.found, whole))
}

/// How many rows there are, and of how many the dimensions were erased.
async fn check_account(
    session: &mut Session,
    account: &Account,
    heads: &Heads,
    now: Timestamp,
    findings: &mut Findings<'_>,
) -> Result<(u64, u64), StoreError> {
    const PAGE: u32 = 2_000;
    let periods = periods::of_account(session, &account.id).await?;
    let periods: BTreeMap<_, _> = periods.into_iter().map(|p| (p.period.start(), p)).collect();
    let mut recorded: HashMap<i64, Vec<[u8; 32]>> = HashMap::new();
    for head in heads.get(&account.id).into_iter().flatten() {
        recorded.entry(head.seq).or_default().push(head.chain);
    }
    let mut rows = Rows::new(account, &periods, &recorded, dedup::months(now).1);
    let levels = Levels::load(session, &account.id, &periods).await?;
    let mut figures = Figures::new(levels);
    let mut size = PAGE;
    loop {
        let page = match audit::entries_after(session, &account.id, rows.last(), size).await {
            // One by one up to the row that it is.
            Err(StoreError::Broken(_)) if size > 1 => {
                size = 1;
                continue;
            }
            Err(error) => {
                findings.reads = (size == 1).then(|| rows.last() + 1);
                return Err(error);
            }
            Ok(page) => page,
        };
        if page.is_empty() {
            break;
        }
        rows.check(session, page, &mut figures, findings).await?;
    }
    rows.check_end(session, findings).await?;
    check_head(session, &account.id, rows.head(), findings).await?;
    let lost = recorded.keys().copied().filter(|seq| *seq > rows.last()).max();
    if let Some(seq) = lost {
        let detail = format!("there were {seq} rows, the ledger ends at {}", rows.last());
        findings.note(Some(seq), What::External, detail);
    }
    figures.compare(session, &account.id, findings).await?;
    told::check(session, account, findings).await?;
    told::check_days(session, account, now, findings).await?;
    Ok((rows.count(), rows.erased()))
}

async fn check_head(
    session: &mut Session,
    account: &AccountId,
    last: Head,
    findings: &mut Findings<'_>,
) -> Result<(), StoreError> {
    let stored = audit::head(session, account).await?;
    if stored != last {
        let detail = format!("the head says row {}, the last row is {}", stored.seq, last.seq);
        findings.note(Some(stored.seq.max(last.seq)), What::Head, detail);
    }
    Ok(())
}
