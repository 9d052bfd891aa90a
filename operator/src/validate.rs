//! A tenant and a profile revision, checked and merged into a [`Stack`]; or the problems, each with
//! the field's path and the remedy. Pure.

mod annotations;
mod capacity;
mod merge;
mod network;
mod resources;

use crds::{DeploymentProfileSpec, Tenant, names::TenantName};
use jiff::{SignedDuration, Timestamp};

use crate::{
    account,
    desired::{ResolvedService, Stack, meta},
    kinds::Kind,
    object::Key,
    observed::{Facts, Observed, Record},
};

/// Something in a tenant's spec or its profile that cannot be rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// One CamelCase word from a closed set; it becomes the reason of `ProfileValid`.
    pub reason: &'static str,
    /// Field, value, and what is possible instead.
    pub message: String,
}

/// The reasons that [`stack`] gives.
pub mod reasons {
    /// `spec.overrides.services[]` names a service that the profile does not have.
    pub const OVERRIDE_UNKNOWN: &str = "OverrideUnknown";
    /// An override does not fit the service that it changes.
    pub const OVERRIDE_INVALID: &str = "OverrideInvalid";
    /// `spec.overlays[]` names an overlay that the profile does not have.
    pub const OVERLAY_UNKNOWN: &str = "OverlayUnknown";
    /// A request exceeds its limit.
    pub const RESOURCES_INVALID: &str = "ResourcesInvalid";
    /// An address range is none.
    pub const CIDR_INVALID: &str = "CidrInvalid";
    /// An annotation's name is none.
    pub const ANNOTATION_INVALID: &str = "AnnotationInvalid";
    /// The profile's quota does not hold the stack.
    pub const QUOTA_TOO_SMALL: &str = "QuotaTooSmall";
    /// A claim would have to shrink or change its class.
    pub const STORAGE_IMMUTABLE: &str = "StorageImmutable";
    /// `spec.scheduling[]` names a component that the profile does not have.
    pub const COMPONENT_UNKNOWN: &str = "ComponentUnknown";
    /// A name that cannot be a tenant's.
    pub const NAME_INVALID: &str = "NameInvalid";
    /// `spec.pausedUntil` is no instant.
    pub const PAUSED_UNTIL_INVALID: &str = "PausedUntilInvalid";
}

/// Checks and merges; `revision` is what the profile is called in messages, such as `prod@7`.
///
/// # Errors
/// Every problem found, the most telling first.
pub fn stack(
    tenant: &Tenant,
    profile: &DeploymentProfileSpec,
    profile_name: &str,
    observed: &Observed,
) -> Result<Stack, Vec<Problem>> {
    let mut problems = Vec::new();
    let name = tenant.metadata.name.as_deref().unwrap_or_default();
    let name = TenantName::new(name)
        .map_err(|e| vec![Problem { reason: reasons::NAME_INVALID, message: e.to_string() }])?;
    let services = merge::services(tenant, profile, profile_name, &mut problems);
    check_scheduling(profile, profile_name, &mut problems);
    let account = account::effective(tenant, observed);
    let since = since(tenant, observed);
    let stack = Stack { account, since, ..assemble(tenant, name, profile, profile_name, services) };
    resources::check(tenant, profile, &stack, &mut problems);
    network::check(&stack, &mut problems);
    annotations::check(&stack, &mut problems);
    capacity::check(&stack, &mut problems);
    check_claims(&stack, observed, &mut problems);
    if problems.is_empty() { Ok(stack) } else { Err(problems) }
}

fn assemble(
    tenant: &Tenant,
    name: TenantName,
    profile: &DeploymentProfileSpec,
    profile_name: &str,
    services: Vec<ResolvedService>,
) -> Stack {
    Stack {
        tenant: name,
        uid: tenant.metadata.uid.as_deref().unwrap_or_default().into(),
        since: None,
        account: Box::default(),
        display_name: tenant.spec.display_name.clone(),
        contact: tenant.spec.contact.clone(),
        tier: profile.tier.as_str(),
        profile: profile_name.into(),
        suspended: tenant.spec.suspend,
        services,
        images: profile.images.clone(),
        telemetry: profile.telemetry.clone(),
        billing: profile.billing.clone(),
        backups: profile.backups.clone(),
        quota: profile.quota.clone(),
        network: profile.network.clone(),
        scheduling: profile.scheduling.clone(),
    }
}

/// How much later than its Tenant a namespace is made where nothing stood in the way. One that waited for more, as for
/// the end of what a former tenant of the name left, began with its namespace: until then others' pods may have run.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(60);

/// The creation of the Tenant, or that of its namespace where this came late; of one that goes on where another ended it
/// says nothing, as pods may run since before.
fn since(tenant: &Tenant, observed: &Observed) -> Option<Timestamp> {
    let made = tenant.metadata.creation_timestamp.as_ref()?.0;
    let since = late_namespace(tenant, observed).unwrap_or(made);
    tenant.spec.adopt.is_none().then_some(since)
}

/// When the namespace of the stack was made, if it is this Tenant's and was not made with it.
#[must_use]
pub fn late_namespace(tenant: &Tenant, observed: &Observed) -> Option<Timestamp> {
    let (uid, made) =
        (tenant.metadata.uid.as_deref()?, tenant.metadata.creation_timestamp.as_ref()?);
    let of_it = |record: &Record| match record.facts {
        Facts::Namespace { created, .. } if Observed::is_ours(record, uid) => {
            Timestamp::from_second(created).ok()
        }
        _ => None,
    };
    let namespace = observed.objects.values().find_map(of_it)?;
    (namespace.duration_since(made.0) > AT_ONCE).then_some(namespace)
}

fn check_scheduling(profile: &DeploymentProfileSpec, name: &str, problems: &mut Vec<Problem>) {
    let ours = [meta::GATEWAY, meta::COLLECTOR, meta::METRICS, meta::GRAFANA, meta::BACKUP];
    for (index, entry) in profile.scheduling.iter().enumerate() {
        let component = entry.component.as_str();
        if ours.contains(&component) || profile.services.iter().any(|s| s.name == component) {
            continue;
        }
        problems.push(Problem {
            reason: reasons::COMPONENT_UNKNOWN,
            message: format!(
                "profile {name}, spec.scheduling[{index}].component {component:?}: the components are {}, {}",
                service_names(profile),
                ours.join(", ")
            ),
        });
    }
}

/// Kubernetes refuses a claim that shrinks or changes its class; say so before asking.
fn check_claims(stack: &Stack, observed: &Observed, problems: &mut Vec<Problem>) {
    for claim in claims(stack) {
        let Some(record) =
            observed.objects.get(&Key::new(Kind::PersistentVolumeClaim, &claim.name))
        else {
            continue;
        };
        let Facts::Claim { size_milli, class, .. } = &record.facts else { continue };
        if claim.size.milli() < *size_milli {
            problems.push(Problem {
                reason: reasons::STORAGE_IMMUTABLE,
                message: format!(
                    "profile {}, {} is {}, but claim {} already asks for {}: a claim cannot shrink; set at least that",
                    stack.profile, claim.field, claim.size, claim.name,
                    crds::Quantity::from_milli_binary(*size_milli),
                ),
            });
        }
        if let (Some(wanted), Some(class)) = (&claim.class, class)
            && wanted.as_str() != class.as_ref()
        {
            problems.push(Problem {
                reason: reasons::STORAGE_IMMUTABLE,
                message: format!(
                    "profile {}, {} asks for storage class {wanted:?}, but claim {} was made with {class:?}: \
                     the class of a claim cannot change; set it back, or move the data to a new service",
                    stack.profile, claim.field, claim.name,
                ),
            });
        }
    }
}

/// A claim that the stack needs.
pub(crate) struct Claim {
    pub(crate) name: String,
    pub(crate) field: String,
    pub(crate) size: crds::Quantity,
    pub(crate) class: Option<String>,
}

/// The claims that the stack needs, with the profile field that sizes each.
pub(crate) fn claims(stack: &Stack) -> Vec<Claim> {
    let mut claims = vec![Claim {
        name: "tenantry-billing".to_owned(),
        field: "spec.billing.storage".to_owned(),
        size: stack.billing.storage.size,
        class: stack.billing.storage.class_name.clone(),
    }];
    for service in &stack.services {
        if let Some(storage) = &service.storage {
            claims.push(Claim {
                name: meta::claim_name(&service.name),
                field: format!("spec.services[{}].storage", service.name),
                size: storage.size,
                class: storage.class_name.clone(),
            });
        }
    }
    if let Some(metrics) = stack.telemetry.metrics.as_ref().filter(|m| m.enabled) {
        claims.push(Claim {
            name: meta::claim_name(meta::METRICS),
            field: "spec.telemetry.metrics.storage".to_owned(),
            size: metrics.storage,
            class: metrics.storage_class_name.clone(),
        });
    }
    claims
}

fn service_names(profile: &DeploymentProfileSpec) -> String {
    let names: Vec<&str> = profile.services.iter().map(|s| s.name.as_str()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests;
