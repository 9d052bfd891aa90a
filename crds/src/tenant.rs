//! The `Tenant` resource: one customer.

mod onboarding;
mod quota_action;
mod revision;
mod usage;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
pub use onboarding::Onboarding;
pub use quota_action::{Enforcement, EnforcementAction, QuotaAction, QuotaPolicy};
pub use revision::ProfileRevision;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use usage::{
    Display, Drain, Highest, Level, MeterUsage, MoneyAmount, UsagePeriod, UsageStatus,
};

use crate::{
    bounded::Replicas,
    deployment_profile::{EnvVar, Resources},
};

/// A customer, and how their stack should differ from its profile.
///
/// The stack of tenant NAME stands in namespace `tenant-NAME`.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "tenantry.dev",
    version = "v1alpha1",
    kind = "Tenant",
    plural = "tenants",
    shortname = "tn",
    category = "tenantry",
    status = "TenantStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "A customer: which profile their stack follows, and how it differs. The stack of tenant NAME stands in namespace tenant-NAME.",
    label("app.kubernetes.io/part-of", "tenantry"),
    printcolumn(name = "Profile", type_ = "string", json_path = ".spec.profileRef.name"),
    printcolumn(name = "Plan", type_ = "string", json_path = ".status.display.plan"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(name = "Health", type_ = "string", json_path = ".status.display.health"),
    printcolumn(name = "Usage", type_ = "string", json_path = ".status.display.usage"),
    printcolumn(name = "Projected", type_ = "string", json_path = ".status.display.projected"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Revision",
        type_ = "string",
        json_path = ".status.profileRevision.desired",
        priority = 1
    ),
    printcolumn(name = "Namespace", type_ = "string", json_path = ".status.namespace", priority = 1),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        priority = 1
    ),
    validation = Rule::new("self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')")
        .message("metadata.name must be a DNS label of at most 40 characters (a-z, 0-9 and '-'): the namespace is tenant-NAME"),
    validation = Rule::new("!has(oldSelf.spec.accountId) || has(self.spec.accountId) && self.spec.accountId == oldSelf.spec.accountId")
        .message("spec.accountId may be set once and never changes: the ledger keeps what was used by account; make a new tenant for another account"),
    validation = Rule::new("!has(oldSelf.spec.billing) || has(self.spec.billing) && self.spec.billing == oldSelf.spec.billing")
        .message("spec.billing may be set once and never changes: periods and bills of the account rest on it; make a new tenant, with a new account")
)]
#[serde(rename_all = "camelCase")]
pub struct TenantSpec {
    /// The customer's name as people write it. Kept as an annotation on the namespace.
    #[schemars(length(min = 1, max = 120))]
    pub display_name: String,

    /// Whom to reach at the customer. Kept as annotations on the namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Contact")]
    pub contact: Option<Contact>,

    /// The customer's account in the ledger. It may be set once and never changes. Without it the
    /// account is that of the stack taken over by `adopt`, else this tenant's uid, so that a re-used
    /// name begins a new account. The one in effect is `status.accountId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "String",
        length(min = 1, max = 64),
        regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    )]
    pub account_id: Option<String>,

    /// The deployment profile that the stack follows.
    pub profile_ref: ProfileRef,

    /// The plan that is asked for, a key of the API server's catalogue such as `team`; without it
    /// the profile's `defaultPlan`. It is a request: what the account is billed by is the ledger's
    /// subscription, and the condition `PlanAccepted` says when the two differ, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "String",
        length(min = 1, max = 40),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub plan: Option<String>,

    /// What the account is billed in and by whose calendar. It may be set once and never changes.
    /// It is read when the ledger makes the account; one that exists keeps what it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Billing")]
    pub billing: Option<Billing>,

    /// Overlays of the profile to lay over the stack, in this order (for example `gpu`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(length(min = 1, max = 30)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub overlays: Vec<String>,

    /// What this tenant changes of its profile.
    #[serde(default, skip_serializing_if = "Overrides::is_empty")]
    pub overrides: Overrides,

    /// Take over the stack that an earlier tenant of this name left behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Adopt")]
    pub adopt: Option<Adopt>,

    /// What happens when a meter has used up its quota; without it people are told, and nothing is
    /// stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "QuotaAction")]
    pub quota_action: Option<QuotaAction>,

    /// Stop the services and keep everything else: data, usage gateway, backups. Setting it back
    /// restores every replica count exactly, an autoscaler's too.
    #[serde(default)]
    pub suspend: bool,

    /// Until this instant (RFC 3339, for example 2026-12-24T18:00:00Z) the operator writes nothing
    /// but this tenant's status. It cannot be forgotten: after it the operator goes on by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 40), extend("format" = "date-time"))]
    pub paused_until: Option<String>,

    /// What the customer said when they were taken on; for people to read, changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Onboarding")]
    pub onboarding: Option<Onboarding>,

    /// What happens to the customer's data when this resource is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// Whom to reach at the customer.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// A person or a team.
    #[schemars(length(min = 1, max = 120))]
    pub name: String,
    /// An e-mail address.
    #[schemars(length(min = 3, max = 254), regex(pattern = r"^[^@\s]+@[^@\s]+$"))]
    pub email: String,
}

/// What an account is billed in and by whose calendar.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Billing {
    /// The currency, ISO 4217.
    #[serde(default = "usd")]
    #[schemars(length(min = 3, max = 3), regex(pattern = r"^[A-Z]{3}$"))]
    pub currency: String,
    /// The time zone by whose midnights periods run, an IANA name such as `America/Chicago`.
    #[serde(default = "utc")]
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z][A-Za-z0-9_+/-]*$"))]
    pub time_zone: String,
    /// The day of the month on which periods start; in a month that lacks it, the last day.
    #[serde(default = "first")]
    #[schemars(range(min = 1, max = 31))]
    pub anchor_day: u8,
}

impl Default for Billing {
    fn default() -> Self {
        Self { currency: usd(), time_zone: utc(), anchor_day: first() }
    }
}

fn usd() -> String {
    "USD".to_owned()
}
fn utc() -> String {
    "UTC".to_owned()
}
fn first() -> u8 {
    1
}

/// A profile, and optionally one revision of it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ProfileRef {
    /// The DeploymentProfile's name.
    #[schemars(length(min = 1, max = 40), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// Stay on this revision whatever the profile becomes. Without it the stack follows the newest
    /// as the profile's rollout lets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 1, max = 1_000_000_000))]
    pub revision: Option<i64>,
}

/// What a tenant changes of its profile.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Overrides {
    /// Changes to services, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub services: Vec<ServiceOverride>,
}

impl Overrides {
    /// Whether nothing is changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
    }
}

/// What a tenant changes of one service.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ServiceOverride {
    /// The service's name in the profile.
    #[schemars(length(min = 1, max = 30))]
    pub name: String,
    /// Pods to run instead: a number, or `External` when something else sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Replicas")]
    pub replicas: Option<Replicas>,
    /// Requests and limits to set; those not named keep the profile's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Resources")]
    pub resources: Option<Resources>,
    /// Environment to add; a name that the profile sets is replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub env: Vec<EnvVar>,
}

/// Which retained stack to take over.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Adopt {
    /// The uid of the tenant that left the stack; it stands in the namespace's annotation
    /// `tenantry.dev/tenant-uid`. Only a stack of this tenant's own name can be taken over.
    #[schemars(length(min = 36, max = 36), regex(pattern = r"^[0-9a-f-]{36}$"))]
    pub previous_uid: String,
}

/// What happens to a deleted tenant's data.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeletionPolicy {
    /// Keep namespace, claims and generated secrets, marked as retained.
    #[default]
    Retain,
    /// Delete everything, data included.
    Delete,
}

/// What the operator saw and did, and what the API server says of usage; for people and tools.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct TenantStatus {
    /// `Ready`, `Reconciling`, `Stalled`, `ProfileValid`, `Suspended` by the operator;
    /// `PlanAccepted`, `QuotaWithinLimits`, `CustomerHealthy`, `WorkloadsAccepted` by the API server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The `metadata.generation` that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub observed_generation: Option<i64>,
    /// The namespace that holds the stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 63))]
    pub namespace: Option<String>,
    /// Which revision of the profile the stack should follow, and which one it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ProfileRevision")]
    pub profile_revision: Option<ProfileRevision>,
    /// The parts of the stack and what each waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub components: Vec<ComponentStatus>,
    /// Objects with data that the stack no longer uses and that are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 128)))]
    pub retained: Vec<String>,
    /// Where the services answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub endpoints: Vec<Endpoint>,
    /// The account in the ledger that this tenant's usage is kept under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 64))]
    pub account_id: Option<String>,
    /// Whose projected tokens speak for this tenant: what the API server binds the account to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Identity")]
    pub identity: Option<Identity>,
    /// What `kubectl get tenants` shows of plan and usage. Written by the API server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Display")]
    pub display: Option<Display>,
    /// What the account used in its billing period, as of an instant. Written by the API server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "UsageStatus")]
    pub usage: Option<UsageStatus>,
}

/// Whose projected tokens speak for a tenant.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The namespace that the tokens name.
    #[schemars(length(max = 63))]
    pub namespace: String,
    /// The stack's ServiceAccounts as they were observed, the gateway's included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub service_accounts: Vec<ServiceAccountIdentity>,
}

/// One ServiceAccount of a stack.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccountIdentity {
    /// Its name.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Its uid: one made anew under the same name is another.
    #[schemars(length(max = 64))]
    pub uid: String,
}

/// One named part of a stack.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ComponentStatus {
    /// The component's name.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Whether all of it runs.
    pub ready: bool,
    /// Which object waits for what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 1024))]
    pub message: Option<String>,
}

/// Where one service answers.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// The service's name.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Its address.
    #[schemars(length(max = 512))]
    pub url: String,
}
