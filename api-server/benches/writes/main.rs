//! A fleet whose tenants all send an event a second: what is written to the cluster, how old what it
//! shows is, and what that costs the API server. `scripts/bench.sh writes` runs it.

#![allow(missing_docs, reason = "a program")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it prints a table and progress")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what does not come about ends the run"
)]
#![allow(clippy::float_arithmetic, reason = "counts in a table of measures")]
#![allow(clippy::large_futures, reason = "few of them, and short-lived")]

#[path = "../../tests/cluster/ground.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod ground;
#[path = "../../tests/cluster/lab.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod lab;
#[path = "../../tests/process/midnight.rs"]
#[allow(dead_code, reason = "tests of processes use the rest")]
mod midnight;
#[path = "../../tests/cluster/rate.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod rate;
#[path = "../../tests/cluster/seen.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod seen;
#[path = "../../tests/process/serving.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod serving;
#[path = "../../../operator/benches/fleet/table.rs"]
#[allow(dead_code, reason = "other benchmarks use the rest")]
mod table;

use std::{path::PathBuf, time::Duration};

use clap::Parser;
use rate::{Extent, Report, run};
use table::Table;

#[derive(Parser)]
struct Options {
    /// How many tenants send.
    #[arg(long, default_value_t = 1_000)]
    tenants: usize,
    /// Seconds between two writes to one tenant's status.
    #[arg(long, default_value_t = 300)]
    interval: u32,
    /// For how many such intervals.
    #[arg(long, default_value_t = 2)]
    intervals: u32,
    /// Milliseconds between two events of a tenant.
    #[arg(long, default_value_t = 1_000)]
    pause: u64,
    /// Also write the rows here.
    #[arg(long)]
    json: Option<PathBuf>,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let extent = Extent {
        tenants: options.tenants,
        every: options.interval,
        summary: 300,
        intervals: options.intervals,
        pause: Duration::from_millis(options.pause),
    };
    let report = run(extent).await;
    let mut table = Table::default();
    fill(&mut table, &report, extent);
    table.print();
    if let Some(file) = &options.json {
        std::fs::write(file, table.json()? + "\n")?;
    }
    rate::is_within(&report, extent).map_err(anyhow::Error::msg)
}

fn fill(table: &mut Table, report: &Report, extent: Extent) {
    let seconds = report.took.as_secs_f64();
    let stated = extent.tenants as f64 / f64::from(extent.every);
    table.note("tenants that send", extent.tenants as f64, "count");
    table.note("events acknowledged", report.events as f64 / seconds, "per second");
    table.note("requests refused", report.refused as f64, "count");
    table.note("stated rate: tenants / interval", stated, "per second");
    let rate = report.writes as f64 / seconds;
    table.note("writes to status", rate, "per second");
    table.goal(
        "writes / what the interval allows",
        report.writes as f64 / report.allowed(extent) as f64,
        "ratio",
        1.0,
    );
    table.note("most in one second", report.peak as f64, "count");
    let age = |share: usize| {
        let last = report.ages.len().saturating_sub(1);
        report.ages.get(last * share / 100).map_or(0.0, |age| age.as_secs_f64())
    };
    table.note("figures shown are old, median", age(50), "s");
    table.note("… p99", age(99), "s");
    table.note("… oldest", age(100), "s");
    let share = report.processor.as_secs_f64() / seconds * 100.0;
    table.note("API server: processor", share, "% of a core");
    let mebibytes = |kib: u64| kib as f64 / 1_024.0;
    table.note("API server: VmRSS", mebibytes(report.memory.0), "MiB");
    table.note("API server: VmHWM", mebibytes(report.memory.1), "MiB");
    table.note("took", seconds, "s");
}
