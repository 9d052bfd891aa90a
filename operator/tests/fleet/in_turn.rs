//! Every right of the operator's, taken away in turn: each is needed, and its lack is named with verb
//! and resource. Those to its own resources are in `bookkeeping`, to what it only reads in `reading`.

use std::collections::BTreeSet;

use operator::{kinds::Kind, rbac};
use serde_json::{Value, json};

use crate::{
    bookkeeping::Rights,
    reading::{is_not_ready, rules},
    rights::{may, set_rules, without},
    support::{
        Api, Lab, dev, eventually, everything, holds,
        lab::{SYSTEM, condition, is},
        tenant, with,
    },
};

fn less(rules: &Value, verb: &str, kinds: &BTreeSet<Kind>) -> Value {
    kinds.iter().fold(rules.clone(), |rules, kind| without(&rules, kind.resource().plural, verb))
}

/// A tenant that wants more than the operator may do.
struct Walk<'l> {
    lab: &'l Lab,
    operator: Api,
    rules: Value,
    name: &'static str,
}

impl<'l> Walk<'l> {
    async fn of(lab: &'l Lab, name: &'static str) -> Self {
        Self { lab, operator: lab.as_operator().await, rules: rules(lab).await, name }
    }

    async fn set(&self, verb: &str, missing: &BTreeSet<Kind>, changed: Kind, granted: bool) {
        set_rules(self.lab, &less(&self.rules, verb, missing)).await;
        let resource = changed.resource();
        may(&self.operator, verb, resource.group, resource.plural, granted).await;
    }

    /// Takes `verb` away for all kinds, lets `begin` set the tenant in motion, and gives the right
    /// back for the kind that the tenant's condition names, until `done`. The kinds that were named.
    async fn one_by_one(
        &self,
        verb: &str,
        begin: impl AsyncFnOnce(),
        done: impl Fn(&Value) -> bool,
    ) -> BTreeSet<Kind> {
        let mut missing = BTreeSet::from(Kind::ALL);
        let mut named = BTreeSet::new();
        self.set(verb, &missing, Kind::Deployment, false).await;
        begin().await;
        while let Some(kind) = self.named(verb, &missing, &done).await {
            missing.remove(&kind);
            named.insert(kind);
            self.set(verb, &missing, kind, true).await;
            // It is looked at again by itself, only later; one that is being deleted may be gone.
            let body =
                json!({ "metadata": { "annotations": { "fleet-test/given": kind.as_str() } } });
            let _gone = self.lab.api.merge("tenants", "", self.name, &body).await;
        }
        set_rules(self.lab, &self.rules).await;
        named
    }

    /// The kind that the operator says it lacks the right for; `None` when all is `done`.
    async fn named(
        &self,
        verb: &str,
        missing: &BTreeSet<Kind>,
        done: impl Fn(&Value) -> bool,
    ) -> Option<Kind> {
        let lacks = |message: &str, kind: Kind| {
            let words =
                format!("may not {verb} {} in tenant-{};", kind.resource().plural, self.name);
            message.starts_with(&words) && message.contains("ClusterRole \"tenantry-operator\"")
        };
        eventually(&format!("a right to {verb} is named, or the end is reached"), async || {
            let tenant = self.lab.tenant(self.name).await;
            if done(&tenant) {
                return Ok(None);
            }
            let stalled = condition(&tenant, "Stalled");
            let message = stalled["message"].as_str().unwrap_or_default();
            let kind = missing.iter().find(|kind| lacks(message, **kind)).copied();
            match kind {
                Some(kind) if stalled["reason"] == "Forbidden" => Ok(Some(kind)),
                _ => Err(format!("without {verb} of {missing:?}: {}", tenant["status"])),
            }
        })
        .await
    }
}

fn ready(tenant: &Value) -> bool {
    tenant["status"]["observedGeneration"] == tenant["metadata"]["generation"]
        && is(tenant, "Ready", "True")
        && is(tenant, "Reconciling", "False")
}

/// The kinds that the shipped rights allow `verb` for.
fn allowed(verb: &str) -> BTreeSet<Kind> {
    Kind::ALL.into_iter().filter(|kind| rbac::verbs(*kind).contains(&verb)).collect()
}

#[tokio::test]
async fn each_right_to_create_and_to_patch_is_needed_and_named() {
    let lab = Lab::own().await;
    let process = lab.operator("in-turn-writes");
    process.ready().await;
    lab.apply(&[everything("all")]).await;
    let walk = Walk::of(&lab, "t-create").await;
    let begin = async || lab.apply(&[tenant("t-create", "all")]).await;
    assert_eq!(walk.one_by_one("create", begin, ready).await, allowed("create"));
    let walk = Walk::of(&lab, "t-patch").await;
    let begin = async || lab.apply(&[tenant("t-patch", "all")]).await;
    let mut named = walk.one_by_one("patch", begin, ready).await;
    // A namespace is made by POST; its annotations are patched.
    let renamed = with(tenant("t-patch", "all"), "/displayName", json!("Another"));
    let begin = async || lab.apply(&[renamed]).await;
    named.extend(walk.one_by_one("patch", begin, ready).await);
    assert_eq!(named, allowed("patch"));
}

#[tokio::test]
async fn each_right_to_get_is_needed_and_named() {
    let lab = Lab::own().await;
    let process = lab.operator("in-turn-gets");
    process.ready().await;
    lab.apply(&[everything("all")]).await;
    lab.stack(dev("few"), "t-get").await;
    let walk = Walk::of(&lab, "t-get").await;
    // Before something is made where others may have been, it is read.
    let begin = async || {
        for plural in ["resourcequotas", "limitranges"] {
            lab.api.delete(plural, "tenant-t-get", "tenantry").await.unwrap();
        }
        let more = with(tenant("t-get", "all"), "/displayName", json!("Another"));
        lab.apply(&[more]).await;
    };
    assert_eq!(walk.one_by_one("get", begin, ready).await, allowed("get"));
}

#[tokio::test]
async fn each_right_to_delete_is_needed_and_named() {
    let lab = Lab::own().await;
    let process = lab.operator("in-turn-deletes");
    process.ready().await;
    let profile = everything("all");
    let all = with(tenant("t-delete", "all"), "/deletionPolicy", json!("Delete"));
    lab.apply(&[profile, all]).await;
    lab.ready("t-delete").await;
    let walk = Walk::of(&lab, "t-delete").await;
    let begin = async || {
        lab.api.delete("tenants", "", "t-delete").await.unwrap();
    };
    let named = walk.one_by_one("delete", begin, Value::is_null).await;
    assert_eq!(named, allowed("delete"));
    lab.gone("namespaces", "", "tenant-t-delete").await;
}

#[tokio::test]
async fn each_right_to_list_and_to_watch_is_needed_and_named() {
    let lab = Lab::own().await;
    let shipped = rules(&lab).await;
    let operator = lab.as_operator().await;
    for verb in ["list", "watch"] {
        set_rules(&lab, &less(&shipped, verb, &BTreeSet::from(Kind::ALL))).await;
        may(&operator, verb, "networking.k8s.io", "networkpolicies", false).await;
        let process = lab.operator(&format!("in-turn-{verb}"));
        let words: Vec<String> = allowed(verb)
            .into_iter()
            .map(|kind| format!("cannot {verb} resource \"{}\"", kind.resource().plural))
            .collect();
        is_not_ready(&process, &words.iter().map(String::as_str).collect::<Vec<_>>()).await;
        set_rules(&lab, &shipped).await;
        process.ready().await;
        eventually("it leads", async || lab.api.get("leases", SYSTEM, "tenantry-operator").await)
            .await;
        lab.end(process).await;
    }
}

#[tokio::test]
async fn each_right_to_write_the_lease_is_needed_and_named() {
    let lab = Lab::own().await;
    let rights = Rights::of(&lab).await;
    for verb in ["create", "update"] {
        if verb == "update" {
            let free = json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": { "name": "tenantry-operator", "namespace": SYSTEM }, "spec": {} });
            lab.api.create(&free).await.unwrap();
        }
        rights.grant(verb, "leases", false).await;
        let process = lab.operator(&format!("in-turn-lease-{verb}"));
        let cannot = format!("cannot {verb} resource \"leases\"");
        is_not_ready(&process, &["lease tenantry-operator", &cannot]).await;
        rights.grant(verb, "leases", true).await;
        process.ready().await;
        eventually("it leads", async || {
            let lease = lab.api.get("leases", SYSTEM, "tenantry-operator").await;
            let lease = lease.unwrap_or_default();
            holds(lease["spec"]["holderIdentity"].is_string(), &lease["spec"])
        })
        .await;
        lab.end(process).await;
    }
}

/// What the tests of this folder take away beside the rights to a stack's kinds.
const ELSEWHERE: [(&str, &[&str]); 9] = [
    ("tenants", &["list", "watch", "patch"]),
    ("deploymentprofiles", &["list", "watch"]),
    ("tenants/status", &["patch"]),
    ("deploymentprofiles/status", &["patch"]),
    ("controllerrevisions", &["list", "watch", "create", "delete"]),
    ("pods", &["list", "watch"]),
    ("jobs", &["list", "watch"]),
    ("events", &["create", "patch"]),
    ("leases", &["get", "create", "update"]),
];

#[test]
fn no_right_is_shipped_that_no_test_takes_away() {
    let objects = rbac::objects(SYSTEM);
    // A role that no binding gives to the operator is for people, or for the API server.
    let to_operator = |o: &&Value| o["subjects"][0]["name"] == "tenantry-operator";
    let given: Vec<&Value> =
        objects.iter().filter(to_operator).map(|o| &o["roleRef"]["name"]).collect();
    let mut shipped = BTreeSet::new();
    for object in objects.iter().filter(|o| given.contains(&&o["metadata"]["name"])) {
        for rule in object["rules"].as_array().into_iter().flatten() {
            for resource in rule["resources"].as_array().unwrap() {
                for verb in rule["verbs"].as_array().unwrap() {
                    let pair = (resource.as_str().unwrap(), verb.as_str().unwrap());
                    shipped.insert((pair.0.to_owned(), pair.1.to_owned()));
                }
            }
        }
    }
    let of_stacks = Kind::ALL.map(|kind| (kind.resource().plural, rbac::verbs(kind)));
    let all = of_stacks.into_iter().chain(ELSEWHERE);
    let tried: BTreeSet<(String, String)> = all
        .flat_map(|(resource, verbs)| {
            verbs.iter().map(move |verb| (resource.to_owned(), (*verb).to_owned()))
        })
        .collect();
    assert_eq!(shipped, tried);
    // Deleting is the one verb that not all kinds of a stack have.
    for verb in ["get", "list", "watch", "create", "patch"] {
        assert_eq!(allowed(verb), BTreeSet::from(Kind::ALL), "{verb}");
    }
}
