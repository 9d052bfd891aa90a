//! The server is killed at any moment under clients that retry and repeat; what it acknowledged is
//! there, once, every figure is the sum of its rows, each level that was reached is told once, and customers
//! are told what follows from that. `scripts/bench.sh durability` kills more.

use std::sync::atomic::Ordering;

use crate::checker::{Compared, compare};
use crate::load::{Load, Random};
use crate::quotas::Quotas;
use crate::serving::Place;
use crate::told;

const KILLS: usize = 20;
const CLIENTS: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_over_http_it_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    killed(&Place::new(folder.path())).await;
}

/// Run with `-- --skip postgres::` where there is none.
mod postgres {
    use super::{Place, killed};
    use crate::cluster::{Folder, template, url_of};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn killed_at_any_moment_over_http_it_loses_and_doubles_nothing() {
        let folder = Folder::with_database(template().await).await;
        killed(&Place::with_database(folder.path(), url_of(folder.path()))).await;
    }
}

async fn killed(place: &Place) {
    let accounts = ["acme", "globex", "initech"];
    let quotas = Quotas::set(place, &accounts, 1).await;
    let mut server = quotas.serve(place);
    let load = Load::new(place, &accounts, &server.api);
    let clients: Vec<_> =
        (0..CLIENTS).map(|number| tokio::spawn(load.clone().client(number))).collect();
    let mut random = Random(20_261_125);
    for _ in 0..KILLS {
        // After none, some or many answers: at every phase of the work.
        load.acknowledged(usize::try_from(random.below(120)).unwrap()).await;
        server.kill();
        server = quotas.serve(place);
        load.moved(&server.api);
    }
    load.acknowledged(CLIENTS).await;
    load.stop.store(true, Ordering::Relaxed);
    server.kill();
    for client in clients {
        client.await.unwrap();
    }
    let compared = compare(place, &load).await;
    assert!(compared.acknowledged > KILLS * 10, "{compared:?}");
    let told = quotas.compare(place).await;
    // Of the smallest quota at least, each account has reached both levels.
    assert!(told.alerts >= accounts.len() * 2, "{told:?}");
    told::compare(place, &quotas, &load).await;
    let Compared { acknowledged, stored } = compared;
    println!(
        "{KILLS} kills over HTTP: {acknowledged} events acknowledged, {stored} stored, {} alerts",
        told.alerts
    );
}
