//! Waiting for the writer: bounds, turns, callers that go away, what readers see meanwhile.

use std::sync::{Arc, Mutex, mpsc};

use api_server::{
    ledger::{Append, Ledger, LedgerError, Limits, Settings},
    store::StoreError,
};
use jiff::ToSpan;
use tokio::sync::oneshot;

use super::{
    HERE,
    ground::{Ground, accepted, at, dump, open, query, settings},
};
use crate::Engine;

const COUNT: &str = "SELECT COUNT(*) FROM usage_ledger";

async fn rows(ledger: &Ledger) -> u64 {
    dump(ledger, COUNT).await[0][0].parse().unwrap()
}

/// Holds the writer until the answer is dropped.
async fn hold(ledger: &Ledger) -> (oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let (go, wait) = oneshot::channel::<()>();
    let (started, has_started) = oneshot::channel::<()>();
    let ledger = ledger.clone();
    let once = Arc::new(Mutex::new(Some((started, wait))));
    let task = tokio::spawn(async move {
        let work = ledger.transact(None, move |_, _| {
            Box::pin(async move {
                let (started, wait) = once.lock().unwrap().take().unwrap();
                started.send(()).unwrap();
                let _go = wait.await;
                Ok::<_, StoreError>(())
            })
        });
        work.await.unwrap();
    });
    has_started.await.unwrap();
    (go, task)
}

async fn limited(limits: Limits) -> Ground {
    let ground = Ground::with(&["acme", "borealis"]).await;
    ground.ledger.close().await;
    let clock = Arc::new(Mutex::new(at(super::ground::NOW)));
    let settings = Settings { limits, ..settings(&clock) };
    let ledger = open(ground.folder.path(), settings).await.unwrap();
    ground.replace(ledger)
}

fn request(ground: &Ground, of: &'static str, ids: std::ops::Range<usize>) -> Append {
    ground.request(of, ids.map(|n| query(of, &format!("e-{n}"), "1")).collect())
}

fn send(
    ground: &Ground,
    of: &'static str,
    ids: std::ops::Range<usize>,
) -> tokio::task::JoinHandle<Result<api_server::ledger::Receipt, LedgerError>> {
    let (ledger, request) = (ground.ledger.clone(), request(ground, of, ids));
    tokio::spawn(async move { ledger.append(request).await })
}

#[tokio::test]
async fn an_account_that_sends_too_much_is_told_so_and_others_are_not() {
    let ground = limited(Limits { items: 100, items_per_account: 10, ..Limits::default() }).await;
    let (go, held) = hold(&ground.ledger).await;
    let first = send(&ground, "acme", 0..10);
    tokio::task::yield_now().await;
    assert_eq!(send(&ground, "acme", 10..11).await.unwrap(), Err(LedgerError::AccountBusy));
    let other = send(&ground, "borealis", 0..10);
    tokio::task::yield_now().await;
    drop(go);
    held.await.unwrap();
    assert_eq!(accepted(&first.await.unwrap().unwrap()).len(), 10);
    assert_eq!(accepted(&other.await.unwrap().unwrap()).len(), 10);
    assert_eq!(rows(&ground.ledger).await, 20);
}

#[tokio::test]
async fn when_all_together_send_too_much_everybody_is_told() {
    let ground = limited(Limits { items: 10, items_per_account: 10, ..Limits::default() }).await;
    let (go, held) = hold(&ground.ledger).await;
    let first = send(&ground, "acme", 0..10);
    tokio::task::yield_now().await;
    assert_eq!(send(&ground, "borealis", 0..1).await.unwrap(), Err(LedgerError::Busy));
    drop(go);
    held.await.unwrap();
    first.await.unwrap().unwrap();
    assert!(send(&ground, "borealis", 0..1).await.unwrap().is_ok());
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_take_its_request_back() {
    let ground = Ground::with(&["acme"]).await;
    let (go, held) = hold(&ground.ledger).await;
    let waiting = send(&ground, "acme", 0..3);
    tokio::task::yield_now().await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    drop(go);
    held.await.unwrap();
    // Behind it in the same line.
    send(&ground, "acme", 3..4).await.unwrap().unwrap();
    assert_eq!(rows(&ground.ledger).await, 4);
}

#[tokio::test]
async fn closing_stores_what_waits() {
    let ground = Ground::with(&["acme"]).await;
    let (go, held) = hold(&ground.ledger).await;
    let waiting = send(&ground, "acme", 0..3);
    tokio::task::yield_now().await;
    let closing = tokio::spawn({
        let ledger = ground.ledger.clone();
        async move { ledger.close().await }
    });
    drop(go);
    held.await.unwrap();
    assert_eq!(accepted(&waiting.await.unwrap().unwrap()), [1, 2, 3]);
    closing.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_one_account_does_not_hold_up_another() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    ground.ledger.close().await;
    let ledger = open(ground.folder.path(), gated(Gate::default())).await.unwrap();
    let ground = ground.replace(ledger);
    let (go, held) = hold(&ground.ledger).await;
    // Each waits for the writer once it has been polled: the flood first.
    let mut flood = Vec::new();
    for n in 0..10 {
        let large = request(&ground, "acme", n * 900..(n + 1) * 900);
        flood.push(Box::pin(ground.ledger.append(large)));
        assert!(futures::poll!(flood.last_mut().unwrap()).is_pending());
    }
    let mut small = Box::pin(ground.ledger.append(request(&ground, "borealis", 0..1)));
    assert!(futures::poll!(&mut small).is_pending());
    drop(go);
    held.await.unwrap();
    assert_eq!(accepted(&small.await.unwrap()), [1]);
    for large in flood {
        large.await.unwrap();
    }
    assert_eq!(rows(&ground.ledger).await, 9_001);
    let times = "SELECT MAX(CASE account WHEN 'borealis' THEN t_stored END), MAX(CASE account WHEN 'acme' THEN t_stored END) FROM usage_ledger";
    let told = dump(&ground.ledger, times).await;
    let time = |at: usize| told[0][at].parse::<i64>().unwrap();
    assert!(time(0) < time(1), "stored at {} of {}", time(0), time(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_never_see_part_of_a_batch() {
    const FIGURES: &str = "SELECT (SELECT COUNT(*) FROM usage_ledger),
        (SELECT CAST(COALESCE(SUM(cnt), 0) AS BIGINT) FROM usage_period),
        (SELECT CAST(COALESCE(SUM(cnt), 0) AS BIGINT) FROM usage_rollup_hour),
        (SELECT COALESCE(MAX(seq), 0) FROM heads)";
    let ground = Ground::with(&["acme"]).await;
    let ledger = ground.ledger.clone();
    let requests: Vec<Append> = (0..40)
        .map(|batch| {
            let ids = batch * 10..(batch + 1) * 10;
            let items = ids.map(|n: i32| query("acme", &format!("e-{n}"), "1")).collect();
            ground.request("acme", items)
        })
        .collect();
    let writing = tokio::spawn(async move {
        for request in requests {
            ledger.append(request).await.unwrap();
        }
    });
    loop {
        let done = writing.is_finished();
        let row = dump(&ground.ledger, FIGURES).await.remove(0);
        let count: u64 = row[0].parse().unwrap();
        assert_eq!(count % 10, 0);
        assert!(row.iter().all(|figure| *figure == row[0]), "{row:?}");
        if done {
            assert_eq!(count, 400);
            break;
        }
    }
    writing.await.unwrap();
}

#[tokio::test]
async fn a_request_that_the_database_refuses_does_not_fail_its_neighbours() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    let trap: &[&'static str] = match HERE {
        Engine::Sqlite => {
            &["CREATE TRIGGER trap BEFORE INSERT ON usage_ledger WHEN new.event_id = 'e-666'
               BEGIN SELECT RAISE(ABORT, 'trap'); END"]
        }
        Engine::Postgres => &[
            "CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'trap'; END $$",
            "CREATE TRIGGER trap BEFORE INSERT ON usage_ledger FOR EACH ROW
             WHEN (new.event_id = 'e-666') EXECUTE FUNCTION trap()",
        ],
    };
    for sql in trap {
        let work =
            ground.ledger.transact(None, move |session, _| Box::pin(session.run(sql, vec![])));
        work.await.unwrap();
    }
    let (go, held) = hold(&ground.ledger).await;
    let bad = send(&ground, "acme", 666..667);
    let good = send(&ground, "borealis", 0..2);
    tokio::task::yield_now().await;
    drop(go);
    held.await.unwrap();
    let refused = bad.await.unwrap().unwrap_err();
    assert!(matches!(refused, LedgerError::Store(StoreError::Statement(_))), "{refused}");
    assert_eq!(accepted(&good.await.unwrap().unwrap()), [1, 2]);
}

/// Tells that somebody came to it, and when they may go on; once.
type Gate = Arc<Mutex<Option<(oneshot::Sender<()>, mpsc::Receiver<()>)>>>;

/// A clock that goes on by a millisecond whenever it is read, and that holds who reads it next.
fn gated(gate: Gate) -> Settings {
    let now = Arc::new(Mutex::new(at(super::ground::NOW)));
    let clock = move || {
        if let Some((read, go)) = gate.lock().unwrap().take() {
            read.send(()).unwrap();
            go.recv().unwrap();
        }
        let mut now = now.lock().unwrap();
        *now += 1.millisecond();
        *now
    };
    Settings { clock: Arc::new(clock), ..settings(&Arc::default()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_little_is_stored_between_the_pieces_of_a_large_request() {
    let ground = Ground::with(&["acme", "borealis", "cobalt"]).await;
    ground.ledger.close().await;
    let gate = Gate::default();
    let ledger = open(ground.folder.path(), gated(gate.clone())).await.unwrap();
    let ground = ground.replace(ledger);

    // Somebody who has little is expected again, whoever it is.
    ground.ledger.append(request(&ground, "cobalt", 0..1)).await.unwrap();
    let ((read, has_begun), (go, held)) = (oneshot::channel(), mpsc::channel());
    *gate.lock().unwrap() = Some((read, held));
    let large = send(&ground, "acme", 0..1_000);
    has_begun.await.unwrap();
    // Its own account's next request is not what it makes room for.
    let (again, small) =
        (request(&ground, "acme", 1_000..1_001), request(&ground, "borealis", 0..1));
    let (mut again, mut small) =
        (Box::pin(ground.ledger.append(again)), Box::pin(ground.ledger.append(small)));
    assert!(futures::poll!(&mut again).is_pending() && futures::poll!(&mut small).is_pending());
    go.send(()).unwrap();

    assert_eq!(accepted(&small.await.unwrap()), [1]);
    let receipt = large.await.unwrap().unwrap();
    assert_eq!(accepted(&receipt), (1..=1_000).collect::<Vec<_>>());
    assert_eq!(accepted(&again.await.unwrap()), [1_001]);
    let transactions = "SELECT account, COUNT(*) FROM usage_ledger WHERE account <> 'cobalt' GROUP BY account, t_stored ORDER BY t_stored";
    let told = dump(&ground.ledger, transactions).await;
    let told: Vec<_> = told.iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
    match HERE {
        Engine::Sqlite => {
            let all = [("acme", "256"), ("borealis", "1"), ("acme", "744"), ("acme", "1")];
            assert_eq!(told, all);
        }
        // Other servers would put rows between.
        Engine::Postgres => {
            assert_eq!((told[0], told.len()), (("acme", "1000"), 3));
        }
    }
    let figures = "SELECT account, cnt FROM usage_period ORDER BY account";
    assert_eq!(
        dump(&ground.ledger, figures).await,
        [["acme", "1001"], ["borealis", "1"], ["cobalt", "1"]]
    );
}

/// A failed flush says nothing of what came before it, so that nothing may come after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_disk_fails_between_the_pieces_of_a_request_the_rest_is_refused() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    ground.ledger.close().await;
    let gate = Gate::default();
    let ledger = open(ground.folder.path(), gated(gate.clone())).await.unwrap();
    let ground = ground.replace(ledger);

    // Who has little is expected again.
    ground.ledger.append(request(&ground, "borealis", 0..1)).await.unwrap();
    let ((read, has_begun), (go, held)) = (oneshot::channel(), mpsc::channel());
    *gate.lock().unwrap() = Some((read, held));
    let large = send(&ground, "acme", 0..1_000);
    has_begun.await.unwrap();
    let broken = || StoreError::Broken("the disk".to_owned());
    let of = Some("borealis".parse().unwrap());
    let mut between = Box::pin(
        ground.ledger.transact(of, move |_, _| Box::pin(async move { Err::<(), _>(broken()) })),
    );
    assert!(futures::poll!(&mut between).is_pending());
    go.send(()).unwrap();
    assert!(between.await.is_err());

    let told = large.await.unwrap();
    let stored = rows(&ground.ledger).await;
    match HERE {
        Engine::Sqlite => {
            assert_eq!(told, Err(LedgerError::Store(broken())));
            assert_eq!(stored, 257, "what was committed before, and nothing after");
        }
        Engine::Postgres => assert_eq!((accepted(&told.unwrap()).len(), stored), (1_000, 1_001)),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_atomic_request_is_never_cut() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    ground.ledger.close().await;
    let gate = Gate::default();
    let ledger = open(ground.folder.path(), gated(gate.clone())).await.unwrap();
    let ground = ground.replace(ledger);

    // Who has little is expected again.
    ground.ledger.append(request(&ground, "borealis", 0..1)).await.unwrap();
    let ((read, has_begun), (go, held)) = (oneshot::channel(), mpsc::channel());
    *gate.lock().unwrap() = Some((read, held));
    let whole = Append { atomic: true, ..request(&ground, "acme", 0..1_000) };
    let ledger = ground.ledger.clone();
    let whole = tokio::spawn(async move { ledger.append(whole).await });
    has_begun.await.unwrap();
    let mut small = Box::pin(ground.ledger.append(request(&ground, "borealis", 1..2)));
    assert!(futures::poll!(&mut small).is_pending());
    go.send(()).unwrap();
    small.await.unwrap();
    whole.await.unwrap().unwrap();
    let times = "SELECT DISTINCT t_stored FROM usage_ledger WHERE account = 'acme'";
    assert_eq!(dump(&ground.ledger, times).await.len(), 1);
}
