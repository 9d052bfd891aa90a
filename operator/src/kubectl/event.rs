//! Events as people read them. Pure.

use k8s_openapi::jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::scene::text;

/// One event, or one that came again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The kind of what it is about.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Whether something may have to be mended.
    pub warning: bool,
    /// One word for it.
    pub reason: String,
    /// What happened.
    pub message: String,
    /// How often.
    pub count: i64,
    /// When it happened last.
    pub last: Option<Timestamp>,
    /// Who says so.
    pub by: String,
}

impl Event {
    /// Reads one, of either way that events are written.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        let of = |pointer| text(value, pointer).filter(|text| !text.is_empty());
        let number = |pointer| value.pointer(pointer).and_then(Value::as_i64);
        let last = of("/series/lastObservedTime")
            .or_else(|| of("/lastTimestamp"))
            .or_else(|| of("/eventTime"))
            .or_else(|| of("/metadata/creationTimestamp"));
        let by = of("/reportingComponent").or_else(|| of("/source/component")).unwrap_or("–");
        Some(Self {
            kind: of("/involvedObject/kind")?.to_owned(),
            name: of("/involvedObject/name")?.to_owned(),
            warning: of("/type") == Some("Warning"),
            reason: of("/reason").unwrap_or("–").to_owned(),
            message: of("/message").unwrap_or_default().to_owned(),
            count: number("/series/count").or_else(|| number("/count")).unwrap_or(1).max(1),
            last: last.and_then(|last| last.parse().ok()),
            by: by.strip_prefix("default-").unwrap_or(by).to_owned(),
        })
    }

    /// Whether it is about this object.
    #[must_use]
    pub fn is_about(&self, kind: &str, name: &str) -> bool {
        self.kind == kind && self.name == name
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_ways_of_writing_events_are_read() {
        let old = json!({
            "involvedObject": { "kind": "Pod", "name": "core-x" }, "type": "Warning", "reason": "BackOff",
            "message": "again", "count": 7, "lastTimestamp": "2026-11-29T10:00:00Z",
            "source": { "component": "kubelet" }, "reportingComponent": "",
        });
        let new = json!({
            "involvedObject": { "kind": "Tenant", "name": "acme" }, "type": "Normal", "reason": "DriftCorrected",
            "message": "undone", "eventTime": "2026-11-29T09:00:00.000000Z", "lastTimestamp": null,
            "series": { "count": 4, "lastObservedTime": "2026-11-29T10:00:00.000000Z" },
            "reportingComponent": "tenantry-operator",
        });
        let (old, new) = (Event::read(&old).unwrap(), Event::read(&new).unwrap());
        assert_eq!((old.count, old.by.as_str(), old.warning), (7, "kubelet", true));
        assert_eq!((new.count, new.by.as_str(), new.warning), (4, "tenantry-operator", false));
        assert_eq!(old.last, new.last);
        assert_eq!(Event::read(&json!({ "reason": "Of nothing" })), None);
    }
}
