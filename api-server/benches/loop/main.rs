//! Operator, API server, gateways and the cluster killed, stopped, frozen and cut off under tenants
//! that send, and everything compared in the end. `scripts/bench.sh loop` runs it.

#![allow(missing_docs, reason = "a program")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it prints a table and progress")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what does not come back ends the run"
)]
#![allow(clippy::float_arithmetic, reason = "counts in a table of measures")]
#![allow(clippy::large_futures, reason = "few of them, and short-lived")]

#[path = "../../tests/cluster/faults/mod.rs"]
#[allow(dead_code, reason = "the checker's own tests are no part of a benchmark")]
mod faults;
#[path = "../../tests/cluster/gate.rs"]
mod gate;
#[path = "../../tests/process/gateway/ground.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod gateway;
#[path = "../../tests/cluster/ground.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod ground;
#[path = "../../tests/cluster/lab.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod lab;
#[path = "../../tests/process/midnight.rs"]
#[allow(dead_code, reason = "tests of processes use the rest")]
mod midnight;
#[path = "../../tests/process/port.rs"]
mod port;
#[path = "../../tests/cluster/seen.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod seen;
#[path = "../../tests/process/serving.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod serving;
#[path = "../../../operator/benches/fleet/table.rs"]
#[allow(dead_code, reason = "other benchmarks use the rest")]
mod table;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use clap::Parser;
use faults::run::{Extent, Report, run};
use table::Table;

#[derive(Parser)]
struct Options {
    /// How often something goes wrong.
    #[arg(long, default_value_t = 100)]
    rounds: usize,
    /// How many tenants send.
    #[arg(long, default_value_t = 20)]
    tenants: usize,
    /// How many of them by gateways of their own.
    #[arg(long, default_value_t = 4)]
    gateways: usize,
    /// Milliseconds between two batches of a tenant.
    #[arg(long, default_value_t = 100)]
    pause: u64,
    /// By which the run can be repeated.
    #[arg(long, default_value_t = 20_261_129)]
    seed: u64,
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
    let report = run(Extent {
        seed: options.seed,
        rounds: options.rounds,
        tenants: options.tenants,
        gateways: options.gateways.clamp(1, options.tenants),
        pause: Duration::from_millis(options.pause),
    })
    .await;
    for difference in &report.differences {
        eprintln!("{difference}");
    }
    let mut table = Table::default();
    fill(&mut table, &report, options.tenants);
    table.print();
    if let Some(file) = &options.json {
        std::fs::write(file, table.json()? + "\n")?;
    }
    anyhow::ensure!(report.differences.is_empty(), "what was acknowledged is not what is told");
    Ok(())
}

fn fill(table: &mut Table, report: &Report, tenants: usize) {
    let count = |n: usize| n as f64;
    table.note("tenants that send", count(tenants), "count");
    table.note("rounds", count(report.faults.values().sum()), "count");
    for ((victim, kind), times) in &report.faults {
        let name = format!("… {victim:?}: {kind:?}").to_lowercase();
        table.note(&name, count(*times), "times");
    }
    let mut kinds = BTreeMap::<_, usize>::new();
    for ((_, kind), times) in &report.faults {
        *kinds.entry(kind).or_default() += times;
    }
    for (kind, times) in kinds {
        table.note(&format!("faults: {kind:?}").to_lowercase(), count(times), "times");
    }
    table.note("events acknowledged", count(report.acknowledged), "count");
    table.note("events in the ledger", count(report.stored), "count");
    let seconds = report.took.as_secs_f64();
    table.note("events acknowledged a second", count(report.acknowledged) / seconds, "per second");
    let at = |share: usize| {
        let last = report.recoveries.len().saturating_sub(1);
        report.recoveries.get(last * share / 100).map_or(0.0, Duration::as_secs_f64)
    };
    table.note("all is well and told after a fault, median", at(50), "s");
    table.note("… 9 in 10", at(90), "s");
    table.note("… longest", at(100), "s");
    table.note("took", seconds, "s");
    table.goal(
        "events lost, doubled, altered or told wrong",
        count(report.differences.len()),
        "count",
        0.0,
    );
}
