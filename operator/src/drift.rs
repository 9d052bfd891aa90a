//! Who changed what on an object of ours: field, manager, operation, time. Pure.

use serde_json::{Map, Value};

use crate::reduce::{FIELD_MANAGER, GENERATE_MANAGER, HANDOVER_MANAGER};

/// A foreign change of a field that we own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The field's path, such as `spec.replicas`.
    pub field: String,
    /// Who did it, as far as the object tells.
    pub by: By,
}

/// Who changed a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// The one who holds the field now.
    Holder(Writer),
    /// Nobody holds the field now, as after its removal; this is the newest foreign write of
    /// anything on the object, if there is one.
    Unknown(Option<Writer>),
}

/// An entry of `managedFields`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// The field manager.
    pub manager: String,
    /// `Update` or `Apply`.
    pub operation: String,
    /// When, in RFC 3339, or empty.
    pub time: String,
}

impl std::fmt::Display for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}", self.manager, self.operation)?;
        // The API server keeps no time for a write through the scale subresource.
        if self.time.is_empty() { f.write_str(")") } else { write!(f, ", {})", self.time) }
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let field = &self.field;
        match &self.by {
            By::Holder(writer) => write!(f, "{field} was changed by {writer}"),
            By::Unknown(Some(writer)) => {
                write!(
                    f,
                    "{field} was changed, nobody holds it now; the last to write was {writer}"
                )
            }
            By::Unknown(None) => write!(f, "{field} was removed by somebody who left no name"),
        }
    }
}

/// A field of `wanted` that `live` holds otherwise, and who wrote it.
///
/// Of several the first that somebody else holds now: a value that the server itself rewrites
/// differs too, and is nobody's doing.
#[must_use]
pub fn describe(wanted: &Value, live: &Value) -> Option<Change> {
    let mut search = Search { here: Vec::new(), found: Vec::new() };
    search.compare(wanted, Some(live));
    let entries = foreign(live);
    for path in &search.found {
        let holders =
            entries.iter().filter(|e| e.get("fieldsV1").is_some_and(|fields| holds(fields, path)));
        if let Some(holder) = newest(holders) {
            return Some(Change { field: shown(path), by: By::Holder(holder) });
        }
    }
    let first = search.found.first()?;
    let last = newest(entries.iter());
    // Without any foreign trace only a removal is certain to be somebody's doing.
    if last.is_none() && !search.found.iter().any(|p| is_removal(p)) {
        return None;
    }
    let path = search.found.iter().find(|p| is_removal(p)).unwrap_or(first);
    Some(Change { field: shown(path), by: By::Unknown(last) })
}

/// Who set a field of an object, by a path such as `spec.services.[core].image`: the newest of those
/// that hold it, ours included. What an item is called in brackets is its name, or itself where it is
/// a text.
#[must_use]
pub fn holder(live: &Value, field: &str) -> Option<Writer> {
    let words: Vec<&str> = field.split('.').collect();
    let items: Vec<(Value, Value)> = words
        .iter()
        .map(|word| word.trim_matches(['[', ']']))
        .map(|name| (serde_json::json!({ "name": name }), Value::from(name)))
        .collect();
    let steps =
        words.iter().zip(&items).map(|(word, (named, text))| match word.strip_prefix('[') {
            Some(_) => Step::Item { index: usize::MAX, wanted: named, live: Some(text) },
            None => Step::Field(word),
        });
    let path: Path<'_> = steps.collect();
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    let entries: Vec<&Value> = entries.into_iter().flatten().collect();
    newest(entries.iter().filter(|e| {
        text(e, "subresource").is_none()
            && e.get("fieldsV1").is_some_and(|fields| holds(fields, &path))
    }))
}

/// The entries of `managedFields` that are neither ours nor of a controller's status.
fn foreign(live: &Value) -> Vec<&Value> {
    let ours = [FIELD_MANAGER, HANDOVER_MANAGER, GENERATE_MANAGER];
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    let foreign = entries.into_iter().flatten().filter(|e| {
        !text(e, "manager").is_some_and(|m| ours.contains(&m))
            && text(e, "subresource") != Some("status")
    });
    foreign.collect()
}

fn newest<'v>(entries: impl Iterator<Item = &'v &'v Value>) -> Option<Writer> {
    let entry = entries.max_by_key(|e| text(e, "time").unwrap_or_default())?;
    let of = |name: &str| text(entry, name).unwrap_or_default().to_owned();
    Some(Writer { manager: of("manager"), operation: of("operation"), time: of("time") })
}

fn text<'v>(entry: &'v Value, name: &str) -> Option<&'v str> {
    entry.get(name).and_then(Value::as_str)
}

/// One step from a value to a part of it.
#[derive(Clone, Copy, Debug)]
enum Step<'v> {
    Field(&'v str),
    /// An item of a list, as we want it and as it is.
    Item {
        index: usize,
        wanted: &'v Value,
        live: Option<&'v Value>,
    },
    /// The end of a path to something that is not there any more.
    Gone,
}

type Path<'v> = Vec<Step<'v>>;

fn is_removal(path: &[Step<'_>]) -> bool {
    matches!(path.last(), Some(Step::Gone))
}

fn shown(path: &[Step<'_>]) -> String {
    let words = path.iter().filter_map(|step| match step {
        Step::Field(name) => Some((*name).to_owned()),
        Step::Item { index, wanted, .. } => {
            let name = text(wanted, "name").map_or_else(|| index.to_string(), str::to_owned);
            Some(format!("[{name}]"))
        }
        Step::Gone => None,
    });
    words.collect::<Vec<_>>().join(".")
}

/// Whether a `fieldsV1` tree contains the path. Where the tree ends in `{}` it holds all below.
fn holds(fields: &Value, path: &[Step<'_>]) -> bool {
    let Some(members) = fields.as_object() else { return false };
    let Some((step, rest)) = path.split_first() else { return true };
    if members.is_empty() {
        return true;
    }
    match step {
        Step::Field(name) => members.get(&format!("f:{name}")).is_some_and(|f| holds(f, rest)),
        Step::Item { index, wanted, live } => members.iter().any(|(key, below)| {
            let named = key == &format!("i:{index}")
                || is_item(key, wanted)
                || live.is_some_and(|live| is_item(key, live));
            named && holds(below, rest)
        }),
        Step::Gone => false,
    }
}

/// Whether `k:{…}` or `v:…` names this item; all keys must agree, as a port's number and protocol.
fn is_item(key: &str, item: &Value) -> bool {
    if let Some(value) = key.strip_prefix("v:") {
        return serde_json::from_str::<Value>(value).is_ok_and(|value| value == *item);
    }
    let keys = key.strip_prefix("k:").and_then(|k| serde_json::from_str::<Map<_, _>>(k).ok());
    keys.is_some_and(|keys| keys.iter().all(|(name, value)| item.get(name) == Some(value)))
}

/// What makes an item of a list itself, where items have it; other lists are one value.
const IDENTITIES: [&[&str]; 3] = [&["name"], &["uid"], &["topologyKey", "whenUnsatisfiable"]];

/// Collects the path of every difference.
struct Search<'v> {
    here: Path<'v>,
    found: Vec<Path<'v>>,
}

impl<'v> Search<'v> {
    fn compare(&mut self, wanted: &'v Value, live: Option<&'v Value>) {
        match (wanted, live) {
            (_, None) => self.step(Step::Gone, Self::note),
            (Value::Object(wanted), Some(live)) => {
                for (name, value) in wanted {
                    if self.here.is_empty() && matches!(name.as_str(), "apiVersion" | "kind") {
                        continue;
                    }
                    self.step(Step::Field(name), |s| s.compare(value, live.get(name)));
                }
            }
            (Value::Array(wanted), Some(Value::Array(live))) => self.lists(wanted, live),
            (wanted, Some(live)) if wanted != live => self.note(),
            _ => {}
        }
    }

    fn lists(&mut self, wanted: &'v [Value], live: &'v [Value]) {
        let has = |item: &Value, keys: &[&str]| keys.iter().all(|k| item.get(k).is_some());
        let identity = IDENTITIES.iter().find(|keys| wanted.iter().all(|item| has(item, keys)));
        // What others add to a list with identities is theirs; any other list is ours as a whole.
        if identity.is_none() && wanted.len() != live.len() {
            return self.note();
        }
        for (index, item) in wanted.iter().enumerate() {
            let twin = match identity {
                Some(keys) => live.iter().find(|l| keys.iter().all(|k| l.get(k) == item.get(k))),
                None => live.get(index),
            };
            let step = Step::Item { index, wanted: item, live: twin };
            self.step(step, |s| s.compare(item, twin));
        }
    }

    fn step(&mut self, step: Step<'v>, then: impl FnOnce(&mut Self)) {
        self.here.push(step);
        then(self);
        self.here.pop();
    }

    fn note(&mut self) {
        self.found.push(self.here.clone());
    }
}

#[cfg(test)]
mod tests;
