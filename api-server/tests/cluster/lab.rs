//! A control plane, a ledger, the API server as a process with its own account's rights, and what tests
//! ask of them.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use api_server::auth::{Audience, local::Claims};
use crds::{DeploymentProfile, Tenant, manifest::RELEASE_NAMESPACE};
use jiff::Timestamp;
use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    coordination::v1::Lease,
    core::v1::{Namespace, ServiceAccount},
    events::v1::Event,
};
use kube::{
    Api, Client, Config,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    ground::Ground,
    midnight::past_month_end,
    seen::{Seen, send},
    serving::{Place, Serving},
};

/// Generous: nothing is judged by how long it took.
const BOUND: Duration = Duration::from_secs(240);
const PAUSE: Duration = Duration::from_millis(100);

/// Control planes are heavy: so many at once.
static PLANES: Semaphore = Semaphore::const_new(2);

/// Asks until the answer is `Ok`; panics with the last `Err` when the bound has passed.
pub async fn eventually<T, E: Display>(what: &str, ask: impl AsyncFnMut() -> Result<T, E>) -> T {
    within(BOUND, what, ask).await
}

/// The same with another bound.
pub async fn within<T, E: Display>(
    bound: Duration,
    what: &str,
    mut ask: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let started = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(last) if started.elapsed() > bound => {
                panic!("waited for: {what}\nlast seen: {last}")
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// `Ok` when it holds, else `Err` with what was seen.
pub fn holds(condition: bool, seen: impl Display) -> Result<(), String> {
    if condition { Ok(()) } else { Err(seen.to_string()) }
}

/// All that a test needs.
pub struct Lab {
    ground: Ground,
    pub client: Client,
    pub place: Place,
    folder: tempfile::TempDir,
    /// Periods start today, so that next to nothing of what a plan includes is prorated away.
    today: i8,
    _permit: SemaphorePermit<'static>,
}

impl Lab {
    pub async fn new() -> Self {
        let permit = PLANES.acquire().await.unwrap();
        past_month_end().await;
        let ground = Ground::start();
        let crds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds/generated");
        ground.kubectl(&["apply", "--server-side", "-f", &crds.to_string_lossy()]);
        // kubectl takes a definition whose status is still empty for an error.
        for (crd, kind) in [
            ("crd/tenants.tenantry.dev", "Tenant"),
            ("crd/deploymentprofiles.tenantry.dev", "DeploymentProfile"),
        ] {
            let named = format!("--for=jsonpath={{.status.acceptedNames.kind}}={kind}");
            ground.kubectl(&["wait", &named, crd, "--timeout=240s"]);
            ground.kubectl(&["wait", "--for=condition=Established", crd, "--timeout=240s"]);
        }
        let _chosen = rustls::crypto::ring::default_provider().install_default();
        let file = Kubeconfig::read_from(ground.kubeconfig()).unwrap();
        let options = KubeConfigOptions::default();
        let mut config = Config::from_custom_kubeconfig(file, &options).await.unwrap();
        config.default_retry = false;
        let folder = tempfile::tempdir().unwrap();
        let lab = Self {
            client: Client::try_from(config).unwrap(),
            place: Place::new(folder.path()),
            today: Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).day(),
            folder,
            ground,
            _permit: permit,
        };
        lab.trust_the_cluster();
        lab.account().await;
        lab.profile("dev", Some("team")).await;
        lab
    }

    /// The control plane's own keys, so that real projected tokens are taken.
    fn trust_the_cluster(&self) {
        let keys = self.folder.path().join("jwks.json");
        std::fs::write(&keys, self.ground.kubectl(&["get", "--raw", "/openid/v1/jwks"])).unwrap();
        let found = self.ground.kubectl(&["get", "--raw", "/.well-known/openid-configuration"]);
        let found: Value = serde_json::from_str(&found).unwrap();
        let keys = keys.display();
        let issuers = json!([{ "issuer": found["issuer"], "kind": "kubernetes", "keys": { "file": keys.to_string() } }]);
        std::fs::write(self.issuers(), json!({ "issuers": issuers }).to_string()).unwrap();
    }

    /// The account that the chart gives to the API server, with the rights and policies that are
    /// generated for it, and a kubeconfig that holds its token and nothing else.
    async fn account(&self) {
        let rights =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../operator/generated/manifests.yaml");
        self.ground.kubectl(&["apply", "--server-side", "-f", &rights.to_string_lossy()]);
        let object = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": crds::API_SERVER } });
        let api = Api::<ServiceAccount>::namespaced(self.client.clone(), RELEASE_NAMESPACE);
        self.apply(api, crds::API_SERVER, &object).await;
        self.write_kubeconfig(crds::API_SERVER, &self.kubeconfig()).await;
    }

    /// A kubeconfig that holds the token of an account of ours and nothing else.
    async fn write_kubeconfig(&self, account: &str, path: &Path) {
        let token = self.token_of(RELEASE_NAMESPACE, account, None).await;
        let text = std::fs::read_to_string(self.ground.kubeconfig()).unwrap();
        let mut config: Value = serde_saphyr::from_str(&text).unwrap();
        config["users"][0]["user"] = json!({ "token": token });
        std::fs::write(path, config.to_string()).unwrap();
    }

    /// The control plane itself.
    pub fn ground(&self) -> &Ground {
        &self.ground
    }

    /// What the API server reaches the control plane by.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("api-server.kubeconfig")
    }

    fn issuers(&self) -> PathBuf {
        self.folder.path().join("issuers.yaml")
    }

    /// The API server, on the control plane itself.
    pub fn serve(&self, flags: &[&str]) -> Serving {
        self.serve_by(&self.kubeconfig(), flags)
    }

    /// The API server, with a way to the cluster.
    pub fn serve_by(&self, kubeconfig: &Path, flags: &[&str]) -> Serving {
        self.serve_at(&self.place, kubeconfig, flags)
    }

    /// The API server on another place than the lab's.
    pub fn serve_at(&self, place: &Place, kubeconfig: &Path, flags: &[&str]) -> Serving {
        let issuers = self.issuers().display().to_string();
        let all = [&["--cluster", "--issuers", &issuers], flags].concat();
        let environment = format!("KUBECONFIG={}", kubeconfig.display());
        Serving::try_start_behind(place, &all, &["/usr/bin/env", &environment]).unwrap()
    }

    /// A kubeconfig that goes by another address, without checking whose certificate that has.
    pub fn kubeconfig_by(&self, server: &str) -> PathBuf {
        self.leads_by(&self.kubeconfig(), server)
    }

    /// The same with the operator's account.
    pub async fn operators_kubeconfig_by(&self, server: &str) -> PathBuf {
        let path = self.folder.path().join("operator.kubeconfig");
        self.write_kubeconfig("tenantry-operator", &path).await;
        self.leads_by(&path, server)
    }

    fn leads_by(&self, kubeconfig: &Path, server: &str) -> PathBuf {
        let text = std::fs::read_to_string(kubeconfig).unwrap();
        let mut config: Value = serde_saphyr::from_str(&text).unwrap();
        let cluster = &mut config["clusters"][0]["cluster"];
        cluster["server"] = json!(server);
        cluster["tls-server-name"] = json!("127.0.0.1");
        let path = kubeconfig.with_extension("by");
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }

    /// Where the control plane answers, as `HOST:PORT`.
    pub fn address(&self) -> String {
        let text = std::fs::read_to_string(self.ground.kubeconfig()).unwrap();
        let config: Value = serde_saphyr::from_str(&text).unwrap();
        let server = config["clusters"][0]["cluster"]["server"].as_str().unwrap().to_owned();
        server.trim_start_matches("https://").trim_end_matches('/').to_owned()
    }

    pub async fn profile(&self, name: &str, plan: Option<&str>) {
        let resources = json!({ "requests": { "cpu": "10m", "memory": "16Mi" }, "limits": { "memory": "64Mi" } });
        let mut profile = json!({
            "apiVersion": "tenantry.dev/v1alpha1", "kind": "DeploymentProfile",
            "metadata": { "name": name },
            "spec": {
                "tier": "dev",
                "services": [{ "name": "core", "image": "tenantry.dev/sample:1", "resources": resources,
                    "ports": [{ "name": "http", "port": 8080 }] }],
                "billing": {
                    "storage": { "size": "1Gi" },
                    "gateway": { "image": "tenantry.dev/tenantry:1", "args": ["gateway"], "resources": resources },
                },
                "quota": { "cpu": "2", "memory": "4Gi", "storage": "20Gi", "pods": 40 },
            },
        });
        if let Some(plan) = plan {
            profile["spec"]["defaultPlan"] = plan.into();
        }
        self.apply::<DeploymentProfile>(Api::all(self.client.clone()), name, &profile).await;
    }

    async fn apply<K>(&self, api: Api<K>, name: &str, object: &Value)
    where
        K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
    {
        let params = PatchParams::apply("cluster-test").force();
        api.patch(name, &params, &Patch::Apply(object)).await.unwrap();
    }

    pub fn tenants(&self) -> Api<Tenant> {
        Api::all(self.client.clone())
    }

    /// Applies a tenant with some of its spec; answers its uid.
    pub async fn tenant(&self, name: &str, spec: Value) -> String {
        let mut tenant = json!({
            "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant",
            "metadata": { "name": name },
            "spec": {
                "displayName": name.to_uppercase(),
                "profileRef": { "name": "dev" },
                "billing": { "anchorDay": self.today },
            },
        });
        for (key, value) in spec.as_object().unwrap() {
            tenant["spec"][key] = value.clone();
        }
        self.apply(self.tenants(), name, &tenant).await;
        self.get(name).await.metadata.uid.unwrap()
    }

    async fn namespace(&self, name: &str) {
        let object =
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        self.apply::<Namespace>(Api::all(self.client.clone()), name, &object).await;
    }

    /// Does as the operator would: the stack's ServiceAccounts are there, and the status says whose
    /// they and the account are.
    pub async fn operate(&self, name: &str) {
        self.operate_at(name, "InSync").await;
    }

    /// The same, where the operator is at this step.
    pub async fn operate_at(&self, name: &str, step: &str) {
        let namespace = format!("tenant-{name}");
        self.namespace(&namespace).await;
        let api = Api::<ServiceAccount>::namespaced(self.client.clone(), &namespace);
        let mut accounts = Vec::new();
        for account in ["core", "tenantry-gateway"] {
            let object = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": account } });
            self.apply(api.clone(), account, &object).await;
            let uid = api.get(account).await.unwrap().metadata.uid;
            accounts.push(json!({ "name": account, "uid": uid }));
        }
        let tenant = self.get(name).await;
        let account = tenant.spec.account_id.or(tenant.metadata.uid);
        let status = json!({
            "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant", "metadata": { "name": name },
            "status": {
                "accountId": account,
                "conditions": [{ "type": "Reconciling", "status": "True", "reason": step, "message": "",
                    "lastTransitionTime": "2026-11-28T22:00:00Z" }],
                "identity": { "namespace": namespace, "serviceAccounts": accounts },
            },
        });
        let params = PatchParams::apply("tenantry-operator").force();
        self.tenants().patch_status(name, &params, &Patch::Apply(&status)).await.unwrap();
    }

    /// The operator says of a tenant's stack which parts of it run, and what it waits for.
    pub async fn stack(&self, name: &str, parts: &[(&str, bool)], message: &str) {
        let all = parts.iter().all(|(_, ready)| *ready);
        let components: Vec<_> =
            parts.iter().map(|(name, ready)| json!({ "name": name, "ready": ready })).collect();
        let status = json!({
            "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant", "metadata": { "name": name },
            "status": {
                "conditions": [{ "type": "Ready", "status": if all { "True" } else { "False" }, "reason": "Test",
                    "message": message, "lastTransitionTime": "2026-11-28T22:00:00Z" }],
                "components": components,
            },
        });
        let params = PatchParams::apply("tenantry-operator-stack").force();
        self.tenants().patch_status(name, &params, &Patch::Apply(&status)).await.unwrap();
    }

    /// A tenant as the operator would have it.
    pub async fn operated(&self, name: &str, spec: Value) -> String {
        let uid = self.tenant(name, spec).await;
        self.operate(name).await;
        uid
    }

    /// Has a deleted tenant stay, as the operator does until its stack is down, or go.
    pub async fn hold(&self, name: &str, hold: bool) {
        let finalizers = if hold { json!(["example.com/stack"]) } else { json!([]) };
        let patch = Patch::Merge(json!({ "metadata": { "finalizers": finalizers } }));
        self.tenants().patch(name, &PatchParams::default(), &patch).await.unwrap();
    }

    /// Whether the API server's account may write tenants' status.
    pub fn may_write_status(&self, may: bool) {
        let verbs = if may { "[\"patch\"]" } else { "[\"get\"]" };
        let role = self.ground.kubectl(&["get", "clusterrole", crds::API_SERVER, "-o", "json"]);
        let role: Value = serde_json::from_str(&role).unwrap();
        let rules = role["rules"].as_array().unwrap();
        let of_status = |rule: &Value| rule["resources"][0] == "tenants/status";
        let place = rules.iter().position(of_status).unwrap();
        let patch =
            format!(r#"[{{"op": "replace", "path": "/rules/{place}/verbs", "value": {verbs}}}]"#);
        let what = ["clusterrole", crds::API_SERVER, "--type", "json", "-p", &patch];
        self.ground.kubectl(&[&["patch"][..], &what].concat());
    }

    pub async fn get(&self, name: &str) -> Tenant {
        self.tenants().get(name).await.unwrap()
    }

    pub async fn version(&self, name: &str) -> String {
        self.get(name).await.metadata.resource_version.unwrap()
    }

    /// Deletes a tenant and its stack, and waits until they are gone.
    pub async fn delete(&self, name: &str) {
        self.tenants().delete(name, &DeleteParams::default()).await.unwrap();
        let namespace = format!("tenant-{name}");
        for account in ["core", "tenantry-gateway"] {
            let api = Api::<ServiceAccount>::namespaced(self.client.clone(), &namespace);
            api.delete(account, &DeleteParams::default()).await.unwrap();
        }
        eventually("the tenant is gone", async || {
            let found = self.tenants().get_opt(name).await.unwrap();
            holds(found.is_none(), "it is there")
        })
        .await;
    }

    /// Does as the chart does with `apiServer.cluster.onboarding`.
    pub fn allow_onboarding(&self) {
        let name = "tenantry-api-server-onboarding";
        let role = format!("--clusterrole={name}");
        let account = format!("--serviceaccount={RELEASE_NAMESPACE}:{}", crds::API_SERVER);
        self.ground.kubectl(&["create", "clusterrolebinding", name, &role, &account]);
    }

    /// A token as the kubelet projects it into a pod of a tenant.
    pub async fn token(&self, tenant: &str, account: &str, audience: &str) -> String {
        self.token_of(&format!("tenant-{tenant}"), account, Some(audience)).await
    }

    async fn token_of(&self, namespace: &str, account: &str, audience: Option<&str>) -> String {
        let api = Api::<ServiceAccount>::namespaced(self.client.clone(), namespace);
        let request = TokenRequest {
            spec: Some(TokenRequestSpec {
                audiences: audience.map(|audience| vec![audience.to_owned()]),
                // A long run of faults outlives an hour.
                expiration_seconds: Some(24 * 3600),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let answer =
            api.create_token_request(account, &PostParams::default(), &request).await.unwrap();
        answer.status.unwrap().token.unwrap()
    }

    /// A person's token.
    pub fn person(&self, scope: &str, role: Option<&str>) -> String {
        let mut claims = Claims::new("someone", &[Audience::Billing]);
        claims.scope = scope.to_owned();
        claims.roles = role.into_iter().map(str::to_owned).collect();
        self.place.token(&claims)
    }

    /// Sends gigabytes that were ingested, as the tenant's own pod does.
    pub async fn ingest(&self, server: &Serving, tenant: &str, id: &str, quantity: &str) {
        let token = self.token(tenant, "core", "tenantry-usage").await;
        eventually("the usage is taken", async || {
            let (status, body) = send(server, &token, id, quantity).await;
            holds(status == StatusCode::OK && body["accepted"] == 1, format!("{status} {body}"))
        })
        .await;
    }

    /// The status says something.
    pub async fn until(&self, name: &str, what: &str, good: impl Fn(&Seen) -> bool) -> Seen {
        eventually(what, async || {
            let seen = Seen::of(self.get(name).await);
            if good(&seen) { Ok(seen) } else { Err(format!("{seen:#?}")) }
        })
        .await
    }

    /// The Lease that vouches for figures.
    pub async fn lease(&self) -> Option<Lease> {
        let api = Api::<Lease>::namespaced(self.client.clone(), RELEASE_NAMESPACE);
        api.get_opt(crds::API_SERVER).await.unwrap()
    }

    /// Events on a tenant of a reason: their notes.
    pub async fn events(&self, uid: &str, reason: &str) -> Vec<String> {
        let api = Api::<Event>::namespaced(self.client.clone(), "default");
        let all = api.list(&ListParams::default()).await.unwrap().items;
        let about = |event: &Event| {
            let regarding = event.regarding.as_ref();
            regarding.and_then(|about| about.uid.as_deref()) == Some(uid)
                && event.reason.as_deref() == Some(reason)
        };
        all.into_iter().filter(about).filter_map(|event| event.note).collect()
    }
}
