//! An agreement on a plan: recorded, and every open figure measured against it at once.

use jiff::Timestamp;

use super::levels::advance;
use crate::{
    domain::{account::AccountId, quota::quota, subscription::Agreement, threshold::State},
    store::{
        Session, StoreError, alerts, audit,
        periods::{self, PeriodRow},
        plans::{self, Recorded},
        row::TotalKey,
        snapshots,
    },
};

/// Records an agreement within the writer's transaction.
pub(super) async fn agree(
    session: &mut Session,
    account: &AccountId,
    agreement: Agreement,
    now: Timestamp,
) -> Result<(), StoreError> {
    let head = audit::head(session, account).await?;
    let open: Vec<_> = periods::of_account(session, account).await?;
    // After every close that was recorded, also when another server's clock is ahead.
    let closed = open.iter().filter_map(|row| row.closed).map(|closed| closed.at).max();
    let now = closed.map_or(now, |closed| closed.max(now));
    let new = Recorded { agreement, recorded_at: now, at_seq: head.seq };
    plans::add(session, account, &new).await?;
    let recorded = plans::of_account(session, account).await?;
    let terms = plans::terms(session, &recorded).await?;
    let subscription = plans::subscription(&recorded);
    let totals = audit::totals(session, account).await?;
    let states: Vec<_> = alerts::states(session, account).await?;
    let (mut changed, mut happened) = (Vec::new(), Vec::new());
    for (key, total) in totals {
        let Some(period) = open_period(&open, &key) else { continue };
        let known = states.iter().find(|(of, _)| *of == key);
        let before = known.map_or_else(State::default, |(_, state)| *state);
        let quota = quota(subscription.as_ref(), &terms, period.period, key.meter);
        let figures = (total.used, quota);
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

fn open_period<'a>(periods: &'a [PeriodRow], key: &TotalKey) -> Option<&'a PeriodRow> {
    periods.iter().find(|row| row.period.start() == key.period_start && row.closed.is_none())
}
