//! The way to the cluster.

use anyhow::Context as _;
use kube::Client;

/// A client without hidden retries: whether and when to try again is decided here, per tenant.
///
/// # Errors
/// When neither a cluster nor a kubeconfig is found.
pub async fn client() -> anyhow::Result<Client> {
    // Another part may have chosen the same provider before.
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let mut config = kube::Config::infer().await.context(
        "--cluster: no Kubernetes API found: run in a cluster, or point KUBECONFIG at a kubeconfig",
    )?;
    config.default_retry = false;
    config.read_timeout = None;
    Client::try_from(config).context("--cluster: the kubeconfig cannot be used")
}
