//! The ledger against a slow reference that is obviously right: whatever the order, however often
//! and in whatever batches events arrive, the figures are those of the set of events.

use std::collections::{BTreeMap, BTreeSet};

use api_server::{
    domain::{event::UsageEvent, meter::Meter},
    ledger::{Append, Item, Outcome},
};
use jiff::{Timestamp, tz::TimeZone};
use proptest::prelude::*;

use super::ground::{Ground, ROLLUPS, TOTALS, account, at, check, usage};

const ACCOUNTS: [&str; 3] = ["acme", "borealis", "cobalt"];

/// A small world, so that repeats and conflicts are frequent.
fn event() -> impl Strategy<Value = UsageEvent> {
    let time = at("2026-11-01T00:00:00Z").as_second()..at("2026-11-23T12:00:00Z").as_second();
    (0..3_usize, 0..40_u8, 0..5_usize, time, 0..2_000_000_000_i64).prop_map(
        |(of, id, meter, time, micros)| {
            let mut event =
                usage(ACCOUNTS[of], &format!("e-{id}"), Meter::ALL[meter], super::ground::NOW, "0");
            event.time = Timestamp::from_second(time).unwrap();
            event.quantity = api_server::domain::Quantity::from_micros(micros);
            event
        },
    )
}

/// Which of two events under one name comes first decides which counts; so names are unique here.
fn distinct(events: Vec<UsageEvent>) -> Vec<UsageEvent> {
    let mut seen = BTreeSet::new();
    let mut new = |e: &UsageEvent| seen.insert((e.account.clone(), e.id.clone()));
    events.into_iter().filter(|e| new(e)).collect()
}

/// Rollups by the definition: local hours by civil time, months by civil dates.
fn expected(events: &[UsageEvent]) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let mut totals: BTreeMap<(String, i64, String), (i64, i64)> = BTreeMap::new();
    let mut rollups: BTreeMap<(String, i64, String, i64), (i64, i64)> = BTreeMap::new();
    for event in events {
        let local = event.time.to_zoned(berlin.clone());
        let ms = |zoned: jiff::Zoned| zoned.timestamp().as_millisecond();
        let month = ms(local.first_of_month().unwrap().start_of_day().unwrap());
        let hour = ms(local
            .round(jiff::ZonedRound::new().smallest(jiff::Unit::Hour).mode(jiff::RoundMode::Trunc))
            .unwrap());
        let (id, meter) = (event.account.to_string(), event.meter.to_string());
        let total = totals.entry((id.clone(), month, meter.clone())).or_default();
        let rollup = rollups.entry((id, month, meter, hour)).or_default();
        for sum in [total, rollup] {
            sum.0 += 1;
            sum.1 += event.quantity.micros();
        }
    }
    let totals = totals.into_iter().map(|((id, month, meter), (n, sum))| {
        vec![id, month.to_string(), meter, n.to_string(), sum.to_string()]
    });
    let rollups = rollups.into_iter().map(|((id, month, meter, hour), (n, sum))| {
        vec![id, month.to_string(), meter, hour.to_string(), n.to_string(), sum.to_string()]
    });
    (totals.collect(), rollups.collect())
}

/// Sends events in batches of these sizes, in turn, every batch split by account.
async fn send_all(ground: &Ground, events: &[UsageEvent], sizes: &[usize]) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let (mut left, mut sizes) = (events, sizes.iter().cycle());
    while !left.is_empty() {
        let (batch, rest) = left.split_at(left.len().min(*sizes.next().unwrap()));
        left = rest;
        for of in ACCOUNTS {
            let mine = batch.iter().filter(|e| e.account.as_str() == of).cloned();
            let request = ground.request(of, mine.map(Item::Usage).collect::<Vec<_>>());
            let request = Append { account: account(of), ..request };
            outcomes.extend(ground.ledger.append(request).await.unwrap().outcomes);
        }
    }
    outcomes
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn order_repeats_and_batches_never_change_the_figures(
        events in proptest::collection::vec(event(), 1..60).prop_map(distinct),
        seed in any::<u64>(),
        sizes in proptest::collection::vec(1..30_usize, 1..6),
    ) {
        // Every event once in order, then all again, shuffled by the seed.
        let mut again = events.clone();
        let mut state = seed | 1;
        for n in (1..again.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            again.swap(n, usize::try_from(state >> 33).unwrap() % (n + 1));
        }
        let (cut, _) = again.split_at(again.len() / 2);
        let stream: Vec<_> = cut.iter().chain(&events).chain(&again).cloned().collect();
        run(async {
            let ground = Ground::with(&ACCOUNTS).await;
            let outcomes = send_all(&ground, &stream, &sizes).await;
            let new = outcomes.iter().filter(|o| matches!(o, Outcome::Accepted { .. })).count();
            assert_eq!(new, events.len());
            assert!(!outcomes.iter().any(|o| matches!(o, Outcome::Conflict { .. })));
            let figures = (ground.table(TOTALS).await, ground.table(ROLLUPS).await);
            assert_eq!(figures, expected(&events));
            ground.ledger.close().await;
            assert_eq!(check(ground.folder.path()).await.findings, []);
        });
    }

    /// Under one name the first counts; later ones are repeats or conflicts, by what they say.
    #[test]
    fn the_first_of_a_name_counts_and_later_ones_are_told_apart(
        events in proptest::collection::vec(event(), 1..80),
        size in 1..20_usize,
    ) {
        // One account, so that batches keep the order in which names are met.
        let events: Vec<_> = events
            .into_iter()
            .map(|mut event| { event.account = account("acme"); event })
            .collect();
        let mut first = BTreeMap::new();
        let told: Vec<&str> = events.iter().map(|event| match first.get(&event.id) {
            None => { first.insert(event.id.clone(), event.clone()); "accepted" }
            Some(known) if known == event => "duplicate",
            Some(_) => "conflict",
        }).collect();
        let counted: Vec<_> = first.into_values().collect();
        run(async {
            let ground = Ground::with(&["acme"]).await;
            let outcomes = send_all(&ground, &events, &[size]).await;
            let names: Vec<_> = outcomes.iter().map(|outcome| match outcome {
                Outcome::Accepted { .. } => "accepted",
                Outcome::Duplicate { .. } => "duplicate",
                Outcome::Conflict { .. } => "conflict",
                Outcome::Refused(_) => "refused",
            }).collect();
            assert_eq!(names, told);
            let figures = (ground.table(TOTALS).await, ground.table(ROLLUPS).await);
            assert_eq!(figures, expected(&counted));
        });
    }
}

/// Many tasks at once, each sending the same events in its own order: one row each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_retries_counts_every_event_once() {
    let ground = Ground::with(&["acme"]).await;
    let time = "2026-11-23T11:00:00Z";
    let events: Vec<_> =
        (0..200).map(|n| usage("acme", &format!("e-{n}"), Meter::Agents, time, "0.5")).collect();
    let mut tasks = Vec::new();
    for task in 0..16 {
        let mut mine = events.clone();
        mine.rotate_left(task * 13);
        let (ledger, now) = (ground.ledger.clone(), ground.now());
        tasks.push(tokio::spawn(async move {
            let mut new = 0;
            for chunk in mine.chunks(7) {
                let items = chunk.iter().cloned().map(Item::Usage).collect();
                let request =
                    Append { account: account("acme"), arrived: now, atomic: false, items };
                let receipt = ledger.append(request).await.unwrap();
                new += receipt
                    .outcomes
                    .iter()
                    .filter(|o| matches!(o, Outcome::Accepted { .. }))
                    .count();
            }
            new
        }));
    }
    let mut new = 0;
    for task in tasks {
        new += task.await.unwrap();
    }
    assert_eq!(new, events.len());
    assert_eq!(ground.table(TOTALS).await[0][3..], ["200", "100000000"]);
    ground.ledger.close().await;
    assert_eq!(check(ground.folder.path()).await.findings, []);
}
