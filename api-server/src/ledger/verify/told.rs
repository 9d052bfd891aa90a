//! What was told of an account, made again: bills of settled periods, its newest summary, those of days.

use jiff::Timestamp;

use super::{Findings, What};
use crate::{
    domain::Money,
    ledger::figures::{self as summaries, Recomputed},
    store::{Session, StoreError, accounts::Account, bill, settlements},
};

/// Checks the bills of settled periods and the newest summary.
pub(super) async fn check(
    session: &mut Session,
    account: &Account,
    findings: &mut Findings<'_>,
) -> Result<(), StoreError> {
    check_settlements(session, account, findings).await?;
    check_summary(session, account, findings).await
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
pub(super) async fn check_days(
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
