//! Alerts, followed again row by row and agreement by agreement.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Findings, What, figures::differences};
use crate::{
    domain::{
        Quantity,
        account::AccountId,
        quota::{KnownTerms, counted, quota},
        subscription::Subscription,
        threshold::{Change, State},
    },
    ledger::levels::advance,
    store::{
        Session, StoreError,
        alerts::{self, AlertRow},
        periods::PeriodRow,
        plans::{self, Recorded},
        row::{Total, TotalKey},
    },
};

/// Where an account's levels stand after the rows seen so far.
pub(super) struct Levels<'a> {
    periods: &'a BTreeMap<Timestamp, PeriodRow>,
    terms: KnownTerms,
    to_come: std::vec::IntoIter<Recorded>,
    agreed: Vec<Recorded>,
    subscription: Option<Subscription>,
    /// When the first plan began, by all that was ever agreed up to some time.
    begins: BTreeSet<Timestamp>,
    /// What of each figure happened before each of these.
    free: BTreeMap<(TotalKey, Timestamp), Quantity>,
    states: BTreeMap<TotalKey, State>,
    happened: Vec<AlertRow>,
}

impl<'a> Levels<'a> {
    /// Before the first row.
    pub(super) async fn load(
        session: &mut Session,
        account: &AccountId,
        periods: &'a BTreeMap<Timestamp, PeriodRow>,
    ) -> Result<Self, StoreError> {
        let recorded = plans::of_account(session, account).await?;
        let terms = plans::terms(session, &recorded).await?;
        let began = |n| plans::subscription(&recorded[..n]).and_then(|plans| plans.began());
        Ok(Self {
            begins: (1..=recorded.len()).filter_map(began).collect(),
            free: BTreeMap::new(),
            periods,
            terms,
            to_come: recorded.into_iter(),
            agreed: Vec::new(),
            subscription: None,
            states: BTreeMap::new(),
            happened: Vec::new(),
        })
    }

    /// Takes in what a row adds to a figure.
    pub(super) fn count(&mut self, key: &TotalKey, time: Timestamp, quantity: Quantity) {
        for began in self.begins.iter().filter(|began| time < **began) {
            let free = self.free.entry((key.clone(), *began)).or_default();
            *free = Quantity::from_micros(free.micros().saturating_add(quantity.micros()));
        }
    }

    /// Takes in what was agreed before row `seq` was stored.
    pub(super) fn agree_before(&mut self, seq: i64, totals: &BTreeMap<TotalKey, Total>) {
        while self.to_come.as_slice().first().is_some_and(|next| next.at_seq < seq) {
            let Some(next) = self.to_come.next() else { break };
            let (at_seq, at) = (next.at_seq, next.recorded_at);
            self.agreed.push(next);
            self.subscription = plans::subscription(&self.agreed);
            for (key, total) in totals {
                let period = self.periods.get(&key.period_start);
                let open = |row: &PeriodRow| row.closed.is_none_or(|closed| closed.at > at);
                if period.is_some_and(open) {
                    self.measure(key, total.used, (at_seq, at));
                }
            }
        }
    }

    /// Holds a figure against its quota.
    pub(super) fn measure(&mut self, key: &TotalKey, used: Quantity, moment: (i64, Timestamp)) {
        let Some(row) = self.periods.get(&key.period_start) else { return };
        let quota = quota(self.subscription.as_ref(), &self.terms, row.period, key.meter);
        let began = self.subscription.as_ref().and_then(Subscription::began);
        let free = began.and_then(|began| self.free.get(&(key.clone(), began)).copied());
        let used = counted(used, free.unwrap_or_default(), row.formula);
        let before = self.states.get(key).copied().unwrap_or_default();
        let (state, mut happened) = advance(key, before, (used, quota), moment);
        if state != before {
            self.states.insert(key.clone(), state);
            self.happened.append(&mut happened);
        }
    }

    /// Compares with what is stored.
    pub(super) async fn compare(
        self,
        session: &mut Session,
        account: &AccountId,
        findings: &mut Findings<'_>,
    ) -> Result<(), StoreError> {
        let stored = alerts::states(session, account).await?.into_iter().collect();
        let show = |key: &TotalKey| format!("levels of {} from {}", key.meter, key.period_start);
        differences(&self.states, &stored, show, What::Alert, findings);
        let by_name = |alerts: Vec<AlertRow>| alerts.into_iter().map(name).collect();
        let (followed, stored): (BTreeMap<_, _>, BTreeMap<_, _>) = (
            by_name(self.happened),
            by_name(alerts::of_account(session, account, u32::MAX).await?),
        );
        let show = |(key, level, arming, kind): &Name| {
            format!("{} {level} {kind} {arming} from {}", key.meter, key.period_start)
        };
        differences(&followed, &stored, show, What::Alert, findings);
        Ok(())
    }
}

/// What names an alert.
type Name = (TotalKey, &'static str, u32, &'static str);

fn name(alert: AlertRow) -> (Name, AlertRow) {
    let Change { kind, level, arming } = alert.change;
    ((alert.of.clone(), level.name(), arming, kind.name()), alert)
}
