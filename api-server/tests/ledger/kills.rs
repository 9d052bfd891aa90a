//! The process is killed at any moment; what it acknowledged is there, once.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read as _, Write as _},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, AtomicU32, AtomicUsize, Ordering},
    },
};

use api_server::ledger::Settings;
use tokio::sync::watch;

use super::{
    ground::{Ground, TOTALS, check, dump, open},
    process::{Client, Server},
};
use crate::cluster::folder_left_alone;

const KILLS: usize = 24;
const CLIENTS: usize = 16;

/// What clients share: where the server is, how often it answered, and what it acknowledged. The
/// history is a file on its own, and an answer counts only once it is written there.
struct Shared {
    port: AtomicU16,
    answers: watch::Sender<usize>,
    stop: AtomicUsize,
    history: Mutex<File>,
    sent: Mutex<BTreeMap<String, i64>>,
}

/// A small generator of its own, so that a run can be repeated by its seed.
fn random(state: &AtomicU32, below: u32) -> u32 {
    let next = |s: u32| Some(s.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    let state = state.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap();
    (state >> 8) % below
}

/// Sends batches, each again and again until it is acknowledged, some once more after that.
async fn client(shared: Arc<Shared>, number: usize) {
    let state = AtomicU32::new(u32::try_from(number).unwrap() * 7_919 + 1);
    let mut connection = None;
    let mut next = 0;
    while shared.stop.load(Ordering::Relaxed) == 0 {
        let batch: Vec<_> = (0..=random(&state, 4))
            .map(|_| {
                next += 1;
                (format!("{number}-{next}"), i64::from(random(&state, 1_000_000)))
            })
            .collect();
        shared.sent.lock().unwrap().extend(batch.iter().cloned());
        let line: Vec<_> = batch.iter().map(|(id, micros)| format!("{id}:{micros}")).collect();
        let line = line.join(",");
        let repeats = if random(&state, 4) == 0 { 2 } else { 1 };
        for time in 0..repeats {
            let Some(answer) = deliver(&shared, &mut connection, &line).await else { return };
            assert!(answer.chars().all(|letter| matches!(letter, 'a' | 'd')), "{answer}");
            assert!(time == 0 || !answer.contains('a'), "a repeat was counted: {line} {answer}");
            let mut history = shared.history.lock().unwrap();
            for (id, micros) in &batch {
                writeln!(history, "{id} {micros}").unwrap();
            }
            drop(history);
            shared.answers.send_modify(|answers| *answers += 1);
        }
    }
}

/// Until it is answered, or nobody is left to answer.
async fn deliver(shared: &Shared, connection: &mut Option<Client>, line: &str) -> Option<String> {
    loop {
        if connection.is_none() {
            let port = shared.port.load(Ordering::Acquire);
            *connection = Client::connect(port).await.ok();
        }
        if let Some(client) = connection
            && let Some(answer) = client.ask(line).await
        {
            return Some(answer);
        }
        *connection = None;
        if shared.stop.load(Ordering::Relaxed) == 1 {
            return None;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_it_loses_and_doubles_nothing() {
    let ground = Ground::with(&["acme"]).await;
    ground.ledger.close().await;
    let folder = ground.folder.path();
    let history = tempfile::NamedTempFile::new().unwrap();
    let mut server = Server::start(folder, &[]);
    let shared = Arc::new(Shared {
        port: AtomicU16::new(server.port),
        answers: watch::channel(0).0,
        stop: AtomicUsize::new(0),
        history: Mutex::new(history.reopen().unwrap()),
        sent: Mutex::new(BTreeMap::new()),
    });
    let clients: Vec<_> = (0..CLIENTS).map(|n| tokio::spawn(client(shared.clone(), n))).collect();
    let seed = AtomicU32::new(20_261_123);
    for _ in 0..KILLS {
        // After none, some or many answers: at every phase of the writer's work.
        let goal = *shared.answers.borrow() + usize::try_from(random(&seed, 120)).unwrap();
        shared.answers.subscribe().wait_for(|answers| *answers >= goal).await.unwrap();
        server.kill();
        server = Server::start(folder, &[]);
        shared.port.store(server.port, Ordering::Release);
    }
    let goal = *shared.answers.borrow() + CLIENTS;
    shared.answers.subscribe().wait_for(|answers| *answers >= goal).await.unwrap();
    shared.stop.store(1, Ordering::Relaxed);
    server.kill();
    for client in clients {
        client.await.unwrap();
    }
    compare(&shared, folder, history.path()).await;
}

/// Independent of the ledger's own code: sets of texts and one sum.
async fn compare(shared: &Shared, folder: &std::path::Path, history: &std::path::Path) {
    let mut text = String::new();
    File::open(history).unwrap().read_to_string(&mut text).unwrap();
    let acknowledged: BTreeMap<&str, i64> = text
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(id, micros)| (id, micros.parse().unwrap()))
        .collect();
    folder_left_alone(folder).await;
    let ledger = open(folder, Settings::default()).await.unwrap();
    let rows = dump(&ledger, "SELECT event_id, qty_micro FROM usage_ledger").await;
    let mut stored = BTreeMap::new();
    for row in &rows {
        let again = stored.insert(row[0].as_str(), row[1].parse::<i64>().unwrap());
        assert_eq!(again, None, "{} is there twice", row[0]);
    }
    for (id, micros) in &acknowledged {
        assert_eq!(stored.get(id), Some(micros), "{id} was acknowledged");
    }
    let sent = shared.sent.lock().unwrap().clone();
    for (id, micros) in &stored {
        assert_eq!(sent.get(*id), Some(micros), "{id} was never sent so");
    }
    let sum: i64 = stored.values().sum();
    let totals = dump(&ledger, TOTALS).await;
    assert_eq!(totals[0][3..], [rows.len().to_string(), sum.to_string()]);
    ledger.close().await;
    let report = check(folder).await;
    assert_eq!(report.findings, []);
    assert!(acknowledged.len() > KILLS * 10, "only {} were acknowledged", acknowledged.len());
    println!("{KILLS} kills, {} acknowledged, {} stored", acknowledged.len(), rows.len());
}
