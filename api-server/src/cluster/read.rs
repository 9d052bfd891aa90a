//! Objects are read one by one: what a newer version wrote and this one cannot read hides nothing else. Pure.

use crds::{DeploymentProfile, DeploymentProfileSpec, Tenant, TenantSpec, tenant::ProfileRef};
use kube::{
    Resource,
    api::{ApiResource, DynamicObject},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What a resource is asked for by, without being read as it.
pub(super) fn resource<K: Resource<DynamicType = ()>>() -> ApiResource {
    ApiResource::erase::<K>(&())
}

/// The object as this version knows it, or what is wrong with it in the decoder's words.
pub(super) fn read<K: DeserializeOwned>(object: &DynamicObject) -> Result<K, serde_json::Error> {
    serde_json::to_value(object).and_then(serde_json::from_value)
}

/// A part of it, where that can be read.
fn part<T: DeserializeOwned>(object: &DynamicObject, place: &str) -> Option<T> {
    object.data.pointer(place).cloned().and_then(|part: Value| serde_json::from_value(part).ok())
}

/// The plan of tenants of a profile that name none.
pub(super) fn default_plan(object: &DynamicObject) -> Option<String> {
    part(object, "/spec/defaultPlan")
}

/// What can be read of a profile: how it rolls out, and what the operator says of it.
pub(super) fn profile_in_part(object: DynamicObject) -> DeploymentProfile {
    let spec = DeploymentProfileSpec {
        rollout: part(&object, "/spec/rollout").unwrap_or_default(),
        ..DeploymentProfileSpec::default()
    };
    let status = part(&object, "/status");
    DeploymentProfile { metadata: object.metadata, spec, status }
}

/// What can be read of a tenant: whose it is, which profile it names, and what the operator says of it.
pub(super) fn tenant_in_part(object: DynamicObject) -> Tenant {
    let text = |place| part::<String>(&object, place).unwrap_or_default();
    let spec = TenantSpec {
        display_name: text("/spec/displayName"),
        profile_ref: ProfileRef {
            name: text("/spec/profileRef/name"),
            revision: part(&object, "/spec/profileRef/revision"),
        },
        ..TenantSpec::default()
    };
    let status = part(&object, "/status");
    Tenant { metadata: object.metadata, spec, status }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_what_cannot_be_read_the_rest_is() {
        let tenant = json!({
            "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant", "metadata": { "name": "acme", "uid": "u-1" },
            "spec": { "displayName": "Acme", "profileRef": { "name": "prod", "revision": 3 },
                "suspend": "of tomorrow" },
            "status": { "accountId": "a-1" },
        });
        let object: DynamicObject = serde_json::from_value(tenant.clone()).unwrap();
        let said = read::<Tenant>(&object).unwrap_err().to_string();
        assert!(said.contains("of tomorrow"), "{said}");
        let read_in_part = tenant_in_part(object);
        assert_eq!(read_in_part.spec.display_name, "Acme");
        assert_eq!(read_in_part.spec.profile_ref.revision, Some(3));
        assert_eq!(read_in_part.status.unwrap().account_id.as_deref(), Some("a-1"));
        let mut good = tenant;
        good["spec"]["suspend"] = true.into();
        let object: DynamicObject = serde_json::from_value(good).unwrap();
        assert!(read::<Tenant>(&object).unwrap().spec.suspend);
    }
}
