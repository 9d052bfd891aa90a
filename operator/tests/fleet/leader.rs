//! One operator writes at a time, whatever happens to it.

use serde_json::{Value, json};

use crate::support::{Lab, dev, eventually, holds, lab::SYSTEM, process::Operator, tenant, with};

async fn holder(lab: &Lab) -> String {
    let lease = lab.api.get("leases", SYSTEM, "tenantry-operator").await.unwrap_or_default();
    lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
}

pub async fn leads(lab: &Lab, identity: &str) {
    eventually(&format!("{identity} holds the lease"), async || {
        let now = holder(lab).await;
        holds(now == identity, now)
    })
    .await;
}

/// Two operators of which the first leads.
pub async fn two(lab: &Lab) -> (Operator, Operator) {
    let first = lab.operator("first");
    first.ready().await;
    leads(lab, "first").await;
    let second = lab.operator("second");
    second.ready().await;
    (first, second)
}

/// The instances that wrote events or leases cannot be told apart by account; objects tell by time.
async fn edit_and_wait(lab: &Lab, name: &str, tag: &str) {
    lab.apply(&[with(dev(name), "/services/0/image", json!(tag))]).await;
    lab.becomes(name, ("deployments", "core"), tag, |d: &Value| {
        d["spec"]["template"]["spec"]["containers"][0]["image"] == tag
    })
    .await;
    lab.ready(name).await;
}

#[tokio::test]
async fn a_killed_leader_is_followed_by_the_other() {
    let lab = Lab::own().await;
    let (first, second) = two(&lab).await;
    lab.stack(dev("l-kill"), "l-kill").await;
    let metrics = second.get("/metrics").await.unwrap();
    assert!(
        !metrics.contains("tenantry_operator_writes_total{"),
        "the second writes nothing:\n{metrics}"
    );
    first.kill();
    leads(&lab, "second").await;
    edit_and_wait(&lab, "l-kill", "sample:2").await;
}

#[tokio::test]
async fn a_stopped_leader_gives_the_lease_back() {
    let lab = Lab::own().await;
    let (first, _second) = two(&lab).await;
    first.signal("TERM");
    eventually("the first has ended", async || {
        first.ended().map_or_else(|| Err("it runs".to_owned()), |how| holds(how.success(), how))
    })
    .await;
    leads(&lab, "second").await;
    lab.stack(dev("l-stop"), "l-stop").await;
}

#[tokio::test]
async fn a_frozen_and_thawed_leader_writes_nothing() {
    let lab = Lab::own().await;
    let (first, second) = two(&lab).await;
    lab.stack(dev("l-frozen"), "l-frozen").await;
    first.let_go();
    first.signal("STOP");
    // What it would do as soon as it wakes: its watches have much to tell.
    for number in 0..5 {
        let name = format!("l-frozen-{number}");
        lab.apply(&[tenant(&name, "l-frozen")]).await;
    }
    leads(&lab, "second").await;
    for number in 0..5 {
        lab.ready(&format!("l-frozen-{number}")).await;
    }
    lab.told_of("l-frozen", 6).await;
    // The other is stopped before it can see what comes next: only the thawed one could write it.
    second.signal("STOP");
    lab.api.delete("services", "tenant-l-frozen", "core").await.unwrap();
    let mark = lab.mark();
    first.signal("CONT");
    eventually("the thawed one has ended", async || {
        first.ended().map_or_else(|| Err("it runs".to_owned()), |_| Ok(()))
    })
    .await;
    assert_eq!(lab.writes(mark), Vec::<String>::new());
    assert_eq!(lab.object("l-frozen", "services", "core").await.unwrap_err().code, 404);
    second.signal("CONT");
    // It may have to find its lease expired and end; a restart is what a Deployment would do.
    drop(second);
    let third = lab.operator("third");
    third.ready().await;
    lab.becomes("l-frozen", ("services", "core"), "is back", |_| true).await;
}
