//! Kubernetes events: deduplicated, best effort, never a reason to fail.

use kube::{
    Client, Resource,
    runtime::events::{Event, EventType, Recorder, Reporter},
};

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
        self.publish(about, EventType::Normal, reason, note).await;
    }

    /// Something a person may have to mend.
    pub async fn warning<K: Resource<DynamicType = ()>>(
        &self,
        about: &K,
        reason: &str,
        note: &str,
    ) {
        self.publish(about, EventType::Warning, reason, note).await;
    }

    async fn publish<K: Resource<DynamicType = ()>>(
        &self,
        about: &K,
        type_: EventType,
        reason: &str,
        note: &str,
    ) {
        let end = (0..=1000.min(note.len())).rev().find(|&i| note.is_char_boundary(i)).unwrap_or(0);
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(note[..end].to_owned()),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        if let Err(error) = self.recorder.publish(&event, &about.object_ref(&())).await {
            tracing::debug!(%error, reason, "an event was not taken");
        }
    }
}
