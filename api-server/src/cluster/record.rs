//! What is kept of a tenant: what its account, plan and status need, and nothing else.

use crds::{
    INTAKE, Tenant,
    conditions::{DRAINING, OF_API_SERVER, RECONCILING, find},
    tenant::{Billing, Display, Identity, QuotaAction, UsageStatus},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use uuid::Uuid;

use super::stack;
use crate::store::provisions::Stack;

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
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Whether it is being deleted and its gateway is to be drained: its services have stopped.
    pub drains: bool,
    /// The request that it was made of, and how far its stack is, once the operator says so.
    pub made_of: Option<(Uuid, Stack)>,
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

impl Shown {
    /// Whether nothing of ours stands there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.display.is_none() && self.usage.is_none() && self.conditions.is_empty()
    }
}

impl Record {
    /// Of a resource as the API server sent it.
    #[must_use]
    pub fn of(tenant: Tenant) -> Option<Self> {
        let status = tenant.status.unwrap_or_default();
        let deleting = tenant.metadata.deletion_timestamp.is_some();
        let step = find(&status.conditions, RECONCILING).map(|condition| &*condition.reason);
        // What was once said of it stays: the removal goes on by it.
        let begun = status.usage.as_ref().is_some_and(|usage| usage.drain.is_some());
        let drains = deleting && (begun || step == Some(DRAINING));
        let request = tenant.metadata.annotations.as_ref().and_then(|all| all.get(INTAKE));
        let request = request.and_then(|id| id.parse().ok());
        let made_of = request.and_then(|id| Some((id, stack::of(&status, deleting)?)));
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
            deleting,
            drains,
            made_of,
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

#[cfg(test)]
mod tests {
    use crds::tenant::Drain;
    use serde_json::json;

    use super::*;

    /// Whether a tenant is to drain: being deleted or not, at a step, with what was said of a drain.
    fn drains(deleting: bool, step: &str, said: Option<Drain>) -> bool {
        let mut tenant: Tenant = serde_json::from_value(json!({
            "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant",
            "metadata": { "name": "acme", "uid": "u-1", "resourceVersion": "1" },
            "spec": { "displayName": "Acme", "profileRef": { "name": "dev" } },
            "status": { "conditions": [{ "type": "Reconciling", "status": "True", "reason": step,
                "message": "", "lastTransitionTime": "2026-11-10T12:00:00Z" }] },
        }))
        .unwrap();
        if deleting {
            let at = serde_json::from_value(json!("2026-11-10T12:00:00Z")).unwrap();
            tenant.metadata.deletion_timestamp = Some(at);
        }
        let usage = said.map(|drain| UsageStatus { drain: Some(drain), ..UsageStatus::default() });
        tenant.status.as_mut().unwrap().usage = usage;
        let record = Record::of(tenant).unwrap();
        assert_eq!(record.deleting, deleting);
        record.drains
    }

    #[test]
    fn a_gateway_is_drained_once_the_operator_has_stopped_what_sends_to_it() {
        assert!(!drains(true, "StoppingServices", None));
        assert!(drains(true, DRAINING, None));
        assert!(drains(true, "RemovingStack", Some(Drain { sealed: true, held: 0 })), "it stays");
        assert!(!drains(false, DRAINING, None), "nobody deletes it");
    }
}
