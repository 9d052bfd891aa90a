//! One transaction's work, worked out in memory: given what the store knows, which item becomes
//! which row, and what every figure is then. Nothing here reads or writes.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    chain, dedup,
    levels::advance,
    posting::{Calendar, Place},
    request::{Change, Item, Outcome, Prepared, PreparedItem, Reason},
};
use crate::{
    domain::{
        Quantity,
        account::AccountId,
        calendar::Period,
        meter::Meter,
        quota::{KnownTerms, counted, quota},
        subscription::Subscription,
        threshold::State,
    },
    store::{
        alerts::AlertRow,
        append::{Corrected, DedupKey, Head, Known, Opened, SaltedDims},
        erasures::NO_BODY,
        free::Began,
        periods::{Closed, grace_over},
        row::{Entry, Kind, Rollup, RollupKey, Total, TotalKey},
    },
};

/// One account within a transaction: what was loaded, and what has become of it.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    pub(super) account: AccountId,
    pub(super) calendar: Calendar,
    pub(super) head: Head,
    /// The account's newest row before this transaction.
    pub(super) before: i64,
    pub(super) known: HashMap<[u8; 16], Known>,
    pub(super) corrected: HashMap<i64, Corrected>,
    pub(super) totals: HashMap<TotalKey, Total>,
    pub(super) rollups: HashMap<RollupKey, Rollup>,
    pub(super) subscription: Option<Subscription>,
    /// When the first of the plans began.
    pub(super) began: Option<Began>,
    /// What of each figure happened before that; `None` where that does not fit.
    pub(super) free: HashMap<TotalKey, Option<Quantity>>,
    pub(super) terms: Arc<KnownTerms>,
    pub(super) quotas: HashMap<TotalKey, Option<Quantity>>,
    pub(super) alerts: HashMap<TotalKey, State>,
    pub(super) written: Written,
}

/// What a transaction adds.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    pub(super) entries: Vec<(Entry, [u8; 32])>,
    pub(super) dims: Vec<(AccountId, i64, SaltedDims)>,
    pub(super) keys: Vec<(DedupKey, Known)>,
    pub(super) totals: HashSet<TotalKey>,
    pub(super) rollups: HashSet<RollupKey>,
    pub(super) states: HashSet<TotalKey>,
    pub(super) alerts: Vec<AlertRow>,
}

/// Where an item belongs.
struct Spot {
    meter: Meter,
    time: Timestamp,
    place: Place,
}

/// What an item would be as a row.
struct Draft<'a> {
    kind: Kind,
    source: &'a str,
    event_id: &'a str,
    quantity: Quantity,
    ref_seq: Option<i64>,
    spot: Spot,
    hour: RollupKey,
}

impl Sheet {
    /// The figures and hours that a request may touch, so that they can be loaded.
    pub(super) fn touched(&mut self, request: &Prepared) -> BTreeSet<RollupKey> {
        let spots = request.items.iter().filter_map(|item| {
            let spot = self.spot(&item.item, request.arrived).ok()?;
            Some(self.hour(&spot))
        });
        // Collected first: `spot` opens periods as it goes.
        spots.collect()
    }

    /// Works out a request at `now`.
    pub(super) fn apply(&mut self, request: &Prepared, now: Timestamp) -> Vec<Outcome> {
        let before = request.atomic.then(|| self.clone());
        let outcomes: Vec<_> =
            request.items.iter().map(|item| self.add(item, request.arrived, now)).collect();
        let failed = |o: &Outcome| matches!(o, Outcome::Conflict { .. } | Outcome::Refused(_));
        match before {
            Some(before) if outcomes.iter().any(failed) => {
                let last = before.head.seq;
                *self = before;
                outcomes.into_iter().map(|outcome| not_applied(outcome, last)).collect()
            }
            _ => outcomes,
        }
    }

    fn add(&mut self, item: &PreparedItem, arrived: Timestamp, now: Timestamp) -> Outcome {
        if let Some(known) = self.known.get(&item.key) {
            let first_seen_at = known.t_ingest;
            // Whatever an erased event said, a repeat is one; a correction says something else than any event, and
            // what corrections say is not erased.
            let erased = known.body == NO_BODY && matches!(item.item, Item::Usage(_));
            return if known.body == item.body || erased {
                Outcome::Duplicate { seq: known.seq, first_seen_at }
            } else {
                Outcome::Conflict { first_seen_at }
            };
        }
        let draft = match self.draft(&item.item, arrived) {
            Ok(draft) => draft,
            Err(reason) => return Outcome::Refused(reason),
        };
        let Some((total, rollup, free)) = self.figures(&draft) else {
            return Outcome::Refused(Reason::TotalOverflow);
        };
        self.put(&draft, total, rollup);
        self.free.insert(draft.hour.total.clone(), Some(free));
        self.measure(&draft, total, now);
        Outcome::Accepted { seq: self.write(&draft, item, arrived, now) }
    }

    fn spot(&mut self, item: &Item, arrived: Timestamp) -> Result<Spot, Reason> {
        let (meter, time, within) = match item {
            Item::Usage(event) => (event.meter, event.time, None),
            Item::Correction(correction) => {
                let row = self.corrected.get(&correction.ref_seq).map(|row| &row.entry);
                let row = row.filter(|row| row.kind == Kind::Usage).ok_or(Reason::UnknownRow)?;
                (row.meter, row.t_event, Some(row.period_start))
            }
        };
        // Times are bounded far inside the calendar; beyond it no figure could be kept.
        let place = self.calendar.place(time, within, arrived);
        Ok(Spot { meter, time, place: place.map_err(|_| Reason::TotalOverflow)? })
    }

    fn hour(&self, spot: &Spot) -> RollupKey {
        let (account, meter) = (self.account.clone(), spot.meter);
        let total = TotalKey { account, period_start: spot.place.period.start(), meter };
        RollupKey { total, hour: spot.place.hour }
    }

    fn draft<'a>(&mut self, item: &'a Item, arrived: Timestamp) -> Result<Draft<'a>, Reason> {
        let spot = self.spot(item, arrived)?;
        let (kind, source, event_id, quantity, ref_seq) = match item {
            Item::Usage(event) => (Kind::Usage, &event.source, &event.id, event.quantity, None),
            Item::Correction(c) => {
                let net = self.corrected.get(&c.ref_seq).map_or(Quantity::ZERO, |row| row.net);
                let (kind, quantity) = change(c.change, net)?;
                (kind, &c.source, &c.id, quantity, Some(c.ref_seq))
            }
        };
        let hour = self.hour(&spot);
        Ok(Draft { kind, source, event_id, quantity, ref_seq, spot, hour })
    }

    /// What figure and hour would be with this row, and what is free of the figure; `None` when they would
    /// not fit.
    fn figures(&self, draft: &Draft<'_>) -> Option<(Total, Rollup, Quantity)> {
        let seq = self.head.seq.checked_add(1)?;
        let total = self.totals.get(&draft.hour.total).copied().unwrap_or_default();
        let total = Total {
            count: total.count.checked_add(1)?,
            used: total.used.checked_add(draft.quantity)?,
            last_seq: seq,
        };
        let rollup = self.rollups.get(&draft.hour).copied().unwrap_or_default();
        let rollup = Rollup {
            count: rollup.count.checked_add(1)?,
            quantity: rollup.quantity.checked_add(draft.quantity)?,
            first_seq: if rollup.count == 0 { seq } else { rollup.first_seq },
            last_seq: seq,
        };
        let free = self.free.get(&draft.hour.total).copied().unwrap_or(Some(Quantity::ZERO))?;
        let is_free = self.began.is_some_and(|began| draft.spot.time < began.at());
        let free = if is_free { free.checked_add(draft.quantity)? } else { free };
        Some((total, rollup, free))
    }

    /// The periods that are to be stored. One that was over, with its grace, before anything was posted to it is
    /// stored as it was then: closed. Else it would be closed later than what was agreed since, and be billed by
    /// that.
    pub(super) fn opened(&self, written: &Written, now: Timestamp) -> Vec<Opened> {
        let opened = self.calendar.opened().iter().map(|period| {
            let posted = written.totals.iter().any(|key| key.period_start == period.start());
            let over = grace_over(*period).filter(|over| !posted && *over <= now);
            let closed = over.map(|at| Closed { at, seq: self.before });
            Opened { account: self.account.clone(), period: *period, closed }
        });
        opened.collect()
    }

    fn put(&mut self, draft: &Draft<'_>, total: Total, rollup: Rollup) {
        self.totals.insert(draft.hour.total.clone(), total);
        self.rollups.insert(draft.hour.clone(), rollup);
        self.written.totals.insert(draft.hour.total.clone());
        self.written.rollups.insert(draft.hour.clone());
        if let Some(row) = draft.ref_seq.and_then(|seq| self.corrected.get_mut(&seq)) {
            // Between nothing and what the figures that fit hold.
            row.net = row.net.checked_add(draft.quantity).unwrap_or(row.net);
        }
    }

    /// Holds the figure against its quota.
    fn measure(&mut self, draft: &Draft<'_>, total: Total, now: Timestamp) {
        let key = &draft.hour.total;
        let quota = *self.quotas.entry(key.clone()).or_insert_with(|| {
            let period = draft.spot.place.period;
            quota(self.subscription.as_ref(), &self.terms, period, key.meter)
        });
        let before = self.alerts.get(key).copied().unwrap_or_default();
        let free = self.free.get(key).copied().flatten().unwrap_or_default();
        let used = counted(total.used, free, draft.spot.place.formula);
        let moment = (total.last_seq, now);
        let (state, mut happened) = advance(key, before, (used, quota), moment);
        if state != before {
            self.alerts.insert(key.clone(), state);
            self.written.states.insert(key.clone());
            self.written.alerts.append(&mut happened);
        }
    }

    fn write(
        &mut self,
        draft: &Draft<'_>,
        item: &PreparedItem,
        arrived: Timestamp,
        now: Timestamp,
    ) -> i64 {
        let seq = self.head.seq + 1;
        let entry = Entry {
            account: self.account.clone(),
            seq,
            kind: draft.kind,
            source: draft.source.to_owned(),
            event_id: draft.event_id.to_owned(),
            meter: draft.spot.meter,
            t_event: draft.spot.time,
            t_ingest: arrived,
            t_stored: now,
            quantity: draft.quantity,
            ref_seq: draft.ref_seq,
            period_start: draft.spot.place.period.start(),
            happened_in: draft.spot.place.happened_in.map(Period::start),
            dims_hash: item.dims.as_ref().map(|dims| chain::dims_hash(&dims.salt, &dims.json)),
        };
        self.head = Head { seq, chain: chain::next(&self.head.chain, &entry) };
        let known = Known { seq, body: item.body, t_ingest: arrived };
        self.known.insert(item.key, known);
        let month = dedup::months(arrived).0;
        self.written.keys.push(((self.account.clone(), month, item.key), known));
        if let Some(dims) = &item.dims {
            self.written.dims.push((self.account.clone(), seq, dims.clone()));
        }
        self.written.entries.push((entry, self.head.chain));
        seq
    }
}

/// What a correction counts, given what its row counts by now.
fn change(change: Change, net: Quantity) -> Result<(Kind, Quantity), Reason> {
    match change {
        Change::Void if net == Quantity::ZERO => Err(Reason::AlreadyVoid),
        Change::Void => {
            let back = Quantity::ZERO.checked_sub(net).ok_or(Reason::TotalOverflow)?;
            Ok((Kind::Void, back))
        }
        Change::By(quantity) => {
            let after = net.checked_add(quantity).ok_or(Reason::TotalOverflow)?;
            let enough = !after.is_negative();
            enough.then_some((Kind::Correction, quantity)).ok_or(Reason::TakesBackTooMuch)
        }
    }
}

/// What is told of an item of an atomic request that failed, when `last` was the newest row.
fn not_applied(outcome: Outcome, last: i64) -> Outcome {
    match outcome {
        // A repeat of an item of the same request: neither is there.
        Outcome::Duplicate { seq, .. } if seq > last => Outcome::Refused(Reason::NotApplied),
        Outcome::Accepted { .. } => Outcome::Refused(Reason::NotApplied),
        told => told,
    }
}
