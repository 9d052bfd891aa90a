//! A fleet whose tenants all send all the time: how often that is written to the cluster, by the cluster's
//! own count, and how old what it shows is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use kube::api::ListParams;
use reqwest::StatusCode;
use serde_json::json;

use crate::{
    lab::{Lab, holds, within},
    seen::{metrics, series},
    serving::{Serving, client},
};

/// Long: a thousand tenants are not made in a minute.
const BOUND: Duration = Duration::from_secs(1_800);
/// A cluster that stood still just before is written late what was due then, on top of what the interval allows: then
/// it is looked again. What is written too often is so each time.
const LOOKS: usize = 3;
/// Tenants that are made at once.
const AT_ONCE: usize = 8;

/// How much.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    pub tenants: usize,
    /// Seconds between two writes to one tenant's status.
    pub every: u32,
    /// Seconds between two summaries of an account.
    pub summary: u32,
    /// For so many intervals.
    pub intervals: u32,
    /// Between two events of one tenant.
    pub pause: Duration,
}

/// How many the server has under way at most, and how often it looks (`AT_ONCE` and `LOOK` of
/// api-server/src/cluster/work.rs).
const UNDER_WAY: u64 = 8;
const LOOK: Duration = Duration::from_secs(2);

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub took: Duration,
    /// Events that were acknowledged meanwhile.
    pub events: u64,
    /// Requests with usage that were not.
    pub refused: u64,
    /// Writes to tenants' status, as the cluster counts them.
    pub writes: u64,
    /// The most of them in one second, as the server counts them.
    pub peak: u64,
    /// How old the figures of each tenant were each time that was looked at, the youngest first.
    pub ages: Vec<SignedDuration>,
    /// Processor time of the server.
    pub processor: Duration,
    /// Its memory, in KiB: at the end, and the most.
    pub memory: (u64, u64),
}

impl Report {
    /// What the interval allows in that time: one write of each tenant, the one that begins it, and those
    /// whose place in time was before and that arrive now: it is looked every two seconds whose place has
    /// come, and a cluster that stands still for a moment answers later.
    pub fn allowed(&self, extent: Extent) -> u64 {
        let took = u64::try_from((self.took + LOOK).as_millis()).unwrap();
        let share = (took * extent.tenants as u64).div_ceil(u64::from(extent.every) * 1_000);
        share + 1 + UNDER_WAY
    }
}

/// Tenants that send one event after the other.
struct Senders {
    stop: AtomicBool,
    taken: AtomicU64,
    refused: AtomicU64,
}

/// Makes the fleet, has it send, and looks.
pub async fn run(extent: Extent) -> Report {
    let lab = Lab::new().await;
    let number = |n: u32| n.to_string();
    let (summary, every) = (number(extent.summary), number(extent.every));
    let flags = ["--snapshot-interval", &summary, "--status-interval", &every];
    let server = tokio::task::block_in_place(|| lab.serve(&flags));
    let names: Vec<String> = (0..extent.tenants).map(|n| format!("tenant-{n:04}")).collect();
    let made = &lab;
    let tokens: Vec<String> = stream::iter(&names)
        .map(|name| async move {
            made.operated(name, json!({})).await;
            made.token(name, "core", "tenantry-usage").await
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let senders = Arc::new(Senders {
        stop: AtomicBool::new(false),
        taken: AtomicU64::new(0),
        refused: AtomicU64::new(0),
    });
    let client = client();
    let tasks: Vec<_> = tokens
        .into_iter()
        .enumerate()
        .map(|(n, token)| {
            let to = (client.clone(), format!("{}/usage/events", server.api));
            tokio::spawn(senders.clone().send(to, token, n, extent))
        })
        .collect();
    // What is written at once is over: each has figures, and another write since.
    let first = shown(&lab, None).await;
    shown(&lab, Some(&first)).await;
    let mut report = look(&lab, &server, &senders, extent).await;
    for _ in 1..LOOKS {
        if is_within(&report, extent).is_ok() {
            break;
        }
        println!("looked again after {report:?}");
        report = look(&lab, &server, &senders, extent).await;
    }
    senders.stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    report
}

/// Waits until each tenant shows use, newer than then; answers of when it is.
async fn shown(lab: &Lab, then: Option<&[Timestamp]>) -> Vec<Timestamp> {
    within(BOUND, "figures of all", async || {
        let all = instants(lab).await;
        let new = |(n, at): (usize, &Option<Timestamp>)| {
            let at = (*at)?;
            then.is_none_or(|then| at > then[n]).then_some(at)
        };
        let found: Vec<_> = all.iter().enumerate().filter_map(new).collect();
        let counts = format!("{} of {}", found.len(), all.len());
        if found.len() == all.len() { Ok(found) } else { Err(counts) }
    })
    .await
}

/// Of when the figures are that each tenant shows; none of one that shows no use.
async fn instants(lab: &Lab) -> Vec<Option<Timestamp>> {
    let all = lab.tenants().list(&ListParams::default()).await.unwrap().items;
    let of = |tenant: crds::Tenant| {
        let usage = tenant.status?.usage?;
        let used = usage.meters.iter().any(|meter| meter.used != "0");
        used.then(|| usage.as_of.parse().unwrap())
    };
    all.into_iter().map(of).collect()
}

async fn look(lab: &Lab, server: &Serving, senders: &Senders, extent: Extent) -> Report {
    let (started, spent) = (Instant::now(), processor(server));
    let before = writes(lab);
    let taken = senders.taken.load(Ordering::Relaxed);
    let mut report = Report::default();
    let mut last = (Instant::now(), written(server).await);
    let span = Duration::from_secs(u64::from(extent.every * extent.intervals));
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut rounds = 0_u32;
    while started.elapsed() < span {
        tick.tick().await;
        let ours = written(server).await;
        let now = Instant::now();
        report.peak = report.peak.max(per_second(ours - last.1, now - last.0));
        last = (now, ours);
        if rounds.is_multiple_of(10) {
            let now = Timestamp::now();
            let ages = instants(lab).await.into_iter().flatten().map(|at| now.duration_since(at));
            report.ages.extend(ages);
        }
        rounds += 1;
    }
    report.writes = writes(lab) - before;
    report.took = started.elapsed();
    report.events = senders.taken.load(Ordering::Relaxed) - taken;
    report.refused = senders.refused.load(Ordering::Relaxed);
    report.processor = processor(server).saturating_sub(spent);
    report.memory = (server.memory("VmRSS"), server.memory("VmHWM"));
    report.ages.sort_unstable();
    report
}

fn per_second(writes: u64, span: Duration) -> u64 {
    let span = u64::try_from(span.as_millis()).unwrap();
    // The first look follows at once.
    writes * 1_000 / span.max(1_000)
}

/// Writes to tenants' status, as the cluster's own program counts them.
fn writes(lab: &Lab) -> u64 {
    let text = lab.ground().kubectl(&["get", "--raw", "/metrics"]);
    let of_status = |line: &&str| {
        line.starts_with("apiserver_request_total{")
            && line.contains("resource=\"tenants\"")
            && line.contains("subresource=\"status\"")
            && ["PATCH", "APPLY", "PUT"]
                .iter()
                .any(|verb| line.contains(&format!("verb=\"{verb}\"")))
    };
    let count = |line: &str| line.rsplit(' ').next()?.parse::<f64>().ok();
    let all: f64 = text.lines().filter(of_status).filter_map(count).sum();
    all as u64
}

async fn written(server: &Serving) -> u64 {
    let text = metrics(server).await;
    series(&text, "tenantry_cluster_status_writes_total{outcome=\"written\"}").unwrap_or_default()
}

/// Processor time that the server has used.
fn processor(server: &Serving) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", server.child.id())).unwrap();
    let (_, fields) = text.rsplit_once(") ").unwrap();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
    // In hundredths of a second.
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}

impl Senders {
    /// One event after the other, each of one query, spread over the time between two.
    async fn send(
        self: Arc<Self>,
        (client, url): (reqwest::Client, String),
        token: String,
        number: usize,
        extent: Extent,
    ) {
        let share = u32::try_from(number).unwrap() * 1_000 / u32::try_from(extent.tenants).unwrap();
        tokio::time::sleep(extent.pause * share / 1_000).await;
        let mut tick = tokio::time::interval(extent.pause);
        let mut n = 0_u64;
        while !self.stop.load(Ordering::Relaxed) {
            tick.tick().await;
            n += 1;
            let event = json!([{ "specversion": "1.0", "id": n.to_string(), "source": "/core",
                "type": "dev.tenantry.usage.query", "time": Timestamp::now().to_string(),
                "data": { "quantity": "1" } }]);
            let request = client.post(&url).bearer_auth(&token);
            let request = request.header("content-type", "application/cloudevents-batch+json");
            let answer = request.body(event.to_string()).send().await;
            let taken = answer.is_ok_and(|answer| answer.status() == StatusCode::OK);
            let count = if taken { &self.taken } else { &self.refused };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Holds for any fleet: no more than the interval allows.
pub fn is_within(report: &Report, extent: Extent) -> Result<(), String> {
    let allowed = report.allowed(extent);
    holds(report.writes <= allowed, format!("{allowed} are allowed: {report:?}"))
}
