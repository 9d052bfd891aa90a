//! Used-up quotas: announced, done when due, undone when the plan grows, and held by the brake; as
//! statuses and events say it.

use crds::tenant::{Enforcement, EnforcementAction};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    lab::{Lab, eventually},
    seen::{Seen, metrics, series},
};

const INTERVALS: [&str; 4] = ["--snapshot-interval", "2", "--status-interval", "1"];

fn suspend(grace: &str) -> Value {
    json!({ "plan": "team", "quotaAction": { "policy": "Suspend", "grace": grace } })
}

fn enforced(seen: &Seen) -> Option<&Enforcement> {
    seen.usage.as_ref()?.enforcement.as_ref()
}

async fn until(lab: &Lab, name: &str, action: EnforcementAction) -> Seen {
    let is = |seen: &Seen| enforced(seen).is_some_and(|told| told.action == action);
    lab.until(name, &format!("{action:?}"), is).await
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

async fn event(lab: &Lab, uid: &str, reason: &str) -> String {
    eventually(reason, async || {
        let told = lab.events(uid, reason).await;
        if let [note] = told.as_slice() { Ok(note.clone()) } else { Err(format!("{told:?}")) }
    })
    .await
}

#[tokio::test]
async fn it_is_announced_done_and_undone_when_the_plan_grows() {
    let lab = Lab::new().await;
    let mut server = lab.serve(&INTERVALS);
    let told = lab.operated("acme", json!({ "plan": "team" })).await;
    let soon = lab.operated("borealis", suspend("3s")).await;
    let later = lab.operated("cobalt", suspend("24h")).await;
    for name in ["acme", "borealis", "cobalt"] {
        lab.ingest(&server, name, "e-1", "505").await;
    }
    // Who asks for nothing is told.
    let acme = until(&lab, "acme", EnforcementAction::Alert).await;
    assert_eq!(enforced(&acme).unwrap().not_before, None);
    assert!(event(&lab, &told, "QuotaReached").await.contains("nothing is stopped"));

    // Who asks for it is told before.
    let cobalt = until(&lab, "cobalt", EnforcementAction::Announced).await;
    let announced = enforced(&cobalt).unwrap().clone();
    let not_before = announced.not_before.clone().unwrap();
    assert_eq!(at(&not_before), at(&announced.as_of) + SignedDuration::from_hours(24));
    let words = format!("services stop at {not_before} (spec.quotaAction)");
    assert!(cobalt.message("QuotaWithinLimits").contains(&words), "{cobalt:#?}");
    assert!(event(&lab, &later, "SuspensionAnnounced").await.contains(&words));

    let borealis = until(&lab, "borealis", EnforcementAction::Suspend).await;
    let done = enforced(&borealis).unwrap();
    assert!(at(done.not_before.as_deref().unwrap()) <= at(&done.as_of));
    let valid = borealis.usage.as_ref().unwrap().valid_until.clone().unwrap();
    assert!(borealis.message("QuotaWithinLimits").contains("services are stopped since"));
    for reason in ["SuspensionAnnounced", "SuspensionBegun"] {
        event(&lab, &soon, reason).await;
    }
    // Its figures are kept fresh, though nothing else happens.
    lab.until("borealis", "fresh figures", |seen| {
        let now = seen.usage.as_ref().and_then(|usage| usage.valid_until.as_deref());
        now.is_some_and(|now| at(now) > at(&valid))
    })
    .await;

    // A restart announces nothing again, and puts nothing off.
    assert!(server.stop().0.success());
    let server = lab.serve(&INTERVALS);
    lab.ingest(&server, "cobalt", "e-2", "500").await;
    let again = lab.until("cobalt", "what came", |seen| seen.meter("ingestion") == "1005").await;
    assert_eq!(enforced(&again), Some(&announced));
    event(&lab, &later, "SuspensionAnnounced").await;

    // A larger plan ends both.
    for (name, uid, reason) in
        [("borealis", &soon, "SuspensionLifted"), ("cobalt", &later, "SuspensionCalledOff")]
    {
        let larger =
            json!({ "plan": "scale", "quotaAction": { "policy": "Suspend", "grace": "24h" } });
        lab.tenant(name, larger).await;
        lab.until(name, "nothing", |seen| seen.plan() == "scale" && enforced(seen).is_none()).await;
        event(&lab, uid, reason).await;
    }
    drop(server);
    let rows = lab.place.run(&["verify"]);
    assert!(rows.status.success(), "{rows:?}");
}

#[tokio::test]
async fn the_brake_holds_until_a_person_lets_it_go() {
    let lab = Lab::new().await;
    let mut server = lab.serve(&[&INTERVALS[..], &["--suspend-share", "0"]].concat());
    let mut uids = Vec::new();
    for name in ["acme", "borealis"] {
        uids.push(lab.operated(name, suspend("1s")).await);
        lab.ingest(&server, name, "e-1", "505").await;
    }
    for (name, uid) in ["acme", "borealis"].iter().zip(&uids) {
        let held = until(&lab, name, EnforcementAction::Held).await;
        assert!(held.message("QuotaWithinLimits").contains("a person is to look first"));
        event(&lab, uid, "SuspensionHeld").await;
    }
    let counted = "tenantry_cluster_quota_decisions_total{action=\"held\"}";
    assert_eq!(series(&metrics(&server).await, counted), Some(2));
    assert!(server.stop().0.success());
    // Either of them alone would be one at least; of both none is stopped.
    let mut server = lab.serve(&[&INTERVALS[..], &["--suspend-share", "10"]].concat());
    lab.ingest(&server, "acme", "e-2", "1").await;
    let held = lab.until("acme", "what came", |seen| seen.meter("ingestion") == "506").await;
    assert_eq!(enforced(&held).map(|told| told.action), Some(EnforcementAction::Held));
    assert!(server.stop().0.success());
    let _server = lab.serve(&[&INTERVALS[..], &["--suspend-share", "100"]].concat());
    for (name, uid) in ["acme", "borealis"].iter().zip(&uids) {
        until(&lab, name, EnforcementAction::Suspend).await;
        event(&lab, uid, "SuspensionBegun").await;
        event(&lab, uid, "SuspensionHeld").await;
    }
}

/// Of five tenants two may be stopped in an hour without a person: three at once are too many.
#[tokio::test]
async fn the_brake_lets_a_share_through_and_holds_what_is_more() {
    let lab = Lab::new().await;
    let mut server = lab.serve(&[&INTERVALS[..], &["--suspend-share", "0"]].concat());
    for name in ["delta", "ember"] {
        lab.operated(name, json!({ "plan": "team" })).await;
    }
    let used_up = ["acme", "borealis", "cobalt"];
    for name in used_up {
        lab.operated(name, suspend("1s")).await;
        lab.ingest(&server, name, "e-1", "505").await;
    }
    for name in used_up {
        until(&lab, name, EnforcementAction::Held).await;
    }
    assert!(server.stop().0.success());
    let server = lab.serve(&[&INTERVALS[..], &["--suspend-share", "40"]].concat());
    for name in used_up {
        lab.ingest(&server, name, "e-2", "1").await;
    }
    for name in used_up {
        let held = lab.until(name, "what came", |seen| seen.meter("ingestion") == "506").await;
        assert_eq!(
            enforced(&held).map(|told| told.action),
            Some(EnforcementAction::Held),
            "{name}"
        );
    }
    // One fewer is within the share.
    let larger = json!({ "plan": "scale", "quotaAction": { "policy": "Suspend", "grace": "1s" } });
    lab.tenant("acme", larger).await;
    lab.until("acme", "nothing", |seen| seen.plan() == "scale" && enforced(seen).is_none()).await;
    for name in ["borealis", "cobalt"] {
        until(&lab, name, EnforcementAction::Suspend).await;
    }
}
