use super::*;
use crate::fixtures::{UID, in_sync, key, objects, record, with_workload, workload};

const ME: Claimant<'static> = Claimant { uid: UID, adopts: None, suspended: false };

fn plan_of(desired: &[Object], observed: &Observed, who: Claimant<'_>) -> Vec<Action> {
    plan(desired, observed, who, &BTreeMap::new()).unwrap()
}

fn only(desired: &[Object], kind: Kind, name: &str) -> Vec<Object> {
    desired.iter().filter(|o| o.key == key(kind, name)).cloned().collect()
}

fn set(observed: &mut Observed, kind: Kind, name: &str, change: impl FnOnce(&mut Record)) {
    change(observed.objects.get_mut(&key(kind, name)).expect("it is observed"));
}

#[test]
fn nothing_is_written_when_all_is_in_sync() {
    let desired = objects();
    assert_eq!(plan_of(&desired, &in_sync(&desired), ME), []);
}

#[test]
fn an_empty_namespace_is_filled_in_the_order_of_need() {
    let desired = objects();
    let actions = plan_of(&desired, &Observed::default(), ME);
    assert_eq!(actions.len(), desired.len());
    assert!(matches!(actions[0], Action::CreateNamespace { .. }));
    let kinds: Vec<Kind> = actions.iter().map(|a| a.key().kind).collect();
    assert!(kinds.is_sorted(), "{kinds:?}");
    let secret = actions.iter().find(|a| a.key().kind == Kind::Secret).unwrap();
    assert!(matches!(secret, Action::Generate { fields, .. } if !fields.is_empty()), "{secret:?}");
    for action in &actions[1..] {
        if let Action::Apply { uid, .. } = action {
            assert_eq!(*uid, None, "what is not known may be somebody's");
        }
    }
}

#[test]
fn only_what_differs_is_applied_to_the_object_that_was_seen() {
    let desired = objects();
    let mut observed = in_sync(&desired);
    set(&mut observed, Kind::Service, "core", |r| r.fingerprint = Some(1));
    let actions = plan_of(&desired, &observed, ME);
    let [Action::Apply { key: found, uid, .. }] = actions.as_slice() else { panic!("{actions:?}") };
    assert_eq!(*found, key(Kind::Service, "core"));
    assert_eq!(uid.as_deref(), Some("Service core"));
}

#[test]
fn a_value_that_the_server_rewrites_is_written_once() {
    let desired = objects();
    let mut observed = in_sync(&desired);
    set(&mut observed, Kind::Service, "core", |r| r.fingerprint = Some(1));
    let core = only(&desired, Kind::Service, "core").remove(0);
    let wanted = fingerprint::of_desired(&core.body);
    let learned = |live| BTreeMap::from([(core.key.clone(), (wanted, live))]);
    assert_eq!(plan(&desired, &observed, ME, &learned(1)).unwrap(), []);
    assert_eq!(plan(&desired, &observed, ME, &learned(2)).unwrap().len(), 1);
}

#[test]
fn what_is_not_ours_is_refused_and_nothing_is_written() {
    let desired = objects();
    let namespace = || "tenant-acme".to_owned();
    let refusal = |kind, name: &str, change: &dyn Fn(&mut Record)| {
        let mut observed = in_sync(&desired);
        // Something to write that must not be written.
        observed.objects.remove(&key(Kind::LimitRange, "tenantry"));
        set(&mut observed, kind, name, change);
        plan(&desired, &observed, ME, &BTreeMap::new()).unwrap_err()
    };
    let nobody = |r: &mut Record| r.tenant_uid = None;
    let other = |r: &mut Record| r.tenant_uid = Some("other".into());
    let going = |r: &mut Record| r.deleting = true;
    let ns = Kind::Namespace;
    assert_eq!(
        refusal(ns, "tenant-acme", &nobody),
        Refusal::NamespaceForeign { namespace: namespace() }
    );
    assert_eq!(
        refusal(ns, "tenant-acme", &other),
        Refusal::NamespaceRetained { namespace: namespace(), uid: "other".to_owned() }
    );
    assert_eq!(
        refusal(ns, "tenant-acme", &going),
        Refusal::NamespaceTerminating { namespace: namespace() }
    );
    let foreign = Refusal::ObjectForeign { key: key(Kind::Service, "core") };
    assert_eq!(refusal(Kind::Service, "core", &nobody), foreign);
    assert_eq!(refusal(Kind::Service, "core", &other), foreign);
}

#[test]
fn an_adopted_stack_is_taken_over_and_loses_its_mark_last() {
    let desired = objects();
    let mut observed = in_sync(&desired);
    for record in observed.objects.values_mut() {
        record.tenant_uid = Some("before".into());
        record.retained = true;
    }
    let ns = only(&desired, Kind::Namespace, "tenant-acme");
    let only_ns = Observed {
        objects: observed.objects.into_iter().filter(|(k, _)| k.kind == Kind::Namespace).collect(),
        ..Observed::default()
    };
    assert!(plan(&ns, &only_ns, ME, &BTreeMap::new()).is_err(), "not without being told");
    let heir = Claimant { adopts: Some("before"), ..ME };
    let actions = plan_of(&ns, &only_ns, heir);
    let [Action::Apply { .. }, Action::Reclaim { .. }] = actions.as_slice() else {
        panic!("{actions:?}")
    };
}

#[test]
fn prune_detaches_data_and_deletes_the_rest_workloads_first() {
    let desired = objects();
    let observed = in_sync(&desired);
    let kept = only(&desired, Kind::Namespace, "tenant-acme");
    let actions = plan_of(&kept, &observed, ME);
    assert_eq!(actions.len(), desired.len() - 1);
    for action in &actions {
        let found = action.key();
        match action {
            Action::Retain { .. } => assert!(found.kind.holds_data(), "{found}"),
            Action::Delete { uid, .. } => {
                assert!(!found.kind.holds_data(), "{found}");
                assert_eq!(**uid, found.to_string(), "exactly the object that was seen");
            }
            other => panic!("{other:?}"),
        }
    }
    let at = |kind| actions.iter().position(|a| a.key().kind == kind).unwrap();
    assert!(at(Kind::Deployment) < at(Kind::Service));
    assert!(at(Kind::Service) < at(Kind::PersistentVolumeClaim));
    assert!(at(Kind::PersistentVolumeClaim) < at(Kind::ConfigMap));
}

#[test]
fn prune_leaves_alone_what_is_retained_going_or_not_ours() {
    let mut observed = Observed::default();
    let mut add = |kind, name: &str, r: Record| {
        observed.objects.insert(key(kind, name), r);
    };
    add(Kind::PersistentVolumeClaim, "kept", Record { retained: true, ..record() });
    add(Kind::Service, "going", Record { deleting: true, ..record() });
    add(Kind::Service, "nobodys", Record { tenant_uid: None, ..record() });
    add(Kind::Service, "others", Record { tenant_uid: Some("other".into()), ..record() });
    assert_eq!(plan_of(&[], &observed, ME), []);
}

#[test]
fn an_object_on_its_way_out_is_waited_for() {
    let desired = objects();
    let mut observed = in_sync(&desired);
    set(&mut observed, Kind::Service, "core", |r| (r.deleting, r.fingerprint) = (true, None));
    assert_eq!(plan_of(&desired, &observed, ME), []);
}

/// The plan for the Deployment `transcribe`, whose replicas belong to an autoscaler.
fn scaled(suspended: bool, change: impl FnOnce(&mut crate::observed::Workload)) -> Vec<Action> {
    let desired = only(&objects(), Kind::Deployment, "transcribe");
    let mut observed = in_sync(&desired);
    set(&mut observed, Kind::Deployment, "transcribe", |r| {
        let fingerprint = r.fingerprint;
        *r = with_workload(workload(7), change);
        r.fingerprint = fingerprint;
    });
    plan_of(&desired, &observed, Claimant { suspended, ..ME })
}

#[test]
fn an_autoscalers_number_is_remembered_and_comes_back() {
    let transcribe = || key(Kind::Deployment, "transcribe");
    let park = |replicas| Action::Park { key: transcribe(), resource_version: 7, replicas };
    let unpark = |replicas| Action::Unpark { key: transcribe(), resource_version: 7, replicas };
    assert_eq!(scaled(false, |_| {}), []);
    assert_eq!(scaled(true, |_| {}), [park(7)]);
    assert_eq!(scaled(true, |w| (w.replicas, w.parked) = (0, Some(7))), []);
    // Scaled up meanwhile: down again, and what it comes back to stays 7.
    assert_eq!(scaled(true, |w| (w.replicas, w.parked) = (3, Some(7))), [park(7)]);
    assert_eq!(scaled(false, |w| (w.replicas, w.parked) = (0, Some(7))), [unpark(7)]);
}

#[test]
fn replicas_that_we_set_are_not_parked_but_applied() {
    let desired = only(&objects(), Kind::Deployment, "core");
    let observed = in_sync(&desired);
    let suspended = Claimant { suspended: true, ..ME };
    assert_eq!(plan_of(&desired, &observed, suspended), []);
    // An autoscaler had it before, and it was suspended then: its memory goes, our number stays.
    let mut parked = in_sync(&desired);
    set(&mut parked, Kind::Deployment, "core", |r| {
        *r = with_workload(r.clone(), |w| w.parked = Some(7));
    });
    let actions = plan_of(&desired, &parked, ME);
    assert!(matches!(actions.as_slice(), [Action::Unpark { replicas: 2, .. }]), "{actions:?}");
}

#[test]
fn replicas_are_handed_over_before_an_apply_gives_them_up() {
    let actions = scaled(false, |w| w.owns_replicas = true);
    assert_eq!(actions, [], "in sync: what we applied does not hold them");
    let desired = only(&objects(), Kind::Deployment, "transcribe");
    let observed = Observed {
        objects: [(
            key(Kind::Deployment, "transcribe"),
            with_workload(workload(5), |w| w.owns_replicas = true),
        )]
        .into(),
        ..Observed::default()
    };
    let actions = plan_of(&desired, &observed, ME);
    assert!(
        matches!(
            actions.as_slice(),
            [Action::HandOver { replicas: 5, .. }, Action::Apply { uid: Some(_), .. }]
        ),
        "{actions:?}"
    );
}
