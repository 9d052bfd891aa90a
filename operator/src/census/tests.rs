use serde_json::{Value, json};

use super::*;

fn tenant(name: &str, more: &Value) -> Arc<Tenant> {
    let mut object = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant",
        "metadata": { "name": name, "uid": format!("uid-{name}"), "creationTimestamp": "2026-11-29T12:00:00Z" },
        "spec": { "displayName": name, "profileRef": { "name": "prod" } },
    });
    for (part, value) in more.as_object().unwrap() {
        for (key, value) in value.as_object().unwrap() {
            object[part][key] = value.clone();
        }
    }
    Arc::new(serde_json::from_value(object).unwrap())
}

fn condition(type_: &str, status: &str) -> Value {
    json!({ "type": type_, "status": status, "reason": "Why", "message": "",
        "lastTransitionTime": "2026-11-29T12:00:42Z" })
}

fn with(name: &str, conditions: &[(&str, &str)]) -> Arc<Tenant> {
    let conditions: Vec<Value> = conditions.iter().map(|(t, s)| condition(t, s)).collect();
    tenant(name, &json!({ "status": { "conditions": conditions } }))
}

fn names(profiles: &[&str]) -> Vec<Box<str>> {
    profiles.iter().map(|name| (*name).into()).collect()
}

#[test]
fn each_tenant_is_in_one_phase() {
    let gone = json!({ "metadata": { "deletionTimestamp": "2026-11-29T12:01:00Z" } });
    let tenants = [
        with("runs", &[(READY, "True"), (RECONCILING, "False")]),
        with("updates", &[(READY, "True"), (RECONCILING, "True")]),
        with("starts", &[(READY, "False"), (RECONCILING, "True")]),
        with("crashes", &[(READY, "False"), (RECONCILING, "False")]),
        {
            let mut ready = condition(READY, "False");
            ready["reason"] = json!("CrashLoop");
            let conditions = json!([ready, condition(RECONCILING, "True")]);
            tenant("never-ran", &json!({ "status": { "conditions": conditions } }))
        },
        with("broken", &[(READY, "False"), (STALLED, "True")]),
        with("sleeps", &[(READY, "False"), (SUSPENDED, "True")]),
        tenant("new", &json!({})),
        tenant("goes", &gone),
    ];
    let counts = counts(&tenants, &names(&["dev", "prod"]));
    let of = |profile: &str, phase| counts.get(&(profile.into(), phase)).copied();
    let prod = PHASES.map(|phase| of("prod", phase).unwrap());
    assert_eq!(prod, [2, 2, 2, 1, 1, 1]);
    assert_eq!(PHASES.map(|phase| of("dev", phase)), [Some(0); 6], "nobody, and that is said");
    assert_eq!(of(OTHER, "ready"), None);
}

#[test]
fn what_a_tenant_names_makes_no_series_of_its_own() {
    let tenants = [
        tenant("a", &json!({ "spec": { "profileRef": { "name": "gone" } } })),
        tenant("b", &json!({ "spec": { "profileRef": { "name": "p999" } } })),
        tenant("c", &json!({ "spec": { "profileRef": { "name": "p000" } } })),
    ];
    let profiles: Vec<Box<str>> = (0..1000).map(|n| format!("p{n:03}").into()).collect();
    let counts = counts(&tenants, &profiles);
    assert_eq!(counts.len(), MOST_PROFILES * PHASES.len() + 1);
    assert_eq!(counts.get(&(OTHER.into(), "progressing")), Some(&2));
    assert_eq!(counts.get(&("p000".into(), "progressing")), Some(&1));
    assert_eq!([label("p099", &profiles), label("p100", &profiles)], ["p099", OTHER]);
}

#[test]
fn an_account_is_told_of_once_and_by_the_tenant_that_has_it() {
    let has =
        json!({ "status": { "accountId": "acme", "conditions": [condition(READY, "True")] } });
    let asks = json!({ "spec": { "accountId": "acme" } });
    let tenants = [tenant("asks", &asks), tenant("has", &has), tenant("new", &json!({}))];
    assert_eq!(ready(&tenants, 10), BTreeMap::from([("acme", true), ("uid-new", false)]));
    assert_eq!(ready(&tenants, 1).len(), 1);
}

fn status(current: Option<&str>, ready: &str) -> TenantStatus {
    let status = json!({
        "conditions": [condition(READY, ready)],
        "profileRevision": { "desired": "prod@1", "current": current },
    });
    serde_json::from_value(status).unwrap()
}

#[test]
fn a_stack_that_runs_for_the_first_time_is_timed_once() {
    let new = tenant("new", &json!({}));
    let (none, ran) = (status(None, "False"), status(Some("prod@1"), "True"));
    assert_eq!(provisioned(&new, &TenantStatus::default(), &ran), Some(42.0));
    assert_eq!(provisioned(&new, &none, &ran), Some(42.0));
    assert_eq!(provisioned(&new, &ran, &ran), None);
    assert_eq!(provisioned(&new, &status(Some("prod@1"), "False"), &ran), None, "well again");
    assert_eq!(provisioned(&new, &none, &none), None);
    assert_eq!(provisioned(&new, &none, &status(Some("prod@1"), "False")), None, "suspended");
}

#[test]
fn a_tenant_that_goes_before_it_ran_was_given_up() {
    let deleted = json!({ "deletionTimestamp": "2026-11-29T12:01:00Z" });
    let ran = json!({ "profileRevision": { "desired": "prod@1", "current": "prod@1" }, "conditions": [] });
    assert_eq!(given_up(&tenant("early", &json!({ "metadata": deleted }))), Some(60.0));
    assert_eq!(given_up(&tenant("late", &json!({ "metadata": deleted, "status": ran }))), None);
    assert_eq!(given_up(&tenant("stays", &json!({}))), None);
}
