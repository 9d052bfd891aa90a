use super::*;
use crate::fixtures::{UID, in_sync, objects, pod};

/// What is left after the actions went through.
fn after(observed: &mut Observed, actions: &[Action]) {
    for action in actions {
        match action {
            Action::Delete { key, .. } if key.kind == Kind::Namespace => observed.objects.clear(),
            Action::Delete { key, .. } => drop(observed.objects.remove(key)),
            Action::Retain { key, .. } => {
                observed.objects.get_mut(key).expect("it is there").retained = true;
            }
            other => panic!("{other:?}"),
        }
    }
}

fn next(observed: &Observed, delete_data: bool) -> Cleanup {
    cleanup(observed, UID, "tenant-acme", delete_data, &Spool::Empty)
}

/// As [`next`], while the gateway holds usage.
fn next_held(observed: &Observed, delete_data: bool) -> Cleanup {
    let held = Spool::Held("3 usage events wait".to_owned());
    cleanup(observed, UID, "tenant-acme", delete_data, &held)
}

/// Every step until all is done, with what it deletes or retains.
fn steps(mut observed: Observed, delete_data: bool) -> Vec<(&'static str, Vec<Action>)> {
    let mut all = Vec::new();
    loop {
        match next(&observed, delete_data) {
            Cleanup::Do { step, actions } => {
                after(&mut observed, &actions);
                all.push((step, actions));
            }
            Cleanup::Wait { message, .. } => panic!("waits: {message}"),
            Cleanup::Done => return all,
        }
        assert!(all.len() < 9, "no end");
    }
}

#[test]
fn services_stop_before_the_gateway_and_data_is_kept() {
    let steps = steps(in_sync(&objects()), false);
    let names: Vec<&str> = steps.iter().map(|(step, _)| *step).collect();
    assert_eq!(names, ["StoppingServices", "RemovingStack", "RetainingData"]);
    let has = |step: usize, kind, name: &str| {
        steps[step].1.iter().any(|a| a.key() == Key::new(kind, name))
    };
    assert!(has(0, Kind::Deployment, "core") && has(0, Kind::CronJob, "tenantry-backup"));
    assert!(!has(0, Kind::Deployment, "tenantry-gateway"), "it takes what was still sent");
    assert!(has(1, Kind::Deployment, "tenantry-gateway"));
    for action in &steps[2].1 {
        assert!(matches!(action, Action::Retain { .. }) && action.key().kind.holds_data());
    }
    assert!(has(2, Kind::PersistentVolumeClaim, "tenantry-billing"));
}

#[test]
fn with_delete_the_namespace_goes_last_and_takes_the_data_along() {
    let steps = steps(in_sync(&objects()), true);
    let (step, actions) = steps.last().unwrap();
    assert_eq!(*step, "DeletingData");
    assert!(
        matches!(actions.as_slice(), [Action::Delete { key, .. }] if key.kind == Kind::Namespace),
        "{actions:?}"
    );
}

#[test]
fn the_gateway_waits_for_the_pods_of_services_only() {
    let mut observed = in_sync(&objects());
    let Cleanup::Do { actions, .. } = next(&observed, false) else { panic!("nothing to do") };
    after(&mut observed, &actions);
    let mut of = |component: &str| observed.pods.insert(component.into(), pod(component, None));
    of("core");
    of("gateway");
    let Cleanup::Wait { step, message } = next(&observed, false) else { panic!("does not wait") };
    assert_eq!((step, message.as_str()), ("StoppingServices", "1 pods are stopping: core-x"));
    observed.pods.remove("core");
    assert!(matches!(next(&observed, false), Cleanup::Do { step: "RemovingStack", .. }));
}

#[test]
fn held_usage_keeps_the_gateway_and_all_that_it_needs_once_the_services_stopped() {
    for delete_data in [true, false] {
        let mut observed = in_sync(&objects());
        let Cleanup::Do { step, actions } = next_held(&observed, delete_data) else {
            panic!("waits before the services stopped")
        };
        assert_eq!(step, "StoppingServices");
        after(&mut observed, &actions);
        observed.pods.insert("core".into(), pod("core", None));
        let Cleanup::Wait { step, .. } = next_held(&observed, delete_data) else { panic!() };
        assert_eq!(step, "StoppingServices", "who sends is not sealed out");
        observed.pods.remove("core");
        observed.pods.insert("gateway".into(), pod("gateway", None));
        let waits = Cleanup::Wait { step: DRAINING, message: "3 usage events wait".to_owned() };
        assert_eq!(next_held(&observed, delete_data), waits);
        for left in [
            (Kind::Deployment, "tenantry-gateway"),
            (Kind::ServiceAccount, "tenantry-gateway"),
            (Kind::PersistentVolumeClaim, "tenantry-billing"),
        ] {
            assert!(observed.objects.contains_key(&Key::new(left.0, left.1)), "{left:?}");
        }
        assert!(matches!(next(&observed, delete_data), Cleanup::Do { step: "RemovingStack", .. }));
        let discarded = Spool::Discarded(String::new());
        let go = cleanup(&observed, UID, "tenant-acme", delete_data, &discarded);
        assert!(matches!(go, Cleanup::Do { step: "RemovingStack", .. }));
    }
}

#[test]
fn nothing_is_waited_for_where_nothing_can_be_held() {
    assert_eq!(next_held(&Observed::default(), true), Cleanup::Done, "there never was a stack");
    // Whoever gave the usage up did so before the claim was retained.
    let mut observed = in_sync(&objects());
    observed.objects.retain(|key, _| key.kind.holds_data());
    let claim = Key::new(Kind::PersistentVolumeClaim, gateway::CLAIM);
    assert!(matches!(next_held(&observed, false), Cleanup::Wait { .. }));
    observed.objects.get_mut(&claim).unwrap().retained = true;
    assert!(matches!(next_held(&observed, false), Cleanup::Do { step: "RetainingData", .. }));
    // Another tenant's claim is none of ours.
    let mut theirs = observed.objects[&claim].clone();
    (theirs.retained, theirs.tenant_uid) = (false, Some("other".into()));
    observed.objects.insert(claim, theirs);
    assert!(matches!(next_held(&observed, false), Cleanup::Do { step: "RetainingData", .. }));
}

#[test]
fn what_is_going_is_waited_for_and_not_deleted_twice() {
    let mut observed = in_sync(&objects());
    for record in observed.objects.values_mut() {
        record.deleting = true;
    }
    let Cleanup::Wait { step, message } = next(&observed, true) else { panic!("does not wait") };
    assert_eq!(step, "StoppingServices");
    assert!(message.contains("objects are going away") && message.ends_with('…'), "{message}");
}

#[test]
fn what_belongs_to_others_is_left_alone() {
    for delete_data in [true, false] {
        let mut observed = in_sync(&objects());
        for record in observed.objects.values_mut() {
            record.tenant_uid = Some("other".into());
        }
        observed.pods.insert("core".into(), pod("core", None));
        assert_eq!(next(&observed, delete_data), Cleanup::Done);
    }
}
