//! One ground with its operator, and the questions that tests ask it.

use std::{
    path::PathBuf,
    sync::{Arc, LazyLock},
};

use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    api::{Api, Refused},
    apifault::Proxy,
    audit,
    ground::Ground,
    process::Operator,
    wait::{self, BOUND, eventually, holds},
};

/// The operator's namespace.
pub const SYSTEM: &str = "tenantry-system";

/// The file with the operator's token.
const ACCOUNT: &str = "operator.kubeconfig";

/// Shared by every test that needs none of its own.
static SHARED: LazyLock<Shared> = LazyLock::new(|| {
    let shared = std::thread::spawn(|| {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let (ground, kubeconfig) = prepared().await;
            let operator = Operator::start(&ground, &kubeconfig, "shared");
            operator.ready().await;
            Shared { ground: Arc::new(ground), kubeconfig, _operator: operator }
        })
    });
    shared.join().expect("the shared ground starts")
});

/// Control planes are heavy: few at a time beside the shared one. Two, because most of their tests
/// wait for a lease, a retry or a watch most of the time.
static OWN: Semaphore = Semaphore::const_new(2);

/// Few at a time on the shared one too: who looks whether nothing is written takes a neighbour's late
/// write for one.
static SHARING: Semaphore = Semaphore::const_new(2);

struct Shared {
    ground: Arc<Ground>,
    kubeconfig: PathBuf,
    /// Its ground ends with this process, and an operator without its lease ends by itself.
    _operator: Operator,
}

/// A ground with CRDs and the operator's rights, and a kubeconfig of its account.
async fn prepared() -> (Ground, PathBuf) {
    let ground = Ground::start();
    ground.define();
    let admin = Api::connect(&ground.path("kubeconfig")).await;
    for object in operator::rbac::objects(SYSTEM) {
        admin.apply(&object).await.expect("the operator's rights are applied");
    }
    let kubeconfig = account(&ground, &admin).await;
    (ground, kubeconfig)
}

/// A kubeconfig that holds the operator's token and nothing else.
async fn account(ground: &Ground, admin: &Api) -> PathBuf {
    let body = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": { "audiences": [], "expirationSeconds": 7200 },
    });
    let url = format!("/api/v1/namespaces/{SYSTEM}/serviceaccounts/tenantry-operator/token");
    let answer = admin.send("POST", &url, "application/json", &body).await.expect("a token");
    let text = std::fs::read_to_string(ground.path("kubeconfig")).expect("the kubeconfig");
    let mut config: Value = serde_saphyr::from_str(&text).expect("YAML");
    config["users"][0]["user"] = json!({ "token": answer["status"]["token"] });
    let path = ground.path(ACCOUNT);
    std::fs::write(&path, config.to_string()).expect("written");
    path
}

/// A ground with its operator, as one test sees it.
pub struct Lab {
    /// As administrator.
    pub api: Api,
    /// The control plane.
    pub ground: Arc<Ground>,
    kubeconfig: PathBuf,
    _permit: SemaphorePermit<'static>,
}

impl Lab {
    /// The ground that the tests share, with a running operator.
    pub async fn shared() -> Self {
        let _permit = SHARING.acquire().await.expect("never closed");
        let api = Api::connect(&SHARED.ground.path("kubeconfig")).await;
        let (ground, kubeconfig) = (SHARED.ground.clone(), SHARED.kubeconfig.clone());
        Self { api, ground, kubeconfig, _permit }
    }

    /// A ground of one's own, without an operator yet.
    pub async fn own() -> Self {
        let permit = OWN.acquire().await.expect("never closed");
        let (ground, kubeconfig) = prepared().await;
        let api = Api::connect(&ground.path("kubeconfig")).await;
        Self { api, ground: Arc::new(ground), kubeconfig, _permit: permit }
    }

    /// A ground of one's own with nothing of ours on it.
    #[allow(dead_code, reason = "the chart's tests use it")]
    pub async fn bare() -> Self {
        let permit = OWN.acquire().await.expect("never closed");
        let ground = Ground::start();
        let api = Api::connect(&ground.path("kubeconfig")).await;
        let kubeconfig = ground.path(ACCOUNT);
        Self { api, ground: Arc::new(ground), kubeconfig, _permit: permit }
    }

    /// Takes a token of the operator's account, as soon as whoever installs that has made it.
    #[allow(dead_code, reason = "the chart's tests use it")]
    pub async fn take_account(&self) {
        eventually("the operator's account is there", async || {
            let found = self.api.get("serviceaccounts", SYSTEM, "tenantry-operator").await;
            found.map(|_| ()).map_err(|refused| refused.to_string())
        })
        .await;
        account(&self.ground, &self.api).await;
    }

    /// Starts an operator on it.
    pub fn operator(&self, identity: &str) -> Operator {
        Operator::start(&self.ground, &self.kubeconfig, identity)
    }

    /// A proxy before its API server, for [`Lab::operator_through`].
    pub fn proxy(&self) -> Proxy {
        Proxy::start(&self.kubeconfig)
    }

    /// Starts an operator that sees the API server through a proxy.
    pub fn operator_through(
        &self,
        proxy: &Proxy,
        identity: &str,
        settings: &[(&str, &str)],
    ) -> Operator {
        Operator::start_with(&self.ground, proxy.kubeconfig(), identity, settings)
    }

    /// Ends an operator at once; its lease goes, so that the next need not wait for it.
    pub async fn end(&self, operator: Operator) {
        operator.kill();
        self.api.delete("leases", SYSTEM, "tenantry-operator").await.expect("its lease was there");
    }

    /// A client with the operator's account.
    pub async fn as_operator(&self) -> Api {
        Api::connect(&self.kubeconfig).await
    }

    /// Applies objects in order.
    pub async fn apply(&self, objects: &[Value]) {
        for object in objects {
            let name = &object["metadata"]["name"];
            if let Err(refused) = self.api.apply(object).await {
                panic!("apply {} {name}: {refused}", object["kind"]);
            }
        }
    }

    /// Applies a profile and a tenant of the same name, and waits until it is ready.
    pub async fn stack(&self, profile: Value, name: &str) -> Value {
        let profile_name = profile["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        self.apply(&[profile, super::tenant(name, &profile_name)]).await;
        self.ready(name).await
    }

    pub async fn tenant(&self, name: &str) -> Value {
        self.api.get("tenants", "", name).await.unwrap_or_default()
    }

    pub async fn profile(&self, name: &str) -> Value {
        self.api.get("deploymentprofiles", "", name).await.unwrap_or_default()
    }

    /// An object of a tenant's stack.
    pub async fn object(&self, tenant: &str, plural: &str, name: &str) -> Result<Value, Refused> {
        self.api.get(plural, &format!("tenant-{tenant}"), name).await
    }

    /// Asks until the answer is `Ok`; when the bound has passed, panics with the last `Err` and with
    /// what the operators said, which is gone with the ground.
    pub async fn eventually<T>(
        &self,
        what: &str,
        ask: impl AsyncFnMut() -> Result<T, String>,
    ) -> T {
        match wait::by(BOUND, ask).await {
            Ok(answer) => answer,
            Err(last) => {
                panic!("waited {BOUND:?} for: {what}\nlast seen: {last}\n{}", self.logs())
            }
        }
    }

    /// The ends of its operators' logs.
    fn logs(&self) -> String {
        let files = std::fs::read_dir(self.ground.path("")).into_iter().flatten().flatten();
        let is_log = |path: &PathBuf| {
            path.extension().is_some_and(|e| e == "log") && !path.ends_with("audit.log")
        };
        let end = |path: PathBuf| {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let last = lines[lines.len().saturating_sub(40)..].join("\n");
            format!("{}:\n{last}", path.display())
        };
        let logs: Vec<String> = files.map(|f| f.path()).filter(is_log).map(end).collect();
        logs.join("\n")
    }

    /// Waits until the tenant's status, for its newest generation, satisfies `which`.
    pub async fn status(&self, name: &str, what: &str, which: impl Fn(&Value) -> bool) -> Value {
        self.eventually(&format!("tenant {name}: {what}"), async || {
            let tenant = self.tenant(name).await;
            let current =
                tenant["status"]["observedGeneration"] == tenant["metadata"]["generation"];
            let right = current && !tenant.is_null() && which(&tenant);
            if right { Ok(tenant) } else { Err(show(&tenant)) }
        })
        .await
    }

    /// Waits until a condition has this status and reason; gives its message.
    pub async fn says(&self, name: &str, type_: &str, status: &str, reason: &str) -> String {
        let what = format!("{type_}={status} {reason}");
        let tenant = self
            .status(name, &what, |t| {
                let c = condition(t, type_);
                c["status"] == status && c["reason"] == reason
            })
            .await;
        condition(&tenant, type_)["message"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the tenant is ready and nothing is going on.
    pub async fn ready(&self, name: &str) -> Value {
        self.status(name, "Ready", |t| {
            is(t, "Ready", "True") && is(t, "Reconciling", "False") && is(t, "Stalled", "False")
        })
        .await
    }

    /// Waits until a profile's status says that so many tenants run it and are ready: it is written a
    /// moment after they are.
    pub async fn told_of(&self, profile: &str, tenants: u64) {
        self.eventually(&format!("profile {profile} tells of {tenants}"), async || {
            let found = self.profile(profile).await;
            let status = &found["status"];
            let seen = status["observedGeneration"] == found["metadata"]["generation"];
            let all = ["total", "updated", "ready"].iter().all(|n| status["tenants"][n] == tenants);
            holds(seen && all, status)
        })
        .await;
    }

    /// Waits until an object is gone.
    pub async fn gone(&self, plural: &str, namespace: &str, name: &str) {
        self.eventually(&format!("{plural} {namespace}/{name} is gone"), async || {
            match self.api.get(plural, namespace, name).await {
                Err(refused) if refused.code == 404 => Ok(()),
                Err(refused) => Err(refused.to_string()),
                Ok(found) => Err(found.to_string()),
            }
        })
        .await;
    }

    /// Waits until an object of a tenant's stack satisfies `which`.
    pub async fn becomes(
        &self,
        tenant: &str,
        (plural, name): (&str, &str),
        what: &str,
        which: impl Fn(&Value) -> bool,
    ) -> Value {
        self.eventually(&format!("{plural} {name} of {tenant}: {what}"), async || {
            match self.object(tenant, plural, name).await {
                Ok(found) if which(&found) => Ok(found),
                Ok(found) => Err(found.to_string()),
                Err(refused) => Err(refused.to_string()),
            }
        })
        .await
    }

    /// The pods of a component.
    pub async fn pods(&self, tenant: &str, component: &str) -> Vec<Value> {
        let query = format!("labelSelector=tenantry.dev/component={component}");
        self.api.list("pods", &format!("tenant-{tenant}"), &query).await
    }

    /// Touches the tenant, so that the operator looks at it again.
    pub async fn nudge(&self, name: &str) {
        let body = json!({ "metadata": { "annotations": { "fleet-test/nudge": nonce() } } });
        self.api.merge("tenants", "", name, &body).await.expect("the tenant is touched");
    }

    /// Everything that the operator wrote since `mark`, without its lease.
    pub fn writes(&self, mark: audit::Mark) -> Vec<String> {
        audit::writes(&self.ground, mark)
    }

    /// The end of the audit log now.
    pub fn mark(&self) -> audit::Mark {
        audit::mark(&self.ground)
    }
}

/// A word that was not used before.
pub fn nonce() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::SeqCst).to_string()
}

/// A condition of a tenant or a profile.
pub fn condition<'v>(object: &'v Value, type_: &str) -> &'v Value {
    let all = object["status"]["conditions"].as_array();
    all.and_then(|all| all.iter().find(|c| c["type"] == type_)).unwrap_or(&Value::Null)
}

/// Whether a condition has this status.
pub fn is(object: &Value, type_: &str, status: &str) -> bool {
    condition(object, type_)["status"] == status
}

fn show(object: &Value) -> String {
    serde_json::to_string_pretty(&json!({ "spec": object["spec"], "status": object["status"] }))
        .unwrap_or_default()
}
