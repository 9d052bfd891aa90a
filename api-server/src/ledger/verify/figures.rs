//! Hours and periods, added up again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use jiff::Timestamp;

use super::{Findings, Levels, What};
use crate::{
    domain::account::AccountId,
    store::{
        Session, StoreError, audit,
        row::{Entry, Rollup, RollupKey, Total, TotalKey},
    },
};

/// The sums of the rows seen so far.
pub(super) struct Figures<'a> {
    levels: Levels<'a>,
    totals: BTreeMap<TotalKey, Total>,
    rollups: BTreeMap<RollupKey, Rollup>,
}

impl<'a> Figures<'a> {
    pub(super) const fn new(levels: Levels<'a>) -> Self {
        Self { levels, totals: BTreeMap::new(), rollups: BTreeMap::new() }
    }

    /// Adds a row that belongs to `hour`.
    pub(super) fn add(&mut self, entry: &Entry, hour: Timestamp, findings: &mut Findings<'_>) {
        self.levels.agree_before(entry.seq, &self.totals);
        let (account, period_start) = (entry.account.clone(), entry.period_start);
        let key = TotalKey { account, period_start, meter: entry.meter };
        let total = self.totals.entry(key.clone()).or_default();
        let rollup = self.rollups.entry(RollupKey { total: key.clone(), hour }).or_default();
        total.count += 1;
        total.last_seq = entry.seq;
        rollup.count += 1;
        rollup.last_seq = entry.seq;
        if rollup.count == 1 {
            rollup.first_seq = entry.seq;
        }
        let sums = total.used.checked_add(entry.quantity);
        let Some((used, quantity)) = sums.zip(rollup.quantity.checked_add(entry.quantity)) else {
            findings.note(Some(entry.seq), What::Total, "the sum does not fit");
            return;
        };
        total.used = used;
        rollup.quantity = quantity;
        self.levels.count(&key, entry.t_event, entry.quantity);
        self.levels.measure(&key, used, (entry.seq, entry.t_stored));
    }

    /// Compares with what is stored.
    pub(super) async fn compare(
        mut self,
        session: &mut Session,
        account: &AccountId,
        findings: &mut Findings<'_>,
    ) -> Result<(), StoreError> {
        let totals = audit::totals(session, account).await?.into_iter().collect();
        let show = |key: &TotalKey| format!("{} from {}", key.meter, key.period_start);
        differences(&self.totals, &totals, show, What::Total, findings);
        let rollups = audit::rollups(session, account).await?.into_iter().collect();
        let show = |key: &RollupKey| format!("{} at {}", key.total.meter, key.hour);
        differences(&self.rollups, &rollups, show, What::Rollup, findings);
        self.levels.agree_before(i64::MAX, &self.totals);
        self.levels.compare(session, account, findings).await
    }
}

pub(super) fn differences<K: Ord, V: PartialEq + Debug>(
    summed: &BTreeMap<K, V>,
    stored: &BTreeMap<K, V>,
    show: impl Fn(&K) -> String,
    what: What,
    findings: &mut Findings<'_>,
) {
    let keys: BTreeSet<_> = summed.keys().chain(stored.keys()).collect();
    for key in keys {
        let (rows, figure) = (summed.get(key), stored.get(key));
        if rows != figure {
            let shown =
                |value: Option<&V>| value.map_or("nothing".to_owned(), |v| format!("{v:?}"));
            let detail = format!(
                "{}: the rows make {}, stored is {}",
                show(key),
                shown(rows),
                shown(figure)
            );
            findings.note(None, what, detail);
        }
    }
}
