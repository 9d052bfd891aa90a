//! The YAML form of what we generate.

use serde::Serialize;

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

/// Several objects as one YAML stream, with the header.
///
/// # Errors
/// When an object cannot be written as YAML.
pub fn yaml_stream(objects: &[serde_json::Value]) -> Result<String, String> {
    let bodies: Result<Vec<String>, String> =
        objects.iter().map(|o| serde_saphyr::to_string(o).map_err(|e| e.to_string())).collect();
    Ok(format!("{HEADER}{}", bodies?.join("---\n")))
}
