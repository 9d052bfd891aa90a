//! What a stack says of when its Tenant began: another instant for each, and none where one goes on with what another
//! left. Stacks are compared without it.

use serde_json::Value;

/// The object without it.
pub fn begun(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(begun),
        Value::Array(items) => {
            items.retain(|item| item["name"] != "TENANTRY_SENDERS_SINCE");
            items.iter_mut().for_each(begun);
        }
        _ => {}
    }
}
