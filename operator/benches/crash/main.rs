//! The operator killed at every write of a tenant's life, on a real Kubernetes with simulated nodes,
//! before the API server sees the write and after its commit. `scripts/bench.sh crash` runs it.

#![allow(missing_docs, reason = "a program")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it prints a table and progress")]
#![allow(clippy::float_arithmetic, reason = "counts in a table of measures, no money")]
#![allow(clippy::large_futures, reason = "few of them, and short-lived")]

#[path = "../../tests/fleet/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the tests' own words; few of them are needed here")]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "as in the tests")]
#[allow(clippy::needless_pass_by_value, reason = "as in the tests")]
mod support;
#[path = "../fleet/table.rs"]
mod table;

use std::{path::PathBuf, time::Instant};

use clap::Parser;
use support::{
    Lab,
    crash::{Extent, Phase, Sweep, Tally, Workload},
    dev, everything,
};
use table::Table;

#[derive(Parser)]
struct Options {
    /// At most so many writes of each phase, spread over it; all of them without it.
    #[arg(long)]
    steps: Option<usize>,
    /// How many tenants live at once; one kill serves each of them at a write of its own.
    #[arg(long, default_value_t = 20)]
    at_once: usize,
    /// Also write the rows here.
    #[arg(long)]
    json: Option<PathBuf>,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

const WORKLOADS: [Workload; 2] = [
    Workload {
        name: "x-prod",
        delete_data: false,
        phases: &[Phase::Create(everything), Phase::Delete],
    },
    Workload {
        name: "x-tier",
        delete_data: true,
        phases: &[Phase::Create(dev), Phase::Edit(everything), Phase::Edit(dev), Phase::Delete],
    },
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut table = Table::default();
    eprintln!("starting a control plane");
    let lab = Lab::own().await;
    let (started, mut sweep) = (Instant::now(), Sweep::new(&lab));
    let extent =
        Extent { steps: options.steps.unwrap_or(usize::MAX), at_once: options.at_once.max(1) };
    for workload in &WORKLOADS {
        eprintln!("{}", workload.name);
        sweep.run(workload, extent).await;
    }
    fill(&mut table, &sweep.tally);
    table.note("took", started.elapsed().as_secs_f64(), "s");
    tell(&sweep.tally);
    table.print();
    if let Some(file) = options.json {
        std::fs::write(file, table.json()? + "\n")?;
    }
    Ok(())
}

fn fill(table: &mut Table, tally: &Tally) {
    let count = |list: &[String]| list.len() as f64;
    table.note("writes swept, before and after", tally.swept() as f64, "count");
    table.note("kill points planned", tally.planned as f64, "count");
    table.note("kill points reached", tally.points as f64, "count");
    table.note("kills", tally.kills as f64, "count");
    table.goal("differing worlds", count(&tally.worlds), "count", 0.0);
    table.goal("lives that got stuck", count(&tally.stuck), "count", 0.0);
    table.goal("objects created twice", count(&tally.twice), "count", 0.0);
    table.goal("creations unlike the undisturbed ones", count(&tally.others), "count", 0.0);
    table.note("creations whose asker had left", count(&tally.left), "count");
    table.note("Secrets looked at", tally.secrets.len() as f64, "count");
    table.goal("Secrets changed", tally.changed.len() as f64, "count", 0.0);
    table.goal("writes after all had converged", count(&tally.late), "count", 0.0);
}

/// Where the findings were.
fn tell(tally: &Tally) {
    let lists = [
        ("not come to", &tally.missed),
        ("differs", &tally.worlds),
        ("stuck", &tally.stuck),
        ("created twice", &tally.twice),
        ("created otherwise", &tally.others),
        ("created for one who had left", &tally.left),
        ("written late", &tally.late),
    ];
    for (what, list) in lists {
        for finding in list {
            eprintln!("{what}: {finding}");
        }
    }
    for secret in &tally.changed {
        eprintln!("changed: the Secret in {secret}");
    }
}
