//! The rights that the operator needs and no more, from the same list that drives its work; and the
//! admission policies that keep it inside its namespaces, and tenants' own users from its objects. The
//! API server's rights are here too, since its part of a Tenant's status ends where ours begins.

mod api_server;
mod guard;
mod tokens;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{desired::guard_rails::ENFORCED, kinds::Kind, lease, watch::SECRETS};

/// Account, roles, bindings and policy for an operator in `namespace`, as one YAML stream.
///
/// # Errors
/// When an object cannot be written as YAML.
pub fn manifests(namespace: &str) -> Result<String, String> {
    crds::manifest::yaml_stream(&objects(namespace))
}

/// The same without the namespace, which an installer of packages makes by itself.
///
/// # Errors
/// When an object cannot be written as YAML.
pub fn rights(namespace: &str) -> Result<String, String> {
    let mut all = objects(namespace);
    all.retain(|object| object["kind"] != "Namespace");
    crds::manifest::yaml_stream(&all)
}

/// The same as objects, in the order of applying.
#[must_use]
pub fn objects(namespace: &str) -> Vec<Value> {
    let mut all = vec![
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace, "labels": labels() } }),
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": { "name": NAME, "namespace": namespace, "labels": labels() },
            "automountServiceAccountToken": false,
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": { "name": NAME, "labels": labels() },
            "rules": cluster_rules(),
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": { "name": NAME, "namespace": namespace, "labels": labels() },
            "rules": own_rules(),
        }),
    ];
    all.extend(bindings(namespace));
    all.extend(policy(namespace));
    all.extend(guard::objects(&account(namespace)));
    all.extend(tokens::objects(&account(namespace)));
    all.extend(api_server::objects(namespace));
    all
}

/// The operator as the API server names it.
fn account(namespace: &str) -> String {
    format!("system:serviceaccount:{namespace}:{NAME}")
}

const NAME: &str = "tenantry-operator";

fn labels() -> Value {
    json!({ "app.kubernetes.io/name": NAME, "app.kubernetes.io/part-of": "tenantry" })
}

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> Value {
    json!({ "apiGroups": [group], "resources": resources, "verbs": verbs })
}

/// Rights everywhere, because tenants' namespaces come and go; the policy narrows the writes.
#[must_use]
pub fn cluster_rules() -> Vec<Value> {
    let mut rules = vec![
        // Read what is asked for; patch: our finalizer.
        rule(crds::GROUP, &["tenants"], &["list", "watch", "patch"]),
        rule(crds::GROUP, &["deploymentprofiles"], &["list", "watch"]),
        rule(crds::GROUP, &["tenants/status", "deploymentprofiles/status"], &["patch"]),
        // Readiness is the pods' and the jobs' truth.
        rule("", &["pods"], &["list", "watch"]),
        rule("batch", &["jobs"], &["list", "watch"]),
        rule("events.k8s.io", &["events"], &["create", "patch"]),
    ];
    let mut groups: BTreeMap<(&str, &[&str]), Vec<&str>> = BTreeMap::new();
    for kind in Kind::ALL.into_iter().filter(|k| *k != Kind::Secret) {
        let resource = kind.resource();
        groups.entry((resource.group, verbs(kind))).or_default().push(resource.plural);
    }
    rules.extend(groups.iter().map(|((group, verbs), plurals)| rule(group, plurals, verbs)));
    // Secrets by name only. An apply that makes a Secret is checked as "create" with its name.
    let mut secrets = rule("", &["secrets"], verbs(Kind::Secret));
    secrets["resourceNames"] = json!(SECRETS);
    rules.push(secrets);
    rules
}

/// What is done to objects of a kind. What holds data goes with its namespace or not at all.
#[must_use]
pub fn verbs(kind: Kind) -> &'static [&'static str] {
    let all: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];
    match kind {
        Kind::Secret | Kind::PersistentVolumeClaim => &all[..all.len() - 1],
        _ => all,
    }
}

/// Rights in the operator's own namespace.
fn own_rules() -> Vec<Value> {
    let mut lease = rule("coordination.k8s.io", &["leases"], &["get", "update"]);
    lease["resourceNames"] = json!([lease::NAME]);
    // Whether it lives: its figures are marked when it does not.
    let mut heartbeat = rule("coordination.k8s.io", &["leases"], &["get"]);
    heartbeat["resourceNames"] = json!([crds::API_SERVER]);
    vec![
        lease,
        heartbeat,
        rule("coordination.k8s.io", &["leases"], &["create"]),
        rule("apps", &["controllerrevisions"], &["list", "watch", "create", "delete"]),
    ]
}

fn bindings(namespace: &str) -> [Value; 2] {
    let subjects = json!([{ "kind": "ServiceAccount", "name": NAME, "namespace": namespace }]);
    let role =
        |kind: &str| json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": NAME });
    [
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": { "name": NAME, "labels": labels() },
            "roleRef": role("ClusterRole"), "subjects": subjects,
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": { "name": NAME, "namespace": namespace, "labels": labels() },
            "roleRef": role("Role"), "subjects": subjects,
        }),
    ]
}

/// Denies the operator's account every write outside tenants' namespaces, but for its Lease and the
/// profiles' revisions beside it; and a namespace of a tenant that admits more pods than we ask for.
fn policy(namespace: &str) -> [Value; 2] {
    let name = "tenantry-operator-boundary";
    let account = account(namespace);
    let prefix = crds::names::NAMESPACE_PREFIX;
    let message = format!(
        "the operator's account may write only in namespaces that begin with {prefix}, and its Lease and \
         ControllerRevisions in {namespace}"
    );
    let lower = format!(
        "the operator's account leaves a namespace with no other {} than it makes it with",
        ENFORCED.map(|(label, _)| label).join(" and ")
    );
    [
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
            "metadata": { "name": name, "labels": labels() },
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": every_write(),
                "matchConditions": [
                    { "name": "operator", "expression": format!("request.userInfo.username == '{account}'") },
                    // Its own resources are cluster-scoped, and events about those go to "default".
                    { "name": "not-our-resources", "expression": format!("request.resource.group != '{}'", crds::GROUP) },
                    { "name": "not-events", "expression": "request.resource.resource != 'events'" },
                ],
                "validations": [
                    { "expression": inside(namespace), "message": message, "reason": "Forbidden" },
                    { "expression": enforced(), "message": lower, "reason": "Forbidden" },
                ],
            },
        }),
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": { "name": name, "labels": labels() },
            "spec": { "policyName": name, "validationActions": ["Deny"] },
        }),
    ]
}

/// In a tenant's namespace; beside the operator what [`own_rules`] lets it write. The API server and
/// its prices stand there too, and rights to their kinds it has for tenants' sake.
fn inside(namespace: &str) -> String {
    let prefix = crds::names::NAMESPACE_PREFIX;
    format!(
        "request.resource.resource == 'namespaces' ? request.name.startsWith('{prefix}') : \
         (request.namespace.startsWith('{prefix}') || (request.namespace == '{namespace}' && \
         ((request.resource.group == 'coordination.k8s.io' && request.resource.resource == 'leases' && \
         request.name == '{}') || \
         (request.resource.group == 'apps' && request.resource.resource == 'controllerrevisions'))))",
        lease::NAME
    )
}

/// A namespace admits the pods that we say, or those that it did before: one that an administrator
/// opened can still be kept or let go of.
fn enforced() -> String {
    let value = |of: &str, label: &str| format!("{of}.metadata.?labels[?'{label}'].orValue('')");
    let kept = ENFORCED.map(|(label, level)| {
        let (is, was) = (value("object", label), value("oldObject", label));
        format!("({is} == '{level}' || (oldObject != null && {is} == {was}))")
    });
    format!(
        "request.resource.resource != 'namespaces' || request.operation == 'DELETE' || ({})",
        kept.join(" && ")
    )
}

/// What a policy looks at that keeps an account where it belongs.
fn every_write() -> Value {
    json!({ "resourceRules": [{
        "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"],
        "operations": ["CREATE", "UPDATE", "DELETE"], "scope": "*",
    }] })
}
