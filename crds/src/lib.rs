//! The resources of `tenantry.dev/v1alpha1` and the names that go with them.
//!
//! - [`Tenant`]: a customer, and how their stack differs from its profile.
//! - [`DeploymentProfile`]: a tier that many tenants follow.
//!
//! Nothing here does I/O. The manifests in `generated/` are written by the `crdgen` program, and a
//! test fails when they differ from these types.

pub mod bounded;
pub mod conditions;
pub mod deployment_profile;
pub mod manifest;
pub mod names;
pub mod quantity;
pub mod reference;
pub mod tenant;
pub mod values;

pub use deployment_profile::{DeploymentProfile, DeploymentProfileSpec, DeploymentProfileStatus};
pub use quantity::Quantity;
pub use tenant::{Tenant, TenantSpec, TenantStatus};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;

/// The API group of both resources.
pub const GROUP: &str = "tenantry.dev";
/// The one version that is served.
pub const VERSION: &str = "v1alpha1";

/// The name under which the API server meets the cluster: its field manager in a Tenant's status,
/// and the Lease in the release's namespace that says that it lives.
pub const API_SERVER: &str = "tenantry-api-server";

/// The annotation that names the request a Tenant was made of.
pub const INTAKE: &str = "tenantry.dev/intake";

/// The label of a profile's revision, with the profile's name.
pub const PROFILE: &str = "tenantry.dev/profile";

/// Both definitions, each with the name of its file in `generated/`.
#[must_use]
pub fn all() -> [(&'static str, CustomResourceDefinition); 2] {
    let files =
        [("tenants.yaml", Tenant::crd()), ("deploymentprofiles.yaml", DeploymentProfile::crd())];
    files.map(|(file, mut crd)| {
        for version in &mut crd.spec.versions {
            let schema = version.schema.as_mut().and_then(|s| s.open_api_v3_schema.as_mut());
            schema.into_iter().for_each(|schema| {
                tidy(schema);
                not_seen_yet(schema);
            });
        }
        (file, crd)
    })
}

/// A resource that nobody has looked at yet has a status that says so. Tools which judge by
/// `observedGeneration` (`kubectl wait`, Flux, Argo CD) would else take it for ready.
fn not_seen_yet(schema: &mut JSONSchemaProps) {
    let status = schema.properties.as_mut().and_then(|p| p.get_mut("status"));
    if let Some(status) = status {
        status.default = Some(JSON(serde_json::json!({ "observedGeneration": -1 })));
    }
}

/// The formats that we use and the API server knows; it warns of any other at every apply.
const FORMATS: [&str; 3] = ["int32", "int64", "date-time"];

/// Rust's unsigned integers come with formats such as `uint16`; minimum and maximum say the same.
/// And no field takes a null: a default would not replace it, and our types could not read it.
fn tidy(schema: &mut JSONSchemaProps) {
    if schema.format.as_deref().is_some_and(|f| !FORMATS.contains(&f)) {
        schema.format = None;
    }
    schema.nullable = None;
    schema.description = schema.description.take().map(|text| unwrapped(&text));
    schema.properties.iter_mut().flat_map(|p| p.values_mut()).for_each(tidy);
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(item)) => tidy(item),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => {
            items.iter_mut().for_each(tidy);
        }
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(value)) = &mut schema.additional_properties {
        tidy(value);
    }
}

/// Paragraphs without the line breaks of our source: `kubectl explain` wraps them itself.
fn unwrapped(text: &str) -> String {
    let paragraphs = text.trim().split("\n\n");
    paragraphs.map(|p| p.replace('\n', " ")).collect::<Vec<_>>().join("\n\n")
}
