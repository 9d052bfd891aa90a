//! What a ready tenant has: every component of dev, prod and the gpu overlay.

use serde_json::{Value, json};

use crate::support::{
    Lab, dev, eventually, holds,
    lab::{condition, is},
    prod, tenant, with,
};

async fn a_dev(lab: &Lab, name: &str) -> Value {
    lab.stack(dev(name), name).await
}

/// One production tenant, looked at by many tests.
async fn the_prod(lab: &Lab) -> Value {
    lab.stack(prod("shown-prod"), "shown-prod").await
}

fn container(deployment: &Value) -> &Value {
    &deployment["spec"]["template"]["spec"]["containers"][0]
}

#[tokio::test]
async fn a_dev_tenant_becomes_ready_with_all_conditions() {
    let lab = Lab::shared().await;
    let t = a_dev(&lab, "dev-ready").await;
    for (type_, status, reason) in [
        ("Ready", "True", "AllReady"),
        ("Reconciling", "False", "InSync"),
        ("Stalled", "False", "InSync"),
        ("ProfileValid", "True", "Rendered"),
        ("Suspended", "False", "NotSuspended"),
    ] {
        let c = condition(&t, type_);
        assert_eq!((c["status"].as_str(), c["reason"].as_str()), (Some(status), Some(reason)));
        assert_eq!(c["observedGeneration"], t["metadata"]["generation"], "{type_}");
    }
    assert_eq!(t["status"]["namespace"], "tenant-dev-ready");
    assert_eq!(t["status"]["profileRevision"]["current"], "dev-ready@1");
}

#[tokio::test]
async fn a_dev_stack_has_its_guard_rails() {
    let lab = Lab::shared().await;
    let t = a_dev(&lab, "dev-rails").await;
    let ns = lab.api.get("namespaces", "", "tenant-dev-rails").await.unwrap();
    assert_eq!(ns["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
    assert_eq!(ns["metadata"]["annotations"]["tenantry.dev/tenant-uid"], t["metadata"]["uid"]);
    let display = &ns["metadata"]["annotations"]["tenantry.dev/display-name"];
    assert_eq!(display, "Tenant dev-rails");
    let quota = lab.object("dev-rails", "resourcequotas", "tenantry").await.unwrap();
    assert_eq!(quota["spec"]["hard"]["requests.cpu"], "2");
    assert_eq!(quota["spec"]["hard"]["services.loadbalancers"], "0");
    let limits = lab.object("dev-rails", "limitranges", "tenantry").await.unwrap();
    assert_eq!(limits["spec"]["limits"][0]["type"], "Container");
    let deny = lab.object("dev-rails", "networkpolicies", "tenantry-default-deny").await.unwrap();
    assert_eq!(deny["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
}

#[tokio::test]
async fn contacts_stand_on_the_namespace() {
    let lab = Lab::shared().await;
    let contact = json!({ "name": "Operations", "email": "ops@acme.example" });
    let t = with(tenant("dev-contact", "dev-contact"), "/contact", contact);
    lab.apply(&[dev("dev-contact"), t]).await;
    lab.ready("dev-contact").await;
    let ns = lab.api.get("namespaces", "", "tenant-dev-contact").await.unwrap();
    let note = &ns["metadata"]["annotations"];
    assert_eq!(note["tenantry.dev/contact-name"], "Operations");
    assert_eq!(note["tenantry.dev/contact-email"], "ops@acme.example");
    let writers = ns["metadata"]["managedFields"].as_array().unwrap();
    let ours = writers.iter().filter(|w| w["manager"] == "tenantry-operator");
    let operations: Vec<&Value> = ours.map(|w| &w["operation"]).collect();
    assert_eq!(operations, ["Update"], "made in one request, and left alone");

    // What was created and never applied goes too when it is no longer wanted.
    lab.apply(&[tenant("dev-contact", "dev-contact")]).await;
    eventually("the contact is gone", async || {
        let ns = lab.api.get("namespaces", "", "tenant-dev-contact").await.unwrap();
        let note = ns["metadata"]["annotations"].as_object().unwrap();
        let left: Vec<&String> = note.keys().filter(|k| k.contains("contact")).collect();
        holds(left.is_empty(), left.len())
    })
    .await;
    let ns = lab.api.get("namespaces", "", "tenant-dev-contact").await.unwrap();
    assert_eq!(ns["metadata"]["labels"]["kubernetes.io/metadata.name"], "tenant-dev-contact");
    assert_eq!(ns["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
}

#[tokio::test]
async fn a_dev_stack_has_service_gateway_and_billing_storage_only() {
    let lab = Lab::shared().await;
    a_dev(&lab, "dev-parts").await;
    let names = async |plural| {
        let items = lab.api.list(plural, "tenant-dev-parts", "").await;
        items.iter().map(|i| i["metadata"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("deployments").await, ["core", "tenantry-gateway"]);
    assert_eq!(names("services").await, ["core", "tenantry-gateway"]);
    assert_eq!(names("persistentvolumeclaims").await, ["tenantry-billing"]);
    for none in
        ["secrets", "cronjobs", "horizontalpodautoscalers", "poddisruptionbudgets", "ingresses"]
    {
        assert_eq!(names(none).await, Vec::<String>::new(), "{none}");
    }
}

#[tokio::test]
async fn pods_report_usage_with_a_projected_token_and_no_default_one() {
    let lab = Lab::shared().await;
    a_dev(&lab, "dev-token").await;
    let pod = lab.pods("dev-token", "core").await.remove(0);
    let volumes = pod["spec"]["volumes"].as_array().unwrap();
    let projected: Vec<_> = volumes.iter().filter(|v| !v["projected"].is_null()).collect();
    assert_eq!(projected.len(), 1, "{volumes:?}");
    let token = &projected[0]["projected"]["sources"][0]["serviceAccountToken"];
    assert_eq!(token["audience"], "tenantry-usage");
    let env = pod["spec"]["containers"][0]["env"].as_array().unwrap();
    let value = |name: &str| env.iter().find(|e| e["name"] == name).map(|e| e["value"].clone());
    assert_eq!(value("TENANTRY_TENANT"), Some(json!("dev-token")));
    assert_eq!(value("OTEL_SDK_DISABLED"), Some(json!("true")), "no collector in dev");
    let account = lab.object("dev-token", "serviceaccounts", "core").await.unwrap();
    assert_eq!(account["automountServiceAccountToken"], false);
}

#[tokio::test]
async fn everything_but_data_is_owned_by_the_tenant() {
    let lab = Lab::shared().await;
    let t = the_prod(&lab).await;
    for (plural, name, holds_data) in [
        ("deployments", "core", false),
        ("configmaps", "tenantry-collector", false),
        ("networkpolicies", "tenantry-dns", false),
        ("secrets", "tenantry-grafana", true),
        ("persistentvolumeclaims", "tenantry-billing", true),
    ] {
        let object = lab.object("shown-prod", plural, name).await.unwrap();
        let owner = &object["metadata"]["ownerReferences"][0]["uid"];
        let note = &object["metadata"]["annotations"]["tenantry.dev/tenant-uid"];
        let named = if holds_data { note } else { owner };
        assert_eq!(*named, t["metadata"]["uid"], "{plural} {name}");
        assert_eq!(owner.is_null(), holds_data, "{plural} {name}");
    }
}

#[tokio::test]
async fn a_prod_tenant_lists_every_component_ready() {
    let lab = Lab::shared().await;
    let t = the_prod(&lab).await;
    let components = t["status"]["components"].as_array().unwrap();
    let names: Vec<&str> = components.iter().map(|c| c["name"].as_str().unwrap()).collect();
    let all = ["backup", "collector", "core", "gateway", "grafana", "metrics", "transcribe"];
    assert_eq!(names, all);
    assert!(components.iter().all(|c| c["ready"] == true));
}

#[tokio::test]
async fn a_prod_collector_stamps_the_tenant() {
    let lab = Lab::shared().await;
    the_prod(&lab).await;
    let config = lab.object("shown-prod", "configmaps", "tenantry-collector").await.unwrap();
    let text = config["data"].to_string();
    assert!(text.contains("tenant.id") && text.contains("${env:TENANT_ID}"), "{text}");
    let collector = lab.object("shown-prod", "deployments", "tenantry-collector").await.unwrap();
    let env = container(&collector)["env"].as_array().unwrap();
    assert!(env.contains(&json!({ "name": "TENANT_ID", "value": "shown-prod" })), "{env:?}");
    let service = lab.object("shown-prod", "services", "tenantry-collector").await.unwrap();
    let ports = service["spec"]["ports"].as_array().unwrap();
    assert!(ports.iter().any(|p| p["port"] == 4318), "{ports:?}");
    let core = lab.object("shown-prod", "deployments", "core").await.unwrap();
    let env = container(&core)["env"].to_string();
    assert!(env.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{env}");
}

#[tokio::test]
async fn a_prod_metrics_store_has_a_claim_and_one_writer() {
    let lab = Lab::shared().await;
    the_prod(&lab).await;
    let claim =
        lab.object("shown-prod", "persistentvolumeclaims", "tenantry-metrics-data").await.unwrap();
    assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "2Gi");
    assert_eq!(claim["status"]["phase"], "Bound");
    let store = lab.object("shown-prod", "deployments", "tenantry-metrics").await.unwrap();
    assert_eq!(store["spec"]["strategy"]["type"], "Recreate");
    assert_eq!(container(&store)["image"], "prom/prometheus:v3");
}

#[tokio::test]
async fn a_prod_grafana_has_a_generated_password() {
    let lab = Lab::shared().await;
    the_prod(&lab).await;
    let secret = lab.object("shown-prod", "secrets", "tenantry-grafana").await.unwrap();
    let data = secret["data"].as_object().unwrap();
    assert!(!data.is_empty() && data.values().all(|v| v.as_str().unwrap().len() >= 20));
    assert!(lab.object("shown-prod", "configmaps", "tenantry-grafana").await.is_ok());
    assert!(lab.object("shown-prod", "services", "tenantry-grafana").await.is_ok());
}

#[tokio::test]
async fn a_prod_backup_is_a_schedule_that_never_overlaps() {
    let lab = Lab::shared().await;
    the_prod(&lab).await;
    let job = lab.object("shown-prod", "cronjobs", "tenantry-backup").await.unwrap();
    assert_eq!(job["spec"]["schedule"], "0 3 * * *");
    assert_eq!(job["spec"]["timeZone"], "Etc/UTC");
    assert_eq!(job["spec"]["concurrencyPolicy"], "Forbid");
    assert_eq!(job["spec"]["suspend"], false);
}

#[tokio::test]
async fn a_replicated_service_has_a_budget_and_is_spread() {
    let lab = Lab::shared().await;
    the_prod(&lab).await;
    let budget = lab.object("shown-prod", "poddisruptionbudgets", "core").await.unwrap();
    assert_eq!(budget["spec"]["maxUnavailable"], 1);
    let core = lab.object("shown-prod", "deployments", "core").await.unwrap();
    let spread = &core["spec"]["template"]["spec"]["topologySpreadConstraints"];
    assert_eq!(spread[0]["whenUnsatisfiable"], "ScheduleAnyway");
    let budgets = lab.api.list("poddisruptionbudgets", "tenant-shown-prod", "").await;
    assert_eq!(budgets.len(), 1, "only where more than one pod runs");
}

#[tokio::test]
async fn an_autoscaled_service_leaves_its_replicas_to_the_autoscaler() {
    let lab = Lab::shared().await;
    the_prod(&lab).await;
    let scaler = lab.object("shown-prod", "horizontalpodautoscalers", "transcribe").await.unwrap();
    assert_eq!(scaler["spec"]["maxReplicas"], 10);
    let deployment = lab.object("shown-prod", "deployments", "transcribe").await.unwrap();
    let entries = deployment["metadata"]["managedFields"].as_array().unwrap();
    let ours = entries.iter().find(|e| e["manager"] == "tenantry-operator").unwrap();
    assert!(ours["fieldsV1"]["f:spec"].get("f:replicas").is_none());
}

#[tokio::test]
async fn an_ingress_carries_the_tenants_name_and_is_an_endpoint() {
    let lab = Lab::shared().await;
    let t = the_prod(&lab).await;
    let ingress = lab.object("shown-prod", "ingresses", "core").await.unwrap();
    assert_eq!(ingress["spec"]["rules"][0]["host"], "shown-prod.example.com");
    let endpoints = t["status"]["endpoints"].as_array().unwrap();
    let urls: Vec<&str> = endpoints.iter().map(|e| e["url"].as_str().unwrap()).collect();
    assert!(urls.contains(&"http://shown-prod.example.com"), "{urls:?}");
    assert!(urls.contains(&"http://core.tenant-shown-prod.svc:8080"), "{urls:?}");
}

#[tokio::test]
async fn every_pod_passes_the_restricted_standard() {
    let lab = Lab::shared().await;
    the_prod(&lab).await;
    // The namespace enforces it, so a pod that exists has passed; this says that they all exist.
    for component in ["core", "transcribe", "gateway", "collector", "metrics", "grafana"] {
        let pods = lab.pods("shown-prod", component).await;
        assert!(!pods.is_empty(), "{component}");
        let security = &pods[0]["spec"]["containers"][0]["securityContext"];
        assert_eq!(security["allowPrivilegeEscalation"], false, "{component}");
    }
}

#[tokio::test]
async fn the_gpu_overlay_touches_acceleratable_services_only() {
    let lab = Lab::shared().await;
    let t = with(tenant("with-gpu", "with-gpu"), "/overlays", json!(["gpu"]));
    lab.apply(&[prod("with-gpu"), t]).await;
    lab.ready("with-gpu").await;
    let voice = lab.object("with-gpu", "deployments", "transcribe").await.unwrap();
    assert_eq!(container(&voice)["resources"]["limits"]["nvidia.com/gpu"], "1");
    assert_eq!(container(&voice)["resources"]["requests"]["nvidia.com/gpu"], "1");
    assert_eq!(voice["spec"]["template"]["spec"]["tolerations"][0]["key"], "nvidia.com/gpu");
    assert_eq!(voice["spec"]["strategy"]["rollingUpdate"]["maxSurge"], 0);
    let pod = lab.pods("with-gpu", "transcribe").await.remove(0);
    assert_eq!(pod["spec"]["nodeName"], "node-2", "the node that has one");
    let core = lab.object("with-gpu", "deployments", "core").await.unwrap();
    assert!(container(&core)["resources"]["limits"].get("nvidia.com/gpu").is_none());
}

#[tokio::test]
async fn overrides_change_one_tenant_and_no_other() {
    let lab = Lab::shared().await;
    let change = json!([{ "name": "core", "replicas": 3, "env": [{ "name": "MODE", "value": "big" }],
        "resources": { "limits": { "memory": "96Mi" } } }]);
    let bigger = with(tenant("over-a", "over"), "/overrides", json!({ "services": change }));
    lab.apply(&[prod("over"), bigger, tenant("over-b", "over")]).await;
    lab.ready("over-a").await;
    lab.ready("over-b").await;
    let a = lab.object("over-a", "deployments", "core").await.unwrap();
    assert_eq!(a["spec"]["replicas"], 3);
    assert_eq!(container(&a)["resources"]["limits"]["memory"], "96Mi");
    assert_eq!(container(&a)["resources"]["requests"]["memory"], "16Mi");
    assert!(container(&a)["env"].to_string().contains("MODE"));
    let b = lab.object("over-b", "deployments", "core").await.unwrap();
    assert_eq!(b["spec"]["replicas"], 2);
}

#[tokio::test]
async fn kubectl_shows_the_columns_and_can_wait() {
    let lab = Lab::shared().await;
    a_dev(&lab, "dev-columns").await;
    lab.ground.kubectl(&["wait", "--for=condition=Ready", "tenant/dev-columns", "--timeout=240s"]);
    let text = lab.ground.kubectl(&["get", "tenants", "dev-columns", "-o", "wide"]);
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<Vec<String>> = text.lines().map(words).collect();
    let first = ["NAME", "PROFILE", "PLAN", "READY", "HEALTH", "USAGE", "PROJECTED", "AGE"];
    assert_eq!(lines[0], [&first[..], &["REVISION", "NAMESPACE", "REASON"]].concat());
    // No API server tells of plan and usage here: their columns are blank.
    assert_eq!(lines[1][..3], ["dev-columns", "dev-columns", "True"]);
    assert_eq!(lines[1][4..], ["dev-columns@1", "tenant-dev-columns", "AllReady"]);
    let profile = lab.ground.kubectl(&["get", "dprof", "dev-columns"]);
    assert!(profile.contains("Complete"), "{profile}");
}

#[tokio::test]
async fn a_changed_display_name_reaches_the_namespace() {
    let lab = Lab::shared().await;
    a_dev(&lab, "dev-renamed").await;
    let body = json!({ "spec": { "displayName": "Änderung GmbH" } });
    lab.api.merge("tenants", "", "dev-renamed", &body).await.unwrap();
    let t = lab.ready("dev-renamed").await;
    assert!(is(&t, "ProfileValid", "True"));
    let ns = lab.api.get("namespaces", "", "tenant-dev-renamed").await.unwrap();
    assert_eq!(ns["metadata"]["annotations"]["tenantry.dev/display-name"], "Änderung GmbH");
}
