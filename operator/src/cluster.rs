//! The one way to the API server: every write passes the leader's fence, carries its preconditions,
//! and enters [`World`] before anybody decides anything else.

mod error;
mod fence;
mod ports;
mod resources;
mod secrets;
mod send;

use kube::{
    Client,
    api::{DeleteParams, Patch, PatchParams, PostParams},
    core::Request,
};
use serde_json::{Value, json};

pub use error::ApiError;
pub use fence::Fence;

use crate::{
    desired::meta,
    fingerprint,
    kinds::Kind,
    metrics::Metrics,
    object::Key,
    observed::Record,
    plan::Action,
    reduce::{self, FIELD_MANAGER, GENERATE_MANAGER},
    world::{Part, World},
};

/// The finalizer that lets us take a stack down in order.
pub const FINALIZER: &str = "tenantry.dev/cleanup";

/// Whose object is written, and where.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The tenant's name.
    pub tenant: &'a str,
    /// The namespace of its stack.
    pub namespace: &'a str,
    /// The Tenant's uid.
    pub uid: &'a str,
    /// The uid of a retained stack that it may take over.
    pub adopts: Option<&'a str>,
}

/// A client with its fence. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    fence: Fence,
    world: World,
    metrics: Metrics,
}

impl Cluster {
    /// Wires the parts together.
    #[must_use]
    pub fn new(client: Client, fence: Fence, world: World, metrics: Metrics) -> Self {
        Self { client, fence, world, metrics }
    }

    /// Sends one action. `fresh`: the namespace was made a moment ago by us, so nothing in it can be
    /// somebody else's.
    ///
    /// # Errors
    /// [`ApiError`], sorted by what can be done about it.
    pub async fn run(&self, at: Target<'_>, action: &Action, fresh: bool) -> Result<(), ApiError> {
        match action {
            Action::CreateNamespace { body } => self.create_namespace(at, body).await,
            Action::Apply { key, uid, body } => {
                let uid = match uid {
                    None if !fresh => self.existing(at, key).await?,
                    uid => uid.clone(),
                };
                match self.apply(at, key, uid.as_deref(), body, FIELD_MANAGER).await {
                    Err(ApiError::Rejected(refusal)) if uid.is_some() => {
                        let uid = uid.unwrap_or_default();
                        self.apply_over_ports(at, key, &uid, body, refusal).await
                    }
                    result => result,
                }
            }
            Action::Generate { key, body, fields } => {
                if let Some(uid) = self.existing(at, key).await? {
                    return self.apply(at, key, Some(&uid), body, FIELD_MANAGER).await;
                }
                let with_values = secrets::fill(body, fields).map_err(ApiError::Transient)?;
                self.apply(at, key, None, &with_values, GENERATE_MANAGER).await
            }
            Action::Retain { key, uid } => self.retain(at, key, uid).await,
            Action::Reclaim { key, uid } => {
                let labels = json!({ meta::RETAINED_LABEL: null });
                let body = json!({ "metadata": { "uid": uid, "labels": labels } });
                self.merge(at, key, &body).await
            }
            Action::HandOver { key, uid, replicas } => {
                let body = json!({
                    "apiVersion": key.kind.resource().api_version(), "kind": key.kind.as_str(),
                    "metadata": { "name": key.name },
                    "spec": { "replicas": replicas },
                });
                self.apply(at, key, Some(uid), &body, reduce::HANDOVER_MANAGER).await
            }
            Action::Park { key, resource_version, replicas } => {
                self.park(at, key, *resource_version, Some(*replicas)).await
            }
            Action::Unpark { key, resource_version, replicas } => {
                self.unpark(at, key, *resource_version, *replicas).await
            }
            Action::Delete { key, uid } => self.delete(at, key, uid, None).await,
        }
    }

    /// A live read before the first write: an object that we do not know of may be somebody's.
    async fn existing(&self, at: Target<'_>, key: &Key) -> Result<Option<Box<str>>, ApiError> {
        let request =
            request(key.kind, at.namespace).get(&key.name, &kube::api::GetParams::default());
        let live: Value = match self.send(request, "get", key).await {
            Ok(live) => live,
            Err(ApiError::Gone) => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(record) = reduce::record(key.kind, &live) else { return Ok(None) };
        let owner = record.tenant_uid.as_deref();
        let ours = owner.is_some() && (owner == Some(at.uid) || owner == at.adopts);
        if !ours {
            return Err(ApiError::Foreign(key.clone()));
        }
        if record.deleting {
            return Err(ApiError::Changed(format!("{key} is being deleted")));
        }
        Ok(Some(record.uid))
    }

    /// Creating is the one request that cannot take over what exists. Its fields are ours by it; the
    /// first apply that follows, if ever one does, takes them over ([`Self::take_over_creation`]).
    async fn create_namespace(&self, at: Target<'_>, body: &Value) -> Result<(), ApiError> {
        let key = Key::new(Kind::Namespace, at.namespace);
        let bytes = serde_json::to_vec(body).map_err(|e| ApiError::Rejected(e.to_string()))?;
        let params =
            PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        let request = request(key.kind, at.namespace).create(&params, bytes);
        match self.write::<Value>(request, "create", &key).await {
            Ok(live) => {
                self.keep(at, &key, &live);
                Ok(())
            }
            Err(ApiError::Changed(message)) => self.meet_namespace(at, &key, body, message).await,
            Err(error) => Err(error),
        }
    }

    /// An apply gives up what it leaves out, but only of what was applied before. What we created is
    /// under another entry of `managedFields`, which becomes the applied one here.
    async fn take_over_creation(&self, at: Target<'_>, key: &Key) -> Result<(), ApiError> {
        let live = self.read(at.namespace, key).await?;
        let Some(entries) = fingerprint::creation_as_applied(&live, FIELD_MANAGER) else {
            return Ok(());
        };
        let body = json!({ "metadata": {
            "uid": live.pointer("/metadata/uid"),
            "resourceVersion": live.pointer("/metadata/resourceVersion"),
            "managedFields": entries,
        } });
        self.merge(at, key, &body).await
    }

    /// The namespace exists although no watch has shown it: it lacks our label. Somebody's is
    /// refused; ours gets its label back, and then all is decided again with what it holds.
    async fn meet_namespace(
        &self,
        at: Target<'_>,
        key: &Key,
        body: &Value,
        message: String,
    ) -> Result<(), ApiError> {
        if let Some(uid) = self.existing(at, key).await? {
            self.apply(at, key, Some(&uid), body, FIELD_MANAGER).await?;
        }
        Err(ApiError::Changed(message))
    }

    async fn apply(
        &self,
        at: Target<'_>,
        key: &Key,
        uid: Option<&str>,
        body: &Value,
        manager: &str,
    ) -> Result<(), ApiError> {
        if key.kind == Kind::Namespace && uid.is_some() {
            self.take_over_creation(at, key).await?;
        }
        let mut sent = body.clone();
        if let Some(uid) = uid {
            sent["metadata"]["uid"] = uid.into();
        }
        let params = PatchParams::apply(manager).force();
        let request =
            request(key.kind, at.namespace).patch(&key.name, &params, &Patch::Apply(&sent));
        let live: Value = self.write(request, "patch", key).await?;
        if manager == FIELD_MANAGER {
            let got = fingerprint::of_live(&live, FIELD_MANAGER);
            if self.world.learn(at.tenant, key, fingerprint::of_desired(body), got) {
                self.metrics.rewritten(key.kind);
                tracing::debug!(%key, tenant = at.tenant, "the server rewrote what was applied");
            }
        }
        self.keep(at, key, &live);
        Ok(())
    }

    async fn retain(&self, at: Target<'_>, key: &Key, uid: &str) -> Result<(), ApiError> {
        // Beside server-side apply: an apply of the mark alone would give up a claim's size.
        let body = json!({
            "apiVersion": key.kind.resource().api_version(),
            "kind": key.kind.as_str(),
            "metadata": {
                "name": key.name, "uid": uid,
                "labels": {
                    meta::MANAGED_BY_LABEL: meta::MANAGED_BY,
                    meta::TENANT_LABEL: at.tenant,
                    meta::RETAINED_LABEL: "true",
                },
                "annotations": { meta::TENANT_UID: at.uid },
            },
        });
        self.merge(at, key, &body).await
    }

    async fn park(
        &self,
        at: Target<'_>,
        key: &Key,
        version: u64,
        remember: Option<i32>,
    ) -> Result<(), ApiError> {
        let remembered = remember.map(|n| n.to_string());
        let body = json!({
            "metadata": { "resourceVersion": version.to_string(), "annotations": { meta::PARKED_REPLICAS: remembered } },
            "spec": { "replicas": 0 },
        });
        self.merge(at, key, &body).await
    }

    async fn unpark(
        &self,
        at: Target<'_>,
        key: &Key,
        version: u64,
        replicas: i32,
    ) -> Result<(), ApiError> {
        let body = json!({
            "metadata": { "resourceVersion": version.to_string(), "annotations": { meta::PARKED_REPLICAS: null } },
            "spec": { "replicas": replicas },
        });
        self.merge(at, key, &body).await
    }

    /// A merge patch: for what lies beside server-side apply. Its body carries a precondition.
    async fn merge(&self, at: Target<'_>, key: &Key, body: &Value) -> Result<(), ApiError> {
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let request =
            request(key.kind, at.namespace).patch(&key.name, &params, &Patch::Merge(body));
        let live: Value = self.write(request, "patch", key).await?;
        self.keep(at, key, &live);
        Ok(())
    }

    /// Deletes what cannot be had back, if it still is what was seen: who asked for it may have taken that back, and
    /// somebody else may have taken it over.
    ///
    /// # Errors
    /// [`ApiError`]; [`ApiError::Changed`] when it is not.
    pub async fn purge(&self, at: Target<'_>, key: &Key, seen: &Record) -> Result<(), ApiError> {
        self.delete(at, key, &seen.uid, Some(seen.resource_version)).await
    }

    async fn delete(
        &self,
        at: Target<'_>,
        key: &Key,
        uid: &str,
        version: Option<u64>,
    ) -> Result<(), ApiError> {
        let params = DeleteParams {
            preconditions: Some(kube::api::Preconditions {
                uid: Some(uid.to_owned()),
                resource_version: version.map(|version| version.to_string()),
            }),
            ..DeleteParams::background()
        };
        let request = request(key.kind, at.namespace).delete(&key.name, &params);
        match self.write::<Value>(request, "delete", key).await {
            // An object with finalizers comes back with a deletion timestamp, others as a Status.
            Ok(live) if live.pointer("/metadata/deletionTimestamp").is_some() => {
                self.keep(at, key, &live);
            }
            Ok(_) | Err(ApiError::Gone) => {
                self.world.remove(at.tenant, Part::Object(key), Some(uid));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The live object, whole, to tell what was changed on it.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn read(&self, namespace: &str, key: &Key) -> Result<Value, ApiError> {
        self.send(
            request(key.kind, namespace).get(&key.name, &kube::api::GetParams::default()),
            "get",
            key,
        )
        .await
    }

    fn keep(&self, at: Target<'_>, key: &Key, live: &Value) {
        if let Some(record) = reduce::record(key.kind, live) {
            self.world.put_object(at.tenant, key.clone(), record);
        }
    }
}

/// A request builder for a kind, in its namespace.
fn request(kind: Kind, namespace: &str) -> Request {
    let resource = kind.resource();
    let base = if resource.group.is_empty() {
        format!("/api/{}", resource.version)
    } else {
        format!("/apis/{}/{}", resource.group, resource.version)
    };
    Request::new(match kind {
        Kind::Namespace => format!("{base}/{}", resource.plural),
        _ => format!("{base}/namespaces/{namespace}/{}", resource.plural),
    })
}
