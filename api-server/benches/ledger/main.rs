//! What the ledger takes, over HTTP and in process, and how it reads as it grows.
//! `scripts/bench.sh ledger` runs it.

#![allow(missing_docs, reason = "a program")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it prints a table and progress")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement that cannot be taken ends the run"
)]
#![allow(clippy::float_arithmetic, reason = "seconds and ratios, no money")]
#![allow(clippy::large_futures, reason = "few of them, and short-lived")]

mod direct;
mod http;
#[path = "../../tests/process/load.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod load;
#[path = "../../tests/process/serving.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod serving;
#[path = "../../../operator/benches/fleet/table.rs"]
mod table;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser;
use serving::{Place, Serving};
use table::Table;

#[derive(Parser)]
struct Options {
    /// Events of each measured stretch; each is measured twice.
    #[arg(long, default_value_t = 200_000)]
    events: usize,
    /// Single events of each measured stretch.
    #[arg(long, default_value_t = 50_000)]
    singles: usize,
    /// Clients that send batches of 1,000.
    #[arg(long, default_value_t = 8)]
    batching: usize,
    /// Clients that send single events.
    #[arg(long, default_value_t = 256)]
    clients: usize,
    /// Single events of a neighbour, alone and beside a flood.
    #[arg(long, default_value_t = 400)]
    neighbour: usize,
    /// Tenants in the list that is read.
    #[arg(long, default_value_t = 10_000)]
    tenants: usize,
    /// Rows of the ledger where growth is first looked at.
    #[arg(long, default_value_t = 1_000_000)]
    from: usize,
    /// Rows where it is looked at again; 0 leaves growth out.
    #[arg(long, default_value_t = 10_000_000)]
    to: usize,
    /// Where the ledgers are made; a folder of the disk that is to be measured.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Also write the rows here.
    #[arg(long)]
    json: Option<PathBuf>,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Accounts that send.
pub const SENDERS: usize = 8;
/// Events of a batch.
pub const BATCH: usize = 1000;

pub fn say(what: &str) {
    eprintln!("{} {what}", jiff::Timestamp::now().strftime("%H:%M:%S"));
}

/// How many a second.
pub fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// Where something stands in a sorted list, in milliseconds.
pub fn percentile(sorted: &[Duration], of_100: usize) -> f64 {
    let at = (sorted.len() * of_100).div_ceil(100).saturating_sub(1);
    sorted.get(at).map_or(0.0, |took| took.as_secs_f64() * 1000.0)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut table = Table::default();
    ingest(&options, &mut table).await;
    flood(&options, &mut table).await;
    grow(&options, &mut table).await;
    table.print();
    if let Some(file) = &options.json {
        std::fs::write(file, table.json()? + "\n")?;
    }
    Ok(())
}

/// A place in a folder of its own, with the senders' accounts.
async fn place(options: &Options) -> (tempfile::TempDir, Place) {
    let folder = match &options.folder {
        Some(folder) => tempfile::tempdir_in(folder).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    let place = Place::new(folder.path());
    direct::accounts(&place, 0..SENDERS).await;
    (folder, place)
}

/// The same events in process, as bare rows and over HTTP, in the order A B C D D C B A, so that a
/// machine that grows slower favours none.
async fn ingest(options: &Options, table: &mut Table) {
    let (mut inside, mut bare, mut batches, mut singles) = (vec![], vec![], vec![], vec![]);
    let mut memory = 0.0_f64;
    for step in [0, 1, 2, 3, 3, 2, 1, 0] {
        let (folder, place) = place(options).await;
        match step {
            0 => inside.push(direct::ledger(&place, options.events, options.batching).await),
            1 => bare.push(direct::rows(folder.path(), options.events).await),
            2 => {
                let server = http::start(&place);
                batches
                    .push(http::batches(&server, &place, options.events, options.batching).await);
                memory = memory.max(server.memory("VmHWM") as f64 / 1024.0);
            }
            _ => {
                let server = http::start(&place);
                singles
                    .push(http::singles(&server, &place, options.singles, options.clients).await);
                memory = memory.max(server.memory("VmHWM") as f64 / 1024.0);
            }
        }
    }
    let (inside, bare) = (mean(&inside), mean(&bare));
    let (batches, singles) = (mean(&batches), mean(&singles));
    table.note("bare rows, batches of 1,000", bare, "events/s");
    table.note("in process, batches of 1,000", inside, "events/s");
    table.note("over HTTP, batches of 1,000", batches, "events/s");
    table.note(
        &format!("over HTTP, single events, {} clients", options.clients),
        singles,
        "events/s",
    );
    table.note("in process / bare rows", inside / bare, "ratio");
    table.least("over HTTP / in process, batches", batches / inside, "ratio", 0.8);
    table.least("over HTTP, single events / batches", singles / batches, "ratio", 0.4);
    table.note("server VmHWM while it takes them", memory, "MiB");
}

/// How long a neighbour waits for single events, alone and beside a flood.
async fn flood(options: &Options, table: &mut Table) {
    let (_folder, place) = place(options).await;
    let server = http::start(&place);
    say("a neighbour alone");
    let alone = http::neighbour(&server, &place, options.neighbour, 0).await;
    say("a neighbour beside a flood");
    let beside = http::neighbour(&server, &place, options.neighbour, 16).await;
    let (alone, beside) = (percentile(&alone, 99), percentile(&beside, 99));
    table.note("a neighbour's single event alone, p99", alone, "ms");
    table.note("a neighbour's single event beside a flood, p99", beside, "ms");
    table.goal("beside a flood / alone, p99", beside / alone, "ratio", 2.0);
}

/// What stays the same while the ledger grows.
async fn grow(options: &Options, table: &mut Table) {
    if options.to == 0 {
        return;
    }
    let (_folder, place) = place(options).await;
    say("tenants of the list");
    direct::accounts(&place, SENDERS..options.tenants.max(SENDERS)).await;
    direct::fill(&place, SENDERS..options.tenants.max(SENDERS), 1).await;
    let mut looks = Vec::new();
    let mut rows = options.tenants.saturating_sub(SENDERS);
    for goal in [options.from, options.to] {
        say(&format!("growing to {goal} rows"));
        let each = goal.saturating_sub(rows).div_ceil(SENDERS);
        direct::fill(&place, 0..SENDERS, each).await;
        rows = goal;
        looks.push(look(options, &place, table, goal).await);
    }
    let [(rate_from, page_from), (rate_to, page_to)] = looks[..] else { return };
    table.least("batches over HTTP, large / small ledger", rate_to / rate_from, "ratio", 0.8);
    if let (Some(from), Some(to)) = (page_from, page_to) {
        table.goal("a page, large / small ledger, p99", to / from, "ratio", 1.25);
    }
}

async fn look(
    options: &Options,
    place: &Place,
    table: &mut Table,
    rows: usize,
) -> (f64, Option<f64>) {
    let began = Instant::now();
    let server = Serving::start(place, &http::FLAGS);
    http::ready(&server).await;
    let ready = began.elapsed().as_secs_f64() * 1000.0;
    table.goal(&format!("start to ready, {rows} rows"), ready, "ms", 100.0);
    let rate = http::batches(&server, place, options.events, options.batching).await;
    table.note(&format!("over HTTP, batches of 1,000, {rows} rows"), rate, "events/s");
    let page = http::page(&server, place).await.map(|took| percentile(&took, 99));
    match page {
        Some(page) => {
            let name = format!("page of 100 of {} tenants, {rows} rows, p99", options.tenants);
            table.goal(&name, page, "ms", 10.0);
        }
        None => say("there is no GET /billing/usage yet: its rows are left out"),
    }
    let memory = server.memory("VmHWM") as f64 / 1024.0;
    table.note(&format!("server VmHWM, {rows} rows"), memory, "MiB");
    (rate, page)
}
