//! Recomputes everything from the rows alone and says where the ledger differs.
//!
//! For each account: numbers without gaps, the chain, dimensions against their hash, what a
//! correction is about, the period and hour that each row was posted to, every figure and alert, every
//! key by which repeats are known, the head, what closed periods came to, the newest summary; and heads that were written down
//! elsewhere. Before them the database's file, page by page.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::{
    dedup,
    figures::{self as summaries, Recomputed},
    heads::Heads,
};
use crate::{
    domain::{Money, account::AccountId},
    store::{
        Session, Store, StoreError,
        accounts::{self, Account},
        append::Head,
        audit, bill, periods, settlements,
    },
};

mod figures;
mod levels;
mod rows;

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

/// Checks a whole ledger. Every account is read in one snapshot, so it works beside the server.
///
/// # Errors
/// [`StoreError`] when the ledger cannot be read at all.
pub async fn verify(store: &Store, heads: &Heads, now: Timestamp) -> Result<Report, StoreError> {
    const PAGE: u32 = 500;
    let mut report = Report { damage: store.damage().await?, ..Report::default() };
    let mut after = None;
    loop {
        let mut session = store.read().await?;
        let page = accounts::page(&mut session, after.as_ref(), PAGE).await?;
        drop(session);
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        for account in &page {
            let mut session = store.read().await?;
            let mut findings = Findings { account: &account.id, found: Vec::new() };
            let counts = check_account(&mut session, account, heads, now, &mut findings).await;
            match counts {
                Ok((rows, erased)) => {
                    report.rows += rows;
                    report.erased += erased;
                }
                Err(StoreError::Unreadable(why)) => findings.note(None, What::Unreadable, why),
                Err(error) => return Err(error),
            }
            report.accounts += 1;
            report.findings.append(&mut findings.found);
        }
    }
    let mut session = store.read().await?;
    for (account, recorded) in heads {
        let known = accounts::get(&mut session, account).await?.is_some();
        let last = recorded.iter().max_by_key(|head| head.seq);
        if let (false, Some(last)) = (known, last) {
            let detail = format!("the account is gone; it had {} rows", last.seq);
            let (account, what) = (account.clone(), What::External);
            report.findings.push(Finding { account, seq: Some(last.seq), what, detail });
        }
    }
    Ok(report)
}

/// The findings of one account.
struct Findings<'a> {
    account: &'a AccountId,
    found: Vec<Finding>,
}

impl Findings<'_> {
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
    let mut findings = Findings { account: &account.id, found: Vec::new() };
    let whole = audit::head(session, &account.id).await?.seq <= rows;
    let checked = if whole {
        let checked = check_account(session, account, &Heads::new(), now, &mut findings).await;
        checked.map(|_| ())
    } else {
        check_told(session, account, &mut findings).await
    };
    match checked {
        Ok(()) => {}
        Err(StoreError::Unreadable(why)) => findings.note(None, What::Unreadable, why),
        Err(error) => return Err(error),
    }
    Ok((findings.found, whole))
}

async fn check_told(
    session: &mut Session,
    account: &Account,
    findings: &mut Findings<'_>,
) -> Result<(), StoreError> {
    check_settlements(session, account, findings).await?;
    check_summary(session, account, findings).await
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
    loop {
        let page = audit::entries_after(session, &account.id, rows.last(), PAGE).await?;
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
    check_told(session, account, findings).await?;
    check_days(session, account, now, findings).await?;
    Ok((rows.count(), rows.erased()))
}

/// Makes the bills of settled periods again.
async fn check_settlements(
    session: &mut Session,
    account: &Account,
    findings: &mut Findings<'_>,
) -> Result<(), StoreError> {
    for settled in settlements::of(session, &account.id).await? {
        let bill = bill::of_period(session, account, settled.period_start).await;
        let total = match bill {
            Ok(bill) => bill.statement.map(|statement| statement.total),
            // A sum that does not fit is settled as none.
            Err(StoreError::Unreadable(_)) => None,
            Err(error) => return Err(error),
        };
        if total != settled.total {
            let shown =
                |money: Option<Money>| money.map_or("nothing".to_owned(), |m| m.to_string());
            let (is, was) = (shown(total), shown(settled.total));
            let start = settled.period_start;
            let detail = format!("the period from {start}: its bill is {is}, settled was {was}");
            findings.note(None, What::Settlement, detail);
        }
    }
    Ok(())
}

/// Computes the newest summary again from the rows that it counted.
async fn check_summary(
    session: &mut Session,
    account: &Account,
    findings: &mut Findings<'_>,
) -> Result<(), StoreError> {
    let Some(Recomputed { stored, again }) = summaries::recomputed(session, account).await? else {
        return Ok(());
    };
    let detail = match (stored.1 == again.1, stored.0 == again.0) {
        (true, true) => return Ok(()),
        (false, _) => "what it was computed from is not what the rows say",
        (true, false) => "its figures do not follow from what it was computed from",
    };
    findings.note(Some(stored.0.ledger_seq), What::Summary, detail);
    Ok(())
}

/// One day in so many is looked at, another one each day, beside yesterday and today: what came since has to be
/// read for each.
const DAYS: i64 = 128;

/// Computes last summaries of days again from the rows that they counted.
async fn check_days(
    session: &mut Session,
    account: &Account,
    now: Timestamp,
    findings: &mut Findings<'_>,
) -> Result<(), StoreError> {
    let today = now.as_millisecond().div_euclid(86_400_000);
    let which = |day: i64| day >= today - 1 || (day - today).rem_euclid(DAYS) == 0;
    for day in summaries::days_that_differ(session, account, which).await? {
        let at = day.computed_at;
        let detail = format!("that of {at} does not follow from the rows that it counts");
        findings.note(Some(day.ledger_seq), What::Day, detail);
    }
    Ok(())
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
