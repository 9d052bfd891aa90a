//! More than it can take: it says 429 or 503, keeps what it acknowledged, and stays small.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;

use crate::checker::compare;
use crate::load::{Load, Random, Sent, body};
use crate::serving::{Place, Serving};

/// Requests that this server works on at once.
const ROOM: usize = 16;
/// Clients at once: ten times as many.
const CLIENTS: usize = 10 * ROOM;
const BATCH: u64 = 1000;
/// Batches that each client has ready.
const ROUNDS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_times_too_much_is_refused_and_what_is_acknowledged_is_there() {
    let folder = tempfile::tempdir().unwrap();
    overloaded(&Place::new(folder.path())).await;
}

/// One tenant's flood fills its own queue. Its neighbours are never refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_one_tenant_is_refused_and_its_neighbour_never() {
    let folder = tempfile::tempdir().unwrap();
    flooded(&Place::new(folder.path())).await;
}

/// Run with `-- --skip postgres::` where there is none.
mod postgres {
    use super::{Place, flooded, overloaded};
    use crate::cluster::{Folder, template, url_of};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn ten_times_too_much_is_refused_and_what_is_acknowledged_is_there() {
        let folder = Folder::with_database(template().await).await;
        overloaded(&Place::with_database(folder.path(), url_of(folder.path()))).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_flood_of_one_tenant_is_refused_and_its_neighbour_never() {
        let folder = Folder::with_database(template().await).await;
        flooded(&Place::with_database(folder.path(), url_of(folder.path()))).await;
    }
}

async fn overloaded(place: &Place) {
    let accounts = ["acme", "globex", "initech", "umbrella"];
    accounts.iter().for_each(|account| place.create(account));
    let room = ROOM.to_string();
    let mut server = Serving::start(place, &["--max-requests", &room]);
    let small = server.memory("VmRSS");
    let load = Load::new(place, &accounts, &server.api);
    // Written before, so that the clients have nothing to do but to send.
    let mut random = Random(1);
    let batches: Vec<_> = (0..CLIENTS * ROUNDS)
        .map(|number| load.events(&format!("{number}"), BATCH, &mut random))
        .map(|events| (body(&events), events))
        .collect();
    let clients = batches.chunks(ROUNDS).enumerate().map(|(number, batches)| {
        let load = load.clone();
        async move {
            for (body, events) in batches {
                let sent = load.send_as(&load.accounts[number % 4], events, body.clone()).await;
                assert_ne!(sent, Sent::Lost, "whoever is refused is told so");
            }
        }
    });
    join_all(clients).await;
    let refused = load.refused.lock().unwrap().clone();
    let (answers, most) = (*load.answers.borrow(), server.memory("VmHWM"));
    assert!(answers >= ROOM && refused.values().sum::<usize>() >= ROOM, "{answers} {refused:?}");
    assert_eq!(answers + refused.values().sum::<usize>(), CLIENTS * ROUNDS, "{refused:?}");
    // A batch here has 190 KB and takes some 2 MB while it is read; what waits is bounded too.
    let bound = small + 96 * 1024;
    assert!(most < bound, "{most} KiB, of which {small} before; at most {bound}");
    println!(
        "overload: {answers} taken, {refused:?} refused, {small} KiB before, {most} KiB at most"
    );
    server.stop();
    compare(place, &load).await;
}

async fn flooded(place: &Place) {
    let accounts = ["flood", "quiet"];
    accounts.iter().for_each(|account| place.create(account));
    let mut server = Serving::start(place, &[]);
    let load = Load::new(place, &accounts, &server.api);
    let over = AtomicBool::new(false);
    // More than may wait for room. Written before: who writes meanwhile would keep the neighbour from sending, until
    // the server waits no longer for what it sends.
    let mut random = Random(7);
    let mut batch = |number: usize| {
        let events = load.events(&format!("{number}"), BATCH, &mut random);
        (body(&events), events)
    };
    let batches: Vec<_> = (0..96 * ROUNDS).map(&mut batch).collect();
    let flood = batches.chunks(ROUNDS).map(|batches| {
        let (load, over) = (&load, &over);
        async move {
            // The same again counts nothing, and takes as much room.
            for (body, events) in batches.iter().cycle() {
                load.send_as(&load.accounts[0], events, body.clone()).await;
                if over.load(Ordering::Relaxed) {
                    return;
                }
            }
        }
    });
    let quiet = async {
        let mut random = Random(1);
        for round in 0..20 {
            let events = load.events(&format!("quiet-{round}"), 1, &mut random);
            loop {
                match load.send(&load.accounts[1], &events).await {
                    Sent::Taken { .. } => break,
                    // Too late on a machine that stood still, not too much: every 503 but `timeout` is forbidden below.
                    Sent::Refused(408 | 503) => {}
                    other => panic!("round {round}: {other:?}"),
                }
            }
        }
        // Not before the flood was told.
        while load.refused.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        over.store(true, Ordering::Relaxed);
    };
    futures::join!(join_all(flood), quiet);
    let refused = load.refused.lock().unwrap().clone();
    // Of a flood some may not arrive, or not be answered, in time; none is turned away as if all were too much.
    let own = |(status, kind): &(u16, String)| *status != 503 || kind.ends_with("/timeout");
    assert!(refused.keys().all(own), "{refused:?}");
    println!("flood: {refused:?} refused, {} taken", *load.answers.borrow());
    server.stop();
    compare(place, &load).await;
}
