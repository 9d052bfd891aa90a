//! What the operator is compared with: a program that applies the same objects as fast as it can.

use std::{sync::Arc, time::Instant};

use crds::{DeploymentProfileSpec, Tenant};
use futures::{StreamExt, TryStreamExt, stream};
use http::Request;
use kube::{
    Api, Client,
    api::{DynamicObject, PatchParams},
};
use operator::{desired, kinds::Kind, object::Object, observed::Observed, validate};
use serde_json::{Value, json};

/// The same number of stacks at once as the operator.
pub const CONCURRENCY: usize = 16;

/// A Tenant, as a customer would apply it.
pub fn tenant(name: &str) -> Value {
    json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant", "metadata": { "name": name },
        "spec": { "displayName": format!("Tenant {name}"), "profileRef": { "name": "dev" } },
    })
}

/// The objects of a tenant's stack, in the operator's order.
pub fn objects(name: &str, spec: &DeploymentProfileSpec) -> anyhow::Result<Vec<Object>> {
    let mut tenant: Tenant = serde_json::from_value(tenant(name))?;
    tenant.metadata.uid = Some("00000000-0000-0000-0000-000000000000".to_owned());
    let stack = validate::stack(&tenant, spec, "dev", &Observed::default());
    let stack = stack.map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    Ok(desired::objects(&stack))
}

/// Server-side apply of one object at a URL.
pub async fn apply(client: &Client, url: &str, body: &Value) -> anyhow::Result<Value> {
    let request = Request::patch(format!("{url}?fieldManager=bench&force=true"))
        .header("Content-Type", "application/apply-patch+yaml")
        .body(serde_json::to_vec(body)?)?;
    Ok(client.request(request).await?)
}

/// Writes stacks, each in a namespace of its own that the operator does not look at.
pub struct Writer {
    client: Client,
    /// Owns what has an owner, in the place of the Tenant.
    owner: Value,
}

impl Writer {
    /// Makes the owner.
    pub async fn new(client: Client) -> anyhow::Result<Self> {
        let kind = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": { "name": "bench" }, "rules": [] });
        let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles/bench";
        let mut owner = json!({ "apiVersion": kind["apiVersion"], "kind": "ClusterRole",
            "name": "bench", "controller": true, "blockOwnerDeletion": true });
        owner["uid"] = apply(&client, roles, &kind).await?["metadata"]["uid"].clone();
        Ok(Self { client, owner })
    }

    fn requests(
        &self,
        name: &str,
        spec: &DeploymentProfileSpec,
        kinds: Option<Kind>,
    ) -> anyhow::Result<Vec<(String, Value)>> {
        let all = objects(name, spec)?.into_iter();
        let requests = all.filter(|o| kinds.is_none_or(|k| o.key.kind == k)).map(|object| {
            let resource = object.key.kind.resource();
            let base = if resource.group.is_empty() { "/api/v1" } else { "/apis/" };
            let group = match resource.group {
                "" => String::new(),
                group => format!("{group}/{}", resource.version),
            };
            let place = match object.key.kind {
                Kind::Namespace => format!("{base}{group}/namespaces/raw-{name}"),
                _ => format!(
                    "{base}{group}/namespaces/raw-{name}/{}/{}",
                    resource.plural, object.key.name
                ),
            };
            let text = object.body.to_string();
            let text = text.replace(&format!("tenant-{name}"), &format!("raw-{name}"));
            let text = text.replace("managed-by\":\"tenantry\"", "managed-by\":\"bench\"");
            let mut body: Value = serde_json::from_str(&text)?;
            if let Some(owner) = body.pointer_mut("/metadata/ownerReferences/0") {
                *owner = self.owner.clone();
            }
            Ok((place, body))
        });
        requests.collect()
    }

    /// Applies every object (or those of one kind) of these stacks; seconds that it took.
    pub async fn write(
        &self,
        names: Vec<String>,
        spec: &Arc<DeploymentProfileSpec>,
        kind: Option<(Kind, &'static str)>,
    ) -> anyhow::Result<f64> {
        let started = Instant::now();
        let stacks = stream::iter(names).map(anyhow::Ok);
        stacks
            .try_for_each_concurrent(CONCURRENCY, async |name| {
                for (url, body) in self.requests(&name, spec, kind.map(|(k, _)| k))? {
                    if kind.is_none_or(|(_, object)| url.ends_with(object)) {
                        apply(&self.client, &url, &body).await?;
                    }
                }
                Ok(())
            })
            .await?;
        Ok(started.elapsed().as_secs_f64())
    }
}

/// Applies Tenants, as many at once.
pub async fn tenants(client: &Client, names: Vec<String>) -> anyhow::Result<()> {
    let api: Api<Tenant> = Api::all(client.clone());
    let params = PatchParams::apply("bench");
    let all = stream::iter(names).map(anyhow::Ok);
    all.try_for_each_concurrent(CONCURRENCY, async |name| {
        api.patch(&name, &params, &kube::api::Patch::Apply(tenant(&name))).await?;
        Ok(())
    })
    .await
}

/// An object of a tenant's stack, of any kind.
pub fn api(client: &Client, kind: Kind, tenant: &str) -> Api<DynamicObject> {
    let resource = kind.resource();
    let gvk = kube::core::GroupVersionKind::gvk(resource.group, resource.version, kind.as_str());
    let resource = kube::api::ApiResource::from_gvk_with_plural(&gvk, resource.plural);
    Api::namespaced_with(client.clone(), &format!("tenant-{tenant}"), &resource)
}
