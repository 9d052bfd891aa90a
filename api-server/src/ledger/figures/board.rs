//! What the newest summaries say, as series for dashboards and alerts.
//!
//! The server that makes the summaries shows them, and no other: each account has its series once, however
//! many servers there are. They are read from the store after a round that computed something, and a scrape
//! asks nobody. What may no longer be acted on is not shown: old news is no figure.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use opentelemetry::{KeyValue, metrics::Meter as Instruments};
use serde::Deserialize;

use crate::{
    domain::{
        Money, Ppm,
        adherence::Adherence,
        health::{Factor, Standing},
        meter::Meter,
    },
    ledger::{Clock, lease::Fence},
    store::{
        Session, Store, StoreError, funnel,
        snapshots::{self, Filter, Query, SnapshotRow, Sort},
    },
};

/// Accounts with series of their own; of those beyond, only how many they are is told.
pub const MOST_TENANTS: usize = telemetry::MOST_PER_TENANT;
/// Accounts that are read at a time.
const PAGE: u32 = 200;

/// The profiles that tenants name, by their account.
type Profiles = Arc<dyn Fn() -> HashMap<String, String> + Send + Sync>;

/// What is shown, and the instruments that show it. All copies are one.
#[derive(Clone)]
pub struct Board(Arc<Mutex<Shown>>);

#[derive(Clone, Default)]
struct Shown {
    /// Under which lease; none is for a ledger of one's own.
    fence: Option<Fence>,
    accounts: Arc<[Figures]>,
    left_out: u64,
    requests: Vec<(&'static str, u64)>,
    /// None of a server that is beside no cluster.
    profiles: Option<Profiles>,
}

/// One account's.
#[derive(Clone, Debug)]
struct Figures {
    tenant: Arc<str>,
    valid_until: Timestamp,
    plan: Option<(String, i64)>,
    highest: Option<(Meter, f64)>,
    health: Option<f64>,
    flagged: bool,
    costs: Option<Factor>,
    cost: Option<Cost>,
    adherence: Adherence,
}

#[derive(Clone, Debug)]
struct Cost {
    currency: String,
    likely: f64,
    low: f64,
    high: f64,
}

impl Board {
    /// Nothing is shown yet. The instruments are made with `meter`.
    #[must_use]
    pub fn new(meter: &Instruments, clock: &Clock) -> Self {
        let board = Self(Arc::default());
        for series in SERIES {
            board.series(meter, clock.clone(), series);
        }
        board.info(meter, clock.clone());
        board.counts(meter, clock.clone());
        board
    }

    /// Tells accounts' profiles too, which only a cluster knows.
    #[must_use]
    pub fn beside(
        self,
        profiles: impl Fn() -> HashMap<String, String> + Send + Sync + 'static,
    ) -> Self {
        self.lock().profiles = Some(Arc::new(profiles));
        self
    }

    /// It is shown while this lease is ours.
    pub(super) fn held_under(&self, fence: Fence) {
        self.lock().fence = Some(fence);
    }

    /// Shows what a ledger's newest summaries say.
    ///
    /// # Errors
    /// [`StoreError`]; then it shows what it showed.
    pub(super) async fn show(&self, store: &Store) -> Result<(), StoreError> {
        let mut session = store.read().await?;
        let (mut accounts, mut left_out, mut after) = (Vec::new(), 0, None);
        loop {
            let filter = Filter::default();
            let query =
                Query { filter, sort: Sort::Account, descending: false, after, limit: PAGE };
            let page = snapshots::page(&mut session, &query).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.position(Sort::Account));
            let room = MOST_TENANTS - accounts.len();
            left_out += page.len().saturating_sub(room) as u64;
            let rows: Vec<_> = page.into_iter().take(room).map(|listed| listed.row).collect();
            accounts.extend(figures(&mut session, &rows).await?);
        }
        drop(session);
        let mut shown = self.lock();
        (shown.accounts, shown.left_out) = (accounts.into(), left_out);
        Ok(())
    }

    /// Shows how many requests to be taken on are how far.
    ///
    /// # Errors
    /// [`StoreError`]; then it shows what it showed.
    pub(super) async fn count_requests(&self, store: &Store) -> Result<(), StoreError> {
        let requests = funnel::counts(&mut store.read().await?).await?;
        self.lock().requests = requests;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is shown, while it is ours to show it.
    fn seen(&self) -> Option<Shown> {
        let shown = self.lock().clone();
        shown.fence.as_ref().is_none_or(|fence| fence.is_open(Duration::ZERO)).then_some(shown)
    }

    fn series(&self, meter: &Instruments, clock: Clock, series: Series) {
        let board = self.clone();
        // The meter keeps it, as those below.
        let _kept = meter
            .f64_observable_gauge(series.name)
            .with_description(series.about)
            .with_callback(move |gauge| {
                let Some(Shown { accounts, .. }) = board.seen() else { return };
                let now = clock();
                for account in accounts.iter().filter(|account| account.valid_until > now) {
                    let Some((value, others)) = (series.of)(account) else { continue };
                    let tenant = KeyValue::new("tenant", account.tenant.clone());
                    let labels: Vec<_> = std::iter::once(tenant).chain(others).collect();
                    gauge.observe(value, &labels);
                }
            })
            .build();
    }

    fn info(&self, meter: &Instruments, clock: Clock) {
        let board = self.clone();
        let _kept = meter
            .f64_observable_gauge("tenant_info")
            .with_description(
                "Always 1; the profile that an account's tenant names, and the plan that it is on",
            )
            .with_callback(move |gauge| {
                let Some(Shown { accounts, profiles, .. }) = board.seen() else { return };
                let (now, named) = (clock(), profiles.map(|ask| ask()).unwrap_or_default());
                for account in accounts.iter().filter(|account| account.valid_until > now) {
                    let Some((plan, version)) = account.plan.clone() else { continue };
                    // An empty label is none, and figures by profile would leave it out.
                    let profile = named.get(&*account.tenant).map_or("none", String::as_str);
                    let labels = [
                        KeyValue::new("tenant", account.tenant.clone()),
                        KeyValue::new("profile", profile.to_owned()),
                        KeyValue::new("plan", plan),
                        KeyValue::new("version", version),
                    ];
                    gauge.observe(1.0, &labels);
                }
            })
            .build();
    }

    fn counts(&self, meter: &Instruments, clock: Clock) {
        let board = self.clone();
        let _kept = meter
            .u64_observable_gauge("tenantry_figures_accounts")
            .with_description(
                "Accounts whose figures are shown, are too old to be, or are too many to be",
            )
            .with_callback(move |gauge| {
                let Some(Shown { accounts, left_out, .. }) = board.seen() else { return };
                let now = clock();
                let current = accounts.iter().filter(|one| one.valid_until > now).count() as u64;
                let expired = accounts.len() as u64 - current;
                for (state, count) in
                    [("current", current), ("expired", expired), ("left_out", left_out)]
                {
                    gauge.observe(count, &[KeyValue::new("state", state)]);
                }
            })
            .build();
        let board = self.clone();
        let _kept = meter
            .u64_observable_gauge("onboarding_requests")
            .with_description("Requests to be taken on, by how far they are")
            .with_callback(move |gauge| {
                let Some(Shown { requests, .. }) = board.seen() else { return };
                for (status, count) in requests {
                    gauge.observe(count, &[KeyValue::new("status", status)]);
                }
            })
            .build();
    }
}

/// A value, and the labels beside the tenant's.
type Observed = (f64, Vec<KeyValue>);

/// One series of each account.
#[derive(Clone, Copy)]
struct Series {
    name: &'static str,
    about: &'static str,
    of: fn(&Figures) -> Option<Observed>,
}

const fn series(
    name: &'static str,
    about: &'static str,
    of: fn(&Figures) -> Option<Observed>,
) -> Series {
    Series { name, about, of }
}

const SERIES: [Series; 9] = [
    series(
        "tenant_quota_usage_ratio",
        "The highest share of a quota that an account has used, and of which meter",
        |of| of.highest.map(|(meter, ratio)| (ratio, vec![KeyValue::new("meter", meter.name())])),
    ),
    series("tenant_health_ratio", "Health, from 0 to 1", |of| of.health.map(alone)),
    series("tenant_flagged", "1 for accounts whom somebody should call", |of| {
        Some(alone(f64::from(u8::from(of.flagged))))
    }),
    series(
        "tenant_health_costs_most",
        "Always 1; the factor that costs an account most health",
        |of| of.costs.map(|factor| (1.0, vec![KeyValue::new("factor", factor.name())])),
    ),
    series(
        "tenant_projected_cost",
        "What the running period will cost, in the currency's main unit",
        |of| of.cost.as_ref().map(|cost| cost.with(cost.likely)),
    ),
    series(
        "tenant_projected_cost_low",
        "The lower edge of the 80 % interval of the projected cost",
        |of| of.cost.as_ref().map(|cost| cost.with(cost.low)),
    ),
    series(
        "tenant_projected_cost_high",
        "The upper edge of the 80 % interval of the projected cost",
        |of| of.cost.as_ref().map(|cost| cost.with(cost.high)),
    ),
    series(
        "tenant_support_sla_adherence_ratio",
        "Share of support's answers of the last 90 days that came within the promised hours",
        |of| of.adherence.share().map(|share| alone(number(&share.to_string()))),
    ),
    series(
        "tenant_support_late_answers",
        "Answers of support of the last 90 days that came later than promised",
        |of| Some(alone(f64::from(of.adherence.missed))),
    ),
];

fn alone(value: f64) -> Observed {
    (value, Vec::new())
}

impl Cost {
    fn of((likely, low, high): (Money, Money, Money)) -> Self {
        let number = |money: Money| number(&money.amount());
        let currency = likely.currency().code().to_owned();
        Self { currency, likely: number(likely), low: number(low), high: number(high) }
    }

    fn with(&self, value: f64) -> Observed {
        (value, vec![KeyValue::new("currency", self.currency.clone())])
    }
}

/// The text of a decimal is a number; there is no other way that computes nothing.
fn number(text: &str) -> f64 {
    text.parse().unwrap_or_default()
}

/// What of a summary's inputs is shown.
#[derive(Deserialize)]
struct Answered {
    answers: (u32, u32),
}

async fn figures(session: &mut Session, rows: &[SnapshotRow]) -> Result<Vec<Figures>, StoreError> {
    let ids: Vec<_> = rows.iter().map(|row| row.account.clone()).collect();
    let documents = snapshots::documents(session, &ids).await?;
    let answers: HashMap<_, _> = documents
        .iter()
        .filter_map(|(account, text)| {
            let Answered { answers } = serde_json::from_str(text).ok()?;
            Some((account, answers))
        })
        .collect();
    let of = |row: &SnapshotRow| {
        let (met, missed) = answers.get(&row.account).copied().unwrap_or_default();
        // Else a figure would look like news.
        let enough = row.standing != Standing::InsufficientData;
        Figures {
            tenant: row.account.as_str().into(),
            valid_until: row.valid_until,
            plan: row.plan.as_ref().map(|id| (id.plan.clone(), i64::from(id.version))),
            highest: row.highest.map(|(meter, ratio)| (meter, number(&ratio.to_string()))),
            health: row
                .health
                .filter(|_| enough)
                .map(|health| number(&Ppm::from(health).to_string())),
            flagged: row.flagged,
            costs: row.costs.as_deref().filter(|_| enough).and_then(factor),
            cost: row.cost.map(Cost::of),
            adherence: Adherence { met, missed, slowest: None },
        }
    };
    Ok(rows.iter().map(of).collect())
}

/// The factor that a summary names first.
fn factor(costs: &str) -> Option<Factor> {
    let (name, _) = costs.split_once(':')?;
    Factor::ALL.into_iter().find(|factor| factor.name() == name)
}
