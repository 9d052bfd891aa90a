//! An account's bill for a period, with all that it is made of, read at one moment.

use jiff::Timestamp;

use super::{
    Session, StoreError,
    accounts::Account,
    periods::{self, PeriodRow},
    plans,
    posted::{self, Slice},
};
use crate::domain::{
    bill::Cut,
    calendar::PeriodState,
    rating::{Statement, Usage},
};

/// A bill, and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bill {
    /// For which period.
    pub period: PeriodRow,
    /// Which plans were in force, and where they cut the period.
    pub cut: Cut,
    /// What was posted to the period, in the slices of that cut.
    pub slices: Vec<Slice>,
    /// What it comes to; none when no plan was in force.
    pub statement: Option<Statement>,
}

impl Bill {
    /// Whether it stays as it is: the period is closed, or nobody stored one that is over, with its grace, and in
    /// which no plan was in force. Whatever comes for that enters another period.
    #[must_use]
    pub fn is_final(&self, now: Timestamp) -> bool {
        let PeriodRow { period, closed, stored, .. } = self.period;
        let passed = !stored && self.statement.is_none();
        closed.is_some() || passed && period.state(now) == PeriodState::Closed
    }
}

/// The bill of the period in which an instant lies, by the formula that the period was opened by. What
/// was agreed after a period was closed does not change its bill.
///
/// # Errors
/// [`StoreError::Unreadable`] also when there is no such period, a plan version is missing, or a sum
/// does not fit.
pub async fn of_period(
    session: &mut Session,
    account: &Account,
    at: Timestamp,
) -> Result<Bill, StoreError> {
    let period = periods::at(session, account, at).await?;
    // A close comes after what was agreed before it; what is agreed later may be recorded at its instant.
    let mut recorded = plans::of_account(session, &account.id).await?;
    let until = period.agreed_before();
    recorded.retain(|plan| until.is_none_or(|until| plan.recorded_at < until));
    let terms = plans::terms(session, &recorded).await?;
    let cut = Cut::new(plans::subscription(&recorded).as_ref(), period.period);
    let slices = posted::in_slices(session, account, period.period, &cut.instants()).await?;
    let used: Vec<Usage> = slices.iter().map(used).collect();
    let statement = cut.bill(&terms, &used, period.formula);
    let statement = statement.map_err(|error| StoreError::Unreadable(error.to_string()))?;
    Ok(Bill { period, cut, slices, statement })
}

fn used(slice: &Slice) -> Usage {
    slice.iter().map(|(meter, posted)| (*meter, posted.quantity)).collect()
}
