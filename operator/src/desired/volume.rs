//! What pods mount.

use serde_json::{Value, json};

/// Where projected tokens are mounted.
pub const TOKEN_FOLDER: &str = "/var/run/secrets/tenantry";
/// The file of a projected token.
pub const TOKEN_FILE: &str = "/var/run/secrets/tenantry/token";
/// The audience of the tokens by which workloads report usage.
pub const USAGE_AUDIENCE: &str = "tenantry-usage";
/// The audience of the tokens by which a gateway reports to the control plane, and a backup job asks its
/// gateway; which of them a token is for, its ServiceAccount says.
pub const GATEWAY_AUDIENCE: &str = "tenantry-gateway";

/// One volume and where the container sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    name: &'static str,
    path: String,
    read_only: bool,
    kind: &'static str,
    source: Value,
}

impl Volume {
    fn new(
        name: &'static str,
        path: &str,
        read_only: bool,
        (kind, source): (&'static str, Value),
    ) -> Self {
        let path = match path.trim_end_matches('/') {
            "" => "/",
            trimmed => trimmed,
        };
        Self { name, path: path.to_owned(), read_only, kind, source }
    }

    /// A bounded folder that lives as long as the pod.
    #[must_use]
    pub fn scratch(name: &'static str, path: &str, size: &str) -> Self {
        Self::new(name, path, false, ("emptyDir", json!({ "sizeLimit": size })))
    }

    /// A claim.
    #[must_use]
    pub fn claim(claim: &str, path: &str) -> Self {
        Self::new("data", path, false, ("persistentVolumeClaim", json!({ "claimName": claim })))
    }

    /// Files of a ConfigMap: pairs of a key and the path below `path`.
    #[must_use]
    pub fn config(config_map: &str, path: &str, files: &[(&str, &str)]) -> Self {
        let source = json!({ "name": config_map, "items": items(files) });
        Self::new("config", path, true, ("configMap", source))
    }

    /// Files of a Secret, readable by the pod's own user only.
    #[must_use]
    pub fn secret(secret: &str, path: &str, files: &[(&str, &str)]) -> Self {
        let source = json!({ "secretName": secret, "defaultMode": 0o440, "items": items(files) });
        Self::new("secret", path, true, ("secret", source))
    }

    /// A short-lived token of the pod's ServiceAccount for one audience, rotated by the kubelet.
    #[must_use]
    pub fn token(audience: &str) -> Self {
        let token = json!({ "audience": audience, "expirationSeconds": 3600, "path": "token" });
        let source = json!({ "sources": [{ "serviceAccountToken": token }] });
        Self::new("token", TOKEN_FOLDER, true, ("projected", source))
    }

    /// Where the container sees it, without a slash at the end.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its name, where what it holds goes with the pod.
    #[must_use]
    pub fn scratch_name(&self) -> Option<&'static str> {
        (self.kind == "emptyDir").then_some(self.name)
    }

    /// The entry of the pod's `volumes`.
    #[must_use]
    pub fn source(&self) -> Value {
        json!({ "name": self.name, self.kind: self.source })
    }

    /// The entry of the container's `volumeMounts`.
    #[must_use]
    pub fn mount(&self) -> Value {
        let mut mount = json!({ "name": self.name, "mountPath": self.path });
        if self.read_only {
            mount["readOnly"] = true.into();
        }
        mount
    }
}

fn items(files: &[(&str, &str)]) -> Vec<Value> {
    files.iter().map(|(key, path)| json!({ "key": key, "path": path })).collect()
}
