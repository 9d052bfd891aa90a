#![allow(clippy::type_complexity, reason = "tables")]

use super::*;
use crate::fixtures::{in_sync, key, objects, pod, with_workload, workload};

fn health(change: impl FnOnce(&mut Observed)) -> Health {
    let desired = objects();
    let mut observed = in_sync(&desired);
    change(&mut observed);
    judge(&desired, &observed)
}

fn deployment(observed: &mut Observed, name: &str, change: impl FnOnce(&mut Workload)) {
    let record = observed.objects.get_mut(&key(Kind::Deployment, name)).unwrap();
    *record = with_workload(record.clone(), change);
}

fn with_pod(observed: &mut Observed, name: &str, reason: &'static str, message: &str) {
    observed.pods.insert(name.into(), pod(name, Some((reason, message))));
}

fn said(change: impl FnOnce(&mut Observed)) -> String {
    health(change).cause.map_or("well".to_owned(), |c| format!("{} {}", c.reason, c.message))
}

#[test]
fn a_stack_that_runs_has_no_cause_and_every_component_is_ready() {
    let health = health(|_| {});
    assert_eq!(health.cause, None);
    let names: Vec<&str> = health.components.iter().map(|c| c.name.as_str()).collect();
    let all = [
        "backup",
        "collector",
        "core",
        "gateway",
        "grafana",
        "guard-rails",
        "metrics",
        "transcribe",
    ];
    assert_eq!(names, all);
    assert!(health.components.iter().all(|c| c.ready && c.message.is_none()));
}

#[test]
fn what_is_missing_or_going_is_named() {
    assert_eq!(
        said(|o| drop(o.objects.remove(&key(Kind::Service, "core")))),
        "WaitingForObjects core: Service core: not there yet"
    );
    assert_eq!(
        said(|o| o.objects.get_mut(&key(Kind::Service, "core")).unwrap().deleting = true),
        "WaitingForObjects core: Service core: is being deleted; it comes back once it is gone"
    );
}

#[test]
fn a_service_has_stopped_when_its_controller_says_so() {
    let stopped = |observed: bool, existing: i32| {
        let mut desired = objects();
        let core = desired.iter_mut().find(|o| o.key == key(Kind::Deployment, "core")).unwrap();
        core.body["spec"]["replicas"] = 0.into();
        let mut seen = in_sync(&desired);
        deployment(&mut seen, "core", |w| {
            (w.replicas, w.observed) = (0, observed);
            (w.updated, w.existing, w.available) = (existing, existing, existing);
        });
        judge(&desired, &seen).cause.map(|c| c.message)
    };
    assert_eq!(stopped(true, 0), None);
    let waits = "core: Deployment core: 2 pods are to stop".to_owned();
    assert_eq!(stopped(true, 2), Some(waits.clone()));
    assert_eq!(stopped(false, 2), Some(waits));
    assert!(stopped(false, 0).is_some(), "it may be about to start one");
}

#[test]
fn nothing_has_stopped_while_a_service_that_was_dropped_runs_on() {
    let mut desired = objects();
    for object in desired.iter_mut().filter(|o| o.key.kind == Kind::Deployment) {
        let spared = object.component.as_ref() == meta::GATEWAY;
        object.body["spec"]["replicas"] = i32::from(spared).into();
    }
    let mut seen = in_sync(&desired);
    assert!(judge(&desired, &seen).stopped, "the gateway goes on");
    let dropped = key(Kind::Deployment, "dropped");
    seen.objects.insert(dropped.clone(), workload(1));
    assert!(!judge(&desired, &seen).stopped);
    seen.objects.insert(dropped.clone(), workload(0));
    assert!(judge(&desired, &seen).stopped);
    let nobodys = Record { tenant_uid: None, ..workload(1) };
    seen.objects.insert(dropped, nobodys);
    assert!(judge(&desired, &seen).stopped, "nor is it ours to stop");
}

#[test]
fn a_deployment_is_complete_only_when_all_of_it_is_new_and_available() {
    let cases: [(&str, fn(&mut Workload), bool); 6] = [
        ("one pod is not available", |w| w.available = 1, false),
        ("one pod is old", |w| w.updated = 1, false),
        ("an old pod is left", |w| w.existing = 3, false),
        ("the controller did not look yet", |w| w.observed = false, false),
        ("more pods than wanted, all new", |w| (w.updated, w.existing) = (3, 3), true),
        ("a failure of before", |w| w.replica_failure = Some("quota".into()), true),
    ];
    for (state, change, complete) in cases {
        let got = said(|o| deployment(o, "core", change));
        assert_eq!(got == "well", complete, "{state}: {got}");
    }
}

#[test]
fn the_cause_is_the_pod_and_a_failing_one_before_one_on_its_way() {
    let waits = said(|o| deployment(o, "core", |w| w.available = 1));
    assert_eq!(waits, "WaitingForPods core: Deployment core: 1 of 2 pods are available");
    let stuck = said(|o| deployment(o, "core", |w| (w.available, w.stuck) = (1, true)));
    assert!(stuck.ends_with(", and it makes no progress"), "{stuck}");
    let failing = said(|o| {
        deployment(o, "core", |w| w.available = 0);
        with_pod(o, "core", reasons::CRASH_LOOP, "container core: CrashLoopBackOff");
        o.pods.insert("a".into(), pod("core", Some((reasons::POD_NOT_READY, "slow"))));
    });
    assert_eq!(failing, "CrashLoop core: Pod core-x: container core: CrashLoopBackOff");
    // A pod of another component says nothing about this one, nor does one that goes.
    let other = said(|o| {
        deployment(o, "core", |w| w.available = 0);
        with_pod(o, "transcribe", reasons::CRASH_LOOP, "x");
        with_pod(o, "core", reasons::CRASH_LOOP, "x");
        o.pods.get_mut("core").unwrap().deleting = true;
    });
    assert!(other.starts_with("WaitingForPods core:"), "{other}");
}

#[test]
fn what_fails_in_a_later_component_comes_before_what_waits_in_an_earlier_one() {
    let got = said(|o| {
        deployment(o, "core", |w| w.available = 0);
        deployment(o, "transcribe", |w| w.available = 0);
        with_pod(o, "transcribe", reasons::IMAGE_PULL, "not found");
    });
    assert!(got.starts_with("ImagePull transcribe: Pod transcribe-x"), "{got}");
}

#[test]
fn pods_that_cannot_be_made_are_the_quotas_doing() {
    let got = said(|o| {
        deployment(o, "core", |w| {
            (w.available, w.replica_failure) = (1, Some("exceeded quota".into()));
        });
    });
    assert_eq!(got, "PodRefused core: Deployment core: exceeded quota");
}

fn unbound(observed: &mut Observed) {
    let claim = key(Kind::PersistentVolumeClaim, "tenantry-billing");
    let record = observed.objects.get_mut(&claim).unwrap();
    record.facts = Facts::Claim { bound: false, size_milli: 0, class: None };
}

#[test]
fn a_claim_without_a_volume_speaks_for_its_pod() {
    let got = said(|o| {
        unbound(o);
        deployment(o, "tenantry-gateway", |w| w.available = 0);
        let message = "Pending: pod has unbound immediate PersistentVolumeClaims";
        with_pod(o, "gateway", reasons::POD_PENDING, message);
    });
    assert_eq!(
        got,
        "ClaimPending gateway: PersistentVolumeClaim tenantry-billing: waits for a volume"
    );
}

#[test]
fn a_claim_that_no_pod_asks_for_yet_is_not_waited_for() {
    let mut desired = objects();
    let gateway = desired.iter_mut().find(|o| o.key == key(Kind::Deployment, "tenantry-gateway"));
    gateway.unwrap().body["spec"]["replicas"] = 0.into();
    let mut observed = in_sync(&desired);
    unbound(&mut observed);
    assert_eq!(judge(&desired, &observed).cause, None);
}

#[test]
fn only_the_newest_ended_job_counts() {
    let job = |name: &str, created, failed: bool, succeeded| JobRecord {
        name: name.into(),
        uid: "j".into(),
        resource_version: 1,
        component: "backup".into(),
        created,
        succeeded,
        failed: failed.then(|| "failed: too often".into()),
    };
    let got = |jobs: &[JobRecord]| {
        said(|o| o.jobs.extend(jobs.iter().map(|j| (j.name.clone(), j.clone()))))
    };
    let (failed, good) = (job("a", 1, true, false), job("b", 2, false, true));
    assert_eq!(got(std::slice::from_ref(&failed)), "JobFailed backup: Job a: failed: too often");
    assert_eq!(got(&[failed.clone(), good.clone()]), "well");
    let running = job("c", 3, false, false);
    assert!(
        got(&[failed, running.clone()]).starts_with("JobFailed"),
        "one that runs heals nothing"
    );
    assert_eq!(got(&[good, running]), "well");
}

#[test]
fn guard_rails_are_shown_only_when_something_is_wrong_with_them() {
    let of = |ready| ComponentStatus { name: meta::GUARD_RAILS.to_owned(), ready, message: None };
    assert!(!is_shown(&of(true)) && is_shown(&of(false)));
}

/// The API server tells failures from progress by the same list.
#[test]
fn every_failing_reason_is_one_that_is_said() {
    use super::reasons::*;
    let ours = [
        CRASH_LOOP,
        IMAGE_PULL,
        CONTAINER_CONFIG,
        POD_FAILED,
        POD_PENDING,
        POD_REFUSED,
        JOB_FAILED,
    ];
    assert_eq!(FAILING, ours);
}
