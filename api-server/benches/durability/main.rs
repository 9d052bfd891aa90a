//! The server killed at any moment, killed at the n-th write, and lied to by its disk, under clients
//! that retry and repeat. `scripts/bench.sh durability` runs it.

#![allow(missing_docs, reason = "a program")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it prints a table and progress")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what is lost or doubled ends the run"
)]
#![allow(clippy::float_arithmetic, reason = "counts in a table of measures")]
#![allow(clippy::large_futures, reason = "few of them, and short-lived")]

#[path = "../../tests/process/checker.rs"]
mod checker;
#[path = "../../tests/ledger/cluster.rs"]
#[allow(dead_code, reason = "the ledger's tests use the rest")]
mod cluster;
#[path = "../../tests/process/load.rs"]
mod load;
#[path = "../../tests/process/port.rs"]
mod port;
#[path = "../../tests/process/quotas.rs"]
mod quotas;
#[path = "../../tests/process/serving.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod serving;
#[path = "../../../operator/benches/fleet/table.rs"]
#[allow(dead_code, reason = "other benchmarks use the rest")]
mod table;
#[path = "../../tests/process/told.rs"]
mod told;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clap::Parser;
use load::{Load, Random, Sent};
use quotas::Quotas;
use serving::{Place, Serving};
use table::Table;

#[derive(Parser)]
struct Options {
    /// How often the server is killed at a random moment.
    #[arg(long, default_value_t = 300)]
    kills: usize,
    /// At how many of its first system calls that write it is killed, and at how many of its first
    /// flushes the disk fails.
    #[arg(long, default_value_t = 60)]
    points: usize,
    /// Clients at once.
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// On which store it is killed at random moments; what is done to files is done on SQLite.
    #[arg(long, value_enum, default_value = "both")]
    store: OnlyStore,
    /// Where random moments begin.
    #[arg(long, default_value_t = 20_261_125)]
    seed: u64,
    /// Also write the rows here.
    #[arg(long)]
    json: Option<PathBuf>,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum OnlyStore {
    Both,
    Sqlite,
    Postgres,
}

const ACCOUNTS: [&str; 4] = ["acme", "globex", "initech", "umbrella"];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut table = Table::default();
    if options.store != OnlyStore::Postgres {
        let folder = tempfile::tempdir()?;
        kills(&options, &mut table, &Place::new(folder.path()), "killed").await;
    }
    if options.store != OnlyStore::Sqlite {
        let folder = cluster::Folder::with_database(cluster::template().await).await;
        let place = Place::with_database(folder.path(), cluster::url_of(folder.path()));
        kills(&options, &mut table, &place, "killed, on PostgreSQL").await;
    }
    if options.store == OnlyStore::Postgres {
        // What follows is done to files.
        return report(&options, &table);
    }
    for (name, calls) in [("write", "pwrite64"), ("flush", "fdatasync,fsync")] {
        killed_at(&options, &mut table, name, calls).await;
    }
    faults(&options, &mut table).await;
    report(&options, &table)
}

fn report(options: &Options, table: &Table) -> anyhow::Result<()> {
    table.print();
    if let Some(file) = &options.json {
        std::fs::write(file, table.json()? + "\n")?;
    }
    Ok(())
}

fn place() -> (tempfile::TempDir, Place) {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    ACCOUNTS.iter().for_each(|account| place.create(account));
    (folder, place)
}

/// Stops clients and server, and compares; what is lost or doubled ends the run there.
async fn end(
    place: &Place,
    load: &Arc<Load>,
    mut server: Serving,
    clients: Vec<tokio::task::JoinHandle<()>>,
    table: &mut Table,
    name: &str,
) {
    load.stop.store(true, Ordering::Relaxed);
    server.kill();
    for client in clients {
        client.await.unwrap();
    }
    let compared = checker::compare(place, load).await;
    table.note(&format!("{name}: events acknowledged"), compared.acknowledged as f64, "count");
    table.note(&format!("{name}: rows in the ledger"), compared.stored as f64, "count");
    table.goal(&format!("{name}: lost, doubled or wrong figures"), 0.0, "count", 0.0);
}

/// How much larger quotas are than in the tests, so that their levels are reached all along the run.
const TIMES: i64 = 20;

async fn kills(options: &Options, table: &mut Table, place: &Place, name: &str) {
    let quotas = Quotas::set(place, &ACCOUNTS, TIMES).await;
    let mut server = quotas.serve(place);
    let load = Load::new(place, &ACCOUNTS, &server.api);
    let clients = (0..options.clients).map(|number| tokio::spawn(load.clone().client(number)));
    let clients: Vec<_> = clients.collect();
    let mut random = Random(options.seed);
    for _ in 0..options.kills {
        load.acknowledged(usize::try_from(random.below(240)).unwrap()).await;
        server.kill();
        server = quotas.serve(place);
        load.moved(&server.api);
    }
    load.acknowledged(options.clients).await;
    table.note(&format!("{name} at a random moment"), options.kills as f64, "times");
    end(place, &load, server, clients, table, name).await;
    let reached = quotas.compare(place).await;
    table.note(&format!("{name}: levels reached, each told once"), reached.alerts as f64, "count");
    told::compare(place, &quotas, &load).await;
    table.goal(&format!("{name}: wrong bills, shares or usage.json"), 0.0, "count", 0.0);
}

/// Starts the server with a fault at the `nth` of some system calls; `None` when it ended by that
/// before it served.
fn start_with(place: &Place, calls: &str, fault: &str, nth: usize) -> Option<Serving> {
    let inject = format!("inject={calls}:{fault}:when={nth}");
    let behind = [
        "strace",
        "-D",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        &format!("trace={calls}"),
        "-e",
        &inject,
    ];
    Serving::try_start_behind(place, &[], &behind).ok()
}

/// SIGKILL at the first system call of a kind, at the second, and so on.
async fn killed_at(options: &Options, table: &mut Table, name: &str, calls: &str) {
    let (_folder, place) = place();
    let load = Load::new(&place, &ACCOUNTS, "");
    let (mut before, mut after) = (0, 0);
    let mut random = Random(options.seed);
    for nth in 1..=options.points {
        let Some(mut server) = start_with(&place, calls, "signal=KILL", nth) else {
            before += 1;
            continue;
        };
        load.moved(&server.api);
        // Until it is killed by its own call.
        let mut number = 0;
        while server.child.try_wait().unwrap().is_none() {
            number += 1;
            let events = load.events(&format!("{name}-{nth}-{number}"), 3, &mut random);
            let account = load.accounts[number % ACCOUNTS.len()].clone();
            load.send(&account, &events).await;
        }
        after += 1;
    }
    let server = Serving::start(&place, &[]);
    load.moved(&server.api);
    table.note(&format!("killed at its n-th {name} while starting"), f64::from(before), "times");
    table.note(&format!("killed at its n-th {name} while serving"), f64::from(after), "times");
    end(&place, &load, server, Vec::new(), table, &format!("killed at a {name}")).await;
}

/// Requests after which a fault must have met the ledger, if it is one of those that it waits for.
const REQUESTS: usize = 40;

/// The disk says once that a flush failed, and that all is well from then on. Nothing may be
/// acknowledged any more. A flush that no answer waits for, as of the file of heads or of a
/// checkpoint, may fail and change nothing.
async fn faults(options: &Options, table: &mut Table) {
    let (_folder, place) = place();
    let load = Load::new(&place, &ACCOUNTS, "");
    let (mut before, mut after, mut elsewhere) = (0, 0, 0);
    let mut random = Random(options.seed);
    for nth in 1..=options.points {
        let Some(mut server) = start_with(&place, "fdatasync,fsync", "error=EIO", nth) else {
            before += 1;
            continue;
        };
        load.moved(&server.api);
        let mut number = 0;
        let mut send = async |round: usize| {
            let events = load.events(&format!("fault-{nth}-{round}"), 3, &mut random);
            load.send(&load.accounts[round % ACCOUNTS.len()].clone(), &events).await
        };
        let refused = loop {
            number += 1;
            match send(number).await {
                Sent::Taken { .. } if number < nth + REQUESTS => {}
                Sent::Taken { .. } => break false,
                Sent::Refused(status) => break status == 503,
                Sent::Lost => panic!("no answer after a flush failed"),
            }
        };
        if !refused {
            elsewhere += 1;
            server.kill();
            continue;
        }
        for more in 1..=5 {
            let sent = send(number + more).await;
            assert_eq!(sent, Sent::Refused(503), "acknowledged after a flush had failed");
        }
        after += 1;
        server.kill();
    }
    let server = Serving::start(&place, &[]);
    load.moved(&server.api);
    table.note("a flush failed while starting", f64::from(before), "times");
    table.note(
        "a flush failed while serving, and nothing was acknowledged any more",
        f64::from(after),
        "times",
    );
    table.note("a flush failed that no answer waits for", f64::from(elsewhere), "times");
    end(&place, &load, server, Vec::new(), table, "failed flush").await;
}
