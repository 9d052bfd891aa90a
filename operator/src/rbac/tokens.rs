//! The admission policy that leaves a stack's own accounts to the stack.
//!
//! The ledger believes a token by the ServiceAccount that it is of. Whoever may make tokens, or start pods, in a
//! tenant's namespace could have one of the gateway's: roles cannot say "but for these accounts". Kubelets make
//! tokens for the pods that the operator had made, and nobody else needs any.

use serde_json::{Value, json};

use super::{guard, labels};
use crate::desired::{
    meta::{BACKUP, GATEWAY, TENANT_LABEL, child_name},
    volume::{GATEWAY_AUDIENCE, USAGE_AUDIENCE},
};

const NAME: &str = "tenantry-stack-accounts";

/// Policy and binding; `operator` is the account that makes stacks.
pub fn objects(operator: &str) -> [Value; 2] {
    [
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
            "metadata": { "name": NAME, "labels": labels() },
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {
                    "namespaceSelector": { "matchExpressions": [{ "key": TENANT_LABEL, "operator": "Exists" }] },
                    "resourceRules": ways(),
                },
                "matchConditions": [
                    { "name": "not-the-cluster-itself", "expression": guard::strangers(operator) },
                ],
                "variables": variables(),
                "validations": validations(),
            },
        }),
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": { "name": NAME, "labels": labels() },
            "spec": { "policyName": NAME, "validationActions": ["Deny"] },
        }),
    ]
}

/// The ways to a token of an account: to ask for one, to run as it, and to enter what runs as it.
fn ways() -> Value {
    let way = |group: &str, resources: &[&str], operations: &[&str]| {
        json!({
            "apiGroups": [group], "apiVersions": ["v1"], "resources": resources,
            "operations": operations, "scope": "Namespaced",
        })
    };
    json!([
        way("", &["serviceaccounts/token", "pods"], &["CREATE"]),
        way("", &["pods", "pods/ephemeralcontainers"], &["UPDATE"]),
        way("", &["pods/exec", "pods/attach"], &["CONNECT"]),
        way("", &["replicationcontrollers"], &["CREATE", "UPDATE"]),
        way(
            "apps",
            &["deployments", "statefulsets", "daemonsets", "replicasets"],
            &["CREATE", "UPDATE"]
        ),
        way("batch", &["jobs", "cronjobs"], &["CREATE", "UPDATE"]),
    ])
}

fn variables() -> Value {
    let prefix = crds::names::COMPONENT_PREFIX;
    // A job that is made by hand of the stack's schedule: its token moves the gateway to a backup, and no more.
    let backup = child_name(BACKUP);
    let account = |path: &str| format!("object.{path}.?serviceAccountName.orValue('')");
    json!([
        { "name": "token", "expression": "request.resource.resource == 'serviceaccounts'" },
        // A service's accounts have names of the profile's: there the audience says what the token would be for.
        { "name": "mints", "expression": format!(
            "variables.token && (request.name.startsWith('{prefix}') || \
             object.spec.?audiences.orValue([]).exists(a, a in ['{GATEWAY_AUDIENCE}', '{USAGE_AUDIENCE}']))") },
        { "name": "enters", "expression": format!(
            "request.operation == 'CONNECT' && request.name.startsWith('{}-')", child_name(GATEWAY)) },
        { "name": "account", "expression": format!(
            "request.resource.resource == 'pods' ? {} : (request.resource.resource == 'cronjobs' ? {} : {})",
            account("spec"), account("spec.jobTemplate.spec.template.spec"), account("spec.?template.?spec")) },
        // Another image in a pod that runs is another program with its token; labels and annotations are none.
        { "name": "runs", "expression": format!(
            "!variables.token && request.operation != 'CONNECT' && \
             variables.account.startsWith('{prefix}') && variables.account != '{backup}' && \
             (request.resource.resource != 'pods' || oldObject == null || object.spec != oldObject.spec)") },
        { "name": "may", "expression": guard::may(guard::VERB) },
    ])
}

fn validations() -> Value {
    let right = format!(
        "by hand it takes the right to {} tenants/{}, which the ClusterRole {} grants",
        guard::VERB,
        guard::RESOURCE,
        guard::BREAK_GLASS
    );
    let refused = |what: &str, message: &str| {
        json!({ "expression": format!("!variables.{what} || variables.may"),
            "message": format!("{message}; {right}"), "reason": "Forbidden" })
    };
    let prefix = crds::names::COMPONENT_PREFIX;
    json!([
        refused(
            "mints",
            "tokens by which a stack speaks to the ledger are made by kubelets alone, for its pods"
        ),
        refused(
            "runs",
            &format!(
                "serviceAccountName: an account that begins with {prefix} is the stack's own, and runs what the operator makes; \
             name another"
            )
        ),
        refused(
            "enters",
            "the gateway's pods hold the token that the ledger believes, and nobody enters them"
        ),
    ])
}
