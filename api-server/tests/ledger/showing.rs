//! What the newest summaries are as metrics: of whom, for how long, by whom.

use std::sync::{Arc, Mutex};

use api_server::domain::{
    Ppm,
    catalogue::Catalogue,
    facts::{Departments, Incidents, Stated},
    health::Share,
    onboarding::Verdict,
};
use api_server::ledger::{
    Clock,
    figures::{Figures, Rhythm, board::Board},
    lease::{self, Lease},
};
use api_server::store::{facts, snapshots};
use jiff::SignedDuration;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{
    AsyncInstrument, AsyncInstrumentBuilder, Callback, InstrumentProvider, Meter, ObservableGauge,
};
use telemetry::shutdown::Shutdown;

use super::ground::{Ground, account, query};
use super::provisioning::{decide, intake};
use super::routines::answered;

/// A meter that keeps what is to be observed, and asks when a test looks.
#[derive(Default)]
struct Watched {
    floats: Mutex<Vec<(String, Callback<f64>)>>,
    wholes: Mutex<Vec<(String, Callback<u64>)>>,
}

impl InstrumentProvider for Watched {
    fn f64_observable_gauge(
        &self,
        builder: AsyncInstrumentBuilder<'_, ObservableGauge<f64>, f64>,
    ) -> ObservableGauge<f64> {
        let name = builder.name.into_owned();
        let named = builder.callbacks.into_iter().map(|callback| (name.clone(), callback));
        self.floats.lock().unwrap().extend(named);
        ObservableGauge::new()
    }

    fn u64_observable_gauge(
        &self,
        builder: AsyncInstrumentBuilder<'_, ObservableGauge<u64>, u64>,
    ) -> ObservableGauge<u64> {
        let name = builder.name.into_owned();
        let named = builder.callbacks.into_iter().map(|callback| (name.clone(), callback));
        self.wholes.lock().unwrap().extend(named);
        ObservableGauge::new()
    }
}

/// The lines of one metric.
struct Lines<'n>(&'n str, Mutex<Vec<String>>);

impl<T: std::fmt::Display> AsyncInstrument<T> for Lines<'_> {
    fn observe(&self, measurement: T, attributes: &[KeyValue]) {
        let label = |label: &KeyValue| format!("{}={}", label.key, label.value);
        let labels: Vec<String> = attributes.iter().map(label).collect();
        let line = format!("{}{{{}}} {measurement}", self.0, labels.join(","));
        self.1.lock().unwrap().push(line);
    }
}

impl Watched {
    /// All lines, as a scrape would show them, sorted.
    fn lines(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (name, callback) in self.floats.lock().unwrap().iter() {
            let lines = Lines(name, Mutex::default());
            callback(&lines);
            all.extend(lines.1.into_inner().unwrap());
        }
        for (name, callback) in self.wholes.lock().unwrap().iter() {
            let lines = Lines(name, Mutex::default());
            callback(&lines);
            all.extend(lines.1.into_inner().unwrap());
        }
        all.sort();
        all
    }

    /// Those that say something of a tenant.
    fn of_tenants(&self) -> Vec<String> {
        self.lines().into_iter().filter(|line| line.starts_with("tenant_")).collect()
    }

    fn says(&self, line: &str) -> bool {
        self.lines().iter().any(|said| said == line)
    }
}

fn board(ground: &Ground) -> (Board, Arc<Watched>) {
    let watched = Arc::<Watched>::default();
    let clock = ground.clock.clone();
    let clock: Clock = Arc::new(move || *clock.lock().unwrap());
    (Board::new(&Meter::new(watched.clone()), &clock), watched)
}

fn figures(board: &Board) -> Figures {
    Figures::new(Rhythm::every(SignedDuration::from_mins(5))).on(board.clone())
}

/// On starter, at 95 % of its queries, with one late answer of two, and overdue.
async fn used(ground: &Ground) {
    ground.agree("acme", "starter", "2026-01-01T00:00:00Z").await;
    ground.send("acme", vec![query("acme", "e", "95000")]).await;
    answered(ground, "acme", 1, "2026-11-20T00:00:00Z", 1, 8).await;
    answered(ground, "acme", 2, "2026-11-20T00:00:00Z", 9, 8).await;
    let stated = Stated {
        departments: Some(Departments { active: 1, planned: Some(5) }),
        criteria: Some(Share { part: 1, whole: 4 }),
        budget_used: Some(Ppm(0)),
        days_overdue: Some(61),
        incidents: Some(Incidents { sev1: 0, sev2: 0, sev1_past_sla: 0 }),
        ..Stated::default()
    };
    let work = ground.ledger.transact(Some(account("acme")), move |session, now| {
        Box::pin(async move {
            facts::put(session, &account("acme"), stated, ("ada", now)).await.map(drop)
        })
    });
    work.await.unwrap();
}

#[tokio::test]
async fn each_account_says_what_its_newest_summary_says() {
    let ground = Ground::empty().await;
    // Long enough ago for a projection.
    ground.set_clock("2026-11-10T12:00:00Z");
    for account in ["acme", "borealis"] {
        ground.add(account, "Europe/Berlin", 1).await;
    }
    ground.set_clock(super::ground::NOW);
    used(&ground).await;
    let (board, watched) = board(&ground);
    let board = board.beside(|| [("acme".to_owned(), "dev".to_owned())].into());
    let mut figures = figures(&board);
    assert!(watched.of_tenants().is_empty(), "nothing is known yet");
    figures.round(&ground.ledger).await.unwrap();
    figures.show_if_due(&ground.ledger).await.unwrap();
    let mut session = ground.ledger.store().read().await.unwrap();
    let (row, _) = snapshots::get(&mut session, &account("acme")).await.unwrap().unwrap();
    drop(session);
    assert!(row.flagged, "{row:?}");
    let (cost, low, high) = row.cost.unwrap();
    let cost = [("", cost), ("_low", low), ("_high", high)].map(|(edge, money)| {
        let (amount, currency) = (money.amount().parse::<f64>().unwrap(), money.currency().code());
        format!("tenant_projected_cost{edge}{{tenant=acme,currency={currency}}} {amount}")
    });
    let health = Ppm::from(row.health.unwrap()).to_string().parse::<f64>().unwrap();
    let factor = row.costs.unwrap().split(':').next().unwrap().to_owned();
    let mut expected = [
        "tenant_flagged{tenant=acme} 1".to_owned(),
        "tenant_flagged{tenant=borealis} 0".to_owned(),
        format!("tenant_health_costs_most{{tenant=acme,factor={factor}}} 1"),
        format!("tenant_health_ratio{{tenant=acme}} {health}"),
        "tenant_info{tenant=acme,profile=dev,plan=starter,version=1} 1".to_owned(),
        "tenant_quota_usage_ratio{tenant=acme,meter=query} 0.95".to_owned(),
        "tenant_support_late_answers{tenant=acme} 1".to_owned(),
        "tenant_support_late_answers{tenant=borealis} 0".to_owned(),
        "tenant_support_sla_adherence_ratio{tenant=acme} 0.5".to_owned(),
    ]
    .to_vec();
    expected.extend(cost);
    expected.sort();
    // Of borealis too little is known for a health, and there is no plan for a cost.
    assert_eq!(watched.of_tenants(), expected);
    assert!(watched.says("tenantry_figures_accounts{state=current} 2"));
}

#[tokio::test]
async fn what_may_not_be_acted_on_any_more_is_not_shown() {
    let ground = Ground::with(&["acme"]).await;
    used(&ground).await;
    let (board, watched) = board(&ground);
    let mut figures = figures(&board);
    figures.round(&ground.ledger).await.unwrap();
    figures.show_if_due(&ground.ledger).await.unwrap();
    ground.set_clock("2026-11-23T12:14:59Z");
    assert!(watched.says("tenantry_figures_accounts{state=current} 1"));
    // Three rounds without a summary.
    ground.set_clock("2026-11-23T12:15:00Z");
    assert!(watched.of_tenants().is_empty(), "{:?}", watched.of_tenants());
    assert!(watched.says("tenantry_figures_accounts{state=expired} 1"));
    figures.round(&ground.ledger).await.unwrap();
    figures.show_if_due(&ground.ledger).await.unwrap();
    assert!(watched.says("tenantry_figures_accounts{state=expired} 0"));
    assert!(watched.says("tenant_quota_usage_ratio{tenant=acme,meter=query} 0.95"));
}

/// Each account once, whoever shows it: a server that lost its lease shows nothing, from that moment on.
#[tokio::test]
async fn only_who_holds_the_lease_shows_anything() {
    let ground = Ground::with(&["acme"]).await;
    used(&ground).await;
    let (first, watched) = board(&ground);
    let (second, of_other) = board(&ground);
    let stop = Shutdown::new();
    let works = |board: &Board, stop: &Shutdown| {
        let (ledger, figures, stop) = (ground.ledger.clone(), figures(board), stop.clone());
        tokio::spawn(async move {
            let work = async |lease: &mut Lease| Box::pin(figures.run(&ledger, lease)).await;
            lease::under("figures", &ledger, stop, work).await;
        })
    };
    let working = works(&first, &stop);
    while watched.of_tenants().is_empty() {
        tokio::task::yield_now().await;
    }
    // Another server is refused the lease.
    assert!(!Lease::new("figures").hold(&ground.ledger).await.unwrap());
    assert!(of_other.of_tenants().is_empty());
    stop.cancel();
    working.await.unwrap();
    assert!(watched.lines().is_empty(), "{:?}", watched.lines());
    let stop = Shutdown::new();
    let working = works(&second, &stop);
    while of_other.of_tenants().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(watched.lines().is_empty());
    stop.cancel();
    working.await.unwrap();
}

#[tokio::test]
async fn requests_are_counted_by_how_far_they_are() {
    let ground = Ground::empty().await;
    ground.ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
    let (board, watched) = board(&ground);
    let mut figures = figures(&board);
    let rejected = Verdict::Rejected { reason: "No".to_owned() };
    decide(&ground, intake(1, "one"), rejected, true).await;
    for (n, name) in [(2, "two"), (3, "three"), (4, "four"), (5, "five"), (6, "six")] {
        decide(&ground, intake(n, name), Verdict::Approved, true).await;
    }
    // What a provisioner and a stack would have said of each.
    for sql in [
        "UPDATE provisions SET outcome = 'made' WHERE request NOT LIKE '%2'",
        "UPDATE provisions SET stack = 'starting' WHERE request LIKE '%4'",
        "UPDATE provisions SET stack = 'ready' WHERE request LIKE '%5'",
        "UPDATE provisions SET outcome = 'conflict' WHERE request LIKE '%6'",
    ] {
        let work =
            ground.ledger.transact(None, move |session, _| Box::pin(session.run(sql, vec![])));
        work.await.unwrap();
    }
    figures.show_if_due(&ground.ledger).await.unwrap();
    for (status, count) in [
        ("awaiting_approval", 0),
        ("approved", 1),
        ("conflict", 1),
        ("made", 2),
        ("ready", 1),
        ("removed", 0),
        ("rejected", 1),
        ("withdrawn", 0),
    ] {
        let line = format!("onboarding_requests{{status={status}}} {count}");
        assert!(watched.says(&line), "{line} in {:?}", watched.lines());
    }
    // Nothing was summed up since, and they are counted all the same, a minute later.
    decide(&ground, intake(7, "seven"), Verdict::Withdrawn, true).await;
    figures.show_if_due(&ground.ledger).await.unwrap();
    assert!(watched.says("onboarding_requests{status=withdrawn} 0"), "not too often");
    ground.set_clock("2026-11-23T12:01:00Z");
    figures.show_if_due(&ground.ledger).await.unwrap();
    assert!(watched.says("onboarding_requests{status=withdrawn} 1"));
}
