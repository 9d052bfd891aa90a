//! One transaction: load what the requests touch, work it out, store it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    dedup,
    plan::{Sheet, Written},
    posting::Calendar,
    request::{Correction, Item, Outcome, Prepared, Reason, Receipt},
    writer::Appends,
};
use crate::{
    domain::{Quantity, account::AccountId, quota::KnownTerms, subscription::Subscription},
    store::{
        Session, StoreError, alerts,
        append::{self, Known},
        corrections,
        erasures::NO_BODY,
        free::{self, Began, HourMark},
        plans,
        row::{RollupKey, TotalKey},
        snapshots,
    },
};

type Sheets = BTreeMap<AccountId, Sheet>;

/// The ledger's part of the writer: it remembers terms, which never change, and what was free in hours in
/// which plans began, which changes with those hours alone.
#[derive(Default)]
pub(super) struct Group {
    terms: Arc<KnownTerms>,
    divided: Divided,
}

/// Of figures with a first plan that began inside an hour: what was free in that hour, as it was then.
type Divided = HashMap<TotalKey, ((Began, HourMark), Option<Quantity>)>;

/// Hours that are remembered at most.
const DIVIDED: usize = 10_000;

impl Appends for Group {
    type Request = Prepared;
    type Receipt = Receipt;

    fn items(request: &Prepared) -> usize {
        request.items.len()
    }

    fn split(mut request: Prepared, at_most: usize) -> Vec<Prepared> {
        if request.atomic || request.items.len() <= at_most {
            return vec![request];
        }
        let mut items = std::mem::take(&mut request.items).into_iter();
        let mut parts = Vec::new();
        while items.len() > 0 {
            let items = items.by_ref().take(at_most.max(1)).collect();
            parts.push(Prepared { account: request.account.clone(), items, ..request });
        }
        parts
    }

    fn join(earlier: &mut Receipt, later: Receipt) {
        earlier.outcomes.extend(later.outcomes);
        earlier.stored_at = later.stored_at;
    }

    async fn append(
        &mut self,
        session: &mut Session,
        requests: &[&Prepared],
        now: Timestamp,
    ) -> Result<Vec<Receipt>, StoreError> {
        append(session, self, requests, now).await
    }
}

/// Adds requests within a transaction that is under way. The receipts hold once it is committed.
async fn append(
    session: &mut Session,
    group: &mut Group,
    requests: &[&Prepared],
    now: Timestamp,
) -> Result<Vec<Receipt>, StoreError> {
    let mut sheets = load(session, &mut group.terms, requests).await?;
    load_figures(session, &mut group.divided, requests, &mut sheets).await?;
    let receipts = requests.iter().map(|request| {
        let unknown = Outcome::Refused(Reason::UnknownAccount);
        let outcomes = match sheets.get_mut(&request.account) {
            Some(sheet) => sheet.apply(request, now),
            None => vec![unknown; request.items.len()],
        };
        Receipt { outcomes, stored_at: now }
    });
    let receipts = receipts.collect();
    store(session, sheets, now).await?;
    Ok(receipts)
}

async fn load(
    session: &mut Session,
    terms: &mut Arc<KnownTerms>,
    requests: &[&Prepared],
) -> Result<Sheets, StoreError> {
    let accounts: BTreeSet<_> = requests.iter().map(|request| request.account.clone()).collect();
    let accounts: Vec<_> = accounts.into_iter().collect();
    session.lock(&accounts).await?;
    let mut sheets = Sheets::new();
    let agreements = plans::agreements(session, &accounts).await?;
    learn(session, terms, &agreements).await?;
    for (account, head) in append::load_accounts(session, &accounts).await? {
        let subscription = agreements.get(&account.id).and_then(|all| plans::subscription(all));
        let began = subscription.as_ref().and_then(Subscription::began);
        let sheet = Sheet {
            account: account.id.clone(),
            began: began.map(|began| Began::new(began, &account.zone)),
            free: HashMap::new(),
            calendar: Calendar::new(account.zone, account.anchor),
            before: head.seq,
            head,
            subscription,
            terms: terms.clone(),
            quotas: HashMap::new(),
            alerts: HashMap::new(),
            known: HashMap::new(),
            corrected: HashMap::new(),
            totals: HashMap::new(),
            rollups: HashMap::new(),
            written: Written::default(),
        };
        sheets.insert(account.id, sheet);
    }
    for (account, period) in append::load_periods(session, &accounts).await? {
        if let Some(sheet) = sheets.get_mut(&account) {
            sheet.calendar.add(period);
        }
    }
    for ((account, key), known) in append::load_keys(session, &keys(requests)).await? {
        if let Some(sheet) = sheets.get_mut(&account) {
            sheet.known.insert(key, known);
        }
    }
    load_corrections(session, requests, &mut sheets).await?;
    Ok(sheets)
}

/// Loads the rows that corrections name, and the corrections that have their names: one may come again, or its
/// name for another row, when its key was dropped long ago.
async fn load_corrections(
    session: &mut Session,
    requests: &[&Prepared],
    sheets: &mut Sheets,
) -> Result<(), StoreError> {
    for ((account, seq), row) in append::load_corrected(session, &corrected(requests)).await? {
        if let Some(sheet) = sheets.get_mut(&account) {
            sheet.corrected.insert(seq, row);
        }
    }
    let names: Vec<_> = corrections(requests)
        .map(|(account, of)| (account.clone(), of.source.clone(), of.id.clone()))
        .collect();
    for (entry, notes) in corrections::named(session, &names).await? {
        if let Some(sheet) = sheets.get_mut(&entry.account) {
            let key = dedup::key(&entry.account, &entry.source, &entry.event_id);
            let body = dedup::body(&entry, notes.as_ref()).unwrap_or(NO_BODY);
            let known = Known { seq: entry.seq, body, t_ingest: entry.t_ingest };
            sheet.known.entry(key).or_insert(known);
        }
    }
    Ok(())
}

/// Looks up terms that are not known yet.
async fn learn(
    session: &mut Session,
    terms: &mut Arc<KnownTerms>,
    agreements: &HashMap<AccountId, Vec<plans::Recorded>>,
) -> Result<(), StoreError> {
    let ids = agreements.values().flatten().filter_map(|recorded| recorded.agreed.plan());
    let new: HashSet<_> = ids.filter(|id| !terms.contains_key(*id)).cloned().collect();
    if new.is_empty() {
        return Ok(());
    }
    let versions = plans::versions(session, &new.into_iter().collect::<Vec<_>>()).await?;
    let known = Arc::make_mut(terms);
    known.extend(versions.into_iter().map(|version| (version.id, version.terms)));
    Ok(())
}

/// Each item's key in the month of its arrival, the month before, and the month after: what was
/// sent again may arrive later and be stored first.
fn keys(requests: &[&Prepared]) -> Vec<append::DedupKey> {
    let mut keys = Vec::new();
    for request in requests {
        let (month, previous) = dedup::months(request.arrived);
        for item in &request.items {
            for month in [previous, month, dedup::after(month)] {
                keys.push((request.account.clone(), month, item.key));
            }
        }
    }
    keys
}

fn corrected(requests: &[&Prepared]) -> Vec<(AccountId, i64)> {
    let of = corrections(requests).map(|(account, of)| (account.clone(), of.ref_seq));
    let wanted: BTreeSet<_> = of.collect();
    wanted.into_iter().collect()
}

fn corrections<'a>(
    requests: &'a [&'a Prepared],
) -> impl Iterator<Item = (&'a AccountId, &'a Correction)> {
    requests.iter().flat_map(|request| {
        request.items.iter().filter_map(|item| match &item.item {
            Item::Correction(correction) => Some((&request.account, correction)),
            Item::Usage(_) => None,
        })
    })
}

async fn load_figures(
    session: &mut Session,
    divided: &mut Divided,
    requests: &[&Prepared],
    sheets: &mut Sheets,
) -> Result<(), StoreError> {
    let mut hours: BTreeSet<RollupKey> = BTreeSet::new();
    for request in requests {
        if let Some(sheet) = sheets.get_mut(&request.account) {
            hours.append(&mut sheet.touched(request));
        }
    }
    let totals: BTreeSet<_> = hours.iter().map(|hour| hour.total.clone()).collect();
    let (hours, totals): (Vec<_>, Vec<_>) =
        (hours.into_iter().collect(), totals.into_iter().collect());
    let began = |key: &TotalKey| sheets.get(&key.account).and_then(|sheet| sheet.began);
    let wanted: Vec<_> = totals.iter().map(|key| (key.clone(), began(key))).collect();
    for (key, figure) in free::load_figures(session, &wanted).await? {
        let Some(sheet) = sheets.get_mut(&key.account) else { continue };
        let rest = match sheet.began.zip(figure.divided) {
            Some(hour) => within(session, divided, &key, hour).await?,
            None => Some(Quantity::ZERO),
        };
        // Where it does not fit the account's items are refused, not everybody's with them.
        sheet.free.insert(key.clone(), free::together(figure.free, rest));
        sheet.totals.insert(key, figure.total);
    }
    for (key, state) in alerts::load(session, &totals).await? {
        if let Some(sheet) = sheets.get_mut(&key.account) {
            sheet.alerts.insert(key, state);
        }
    }
    for (key, rollup) in append::load_rollups(session, &hours).await? {
        if let Some(sheet) = sheets.get_mut(&key.total.account) {
            sheet.rollups.insert(key, rollup);
        }
    }
    Ok(())
}

/// What was free in the hour in which a plan began: its rows are looked at anew only when it has changed.
async fn within(
    session: &mut Session,
    divided: &mut Divided,
    key: &TotalKey,
    hour: (Began, HourMark),
) -> Result<Option<Quantity>, StoreError> {
    if let Some((of, free)) = divided.get(key)
        && *of == hour
    {
        return Ok(*free);
    }
    let free = free::within(session, key, hour.0).await?;
    if divided.len() >= DIVIDED {
        divided.clear();
    }
    divided.insert(key.clone(), (hour, free));
    Ok(free)
}

async fn store(session: &mut Session, sheets: Sheets, now: Timestamp) -> Result<(), StoreError> {
    let mut all = Written::default();
    let (mut heads, mut periods) = (Vec::new(), Vec::new());
    let (mut totals, mut rollups) = (Vec::new(), Vec::new());
    let (mut states, mut earliest) = (Vec::new(), Vec::new());
    for (account, mut sheet) in sheets {
        let written = std::mem::take(&mut sheet.written);
        if written.entries.is_empty() {
            continue;
        }
        let happened = written.entries.iter().map(|(entry, _)| entry.t_event);
        earliest.extend(happened.min().map(|first| (account.clone(), first)));
        periods.extend(sheet.opened(&written, now));
        heads.push((account, sheet.head));
        let total = |key| (sheet.totals.get(&key).copied().unwrap_or_default(), key);
        totals.extend(written.totals.into_iter().map(total).map(|(total, key)| (key, total)));
        let rollup = |key| (sheet.rollups.get(&key).copied().unwrap_or_default(), key);
        rollups.extend(written.rollups.into_iter().map(rollup).map(|(hour, key)| (key, hour)));
        let state = |key| (sheet.alerts.get(&key).copied().unwrap_or_default(), key);
        states.extend(written.states.into_iter().map(state).map(|(state, key)| (key, state)));
        all.alerts.extend(written.alerts);
        all.entries.extend(written.entries);
        all.dims.extend(written.dims);
        all.keys.extend(written.keys);
    }
    if all.entries.is_empty() {
        return Ok(());
    }
    // In the order of their keys, so that pages are visited once.
    all.keys.sort_by(|(a, _), (b, _)| a.cmp(b));
    rollups.sort_by(|(a, _), (b, _)| a.cmp(b));
    append::insert_keys(session, &all.keys).await?;
    append::insert_entries(session, &all.entries).await?;
    append::insert_dims(session, &all.dims).await?;
    append::insert_periods(session, &periods).await?;
    append::put_rollups(session, &rollups).await?;
    append::put_totals(session, &totals).await?;
    alerts::put_states(session, &states).await?;
    alerts::insert(session, &all.alerts, now).await?;
    snapshots::outdate_after(session, &earliest).await?;
    append::put_heads(session, &heads).await
}
