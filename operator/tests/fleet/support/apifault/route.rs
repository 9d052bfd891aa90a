//! What a request asks for.

use std::time::Instant;

use serde_json::Value;

/// A request to the API server, in Kubernetes' words.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `get`, `list`, `watch`, `create`, `patch`, `update` or `delete`.
    pub verb: &'static str,
    /// The plural.
    pub resource: String,
    /// Empty for cluster scope.
    pub namespace: String,
    /// Empty for a collection.
    pub name: String,
    /// Empty for the object itself.
    pub subresource: String,
    /// What a creation names in its body, as its address does not: the object, or what an event is
    /// about.
    pub subject: String,
    /// When it came.
    pub at: Instant,
}

impl Asked {
    /// From method and target of the request line.
    pub fn parse(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
        let skip = if parts.first() == Some(&"api") { 2 } else { 3 };
        let mut rest = parts.get(skip..).unwrap_or_default();
        let mut namespace = "";
        if let ["namespaces", within, _, ..] = rest {
            (namespace, rest) = (within, &rest[2..]);
        }
        let part = |index: usize| rest.get(index).copied().unwrap_or_default();
        let watches = query.split('&').any(|p| p == "watch=true");
        let verb = match (method, part(1).is_empty()) {
            ("GET", _) if watches => "watch",
            ("GET", true) => "list",
            ("GET", false) => "get",
            ("POST", _) => "create",
            ("PATCH", _) => "patch",
            ("PUT", _) => "update",
            _ => "delete",
        };
        let owned = str::to_owned;
        Self {
            verb,
            resource: owned(part(0)),
            namespace: owned(namespace),
            name: owned(part(1)),
            subresource: owned(part(2)),
            subject: String::new(),
            at: Instant::now(),
        }
    }

    /// The same, with what the body of a creation tells.
    pub fn with(mut self, body: &[u8]) -> Self {
        if self.verb == "create" {
            let body: Value = serde_json::from_slice(body).unwrap_or_default();
            let named = body.pointer("/regarding/name").or(body.pointer("/metadata/name"));
            self.subject = named.and_then(Value::as_str).unwrap_or_default().to_owned();
        }
        self
    }

    /// The same for equal requests.
    pub fn what(&self) -> String {
        let Self { verb, resource, namespace, name, subresource, .. } = self;
        format!("{verb} {resource}/{subresource} {namespace}/{name}")
    }

    /// Whether it is about a namespace or something in it.
    pub fn within(&self, namespace: &str) -> bool {
        self.namespace == namespace || (self.resource == "namespaces" && self.name == namespace)
    }

    /// Whether it would change something.
    pub fn writes(&self) -> bool {
        !matches!(self.verb, "get" | "list" | "watch")
    }
}

#[test]
fn requests_are_told_apart() {
    let words = |method, target| Asked::parse(method, target).what();
    for (method, target, expected) in [
        ("GET", "/api/v1/pods?watch=true&limit=1", "watch pods/ /"),
        ("GET", "/apis/apps/v1/namespaces/n/deployments?", "list deployments/ n/"),
        ("PATCH", "/apis/apps/v1/namespaces/n/deployments/d?force=true", "patch deployments/ n/d"),
        ("GET", "/api/v1/namespaces/n", "get namespaces/ /n"),
        ("POST", "/api/v1/namespaces", "create namespaces/ /"),
        ("PATCH", "/apis/tenantry.dev/v1alpha1/tenants/t/status", "patch tenants/status /t"),
        ("DELETE", "/api/v1/namespaces/n/services/s", "delete services/ n/s"),
    ] {
        assert_eq!(words(method, target), expected);
    }
}
