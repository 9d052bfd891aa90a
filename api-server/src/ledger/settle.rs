//! Closed periods settled: what each came to is written down, with how well it was foreseen.

use jiff::{SignedDuration, Timestamp};

use super::{Ledger, LedgerError, lease::Token};
use crate::{
    domain::{Money, Ppm, account::AccountId},
    store::{
        Session, StoreError, accounts, bill, periods,
        settlements::{self, Foreseen, Foresight, Settlement},
        snapshots::KEPT_DAYS,
    },
};

/// Periods that are settled in one round: after an upgrade there may be years of them.
const AT_ONCE: u32 = 1_000;

/// Settles what is closed, some of it at a time; answers what is new.
///
/// # Errors
/// [`LedgerError`]; what was done stays.
pub async fn settle(
    ledger: &Ledger,
    token: Option<&Token>,
) -> Result<Vec<Settlement>, LedgerError> {
    let mut session = ledger.store().read().await?;
    let due = settlements::due(&mut session, AT_ONCE).await?;
    drop(session);
    let mut settled = Vec::new();
    for (account, start) in due {
        let mut session = ledger.store().read().await?;
        let worked_out = work_out(&mut session, &account, start).await;
        drop(session);
        let settlement = match worked_out {
            Ok(settlement) => settlement,
            Err(StoreError::Unreadable(why)) => {
                tracing::warn!(%account, %start, why, "a closed period has no bill that fits");
                let foresight = Foresight::default();
                Settlement { account: account.clone(), period_start: start, total: None, foresight }
            }
            Err(error) => return Err(error.into()),
        };
        let new = settlement.clone();
        let work = ledger.transact_by(token, Some(account), move |session, now| {
            Box::pin(async move { settlements::put(session, &new, now).await })
        });
        if work.await? {
            settled.push(settlement);
        }
    }
    Ok(settled)
}

async fn work_out(
    session: &mut Session,
    id: &AccountId,
    start: Timestamp,
) -> Result<Settlement, StoreError> {
    let gone = || StoreError::Unreadable(format!("there is no account {id}"));
    let account = accounts::get(session, id).await?.ok_or_else(gone)?;
    let bill = bill::of_period(session, &account, start).await?;
    let total = bill.statement.map(|statement| statement.total);
    let period = periods::at(session, &account, start).await?.period;
    let days = settlements::foreseen(session, id, period).await?;
    let foresight = foresight(&days, total);
    Ok(Settlement { account: id.clone(), period_start: start, total, foresight })
}

/// How a bill was foreseen. Without a bill nothing was.
fn foresight(days: &[Foreseen], total: Option<Money>) -> Foresight {
    let Some(total) = total.map(Money::minor) else { return Foresight::default() };
    // Those by formulas before 4 may stand the other way round, or leave the mean outside.
    let edges =
        |day: &Foreseen| day.low.min(day.mean).min(day.high)..=day.low.max(day.mean).max(day.high);
    let within = days.iter().filter(|day| edges(day).contains(&total)).count();
    let off: i128 = days.iter().map(|day| (i128::from(day.mean) - i128::from(total)).abs()).sum();
    let count = i64::try_from(days.len()).unwrap_or(i64::MAX);
    Foresight {
        foreseen: count,
        within: i64::try_from(within).unwrap_or(i64::MAX),
        error: Ppm::of(off, i128::from(total).saturating_mul(i128::from(count))),
    }
}

/// How many days of the last periods foresaw their bills, and how many of these were right.
///
/// # Errors
/// [`LedgerError`].
pub async fn coverage(ledger: &Ledger) -> Result<(i64, i64), LedgerError> {
    let back = SignedDuration::from_hours(24 * KEPT_DAYS);
    let since = ledger.now().checked_sub(back).unwrap_or(Timestamp::MIN);
    let mut session = ledger.store().read().await?;
    Ok(settlements::foresight(&mut session, since).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;

    #[test]
    fn a_bill_on_an_edge_was_foreseen_and_errors_are_shares_of_it() {
        let day = |mean, low, high| Foreseen { mean, low, high };
        let total = Some(Money::from_minor(1_000, Currency::USD));
        let days = [day(900, 800, 1_000), day(1_200, 1_001, 1_300), day(1_000, 1_000, 1_000)];
        let of = foresight(&days, total);
        assert_eq!((of.foreseen, of.within), (3, 2));
        // 100 + 200 + 0, of 3 × 1,000.
        assert_eq!(of.error, Some(Ppm(100_000)));
        assert_eq!(foresight(&days, None), Foresight::default());
        // 390,000, 400,000 and 410,000 units, of which more than 400,000 cost less each.
        let turned = [day(400_000, 390_000, 328_000)];
        for (bill, within) in [(327_999, 0), (328_000, 1), (399_999, 1), (400_000, 1), (400_001, 0)]
        {
            let total = Some(Money::from_minor(bill, Currency::USD));
            assert_eq!(foresight(&turned, total).within, within, "{bill}");
        }
        assert_eq!(foresight(&[], total), Foresight::default());
        let free = Some(Money::zero(Currency::USD));
        assert_eq!(foresight(&days[..1], free).error, None, "no share of nothing");
    }
}
