//! The document, and its operations.

use api_server::routes::Routes;
use serde_json::Value;

pub fn document() -> Value {
    serde_json::from_str(&Routes::all().document().unwrap()).unwrap()
}

/// `GET /billing/plans` and so on, as the document has them.
pub fn operations() -> Vec<(String, String, Value)> {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| {
            (method.to_uppercase(), path.clone(), operation.clone())
        })
    });
    each.collect()
}
