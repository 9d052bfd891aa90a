//! What is kept of a tenant: what its account, plan and status need, and nothing else.

use crds::{
    Tenant,
    conditions::OF_API_SERVER,
    tenant::{Billing, Display, Identity, QuotaAction, UsageStatus},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// A tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its name.
    pub name: Box<str>,
    /// Its uid.
    pub uid: Box<str>,
    /// The generation of its spec.
    pub generation: i64,
    /// The version of the object; a larger one is newer.
    pub version: u64,
    /// The customer's name.
    pub display_name: Box<str>,
    /// The profile's name.
    pub profile: Box<str>,
    /// The plan that is asked for.
    pub plan: Option<String>,
    /// What is asked for when the quota is used up.
    pub quota_action: Option<QuotaAction>,
    /// What the spec says of currency and calendar.
    pub billing: Option<Billing>,
    /// The account, once the operator says which.
    pub account: Option<String>,
    /// Whose tokens speak for it, once the operator says whose.
    pub identity: Option<Identity>,
    /// What stands in its status of ours.
    pub shown: Shown,
}

/// Our part of a tenant's status.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    /// What lists show.
    pub display: Option<Display>,
    /// What was used.
    pub usage: Option<UsageStatus>,
    /// Our conditions.
    pub conditions: Vec<Condition>,
}

impl Record {
    /// Of a resource as the API server sent it.
    #[must_use]
    pub fn of(tenant: Tenant) -> Option<Self> {
        let status = tenant.status.unwrap_or_default();
        let ours = |condition: &Condition| OF_API_SERVER.contains(&condition.type_.as_str());
        Some(Self {
            name: tenant.metadata.name?.into(),
            uid: tenant.metadata.uid?.into(),
            generation: tenant.metadata.generation.unwrap_or_default(),
            version: tenant.metadata.resource_version?.parse().unwrap_or_default(),
            display_name: tenant.spec.display_name.into(),
            profile: tenant.spec.profile_ref.name.into(),
            plan: tenant.spec.plan,
            quota_action: tenant.spec.quota_action,
            billing: tenant.spec.billing,
            account: status.account_id,
            identity: status.identity,
            shown: Shown {
                display: status.display,
                usage: status.usage,
                conditions: status.conditions.into_iter().filter(ours).collect(),
            },
        })
    }

    /// Whether nothing that concerns us differs.
    #[must_use]
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        Self { version: other.version, ..self.clone() } == *other
    }
}
