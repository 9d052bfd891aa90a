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
pub mod tenant;

pub use deployment_profile::{DeploymentProfile, DeploymentProfileSpec, DeploymentProfileStatus};
pub use quantity::Quantity;
pub use tenant::{Tenant, TenantSpec, TenantStatus};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

/// The API group of both resources.
pub const GROUP: &str = "tenantry.dev";
/// The one version that is served.
pub const VERSION: &str = "v1alpha1";

/// Both definitions, each with the name of its file in `generated/`.
#[must_use]
pub fn all() -> [(&'static str, CustomResourceDefinition); 2] {
    [("tenants.yaml", Tenant::crd()), ("deploymentprofiles.yaml", DeploymentProfile::crd())]
}
