//! An agreement on a plan: recorded, and every open figure measured against it at once. And an account
//! that begins with one.

use jiff::Timestamp;

use super::{Ledger, LedgerError, levels::advance};
use crate::{
    domain::{
        Quantity,
        account::AccountId,
        catalogue::PlanId,
        quota::{counted, quota},
        subscription::{Agreed, Agreement, Subscription},
        threshold::State,
    },
    store::{
        Session, StoreError,
        accounts::{self, Account, Added},
        alerts, audit,
        free::{self, Began},
        periods::{self, PeriodRow},
        plans::{self, Recorded},
        row::{Total, TotalKey},
        snapshots,
    },
};

/// What became of an account that shall be there, and on a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entered {
    /// The account.
    pub added: Added,
    /// Whether it agreed to the plan now.
    pub agreed: bool,
    /// The plan that it is on by now, or waits for; none also when its subscription ended.
    pub on: Option<PlanId>,
}

impl Ledger {
    /// Adds an account unless it is there, and has it agree to a plan unless it has agreed to any: in one
    /// transaction, so that none is left without its plan.
    ///
    /// # Errors
    /// As [`Ledger::transact`]; [`StoreError::Statement`] when there is no such plan version.
    pub async fn enter(
        &self,
        account: Account,
        plan: Option<Agreement>,
    ) -> Result<Entered, LedgerError> {
        let work = self.transact(None, move |session, now| {
            Box::pin(async move { enter(session, &account, plan, now).await })
        });
        work.await
    }
}

async fn enter(
    session: &mut Session,
    account: &Account,
    plan: Option<Agreement>,
    now: Timestamp,
) -> Result<Entered, StoreError> {
    let added = accounts::add(session, account).await?;
    if added == Added::Other {
        return Ok(Entered { added, agreed: false, on: None });
    }
    // Else it could agree to another one meanwhile, at another server.
    session.lock(std::slice::from_ref(&account.id)).await?;
    let recorded = plans::of_account(session, &account.id).await?;
    if let Some(subscription) = plans::subscription(&recorded) {
        let stands = subscription.pending(now).or_else(|| subscription.at(now));
        let on = stands.map(|agreement| agreement.plan.clone());
        return Ok(Entered { added, agreed: false, on });
    }
    let on = plan.as_ref().map(|agreement| agreement.plan.clone());
    if let Some(agreement) = plan {
        agree(session, &account.id, agreement, now).await?;
    }
    Ok(Entered { added, agreed: on.is_some(), on })
}

/// Records an agreement within the writer's transaction.
pub(super) async fn agree(
    session: &mut Session,
    account: &AccountId,
    agreed: impl Into<Agreed>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let head = audit::head(session, account).await?;
    let open: Vec<_> = periods::of_account(session, account).await?;
    // After every close that was recorded, also when another server's clock is ahead.
    let closed = open.iter().filter_map(|row| row.closed).map(|closed| closed.at).max();
    let now = closed.map_or(now, |closed| closed.max(now));
    let new = Recorded { agreed: agreed.into(), recorded_at: now, at_seq: head.seq };
    plans::add(session, account, &new).await?;
    let recorded = plans::of_account(session, account).await?;
    let terms = plans::terms(session, &recorded).await?;
    let subscription = plans::subscription(&recorded);
    let totals = figures(session, account, &open, subscription.as_ref()).await?;
    let states: Vec<_> = alerts::states(session, account).await?;
    let (mut changed, mut happened) = (Vec::new(), Vec::new());
    for (key, total, free) in totals {
        let Some(period) = open_period(&open, &key) else { continue };
        let known = states.iter().find(|(of, _)| *of == key);
        let before = known.map_or_else(State::default, |(_, state)| *state);
        let quota = quota(subscription.as_ref(), &terms, period.period, key.meter);
        let figures = (counted(total.used, free, period.formula), quota);
        let (state, mut rows) = advance(&key, before, figures, (head.seq, now));
        if state != before {
            changed.push((key, state));
        }
        happened.append(&mut rows);
    }
    alerts::put_states(session, &changed).await?;
    alerts::insert(session, &happened, now).await?;
    snapshots::outdate(session, account).await
}

/// The figures of open periods, with what of each is free.
async fn figures(
    session: &mut Session,
    account: &AccountId,
    open: &[PeriodRow],
    subscription: Option<&Subscription>,
) -> Result<Vec<(TotalKey, Total, Quantity)>, StoreError> {
    let zone = accounts::get(session, account).await?.map(|account| account.zone);
    let began = subscription.and_then(Subscription::began).zip(zone.as_ref());
    let began = began.map(|(began, zone)| Began::new(began, zone));
    let mut wanted = Vec::new();
    for (key, _) in audit::totals(session, account).await? {
        if open_period(open, &key).is_some() {
            wanted.push((key, began));
        }
    }
    let mut figures = free::of(session, &wanted).await?;
    let mut found = Vec::new();
    for (key, _) in wanted {
        let Some((total, free)) = figures.remove(&key) else { continue };
        let free = free.ok_or_else(|| {
            let (start, meter) = (key.period_start, key.meter.name());
            StoreError::Unreadable(format!(
                "what {account} used free of {meter} since {start} does not fit"
            ))
        })?;
        found.push((key, total, free));
    }
    Ok(found)
}

fn open_period<'a>(periods: &'a [PeriodRow], key: &TotalKey) -> Option<&'a PeriodRow> {
    periods.iter().find(|row| row.period.start() == key.period_start && row.closed.is_none())
}
