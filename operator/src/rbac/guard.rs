//! The admission policy that keeps a tenant's own users from what guards the tenant.
//!
//! What they may do in their namespace is for their roles to say. But no role can say "except for
//! what the operator made": so a policy does. It needs no webhook and works with the operator gone.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::labels;
use crate::{
    desired::meta::{MANAGED_BY, MANAGED_BY_LABEL, TENANT_LABEL, TENANT_UID},
    kinds::Kind,
};

const NAME: &str = "tenantry-guard-rails";
/// The role whose holders may change guard rails by hand.
pub(super) const BREAK_GLASS: &str = "tenantry-break-glass";
/// The right that the role has; cluster administrators have it with all others.
pub(super) const RESOURCE: &str = "guardrails";
pub(super) const VERB: &str = "override";
/// The role whose holders may make Ingresses of their own, and the verb that it grants: a solver of
/// challenges, say.
const EXPOSERS: &str = "tenantry-own-ingresses";
const EXPOSE: &str = "expose";
/// Parts of the cluster that are no service accounts.
const CLUSTER: [&str; 3] =
    ["system:kube-controller-manager", "system:kube-scheduler", "system:apiserver"];
/// Garbage collector, quota, namespace and other controllers; kubelets.
const CLUSTER_GROUPS: [&str; 2] = ["system:serviceaccounts:kube-system", "system:nodes"];

/// Roles, policy and binding; `operator` is the account that may write what is guarded.
pub fn objects(operator: &str) -> [Value; 4] {
    let role = |name: &str, verb: &str| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": { "name": name, "labels": labels() },
            "rules": [super::rule(crds::GROUP, &[&format!("tenants/{RESOURCE}")], &[verb])],
        })
    };
    [
        role(BREAK_GLASS, VERB),
        role(EXPOSERS, EXPOSE),
        policy(operator),
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": { "name": NAME, "labels": labels() },
            "spec": { "policyName": NAME, "validationActions": ["Deny"] },
        }),
    ]
}

fn policy(operator: &str) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": { "name": NAME, "labels": labels() },
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": { "resourceRules": guarded_kinds() },
            "matchConditions": [{ "name": "not-the-cluster-itself", "expression": strangers(operator) }],
            "variables": variables(),
            "validations": validations(),
        },
    })
}

fn validations() -> Value {
    let guarded = format!(
        "this guards a tenant: change its DeploymentProfile or its Tenant instead. By hand it takes \
         the right to {VERB} tenants/{RESOURCE}, which the ClusterRole {BREAK_GLASS} grants"
    );
    let addressed = "a Service with spec.externalIPs takes traffic that is meant for others: leave them \
                     out in a tenant's namespace; services are reached through the stack's Ingress";
    let exposed = format!(
        "an Ingress may take another tenant's host: name it in the DeploymentProfile's services[].ingress \
         instead. One of your own takes the right to {EXPOSE} tenants/{RESOURCE}, which the ClusterRole \
         {EXPOSERS} grants"
    );
    let routed = format!(
        "endpoints of your own may send what comes for a Service to another tenant's pods: leave them to \
         the cluster, which makes them from the Service's selector. They take the right to {EXPOSE} \
         tenants/{RESOURCE}, which the ClusterRole {EXPOSERS} grants"
    );
    json!([
        { "expression": "!(variables.guarded || variables.scaled) || variables.may",
            "message": guarded, "reason": "Forbidden" },
        { "expression": "!variables.addressed || variables.may",
            "message": addressed, "reason": "Forbidden" },
        { "expression": "!variables.exposed || variables.mayExpose || variables.may",
            "message": exposed, "reason": "Forbidden" },
        { "expression": "!variables.routed || variables.mayExpose || variables.may",
            "message": routed, "reason": "Forbidden" },
    ])
}

/// Where Services lead to. Stacks have none of their own, and what a proxy in front of them reads there it reaches past
/// the policies of the tenant that is meant (CVE-2021-25740).
const ROUTES: [(&str, &str); 2] = [("", "endpoints"), ("discovery.k8s.io", "endpointslices")];

/// The kinds that stacks are made of, and the ways beside the whole object: a request to one of those
/// may carry labels and other metadata, and the API server takes them.
fn guarded_kinds() -> Vec<Value> {
    let mut groups: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for kind in Kind::ALL {
        let resource = kind.resource();
        let plurals = groups.entry((resource.group, resource.version)).or_default();
        plurals.push(resource.plural.to_owned());
        plurals.extend(subresources(kind).iter().map(|sub| format!("{}/{sub}", resource.plural)));
    }
    for (group, plural) in ROUTES {
        groups.entry((group, "v1")).or_default().push(plural.to_owned());
    }
    let rule = |((group, version), plurals): (&(&str, &str), &Vec<String>)| {
        json!({
            "apiGroups": [group], "apiVersions": [version], "resources": plurals,
            "operations": ["CREATE", "UPDATE", "DELETE"], "scope": "*",
        })
    };
    groups.iter().map(rule).collect()
}

/// By what an object of the kind can be written beside the whole. A scale has no labels: it goes by the name.
fn subresources(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Namespace => &["status", "finalize"],
        Kind::Deployment => &["status", "scale"],
        Kind::ResourceQuota
        | Kind::PersistentVolumeClaim
        | Kind::Service
        | Kind::HorizontalPodAutoscaler
        | Kind::PodDisruptionBudget
        | Kind::CronJob
        | Kind::Ingress => &["status"],
        Kind::LimitRange
        | Kind::NetworkPolicy
        | Kind::ServiceAccount
        | Kind::ConfigMap
        | Kind::Secret => &[],
    }
}

/// Neither the operator nor Kubernetes.
pub(super) fn strangers(operator: &str) -> String {
    let users: Vec<&str> = std::iter::once(operator).chain(CLUSTER).collect();
    format!(
        "!(request.userInfo.username in {}) && !request.userInfo.groups.exists(g, g in {})",
        list(&users),
        list(&CLUSTER_GROUPS)
    )
}

fn variables() -> Value {
    let label = format!(".metadata.?labels[?'{MANAGED_BY_LABEL}'].orValue('') == '{MANAGED_BY}'");
    let rails: Vec<&str> = [Kind::ResourceQuota, Kind::LimitRange, Kind::NetworkPolicy]
        .map(|kind| kind.resource().plural)
        .into();
    let namespaces = Kind::Namespace.resource().plural;
    let claims = Kind::PersistentVolumeClaim.resource().plural;
    let services = Kind::Service.resource().plural;
    let ingresses = Kind::Ingress.resource().plural;
    // Their controllers' words are statuses; and what is there may go.
    let written = "request.operation != 'DELETE' && request.?subResource.orValue('') == ''";
    json!([
        { "name": "theirs", "expression":
            format!("namespaceObject != null && '{TENANT_LABEL}' in namespaceObject.metadata.?labels.orValue({{}})") },
        { "name": "ours", "expression":
            format!("[object, oldObject].exists(o, o != null && o{label})") },
        // One more of these opens what ours closes, or stops what ours allows.
        { "name": "rail", "expression": format!("request.resource.resource in {}", list(&rails)) },
        // Drivers of volumes resize and mark claims, controllers of Ingresses and addresses write
        // statuses, from namespaces of their own. Whose an object is they leave as it is: a claim
        // without our label could be deleted, one with an owner that is not there would be collected.
        { "name": "harmless", "expression": format!(
            "request.operation == 'UPDATE' && !variables.rail && (request.resource.resource == '{claims}' || \
             request.?subResource.orValue('') == 'status') && {}", same_owner()) },
        { "name": "scaled", "expression": scaled(written) },
        { "name": "guarded", "expression": format!(
            "request.resource.resource == '{namespaces}' ? (oldObject != null && oldObject{label}) : \
             (variables.theirs && (variables.rail || variables.ours) && !variables.harmless)") },
        // What these take, a policy of networks does not see: it comes before the pods. Finalizers and labels of what
        // was there before there was this rule take nothing, and a namespace that goes waits for them.
        { "name": "addressed", "expression": format!(
            "variables.theirs && request.resource.resource == '{services}' && {written} && \
             object.spec.?externalIPs.orValue([]).size() > 0 && \
             (oldObject == null || object.spec.?externalIPs != oldObject.spec.?externalIPs)") },
        { "name": "exposed", "expression": format!(
            "variables.theirs && request.resource.resource == '{ingresses}' && {written} && \
             (oldObject == null || object.?spec != oldObject.?spec || \
             object.metadata.?annotations != oldObject.metadata.?annotations)") },
        { "name": "routed", "expression": format!(
            "variables.theirs && request.resource.resource in {} && {written}", list(&ROUTES.map(|(_, p)| p))) },
        { "name": "may", "expression": may(VERB) },
        { "name": "mayExpose", "expression": may(EXPOSE) },
    ])
}

/// How many pods there are of what is the stack's alone is for nobody to say: neither by hand, nor by the cluster's own
/// controller of autoscalers, which is no stranger.
fn scaled(written: &str) -> String {
    let prefix = crds::names::COMPONENT_PREFIX;
    let deployments = Kind::Deployment.resource().plural;
    let scalers = Kind::HorizontalPodAutoscaler.resource().plural;
    format!(
        "variables.theirs && ((request.resource.resource == '{deployments}' && \
         request.?subResource.orValue('') == 'scale' && request.name.startsWith('{prefix}')) || \
         (request.resource.resource == '{scalers}' && {written} && \
         object.spec.?scaleTargetRef.?name.orValue('').startsWith('{prefix}') && \
         (oldObject == null || object.spec != oldObject.spec)))"
    )
}

/// Whether the caller has a right over what guards tenants. In the whole cluster: a role with wildcards
/// in a tenant's namespace holds every right there.
pub(super) fn may(verb: &str) -> String {
    format!(
        "authorizer.group('{}').resource('tenants').subresource('{RESOURCE}').check('{verb}').allowed()",
        crds::GROUP
    )
}

/// What says whose an object is, and who takes it away, is what it was.
fn same_owner() -> String {
    [
        "labels.orValue({})".to_owned(),
        "ownerReferences.orValue([])".to_owned(),
        format!("annotations[?'{TENANT_UID}'].orValue('')"),
    ]
    .map(|path| format!("object.metadata.?{path} == oldObject.metadata.?{path}"))
    .join(" && ")
}

/// A list of texts as CEL writes it.
fn list(texts: &[&str]) -> String {
    format!("['{}']", texts.join("', '"))
}
