//! The API server as plain requests and JSON.

use std::path::Path;

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};

/// What the API server said no with.
#[derive(Debug)]
pub struct Refused {
    /// The HTTP code.
    pub code: u16,
    /// Its words.
    pub message: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.code, self.message)
    }
}

type Answer = Result<Value, Refused>;

/// A client with some identity.
#[derive(Clone)]
pub struct Api {
    client: Client,
}

/// Group and version of a plural, as they stand in a URL.
fn base(plural: &str) -> &'static str {
    match plural {
        "tenants" | "deploymentprofiles" => "/apis/tenantry.dev/v1alpha1",
        "deployments" | "replicasets" | "statefulsets" | "daemonsets" | "controllerrevisions" => {
            "/apis/apps/v1"
        }
        "networkpolicies" | "ingresses" => "/apis/networking.k8s.io/v1",
        "horizontalpodautoscalers" => "/apis/autoscaling/v2",
        "poddisruptionbudgets" => "/apis/policy/v1",
        "cronjobs" | "jobs" => "/apis/batch/v1",
        "storageclasses" => "/apis/storage.k8s.io/v1",
        "leases" => "/apis/coordination.k8s.io/v1",
        "events" => "/apis/events.k8s.io/v1",
        "clusterroles" | "clusterrolebindings" | "roles" | "rolebindings" => {
            "/apis/rbac.authorization.k8s.io/v1"
        }
        "validatingadmissionpolicies" | "validatingadmissionpolicybindings" => {
            "/apis/admissionregistration.k8s.io/v1"
        }
        "customresourcedefinitions" => "/apis/apiextensions.k8s.io/v1",
        "selfsubjectaccessreviews" => "/apis/authorization.k8s.io/v1",
        _ => "/api/v1",
    }
}

/// The plural of a kind, as the tests use them.
fn plural(kind: &str) -> String {
    let lower = kind.to_lowercase();
    match lower.as_str() {
        "networkpolicy" | "validatingadmissionpolicy" => lower.replace("policy", "policies"),
        "ingress" | "storageclass" => format!("{lower}es"),
        _ => format!("{lower}s"),
    }
}

/// `plural`, `namespace` (empty for cluster scope), `name` (empty for the collection) as a URL.
pub fn url(plural: &str, namespace: &str, name: &str) -> String {
    let mut url = base(plural).to_owned();
    if !namespace.is_empty() {
        url.push_str(&format!("/namespaces/{namespace}"));
    }
    url.push_str(&format!("/{plural}"));
    if !name.is_empty() {
        url.push_str(&format!("/{name}"));
    }
    url
}

impl Api {
    /// A client by kubeconfig; it lives as long as the runtime that it was made in.
    pub async fn connect(kubeconfig: &Path) -> Self {
        let file = Kubeconfig::read_from(kubeconfig).expect("the kubeconfig is read");
        let options = KubeConfigOptions::default();
        let mut config = Config::from_custom_kubeconfig(file, &options).await.expect("it is valid");
        // A refusal is an answer here, not something to try again.
        config.default_retry = false;
        Self { client: Client::try_from(config).expect("a client") }
    }

    /// A client of somebody else, as an administrator may be.
    pub async fn impersonating(kubeconfig: &Path, user: &str, groups: &[&str]) -> Self {
        let file = Kubeconfig::read_from(kubeconfig).expect("the kubeconfig is read");
        let options = KubeConfigOptions::default();
        let mut config = Config::from_custom_kubeconfig(file, &options).await.expect("it is valid");
        config.default_retry = false;
        config.auth_info.impersonate = Some(user.to_owned());
        let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
        config.auth_info.impersonate_groups = (!groups.is_empty()).then_some(groups);
        Self { client: Client::try_from(config).expect("a client") }
    }

    /// One request. A connection may end while it lies idle, which says nothing of what was asked:
    /// then what only reads is asked again.
    pub async fn send(&self, method: &str, url: &str, kind: &str, body: &Value) -> Answer {
        let mut answer = self.once(method, url, kind, body).await;
        for _ in 0..3 {
            let unanswered = answer.as_ref().is_err_and(|refused| refused.code == 0);
            if method != "GET" || !unanswered {
                break;
            }
            answer = self.once(method, url, kind, body).await;
        }
        answer
    }

    async fn once(&self, method: &str, url: &str, kind: &str, body: &Value) -> Answer {
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = http::Request::builder()
            .method(method)
            .uri(url)
            .header("Content-Type", kind)
            .body(bytes)
            .expect("a request");
        match self.client.request::<Value>(request).await {
            Ok(answer) => Ok(answer),
            Err(kube::Error::Api(status)) => {
                Err(Refused { code: status.code, message: status.message.clone() })
            }
            Err(error) => Err(Refused { code: 0, message: error.to_string() }),
        }
    }

    pub async fn get(&self, plural: &str, namespace: &str, name: &str) -> Answer {
        self.send("GET", &url(plural, namespace, name), "application/json", &Value::Null).await
    }

    /// The items of a list; `query` such as `labelSelector=a=b`.
    pub async fn list(&self, plural: &str, namespace: &str, query: &str) -> Vec<Value> {
        let url = format!("{}?{query}", url(plural, namespace, ""));
        let list = self.send("GET", &url, "application/json", &Value::Null).await.expect("a list");
        list["items"].as_array().cloned().unwrap_or_default()
    }

    pub async fn create(&self, object: &Value) -> Answer {
        let (plural, namespace, _) = address(object);
        let url = format!("{}?fieldValidation=Strict", url(&plural, &namespace, ""));
        self.send("POST", &url, "application/json", object).await
    }

    /// Server-side apply as `fleet-test`.
    pub async fn apply(&self, object: &Value) -> Answer {
        let (plural, namespace, name) = address(object);
        let url = format!(
            "{}?fieldManager=fleet-test&force=true&fieldValidation=Strict",
            url(&plural, &namespace, &name)
        );
        self.send("PATCH", &url, "application/apply-patch+yaml", object).await
    }

    /// A merge patch as `somebody`.
    pub async fn merge(&self, plural: &str, namespace: &str, name: &str, body: &Value) -> Answer {
        let url = format!("{}?fieldManager=somebody", url(plural, namespace, name));
        self.send("PATCH", &url, "application/merge-patch+json", body).await
    }

    /// A merge patch of a subresource.
    pub async fn merge_sub(&self, object: [&str; 3], sub: &str, body: &Value) -> Answer {
        let [plural, namespace, name] = object;
        let url = format!("{}/{sub}?fieldManager=somebody", url(plural, namespace, name));
        self.send("PATCH", &url, "application/merge-patch+json", body).await
    }

    pub async fn delete(&self, plural: &str, namespace: &str, name: &str) -> Answer {
        self.send("DELETE", &url(plural, namespace, name), "application/json", &Value::Null).await
    }

    /// Asks the eviction API to end a pod.
    pub async fn evict(&self, namespace: &str, pod: &str) -> Answer {
        let body = json!({
            "apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": { "name": pod, "namespace": namespace },
        });
        let url = format!("{}/eviction", url("pods", namespace, pod));
        self.send("POST", &url, "application/json", &body).await
    }
}

fn address(object: &Value) -> (String, String, String) {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let owned = |pointer| text(pointer).to_owned();
    (plural(text("/kind")), owned("/metadata/namespace"), owned("/metadata/name"))
}
