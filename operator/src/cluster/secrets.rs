//! Random values for generated Secrets. They are never logged nor kept.

use serde_json::{Map, Value};

/// Characters that need no quoting anywhere; 64 of them, so six random bits choose one evenly.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// 32 characters of six bits: 192 bits.
const LENGTH: usize = 32;

/// `body` with a random value for each of `fields`, as `data` holds them (base64).
pub(super) fn fill(body: &Value, fields: &[&str]) -> Result<Value, String> {
    let mut data = Map::new();
    for field in fields {
        data.insert((*field).to_owned(), base64(&random()?).into());
    }
    let mut filled = body.clone();
    filled["data"] = Value::Object(data);
    Ok(filled)
}

fn random() -> Result<Vec<u8>, String> {
    let mut bytes = [0_u8; LENGTH];
    getrandom::fill(&mut bytes).map_err(|e| format!("no randomness from the system: {e}"))?;
    Ok(bytes.iter().map(|b| ALPHABET[usize::from(b & 63)]).collect())
}

fn base64(bytes: &[u8]) -> String {
    use k8s_openapi::ByteString;
    match serde_json::to_value(ByteString(bytes.to_vec())) {
        Ok(Value::String(text)) => text,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_value_is_new_and_long() {
        let body = json!({ "kind": "Secret" });
        let one = fill(&body, &["password"]).unwrap();
        let two = fill(&body, &["password"]).unwrap();
        assert_ne!(one, two);
        assert_eq!(one["data"]["password"].as_str().unwrap().len(), 44);
    }
}
