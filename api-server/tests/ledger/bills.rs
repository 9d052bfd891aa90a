//! Bills against a slow reference that is obviously right: each row, one after the other, by the plan
//! that was in force when it happened.

use std::collections::BTreeMap;

use api_server::{
    domain::{
        Quantity,
        calendar::Period,
        catalogue::{Catalogue, PlanId},
        meter::Meter,
        proration::Share,
        rating::{Stretch, Usage, rate},
        subscription::Agreement,
    },
    ledger::{Change, Correction, Item},
    store::{accounts, bill, posted::Posted},
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::ground::{Ground, account, at, check, usage};

/// In which clocks go from 02:00 to 02:30 on 4 October 2026; the others have hours of whole minutes.
const ZONES: [&str; 3] = ["Australia/Lord_Howe", "Asia/Kathmandu", "UTC"];
const NOW: &str = "2026-10-20T12:00:00Z";

/// Minutes around the jump of the clocks at Lord Howe, and around anything else in October; some
/// happened in September, which is closed.
fn minute() -> impl Strategy<Value = i64> {
    let jump = at("2026-10-03T15:30:00Z").as_second() / 60;
    let start = at("2026-10-01T00:00:00Z").as_second() / 60;
    prop_oneof![
        3 => (jump - 120)..(jump + 120),
        2 => start..(start + 19 * 1_440),
        1 => (start - 20 * 1_440)..(start - 1_440),
    ]
}

/// Minute, meter, micros.
type Used = (i64, usize, i64);

#[derive(Clone, Debug, Default)]
struct World {
    zone: &'static str,
    /// The first plan starts then; the others follow.
    plans: Vec<i64>,
    /// What arrived in September, which was closed then.
    closed: Vec<Used>,
    /// What arrives later, of September or October.
    events: Vec<Used>,
    /// Which rows are changed, and by what.
    changes: Vec<(prop::sample::Index, i64)>,
    /// Which rows are voided.
    voids: Vec<prop::sample::Index>,
}

fn world() -> impl Strategy<Value = World> {
    let event = (minute(), 0..5_usize, 0..40_000_000_000_i64);
    let start = at("2026-10-01T00:00:00Z").as_second() / 60;
    let september = (start - 20 * 1_440)..(start - 1_440);
    let early = (september, 0..5_usize, 0..40_000_000_000_i64);
    let by = (any::<prop::sample::Index>(), -30_000_000_000..10_000_000_000_i64);
    (
        prop::sample::select(ZONES.to_vec()),
        prop::collection::vec(minute(), 0..4),
        prop::collection::vec(early, 0..12),
        prop::collection::vec(event, 1..40),
        prop::collection::vec(by, 0..8),
        prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    )
        .prop_map(|(zone, mut plans, closed, events, changes, voids)| {
            plans.sort_unstable();
            plans.dedup();
            World { zone, plans, closed, events, changes, voids }
        })
}

impl World {
    /// How many rows of usage there are, which are the first ones.
    fn used(&self) -> usize {
        self.closed.len() + self.events.len()
    }
}

fn instant(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

const NAMES: [&str; 3] = ["starter", "team", "scale"];

async fn made(world: &World) -> Ground {
    let ground = Ground::empty().await;
    ground.set_clock("2026-09-30T06:00:00Z");
    ground.add("acme", world.zone, 1).await;
    ground
        .send("acme", world.closed.iter().enumerate().map(|(n, of)| event("c", n, of)).collect())
        .await;
    ground.set_clock("2026-10-05T00:00:00Z");
    assert_eq!(ground.ledger.close_due().await, Ok(u64::from(!world.closed.is_empty())));
    ground.set_clock(NOW);
    ground.ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
    for (index, minute) in world.plans.iter().enumerate() {
        let plan = PlanId { plan: NAMES[index % 3].to_owned(), version: 1 };
        let effective_at = instant(*minute);
        let agreement = Agreement { plan, effective_at, agreed_at: effective_at };
        ground.ledger.agree(&account("acme"), agreement).await.unwrap();
    }
    ground
        .send("acme", world.events.iter().enumerate().map(|(n, of)| event("e", n, of)).collect())
        .await;
    let seq = |index: &prop::sample::Index| index.index(world.used()) + 1;
    let by = |(n, (index, micros)): (usize, &(prop::sample::Index, i64))| {
        let change = Change::By(Quantity::from_micros(*micros));
        correction(format!("b-{n}"), seq(index), change)
    };
    // What would take back more than there is is refused, and is no row.
    ground.send("acme", world.changes.iter().enumerate().map(by).collect()).await;
    let void = |(n, index): (usize, &prop::sample::Index)| {
        correction(format!("v-{n}"), seq(index), Change::Void)
    };
    ground.send("acme", world.voids.iter().enumerate().map(void).collect()).await;
    ground
}

fn event(prefix: &str, n: usize, (minute, meter, micros): &Used) -> Item {
    let mut event = usage("acme", &format!("{prefix}-{n}"), Meter::ALL[*meter], NOW, "0");
    event.time = instant(*minute);
    event.quantity = Quantity::from_micros(*micros);
    Item::Usage(event)
}

fn correction(id: String, row: usize, change: Change) -> Item {
    let (source, ref_seq) = ("/corrections".to_owned(), i64::try_from(row).unwrap());
    Item::Correction(Correction { source, id, ref_seq, change, notes: BTreeMap::new() })
}

/// A row as the reference reads it.
struct Row {
    seq: i64,
    correction: bool,
    meter: Meter,
    time: Timestamp,
    micros: i64,
    late: bool,
    /// It corrects a row of another period.
    of_another: bool,
}

async fn rows(ground: &Ground, period: Period) -> Vec<Row> {
    let sql =
        "SELECT u.seq, u.kind, u.meter, u.t_event, u.qty_micro, u.period_start, r.period_start
           FROM usage_ledger u LEFT JOIN usage_ledger r ON r.account = u.account AND r.seq = u.ref_seq
           ORDER BY u.seq";
    let ms = |text: &str| Timestamp::from_millisecond(text.parse().unwrap()).unwrap();
    let rows = ground.table(sql).await;
    let own = rows.iter().filter(|row| ms(&row[5]) == period.start());
    own.map(|row| Row {
        seq: row[0].parse().unwrap(),
        correction: row[1] != "0",
        meter: row[2].parse().unwrap(),
        time: ms(&row[3]),
        micros: row[4].parse().unwrap(),
        late: ms(&row[3]) < period.start(),
        of_another: row[6] != "-" && row[6] != row[5],
    })
    .collect()
}

/// What was in force when something happened: how many plans had started by then.
fn plans_by(world: &World, time: Timestamp) -> usize {
    world.plans.iter().filter(|minute| instant(**minute) <= time).count()
}

/// The bill by its definition.
fn expected(
    world: &World,
    period: Period,
    rows: &[Row],
) -> Option<api_server::domain::rating::Statement> {
    let catalogue = Catalogue::shipped().unwrap();
    let starts: Vec<_> = world.plans.iter().map(|minute| instant(*minute)).collect();
    // Those that were still in force when the period began, or began in it.
    let first = starts.iter().filter(|start| **start <= period.start()).count().saturating_sub(1);
    let mut used = vec![Usage::new(); starts.len()];
    for row in rows {
        let Some(plan) = plans_by(world, row.time).checked_sub(1) else { continue };
        let sum = used[plan.max(first)].entry(row.meter).or_default();
        *sum = sum.checked_add(Quantity::from_micros(row.micros)).unwrap();
    }
    let stretches: Vec<_> = (first..starts.len())
        .filter(|index| starts[*index] < period.end())
        .map(|index| {
            let plan = PlanId { plan: NAMES[index % 3].to_owned(), version: 1 };
            let end = starts.get(index + 1).copied().unwrap_or(period.end()).min(period.end());
            let share = Share::between(period, starts[index].max(period.start()), end);
            Stretch { terms: &catalogue.get(&plan).unwrap().terms, share, usage: &used[index] }
        })
        .collect();
    if stretches.is_empty() { None } else { Some(rate(&stretches).unwrap()) }
}

fn sum_of<'r>(rows: impl Iterator<Item = &'r Row>) -> Posted {
    let mut all = Posted::default();
    for row in rows {
        all.rows += 1;
        all.quantity = all.quantity.checked_add(Quantity::from_micros(row.micros)).unwrap();
        all.first = if all.first == 0 { row.seq } else { all.first };
        all.last = row.seq;
        all.late += i64::from(row.late);
        all.corrections += i64::from(row.correction);
        if row.correction && row.of_another {
            let micros = Quantity::from_micros(row.micros);
            all.corrected = all.corrected.checked_add(micros).unwrap();
        }
    }
    all
}

async fn holds(world: &World) {
    let ground = made(world).await;
    let acme = account("acme");
    let mut session = ground.ledger.store().read().await.unwrap();
    let acme = accounts::get(&mut session, &acme).await.unwrap().unwrap();
    let bill = bill::of_period(&mut session, &acme, at(NOW)).await.unwrap();
    let period = bill.period.period;
    let rows = rows(&ground, period).await;
    let expected = expected(world, period, &rows);
    assert_eq!(bill.statement, expected);
    if let Some(Statement { base, lines, total }) = bill.statement.as_ref().map(Statement::of) {
        let sum = base.iter().chain(&lines).sum::<i64>();
        assert_eq!(sum, total, "the lines are not the total");
    }
    // Each slice is the sum of its rows, and all slices are the figure.
    let cuts = bill.cut.instants();
    for meter in Meter::ALL {
        let slices = bill.slices.iter().map(|slice| slice.get(&meter).copied().unwrap_or_default());
        for (index, slice) in slices.enumerate() {
            let within = rows.iter().filter(|row| row.meter == meter);
            let within =
                within.filter(|row| cuts.iter().filter(|cut| **cut <= row.time).count() == index);
            assert_eq!(slice, sum_of(within), "{meter}, slice {index}");
        }
    }
    drop(session);
    all_taken_back(&ground, world).await;
    ground.ledger.close().await;
    assert_eq!(check(ground.folder.path()).await.findings, []);
}

/// Once every row is voided, each hour and figure, with what later periods took back of it, is nothing, and
/// the open bill that of an account that has used nothing.
async fn all_taken_back(ground: &Ground, world: &World) {
    let void = |row| correction(format!("all-{row}"), row, Change::Void);
    ground.send("acme", (1..=world.used()).map(void).collect()).await;
    for sql in [
        "SELECT meter, SUM(used_micro) FROM usage_period GROUP BY meter HAVING SUM(used_micro) <> 0",
        "SELECT meter, hour, SUM(qty_micro) FROM usage_rollup_hour GROUP BY meter, hour HAVING SUM(qty_micro) <> 0",
    ] {
        assert_eq!(ground.table(sql).await, Vec::<Vec<String>>::new(), "{sql}");
    }
    let mut session = ground.ledger.store().read().await.unwrap();
    let acme = accounts::get(&mut session, &account("acme")).await.unwrap().unwrap();
    let bill = bill::of_period(&mut session, &acme, at(NOW)).await.unwrap();
    let statement = bill.statement.as_ref().map(Statement::of);
    assert!(statement.is_none_or(|of| of.total == of.base.iter().sum::<i64>()), "{bill:?}");
}

/// The minor units of a statement.
struct Statement {
    base: Vec<i64>,
    lines: Vec<i64>,
    total: i64,
}

impl Statement {
    fn of(statement: &api_server::domain::rating::Statement) -> Self {
        Self {
            base: statement.base.iter().map(|line| line.amount.minor()).collect(),
            lines: statement.lines.iter().map(|line| line.amount.minor()).collect(),
            total: statement.total.minor(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_bill_is_its_rows_by_the_plans_of_their_time(world in world()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(holds(&world));
    }
}

/// A plan that is agreed after the close, though back-dated and at the very instant of the close, leaves the bill as
/// it was.
#[tokio::test]
async fn a_closed_bill_stays() {
    for agreed_at in ["2026-11-10T00:00:00Z", "2026-11-11T00:00:00Z"] {
        stays_when_agreed(at(agreed_at)).await;
    }
}

async fn stays_when_agreed(agreed_at: Timestamp) {
    let world = World {
        zone: "UTC",
        plans: vec![at("2026-10-01T00:00:00Z").as_second() / 60],
        events: vec![(at("2026-10-10T00:00:00Z").as_second() / 60, 3, 11_000_000_000)],
        ..World::default()
    };
    let ground = made(&world).await;
    let read = async || {
        let mut session = ground.ledger.store().read().await.unwrap();
        let acme = accounts::get(&mut session, &account("acme")).await.unwrap().unwrap();
        bill::of_period(&mut session, &acme, at(NOW)).await.unwrap()
    };
    let open = read().await;
    assert!(open.period.closed.is_none());
    assert_eq!(open.statement.as_ref().unwrap().total.to_string(), "USD 349.00");
    ground.set_clock("2026-11-10T00:00:00Z");
    ground.ledger.close_due().await.unwrap();
    ground.set_clock(&agreed_at.to_string());
    let back_dated = at("2026-10-05T00:00:00Z");
    let plan = PlanId { plan: "scale".to_owned(), version: 1 };
    let agreement = Agreement { plan, effective_at: back_dated, agreed_at };
    ground.ledger.agree(&account("acme"), agreement).await.unwrap();
    let closed = read().await;
    assert!(closed.period.closed.is_some());
    assert_eq!((closed.statement, closed.slices), (open.statement, open.slices), "{agreed_at}");
    assert!(ground.now().duration_since(back_dated) > SignedDuration::from_hours(72));
    ground.ledger.close().await;
    assert_eq!(check(ground.folder.path()).await.findings, []);
}
