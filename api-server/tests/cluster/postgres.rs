//! Two API servers on one database. Run with `-- --skip postgres::` where there is no PostgreSQL.

use std::time::Duration;

use serde_json::json;

use crate::{
    apifault::{Asked, Fault, Proxy},
    cluster::{Folder, template, url_of},
    faults::plane::signal,
    lab::{Lab, eventually, holds, within},
    seen::{Seen, metrics, series},
    serving::Place,
};

/// A lease of the ledger lasts 90 seconds.
const TAKEN_OVER: Duration = Duration::from_secs(400);

const OFTEN: [&str; 4] = ["--snapshot-interval", "2", "--status-interval", "1"];
const HEARTBEAT: &str = "tenantry_cluster_heartbeat_age_seconds";

fn writes_status(asked: &Asked) -> bool {
    asked.writes() && asked.resource == "tenants" && asked.subresource == "status"
}

async fn says(lab: &Lab, used: &str) -> Result<Seen, String> {
    let seen = Seen::of(lab.get("acme").await);
    if seen.meter("ingestion") == used { Ok(seen) } else { Err(format!("{seen:?}")) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_frozen_in_its_round_writes_nothing_over_its_successor() {
    let lab = Lab::new().await;
    let database = Folder::with_database(template().await).await;
    let place = |name: &str| {
        let folder = database.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        Place::with_database(&folder, url_of(database.path()))
    };
    let (first, second) = (place("first"), place("second"));
    let proxy = Proxy::start(&lab.kubeconfig());
    let mut stale = lab.serve_at(&first, proxy.kubeconfig(), &OFTEN);
    let uid = lab.operated("acme", json!({})).await;
    lab.ingest(&stale, "acme", "e-1", "100").await;
    lab.until("acme", "figures", |seen| seen.meter("ingestion") == "100").await;

    // In the middle of a round: what it writes is on its way, and it stops.
    proxy.first(1, Fault::Late, writes_status);
    lab.ingest(&stale, "acme", "e-2", "320").await;
    eventually("a write is on its way", async || holds(proxy.hits().len() == 1, "none is")).await;
    signal(stale.child.id(), "STOP");

    let mut next = lab.serve_at(&second, &lab.kubeconfig(), &OFTEN);
    lab.ingest(&next, "acme", "e-3", "60").await;
    let seen = within(TAKEN_OVER, "the other one goes on", async || says(&lab, "480").await).await;
    assert_eq!(seen.says("QuotaWithinLimits"), ("False", "HardLimitReached"));
    eventually("both levels are told", async || {
        let told = lab.events(&uid, "UsageThresholdReached").await;
        holds(told.len() == 2, format!("{told:?}"))
    })
    .await;

    // What was on its way arrives, and is refused: the tenant is another since.
    let version = lab.version("acme").await;
    proxy.let_through();
    eventually("it has arrived", async || holds(!proxy.late().is_empty(), "not yet")).await;
    assert_eq!((proxy.late(), lab.version("acme").await), (vec![409], version));

    // It wakes, and leaves the cluster to the other one; usage it takes as ever.
    let before = proxy.count(Asked::writes);
    signal(stale.child.id(), "CONT");
    eventually("it knows that another one goes on", async || {
        let age = series(&metrics(&stale).await, HEARTBEAT);
        holds(age.is_none(), format!("{age:?}"))
    })
    .await;
    lab.ingest(&stale, "acme", "e-4", "1").await;
    within(TAKEN_OVER, "the other one tells it", async || says(&lab, "481").await).await;
    assert_eq!(proxy.count(Asked::writes), before, "the one that was frozen wrote");
    assert_eq!(lab.events(&uid, "UsageThresholdReached").await.len(), 2);
    for server in [&mut stale, &mut next] {
        let (status, log) = server.stop();
        assert!(status.success(), "{log}");
    }
    let verified = first.run(&["verify"]);
    assert!(verified.status.success(), "{verified:?}");
}
