//! Tenants whose every write hangs: an admission webhook that never answers.

use kube::Client;
use serde_json::json;

use crate::raw;

/// The webhook's configuration, which names a port that accepts and stays silent.
pub struct Poison {
    _listener: std::net::TcpListener,
}

impl Poison {
    /// From now on each of the operator's writes in a namespace `tenant-poison…` hangs for ten
    /// seconds and is then refused.
    pub async fn pour(client: &Client) -> anyhow::Result<Self> {
        // The kernel takes the connections; nobody ever reads from them.
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let url = format!("https://{}/", listener.local_addr()?);
        let mine = "request.userInfo.username.endsWith(':tenantry-operator')";
        let body = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": { "name": "bench-poison" },
            "webhooks": [{
                "name": "poison.bench.tenantry.dev", "clientConfig": { "url": url },
                "rules": [{ "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"],
                    "operations": ["CREATE", "UPDATE"], "scope": "Namespaced" }],
                "matchConditions": [
                    { "name": "ours", "expression": mine },
                    { "name": "poisoned", "expression": "request.namespace.startsWith('tenant-poison')" },
                ],
                "failurePolicy": "Fail", "sideEffects": "None", "timeoutSeconds": 10,
                "admissionReviewVersions": ["v1"],
            }],
        });
        let base = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
        raw::apply(client, &format!("{base}/bench-poison"), &body).await?;
        // The API server takes a moment to know of it.
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        Ok(Self { _listener: listener })
    }
}
