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

#[path = "../../tests/ledger/cluster.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod cluster;
mod direct;
mod http;
#[path = "../../tests/process/load.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod load;
#[path = "../../tests/process/port.rs"]
mod port;
#[path = "../../tests/process/serving.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod serving;
mod sink;
#[path = "../../../operator/benches/fleet/table.rs"]
mod table;
mod wire;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;
use http::Flood;
use serving::{Place, Serving};
use sink::Sink;
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
    #[arg(long, default_value_t = 1000)]
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
    /// Which engine keeps the ledgers; PostgreSQL is started for it, with its files on disk.
    #[arg(long, value_enum, default_value = "sqlite")]
    store: Store,
    /// Where SQLite's ledgers are made; a folder of the disk that is to be measured.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Also write the rows here.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Serves as the sink that this program starts.
    #[arg(long, hide = true)]
    sink: bool,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Store {
    Sqlite,
    Postgres,
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
    if options.sink {
        sink::serve().await;
        return Ok(());
    }
    if options.store == Store::Postgres {
        cluster::stay_on_disk();
    }
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

/// What a place is kept in; it goes with this.
enum Kept {
    Folder(tempfile::TempDir),
    Database(cluster::Folder),
}

impl Kept {
    fn path(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder.path(),
            Self::Database(folder) => folder.path(),
        }
    }
}

/// A place in a folder of its own, with the senders' accounts.
async fn place(options: &Options) -> (Kept, Place) {
    let (kept, place) = match (options.store, &options.folder) {
        (Store::Postgres, _) => {
            let folder = cluster::Folder::with_database(cluster::template().await).await;
            let place = Place::with_database(folder.path(), cluster::url_of(folder.path()));
            (Kept::Database(folder), place)
        }
        (Store::Sqlite, Some(within)) => folder(tempfile::tempdir_in(within).unwrap()),
        (Store::Sqlite, None) => folder(tempfile::tempdir().unwrap()),
    };
    direct::accounts(&place, 0..SENDERS).await;
    (kept, place)
}

fn folder(folder: tempfile::TempDir) -> (Kept, Place) {
    let place = Place::new(folder.path());
    (Kept::Folder(folder), place)
}

/// Rates of the same events by different ways, and the memory of the server that took them.
#[derive(Default)]
struct Rates {
    bare: Vec<f64>,
    inside: Vec<f64>,
    batches: Vec<f64>,
    singles: Vec<f64>,
    sunk_batches: Vec<f64>,
    sunk_singles: Vec<f64>,
    memory: f64,
}

impl Rates {
    /// One measurement of one way.
    async fn measure(&mut self, options: &Options, step: usize) {
        let (events, singles) = (options.events, options.singles);
        let (batching, clients) = (options.batching, options.clients);
        let (folder, place) = place(options).await;
        match step {
            0 => self.inside.push(direct::ledger(&place, events, batching).await),
            1 => self.bare.push(direct::rows(folder.path(), &place, events).await),
            2 | 3 => {
                let server = http::start(&place);
                if step == 2 {
                    self.batches.push(http::batches(&server.api, &place, events, batching).await);
                } else {
                    self.singles.push(http::singles(&server.api, &place, singles, clients).await);
                }
                self.memory = self.memory.max(server.memory("VmHWM") as f64 / 1024.0);
            }
            _ => {
                say("to a sink:");
                let sink = Sink::start();
                let url = &sink.url;
                self.sunk_batches.push(http::batches(url, &place, events, batching).await);
                self.sunk_singles.push(http::singles(url, &place, singles, clients).await);
            }
        }
    }
}

/// The same events in process, as bare rows, over HTTP and to a sink, in the order A B C D E E D C B A,
/// so that a machine that grows slower favours none.
async fn ingest(options: &Options, table: &mut Table) {
    let mut rates = Rates::default();
    for step in [0, 1, 2, 3, 4, 4, 3, 2, 1, 0] {
        rates.measure(options, step).await;
    }
    let (inside, bare) = (mean(&rates.inside), mean(&rates.bare));
    let (batches, singles) = (mean(&rates.batches), mean(&rates.singles));
    let (sunk_batches, sunk_singles) = (mean(&rates.sunk_batches), mean(&rates.sunk_singles));
    let one_by_one = format!("single events, {} clients", options.clients);
    table.note("bare rows, batches of 1,000", bare, "events/s");
    table.note("in process, batches of 1,000", inside, "events/s");
    table.note("over HTTP, batches of 1,000", batches, "events/s");
    table.note(&format!("over HTTP, {one_by_one}"), singles, "events/s");
    table.note("HTTP and nothing behind it, batches of 1,000", sunk_batches, "events/s");
    table.note(&format!("HTTP and nothing behind it, {one_by_one}"), sunk_singles, "events/s");
    table.note("in process / bare rows", inside / bare, "ratio");
    table.least("over HTTP / in process, batches", batches / inside, "ratio", 0.8);
    table.least("over HTTP, single events / batches", singles / batches, "ratio", 0.4);
    table.note(
        "over HTTP / HTTP and nothing behind it, single events",
        singles / sunk_singles,
        "ratio",
    );
    table.note("server VmHWM while it takes them", rates.memory, "MiB");
}

/// How long a neighbour waits for single events: alone, beside a flood of the same server, and beside as
/// many requests to a sink, which is what the flood's clients and HTTP cost on this machine.
async fn flood(options: &Options, table: &mut Table) {
    let (_folder, place) = place(options).await;
    let server = http::start(&place);
    let sink = Sink::start();
    let asked = options.neighbour;
    let none = Flood { url: &server.api, connections: 0, pace: None };
    say("a neighbour alone");
    let (alone, _) = http::neighbour(&server, &place, asked, none).await;
    let here = Flood { url: &server.api, connections: 16, pace: None };
    say("a neighbour beside a flood");
    let (beside, pace) = http::neighbour(&server, &place, asked, here).await;
    let there = Flood { url: &sink.url, connections: 16, pace: Some(pace) };
    say("a neighbour beside a flood of a sink");
    let (elsewhere, _) = http::neighbour(&server, &place, asked, there).await;
    let of_99 = |took: &[Duration]| percentile(took, 99);
    let (alone, beside, elsewhere) = (of_99(&alone), of_99(&beside), of_99(&elsewhere));
    table.note("a neighbour's single event alone, p99", alone, "ms");
    table.note("a neighbour's single event beside a flood, p99", beside, "ms");
    table.note("… batches of the flood answered", pace, "per second");
    table.note("… beside as many to a sink, p99", elsewhere, "ms");
    table.goal("beside a flood / alone, p99", beside / alone, "ratio", 2.0);
    table.note("beside a flood / beside one of a sink, p99", beside / elsewhere, "ratio");
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
    let rate = http::batches(&server.api, place, options.events, options.batching).await;
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
