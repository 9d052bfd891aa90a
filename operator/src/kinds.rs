//! The one list of kinds that a stack is made of. It drives watch, apply, prune and RBAC.

use std::fmt;

/// A kind of object that the operator owns.
///
/// The order is the order of applying: what others need comes first (a pod mounts ConfigMaps,
/// Secrets and claims, so those exist before its Deployment). Removing goes the other way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each variant is the Kubernetes kind of the same name")]
pub enum Kind {
    Namespace,
    ResourceQuota,
    LimitRange,
    NetworkPolicy,
    ServiceAccount,
    ConfigMap,
    Secret,
    PersistentVolumeClaim,
    Service,
    Deployment,
    HorizontalPodAutoscaler,
    PodDisruptionBudget,
    CronJob,
    Ingress,
}

/// Everything the API needs to know to reach a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The API group, empty for the core group.
    pub group: &'static str,
    /// The version that we write.
    pub version: &'static str,
    /// The plural that stands in URLs and in RBAC.
    pub plural: &'static str,
}

impl Kind {
    /// Every kind, in the order of applying.
    pub const ALL: [Kind; 14] = [
        Kind::Namespace,
        Kind::ResourceQuota,
        Kind::LimitRange,
        Kind::NetworkPolicy,
        Kind::ServiceAccount,
        Kind::ConfigMap,
        Kind::Secret,
        Kind::PersistentVolumeClaim,
        Kind::Service,
        Kind::Deployment,
        Kind::HorizontalPodAutoscaler,
        Kind::PodDisruptionBudget,
        Kind::CronJob,
        Kind::Ingress,
    ];

    /// Where the API serves this kind.
    #[must_use]
    pub fn resource(self) -> Resource {
        let (group, version, plural) = match self {
            Kind::Namespace => ("", "v1", "namespaces"),
            Kind::ResourceQuota => ("", "v1", "resourcequotas"),
            Kind::LimitRange => ("", "v1", "limitranges"),
            Kind::NetworkPolicy => ("networking.k8s.io", "v1", "networkpolicies"),
            Kind::ServiceAccount => ("", "v1", "serviceaccounts"),
            Kind::ConfigMap => ("", "v1", "configmaps"),
            Kind::Secret => ("", "v1", "secrets"),
            Kind::PersistentVolumeClaim => ("", "v1", "persistentvolumeclaims"),
            Kind::Service => ("", "v1", "services"),
            Kind::Deployment => ("apps", "v1", "deployments"),
            Kind::HorizontalPodAutoscaler => ("autoscaling", "v2", "horizontalpodautoscalers"),
            Kind::PodDisruptionBudget => ("policy", "v1", "poddisruptionbudgets"),
            Kind::CronJob => ("batch", "v1", "cronjobs"),
            Kind::Ingress => ("networking.k8s.io", "v1", "ingresses"),
        };
        Resource { group, version, plural }
    }

    /// The kind's name as it stands in `kind:`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Namespace => "Namespace",
            Kind::ResourceQuota => "ResourceQuota",
            Kind::LimitRange => "LimitRange",
            Kind::NetworkPolicy => "NetworkPolicy",
            Kind::ServiceAccount => "ServiceAccount",
            Kind::ConfigMap => "ConfigMap",
            Kind::Secret => "Secret",
            Kind::PersistentVolumeClaim => "PersistentVolumeClaim",
            Kind::Service => "Service",
            Kind::Deployment => "Deployment",
            Kind::HorizontalPodAutoscaler => "HorizontalPodAutoscaler",
            Kind::PodDisruptionBudget => "PodDisruptionBudget",
            Kind::CronJob => "CronJob",
            Kind::Ingress => "Ingress",
        }
    }

    /// Whether objects of this kind hold a customer's data: they have no owner reference, are never
    /// pruned, and are detached instead.
    #[must_use]
    pub fn holds_data(self) -> bool {
        matches!(self, Kind::Namespace | Kind::Secret | Kind::PersistentVolumeClaim)
    }
}

impl Resource {
    /// `apiVersion` as it stands in a manifest.
    #[must_use]
    pub fn api_version(self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_and_complete() {
        assert!(Kind::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(Kind::ALL.last(), Some(&Kind::Ingress));
    }
}
