//! What the API server may do in Kubernetes: read Tenants, profiles and their revisions, write its part of a Tenant's
//! status, tell events, renew its Lease, and where asked for make Tenants. RBAC knows no parts of a status: a policy does.

use crds::INTAKE;
use serde_json::{Value, json};

use super::rule;

const NAME: &str = crds::API_SERVER;
const BOUNDARY: &str = "tenantry-api-server-boundary";
/// What it also needs to make tenants of approved requests; the chart binds it where that is asked for.
const ONBOARDING: &str = "tenantry-api-server-onboarding";

/// What the operator writes of a Tenant's status, beside its conditions.
const OPERATORS: [&str; 8] = [
    "observedGeneration",
    "namespace",
    "profileRevision",
    "components",
    "retained",
    "endpoints",
    "accountId",
    "identity",
];

fn labels() -> Value {
    json!({ "app.kubernetes.io/name": NAME, "app.kubernetes.io/part-of": "tenantry" })
}

/// Roles, bindings and policy of the API server's account in `namespace`.
pub fn objects(namespace: &str) -> Vec<Value> {
    let metadata = json!({ "name": NAME, "labels": labels() });
    let own = json!({ "name": NAME, "namespace": namespace, "labels": labels() });
    let subjects = json!([{ "kind": "ServiceAccount", "name": NAME, "namespace": namespace }]);
    let api = "rbac.authorization.k8s.io/v1";
    let role =
        |kind| json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": NAME });
    vec![
        json!({ "apiVersion": api, "kind": "ClusterRole", "metadata": metadata, "rules": cluster_rules() }),
        json!({
            "apiVersion": api, "kind": "ClusterRole", "metadata": { "name": ONBOARDING, "labels": labels() },
            "rules": [rule(crds::GROUP, &["tenants"], &["create", "get"])],
        }),
        json!({ "apiVersion": api, "kind": "Role", "metadata": own, "rules": [lease(), revisions()] }),
        json!({
            "apiVersion": api, "kind": "ClusterRoleBinding", "metadata": metadata,
            "roleRef": role("ClusterRole"), "subjects": subjects,
        }),
        json!({
            "apiVersion": api, "kind": "RoleBinding", "metadata": own,
            "roleRef": role("Role"), "subjects": subjects,
        }),
        policy(namespace),
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": { "name": BOUNDARY, "labels": labels() },
            "spec": { "policyName": BOUNDARY, "validationActions": ["Deny"] },
        }),
    ]
}

fn cluster_rules() -> [Value; 4] {
    [
        rule(crds::GROUP, &["tenants"], &["list", "watch"]),
        // Which plan tenants are on that name none, and what is shown of profiles.
        rule(crds::GROUP, &["deploymentprofiles"], &["list", "watch"]),
        rule(crds::GROUP, &["tenants/status"], &["patch"]),
        rule("events.k8s.io", &["events"], &["create"]),
    ]
}

/// An apply that makes the Lease is checked as "create" with its name.
fn lease() -> Value {
    let mut lease = rule("coordination.k8s.io", &["leases"], &["create", "patch"]);
    lease["resourceNames"] = json!([NAME]);
    lease
}

/// Profiles' revisions stand beside the operator; which they are RBAC cannot say of a list.
fn revisions() -> Value {
    rule("apps", &["controllerrevisions"], &["list", "watch"])
}

fn policy(namespace: &str) -> Value {
    let account = format!("system:serviceaccount:{namespace}:{NAME}");
    let status = format!(
        "request.resource.group == '{}' && request.resource.resource == 'tenants' && \
         request.?subResource.orValue('') == 'status'",
        crds::GROUP
    );
    let lease = format!(
        "request.resource.resource == 'leases' && request.namespace == '{namespace}' && \
         request.name == '{NAME}'"
    );
    let made = format!(
        "request.operation == 'CREATE' && request.resource.group == '{}' && \
         request.resource.resource == 'tenants' && request.?subResource.orValue('') == '' && \
         '{INTAKE}' in object.metadata.?annotations.orValue({{}})",
        crds::GROUP
    );
    let wide = "the API server's account writes nothing but statuses of Tenants, events, its Lease, and \
                Tenants of approved requests, once";
    let mixed =
        "the API server's account leaves what the operator says in a Tenant's status as it is";
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": { "name": BOUNDARY, "labels": labels() },
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": super::every_write(),
            "matchConditions": [
                { "name": "api-server", "expression": format!("request.userInfo.username == '{account}'") },
                { "name": "not-events", "expression": "request.resource.resource != 'events'" },
            ],
            "variables": [
                { "name": "status", "expression": status },
                { "name": "lease", "expression": lease },
                { "name": "made", "expression": made },
            ],
            "validations": [
                { "expression": "variables.status || variables.lease || variables.made", "message": wide, "reason": "Forbidden" },
                { "expression": format!("!variables.status || ({})", unchanged()), "message": mixed, "reason": "Forbidden" },
            ],
        },
    })
}

/// The operator's fields and conditions are what they were.
fn unchanged() -> String {
    let fields = OPERATORS.map(|f| format!("object.?status.?{f} == oldObject.?status.?{f}"));
    let theirs = crds::conditions::OF_API_SERVER.join("', '");
    let others = |of: &str| {
        format!("{of}.?status.?conditions.orValue([]).filter(c, !(c.type in ['{theirs}']))")
    };
    format!("{} && {} == {}", fields.join(" && "), others("object"), others("oldObject"))
}
