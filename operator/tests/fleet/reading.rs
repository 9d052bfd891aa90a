//! Rights whose lack no write shows: to read pods and jobs, to hold the lease, to tell events.

use serde_json::{Value, json};

use crate::{
    rights::{set_rules, without},
    support::{
        Api, Lab, apifault::Asked, dev, eventually, holds, lab::SYSTEM, process::Operator, tenant,
        with,
    },
};

/// Waits until the API server answers the operator's question "may I" so.
pub async fn may(operator: &Api, attributes: Value, allowed: bool) {
    let ask = json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": attributes } });
    eventually(&format!("may {attributes}: {allowed}"), async || {
        let answer = operator.create(&ask).await.map_err(|r| r.to_string())?;
        holds(answer["status"]["allowed"] == allowed, &answer["status"])
    })
    .await;
}

pub fn to(verb: &str, group: &str, resource: &str) -> Value {
    json!({ "verb": verb, "group": group, "resource": resource })
}

pub async fn rules(lab: &Lab) -> Value {
    lab.api.get("clusterroles", "", "tenantry-operator").await.unwrap()["rules"].clone()
}

pub async fn is_not_ready(process: &Operator, words: &[&str]) {
    eventually(&format!("readyz says {words:?}"), async || {
        let answer = process.get("/readyz").await.map_err(|e| e.to_string())?;
        let told = words.iter().all(|word| answer.contains(word));
        holds(told && answer.starts_with("HTTP/1.1 503"), answer)
    })
    .await;
}

#[tokio::test]
async fn an_operator_that_may_not_list_pods_or_jobs_never_gets_ready_and_names_them() {
    let lab = Lab::own().await;
    let (operator, shipped) = (lab.as_operator().await, rules(&lab).await);
    lab.apply(&[dev("r-dev"), tenant("r-blind", "r-dev")]).await;
    for (resource, group) in [("pods", ""), ("jobs", "batch")] {
        set_rules(&lab, &without(&shipped, resource, "list")).await;
        may(&operator, to("list", group, resource), false).await;
        let mark = lab.mark();
        let process = lab.operator(&format!("blind-{resource}"));
        let cannot = format!("cannot list resource \"{resource}\"");
        is_not_ready(&process, &[&format!("watch {resource}"), &cannot]).await;
        // Who cannot see pods must not say what runs.
        assert_eq!(lab.writes(mark), Vec::<String>::new());
        assert!(lab.tenant("r-blind").await["status"].get("conditions").is_none());
        process.kill();
    }
    set_rules(&lab, &shipped).await;
    may(&operator, to("list", "batch", "jobs"), true).await;
    let process = lab.operator("sees");
    process.ready().await;
    lab.ready("r-blind").await;
}

#[tokio::test]
async fn a_right_to_watch_that_is_lost_on_the_way_is_named_and_found_again() {
    let lab = Lab::own().await;
    let proxy = lab.proxy();
    let process = lab.operator_through(&proxy, "on-the-way", &[]);
    process.ready().await;
    lab.stack(dev("r-way"), "r-way").await;
    let (operator, shipped) = (lab.as_operator().await, rules(&lab).await);
    for (resource, group) in [("pods", ""), ("jobs", "batch")] {
        set_rules(&lab, &without(&shipped, resource, "watch")).await;
        may(&operator, to("watch", group, resource), false).await;
        // A watch that is open is not asked again; the next one is.
        assert_eq!(proxy.cut(|a: &Asked| a.resource == resource), 1);
        let cannot = format!("cannot watch resource \"{resource}\"");
        is_not_ready(&process, &[&format!("watch {resource}"), &cannot]).await;
        set_rules(&lab, &shipped).await;
        may(&operator, to("watch", group, resource), true).await;
        eventually("it watches again", async || {
            holds(proxy.watched().contains(resource), format!("{:?}", proxy.watched()))
        })
        .await;
        process.ready().await;
    }
    // And it sees what happens.
    let broken = with(dev("r-way"), "/services/0/image", json!("tenantry.dev/fail/crash:1"));
    lab.apply(&[broken]).await;
    lab.says("r-way", "Ready", "False", "CrashLoop").await;
}

/// The operator's rights in its own namespace, without those to the lease.
async fn lease_rights(lab: &Lab, operator: &Api, granted: bool) -> Value {
    let role = lab.api.get("roles", SYSTEM, "tenantry-operator").await.unwrap();
    let rules = role["rules"].as_array().unwrap().iter();
    let others = rules.filter(|r| granted || r["resources"][0] != "leases");
    let patch = json!({ "rules": others.collect::<Vec<_>>() });
    lab.api.merge("roles", SYSTEM, "tenantry-operator", &patch).await.unwrap();
    let mut asked = to("get", "coordination.k8s.io", "leases");
    asked["namespace"] = SYSTEM.into();
    asked["name"] = "tenantry-operator".into();
    may(operator, asked, granted).await;
    role["rules"].clone()
}

#[tokio::test]
async fn an_operator_that_may_not_hold_the_lease_says_so_and_writes_nothing() {
    let lab = Lab::own().await;
    let operator = lab.as_operator().await;
    let shipped = lease_rights(&lab, &operator, false).await;
    lab.apply(&[dev("r-lease"), tenant("r-lease", "r-lease")]).await;
    let mark = lab.mark();
    let process = lab.operator("leaseless");
    let words = ["lease tenantry-operator", "cannot get resource \"leases\""];
    is_not_ready(&process, &words).await;
    assert_eq!(lab.writes(mark), Vec::<String>::new());
    let patch = json!({ "rules": shipped });
    lab.api.merge("roles", SYSTEM, "tenantry-operator", &patch).await.unwrap();
    process.ready().await;
    lab.ready("r-lease").await;
    // A leader that loses the right says so too, and ends before another could lead.
    process.let_go();
    lease_rights(&lab, &operator, false).await;
    is_not_ready(&process, &words).await;
    eventually("the leader has ended", async || {
        let how = process.ended().ok_or_else(|| process.log_tail())?;
        holds(!how.success(), how)
    })
    .await;
    assert!(process.log_tail().contains("the lease"), "{}", process.log_tail());
}

#[tokio::test]
async fn without_the_right_to_tell_events_nothing_fails() {
    let lab = Lab::own().await;
    let (operator, shipped) = (lab.as_operator().await, rules(&lab).await);
    let less = without(&without(&shipped, "events", "create"), "events", "patch");
    set_rules(&lab, &less).await;
    may(&operator, to("create", "events.k8s.io", "events"), false).await;
    let process = lab.operator("silent");
    process.ready().await;
    lab.stack(dev("r-quiet"), "r-quiet").await;
    lab.api.delete("services", "tenant-r-quiet", "core").await.unwrap();
    lab.becomes("r-quiet", ("services", "core"), "is back", |_| true).await;
    let broken = with(dev("r-quiet"), "/services/0/image", json!("tenantry.dev/fail/crash:1"));
    lab.apply(&[broken]).await;
    lab.says("r-quiet", "Ready", "False", "CrashLoop").await;
    lab.apply(&[dev("r-quiet")]).await;
    lab.ready("r-quiet").await;
    lab.api.delete("tenants", "", "r-quiet").await.unwrap();
    lab.gone("tenants", "", "r-quiet").await;
    process.ready().await;
    let metrics = process.get("/metrics").await.unwrap();
    assert!(!metrics.contains("result=\"forbidden\""), "{metrics}");
    assert!(
        lab.api.list("events", "", "").await.iter().all(|e| e["regarding"]["kind"] != "Tenant")
    );
}
