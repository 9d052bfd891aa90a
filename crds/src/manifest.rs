//! The YAML form of what we generate.

use serde::Serialize;
use serde_json::json;

/// What the first line of every generated manifest says.
pub const HEADER: &str = "# Generated; `scripts/generate.sh` writes it and a test compares it.\n";

/// One object as YAML, with the header.
///
/// # Errors
/// When the object cannot be written as YAML.
pub fn yaml(object: &impl Serialize) -> Result<String, String> {
    let value = serde_json::to_value(object).map_err(|e| e.to_string())?;
    let body = serde_saphyr::to_string(&value).map_err(|e| e.to_string())?;
    Ok(format!("{HEADER}{body}"))
}

/// One object as YAML, with the header, marked as belonging to the chart's release and as staying when
/// that is uninstalled. With these marks Helm takes what its own `crds/` step made into the release,
/// so that upgrades reach it (ADR 8).
///
/// # Errors
/// When the object cannot be written as YAML.
pub fn yaml_in_chart(object: &impl Serialize) -> Result<String, String> {
    let mut value = serde_json::to_value(object).map_err(|e| e.to_string())?;
    value["metadata"]["annotations"] = json!({
        "helm.sh/resource-policy": "keep",
        "meta.helm.sh/release-name": RELEASE,
        "meta.helm.sh/release-namespace": RELEASE_NAMESPACE,
    });
    value["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "Helm".into();
    yaml(&value)
}

/// What the chart's release is called; the chart refuses another name.
pub const RELEASE: &str = "tenantry";
/// Where it is installed; the chart refuses another namespace.
pub const RELEASE_NAMESPACE: &str = "tenantry-system";

/// Several objects as one YAML stream, with the header.
///
/// # Errors
/// When an object cannot be written as YAML.
pub fn yaml_stream(objects: &[serde_json::Value]) -> Result<String, String> {
    let bodies: Result<Vec<String>, String> =
        objects.iter().map(|o| serde_saphyr::to_string(o).map_err(|e| e.to_string())).collect();
    Ok(format!("{HEADER}{}", bodies?.join("---\n")))
}
