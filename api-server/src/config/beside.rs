//! The cluster that a server is beside.

use anyhow::{bail, ensure};
use clap::Args;
use jiff::SignedDuration;

use crate::auth::Issuer;
use crate::auth::bindings::clusters;
use crate::cluster::Settings;

/// Whether it is beside one, and how it keeps the tenants there.
#[derive(Args, Clone, Debug)]
pub struct ClusterArgs {
    /// Keep accounts for the Tenants of a Kubernetes cluster, and write what these come to into their
    /// status: that of the pod, or else of KUBECONFIG. Without it no cluster is needed.
    #[arg(long, env = "TENANTRY_CLUSTER")]
    pub cluster: bool,
    /// Which of the trusted issuers (kind kubernetes) signs the tokens of that cluster. Needed where several are
    /// trusted; of one it is that.
    #[arg(long, env = "TENANTRY_CLUSTER_ISSUER")]
    pub cluster_issuer: Option<String>,
    /// Seconds between two writes to one tenant's status while only figures change. A level, a plan or
    /// a condition is written at once.
    #[arg(long, env = "TENANTRY_STATUS_INTERVAL", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub status_interval: u32,
    /// The namespace of the Lease that says that figures in tenants' status are vouched for: the
    /// operator's.
    #[arg(long, env = "TENANTRY_LEASE_NAMESPACE", default_value = "tenantry-system")]
    pub lease_namespace: String,
    /// The share of all tenants, in percent, whose services may be stopped for a used-up quota
    /// (`spec.quotaAction`) within an hour; one at least. While more are due, none is stopped and a
    /// person is to look. 0: none is ever stopped.
    #[arg(long, env = "TENANTRY_SUSPEND_SHARE", default_value_t = 10, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub suspend_share: u8,
}

impl ClusterArgs {
    /// How tenants' status is kept, where these issuers are trusted.
    ///
    /// # Errors
    /// When it cannot be told whose tokens the cluster's workloads have.
    pub fn settings(&self, trusted: &[Issuer]) -> anyhow::Result<Settings> {
        // In a pod this is the pod's name.
        let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "api-server".to_owned());
        Ok(Settings {
            every: SignedDuration::from_secs(self.status_interval.into()),
            suspend_share: self.suspend_share,
            issuer: signer(&clusters(trusted), self.cluster_issuer.as_deref())?,
            namespace: self.lease_namespace.clone(),
            identity: format!("{host}-{}", std::process::id()),
        })
    }
}

/// Who signs the cluster's tokens: who is named, or the one that there is.
fn signer(clusters: &[&str], named: Option<&str>) -> anyhow::Result<Option<String>> {
    match (named, clusters) {
        (Some(named), _) => {
            ensure!(
                clusters.contains(&named),
                "--cluster-issuer (TENANTRY_CLUSTER_ISSUER) {named:?} is no trusted issuer of kind kubernetes; these \
                 are: {clusters:?}"
            );
            Ok(Some(named.to_owned()))
        }
        (None, [one]) => Ok(Some((*one).to_owned())),
        (None, []) => Ok(None),
        (None, _) => bail!(
            "several clusters are trusted ({clusters:?}), and --cluster binds the workloads of one: say which with \
             --cluster-issuer (TENANTRY_CLUSTER_ISSUER)"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_clusters_one_is_named() {
        let signs = |clusters: &[&str], named| signer(clusters, named).map_err(|e| e.to_string());
        assert_eq!(signs(&[], None), Ok(None));
        assert_eq!(signs(&["a"], None), Ok(Some("a".to_owned())));
        assert_eq!(signs(&["a", "b"], Some("b")), Ok(Some("b".to_owned())));
        assert!(signs(&["a", "b"], None).unwrap_err().contains("say which with --cluster-issuer"));
        let unknown = signs(&["a"], Some("c")).unwrap_err();
        assert!(unknown.contains(r#""c" is no trusted issuer"#), "{unknown}");
    }
}
