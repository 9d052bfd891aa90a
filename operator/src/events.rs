//! Kubernetes events: deduplicated, best effort, never a reason to fail.

use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client, Resource,
    runtime::events::{Event, EventType, Recorder, Reporter},
};

use crate::{kinds::Kind, object::Key};

/// The work that an event tells of does not wait longer than this for it to be taken.
const PATIENCE: Duration = Duration::from_secs(2);

/// Publishes events about our resources. Cheap to clone.
#[derive(Clone)]
pub struct Events {
    recorder: Recorder,
}

impl Events {
    /// `identity` names this process.
    #[must_use]
    pub fn new(client: Client, identity: &str) -> Self {
        let reporter =
            Reporter { controller: "tenantry-operator".into(), instance: Some(identity.into()) };
        Self { recorder: Recorder::new(client, reporter) }
    }

    /// Something a person may want to know.
    pub async fn normal<K: Resource<DynamicType = ()>>(&self, about: &K, reason: &str, note: &str) {
        self.publish(about, EventType::Normal, reason, note, None).await;
    }

    /// Something that happened to one part of what the event is about. The recorder counts events
    /// that differ in their note alone as one; the part keeps those of different parts apart.
    pub async fn normal_of_part<K: Resource<DynamicType = ()>>(
        &self,
        about: &K,
        part: ObjectReference,
        reason: &str,
        note: &str,
    ) {
        self.publish(about, EventType::Normal, reason, note, Some(part)).await;
    }

    /// Something a person may have to mend.
    pub async fn warning<K: Resource<DynamicType = ()>>(
        &self,
        about: &K,
        reason: &str,
        note: &str,
    ) {
        self.publish(about, EventType::Warning, reason, note, None).await;
    }

    async fn publish<K: Resource<DynamicType = ()>>(
        &self,
        about: &K,
        type_: EventType,
        reason: &str,
        note: &str,
        part: Option<ObjectReference>,
    ) {
        let end = (0..=1000.min(note.len())).rev().find(|&i| note.is_char_boundary(i)).unwrap_or(0);
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(note[..end].to_owned()),
            action: "Reconcile".to_owned(),
            secondary: part,
        };
        let about = about.object_ref(&());
        match tokio::time::timeout(PATIENCE, self.recorder.publish(&event, &about)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, reason, "an event was not taken"),
            Err(_) => tracing::debug!(reason, "an event was not answered"),
        }
    }
}

/// A field of an object of a stack, as an event names it.
#[must_use]
pub fn part(namespace: &str, key: &Key, field: Option<&str>) -> ObjectReference {
    ObjectReference {
        api_version: Some(key.kind.resource().api_version()),
        kind: Some(key.kind.as_str().to_owned()),
        namespace: (key.kind != Kind::Namespace).then(|| namespace.to_owned()),
        name: Some(key.name.to_string()),
        field_path: field.map(str::to_owned),
        ..ObjectReference::default()
    }
}

#[cfg(test)]
mod tests;
