//! What a cluster that has nothing needs to have tenants as they are here. Pure.
//!
//! What the cluster itself says of an object is left out: it would say it anew. All but one thing: a
//! tenant that names no account has that of its uid, and there it would get another uid. So its account
//! is written into its spec.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::scene::{name_of, text};

/// What kubectl keeps of what it applied last.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The profiles that tenants name.
#[must_use]
pub fn profiles_of(tenants: &[Value]) -> BTreeSet<&str> {
    tenants.iter().filter_map(|tenant| text(tenant, "/spec/profileRef/name")).collect()
}

/// Tenants that are not being deleted.
#[must_use]
pub fn tenants(all: &[Value]) -> Vec<Value> {
    let stays = |tenant: &&Value| text(tenant, "/metadata/deletionTimestamp").is_none();
    let version = format!("{}/{}", crds::GROUP, crds::VERSION);
    let one = |tenant: &Value| {
        let mut spec = tenant.get("spec").cloned().unwrap_or_default();
        if let Some(members) = spec.as_object_mut() {
            // Of a stack that is here, not there.
            members.remove("adopt");
            if let Some(account) = text(tenant, "/status/accountId") {
                members.insert("accountId".to_owned(), account.into());
            }
        }
        object(tenant, &version, "Tenant", [("spec", spec)])
    };
    sorted(all.iter().filter(stays).map(one).collect())
}

/// Profiles.
#[must_use]
pub fn profiles(all: &[Value]) -> Vec<Value> {
    let stays = |profile: &&Value| text(profile, "/metadata/deletionTimestamp").is_none();
    let version = format!("{}/{}", crds::GROUP, crds::VERSION);
    let one = |profile: &Value| {
        let spec = profile.get("spec").cloned().unwrap_or_default();
        object(profile, &version, "DeploymentProfile", [("spec", spec)])
    };
    sorted(all.iter().filter(stays).map(one).collect())
}

/// Revisions of these profiles, or of all.
#[must_use]
pub fn revisions(all: &[Value], of: Option<&BTreeSet<&str>>) -> Vec<Value> {
    let asked = |revision: &&Value| {
        let profile = revision.pointer("/metadata/labels").and_then(|all| all.get(crds::PROFILE));
        let profile = profile.and_then(Value::as_str);
        profile.is_some_and(|profile| of.is_none_or(|of| of.contains(profile)))
    };
    let one = |revision: &Value| {
        let rest = ["revision", "data"].map(|name| (name, revision.get(name).cloned()));
        let rest = rest.map(|(name, value)| (name, value.unwrap_or_default()));
        object(revision, "apps/v1", "ControllerRevision", rest)
    };
    sorted(all.iter().filter(asked).map(one).collect())
}

/// A list as `kubectl apply` takes it.
#[must_use]
pub fn list(items: &[Value]) -> Value {
    json!({ "apiVersion": "v1", "kind": "List", "items": items })
}

/// An object with what people say of it, and no more.
fn object<const N: usize>(
    live: &Value,
    version: &str,
    kind: &str,
    rest: [(&str, Value); N],
) -> Value {
    let mut metadata = Map::new();
    for name in ["name", "namespace", "labels", "annotations"] {
        let Some(mut value) = live.pointer("/metadata").and_then(|all| all.get(name)).cloned()
        else {
            continue;
        };
        if let Some(members) = value.as_object_mut() {
            members.remove(LAST_APPLIED);
            if members.is_empty() {
                continue;
            }
        }
        metadata.insert(name.to_owned(), value);
    }
    let mut whole = json!({ "apiVersion": version, "kind": kind, "metadata": metadata });
    for (name, value) in rest {
        whole[name] = value;
    }
    whole
}

/// By name: two exports of the same are the same text.
fn sorted(mut all: Vec<Value>) -> Vec<Value> {
    all.sort_by(|a, b| name_of(a).cmp(name_of(b)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(name: &str) -> Value {
        json!({
            "metadata": { "name": name, "uid": format!("uid-{name}"), "resourceVersion": "7", "generation": 2,
                "creationTimestamp": "2026-11-30T10:00:00Z", "managedFields": [{ "manager": "kubectl" }],
                "finalizers": ["tenantry.dev/stack"], "labels": { "team": "a" },
                "annotations": { LAST_APPLIED: "{}", "tenantry.dev/intake": "i-1" } },
            "spec": { "displayName": name, "profileRef": { "name": "prod", "revision": 3 },
                "adopt": { "previousUid": "u-0" } },
            "status": { "accountId": format!("uid-{name}"), "namespace": format!("tenant-{name}") },
        })
    }

    #[test]
    fn a_tenant_is_written_with_its_account_and_without_what_its_cluster_says() {
        let mut named = live("named");
        named["spec"]["accountId"] = "a-1".into();
        named["status"]["accountId"] = "a-1".into();
        named["metadata"]["annotations"] = json!({ LAST_APPLIED: "{}" });
        let mut going = live("going");
        going["metadata"]["deletionTimestamp"] = "2026-11-30T10:00:00Z".into();
        let mut young = live("young");
        young["status"] = json!({});
        let all = tenants(&[young, named, going, live("acme")]);
        let accounts: Vec<_> =
            all.iter().map(|t| (name_of(t), text(t, "/spec/accountId"))).collect();
        assert_eq!(accounts, [("acme", Some("uid-acme")), ("named", Some("a-1")), ("young", None)]);
        assert_eq!(
            all[0],
            json!({ "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant",
                "metadata": { "name": "acme", "labels": { "team": "a" },
                    "annotations": { "tenantry.dev/intake": "i-1" } },
                "spec": { "displayName": "acme", "profileRef": { "name": "prod", "revision": 3 },
                    "accountId": "uid-acme" } })
        );
        assert_eq!(all[1]["metadata"].get("annotations"), None, "none is left");
        assert_eq!(profiles_of(&all), BTreeSet::from(["prod"]));
    }

    #[test]
    fn revisions_keep_number_and_content_and_others_objects_are_left() {
        let revision = |name: &str, labels: Value| {
            json!({ "metadata": { "name": name, "namespace": "tenantry-system", "labels": labels, "uid": "r-1" },
                "revision": 7, "data": { "digest": "d", "spec": { "tier": "prod" } } })
        };
        let all = [
            revision("profile.prod.7", json!({ crds::PROFILE: "prod" })),
            revision("profile.dev.7", json!({ crds::PROFILE: "dev" })),
            revision("of-a-daemon-set", json!({})),
        ];
        let names = |of: Option<&BTreeSet<&str>>| {
            let found = revisions(&all, of);
            found.iter().map(|one| name_of(one).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(None), ["profile.dev.7", "profile.prod.7"]);
        assert_eq!(names(Some(&BTreeSet::from(["prod"]))), ["profile.prod.7"]);
        let one = &revisions(&all, None)[1];
        assert_eq!((&one["revision"], &one["data"]["digest"]), (&json!(7), &json!("d")));
        assert_eq!(one["metadata"].get("uid"), None);
        let listed = list(&profiles(&[live("prod")]));
        assert_eq!(listed["items"][0]["kind"], "DeploymentProfile");
        assert_eq!(listed["items"][0].get("status"), None);
    }
}
