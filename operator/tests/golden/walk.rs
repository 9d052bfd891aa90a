//! Ways through the rendered objects of every stack.

use operator::{
    desired::{self, Stack},
    kinds::Kind,
    object::Object,
};
use serde_json::Value;

use super::support;

/// Runs a check on every object of every stack; `path` in messages is `stack: Kind name`.
pub fn each_object(mut check: impl FnMut(&str, &Stack, &Object)) {
    for (case, stack) in support::every_stack() {
        for object in desired::objects(&stack) {
            check(&format!("{case}: {}", object.key), &stack, &object);
        }
    }
}

/// Runs a check on every pod template of every stack.
pub fn each_pod(mut check: impl FnMut(&str, &Value)) {
    each_object(|at, _, object| {
        if let Some(template) = pod_template(object) {
            check(at, template);
        }
    });
}

pub fn pod_template(object: &Object) -> Option<&Value> {
    match object.key.kind {
        Kind::Deployment => object.body.pointer("/spec/template"),
        Kind::CronJob => object.body.pointer("/spec/jobTemplate/spec/template"),
        _ => None,
    }
}

/// Walks all values below `value`, with their paths.
pub fn walk(path: &str, value: &Value, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, value);
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, member)| walk(&format!("{path}.{key}"), member, visit));
        }
        Value::Array(items) => {
            items.iter().for_each(|item| walk(&format!("{path}[]"), item, visit));
        }
        _ => {}
    }
}

/// A quantity in thousandths.
pub fn quantity(value: &Value) -> i128 {
    value.as_str().unwrap().parse::<crds::Quantity>().unwrap().milli()
}
