//! An approved request becomes a Tenant, once, whatever happens between.

use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    apifault::{Fault, Proxy},
    gate::Gate,
    lab::{Lab, eventually, holds},
    serving::{Serving, client},
};

fn form(tenant: &str) -> Value {
    json!({
        "display_name": "Initech Legal", "tenant": tenant,
        "contact": {"name": "Operations", "email": "ops@initech.example"},
        "use_case": "Read contracts", "purpose": "production", "go_live_date": in_a_month(),
        "departments": [{"name": "Litigation", "people": 12, "weeks_per_year": 46,
            "hours_per_week": {"low": "3", "base": "4", "high": "5"}}],
        "usage": {"agents": {"base": "40000"}}, "support_hours": 8,
        "currency": "USD", "time_zone": "America/Chicago", "anchor_day": 15,
        "roi": {"salary": {"amount": "52000.00", "currency": "USD"}, "burden": "0.30"},
    })
}

fn in_a_month() -> String {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    today.checked_add(jiff::Span::new().days(30)).unwrap().to_string()
}

/// What a server answers, which must be good.
async fn ask(
    server: &Serving,
    method: Method,
    path: &str,
    token: &str,
    body: Option<Value>,
) -> Value {
    let mut request = client().request(method, format!("{}{path}", server.api));
    if !token.is_empty() {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(matches!(status, StatusCode::OK | StatusCode::CREATED), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap()
}

/// Sends a form and approves it: its path and receipt.
async fn approved(lab: &Lab, server: &Serving, tenant: &str) -> (String, String) {
    let sent = ask(server, Method::POST, "/onboarding", "", Some(form(tenant))).await;
    let text = |name: &str| sent[name].as_str().unwrap().to_owned();
    let (path, receipt) = (text("follow"), text("receipt_token"));
    let stack = ask(server, Method::POST, &format!("{path}/approve"), &manager(lab), None).await;
    assert!(["queued", "made"].contains(&stack["stack"]["state"].as_str().unwrap()), "{stack}");
    (path, receipt)
}

fn manager(lab: &Lab) -> String {
    lab.person("onboarding:approve", Some("CustomerSuccessManager"))
}

async fn stack(server: &Serving, path: &str, token: &str) -> Value {
    ask(server, Method::GET, path, token, None).await["stack"].clone()
}

async fn until_stack(server: &Serving, path: &str, token: &str, state: &str) -> Value {
    eventually(state, async || {
        let stack = stack(server, path, token).await;
        if stack["state"] == state { Ok(stack) } else { Err(stack) }
    })
    .await
}

const MODE: [&str; 4] = ["--provision", "cluster", "--snapshot-interval", "2"];

#[tokio::test]
async fn an_approved_request_becomes_a_tenant_whose_usage_is_told() {
    let lab = Lab::new().await;
    let server = lab.serve(&MODE);
    let (path, receipt) = approved(&lab, &server, "initech").await;
    // It waits for the right to do so, too.
    eventually("the missing right is told", async || {
        let stack = stack(&server, &path, &manager(&lab)).await;
        let detail = stack["detail"].as_str().unwrap_or_default();
        holds(detail.contains("apiServer.cluster.onboarding"), &stack)
    })
    .await;
    lab.allow_onboarding();
    let made = until_stack(&server, &path, &receipt, "made").await;
    assert!(made["made_at"].is_string(), "{made}");
    let tenant = lab.get("initech").await;
    let id = path.rsplit('/').next().unwrap();
    assert_eq!(tenant.annotations()["tenantry.dev/intake"], id);
    let spec = tenant.spec;
    assert_eq!((spec.account_id.as_deref(), spec.plan.as_deref()), (Some("initech"), Some("team")));
    assert_eq!((&*spec.profile_ref.name, spec.billing.unwrap().anchor_day), ("prod", 15));
    assert_eq!(spec.onboarding.unwrap().departments, ["Litigation"]);
    // From there on as any other: its workloads are bound to the account that the approval opened.
    lab.operate("initech").await;
    lab.ingest(&server, "initech", "e-1", "12.5").await;
    let seen = lab.until("initech", "its use", |seen| seen.meter("ingestion") == "12.5").await;
    assert_eq!((seen.plan(), seen.says("PlanAccepted").0), ("team", "True"));
    // What people change of it stays, also when the server starts anew.
    let edit = Patch::Merge(json!({ "spec": { "displayName": "Initech" } }));
    let edited = lab.tenants().patch("initech", &PatchParams::default(), &edit).await.unwrap();
    let uid = edited.metadata.uid.unwrap();
    let server = {
        drop(server);
        lab.serve(&MODE)
    };
    until_stack(&server, &path, &receipt, "made").await;
    let tenant = lab.get("initech").await;
    assert_eq!((tenant.spec.display_name.as_str(), tenant.metadata.uid), ("Initech", Some(uid)));
}

#[tokio::test]
async fn whoever_asked_follows_the_stack_until_it_is_ready_and_gone() {
    let lab = Lab::new().await;
    lab.allow_onboarding();
    let server = lab.serve(&MODE);
    let (path, receipt) = approved(&lab, &server, "initech").await;
    let made = until_stack(&server, &path, &receipt, "made").await;
    assert_eq!((&made["parts"], &made["since"]), (&Value::Null, &Value::Null));
    lab.operate("initech").await;
    let waits = "gateway: Deployment tenantry-gateway has 0 of 1 pods";
    lab.stack("initech", &[("core", true), ("gateway", false)], waits).await;
    let starting = until_stack(&server, &path, &receipt, "starting").await;
    assert_eq!(starting["parts"], json!({ "ready": 1, "total": 2 }));
    // What a stack is made of is for customer success.
    assert_eq!(starting["detail"], Value::Null);
    assert_eq!(stack(&server, &path, &manager(&lab)).await["detail"], waits);
    lab.stack("initech", &[("core", true), ("gateway", true)], "all parts run").await;
    let ready = until_stack(&server, &path, &receipt, "ready").await;
    assert_eq!(ready["parts"], json!({ "ready": 2, "total": 2 }));
    assert_eq!(stack(&server, &path, &manager(&lab)).await["detail"], Value::Null);
    assert!(ready["since"].as_str() >= starting["since"].as_str(), "{starting} {ready}");
    // Another server, which remembers nothing, has no other news of it.
    drop(server);
    let server = lab.serve(&MODE);
    lab.tenant("other", json!({})).await;
    lab.operate("other").await;
    lab.until("other", "its account", |seen| !seen.plan().is_empty()).await;
    assert_eq!(stack(&server, &path, &receipt).await, ready);
    lab.delete("initech").await;
    let removed = until_stack(&server, &path, &receipt, "removed").await;
    assert_eq!(removed["parts"]["ready"], 0);
}

#[tokio::test]
async fn a_taken_name_is_told_to_customer_success_alone_and_goes_on_once_it_is_free() {
    let lab = Lab::new().await;
    lab.allow_onboarding();
    let gate = Gate::to(lab.address()).await;
    gate.set(false);
    let kubeconfig = lab.kubeconfig_by(&format!("https://{}", gate.address));
    let server = lab.serve_by(&kubeconfig, &MODE);
    let (path, receipt) = approved(&lab, &server, "globex").await;
    // Somebody takes the name before it is made.
    let theirs = lab.tenant("globex", json!({})).await;
    gate.set(true);
    let told = until_stack(&server, &path, &manager(&lab), "conflict").await;
    assert_eq!(told["detail"], "tenant globex is of no request");
    let shown = stack(&server, &path, &receipt).await;
    assert_eq!((&shown["state"], &shown["detail"]), (&json!("queued"), &Value::Null));
    assert_eq!(lab.get("globex").await.metadata.uid, Some(theirs));
    lab.tenants().delete("globex", &DeleteParams::default()).await.unwrap();
    until_stack(&server, &path, &receipt, "made").await;
    assert_eq!(lab.get("globex").await.spec.account_id.as_deref(), Some("globex"));
}

#[tokio::test]
async fn a_name_that_a_tenant_has_is_refused_before_an_account_is_opened() {
    let lab = Lab::new().await;
    lab.allow_onboarding();
    let server = lab.serve(&MODE);
    lab.tenant("globex", json!({})).await;
    lab.operate("globex").await;
    lab.until("globex", "its account", |seen| !seen.plan().is_empty()).await;
    let sent = ask(&server, Method::POST, "/onboarding", "", Some(form("globex"))).await;
    let approve = format!("{}{}/approve", server.api, sent["follow"].as_str().unwrap());
    let answer = client().post(approve).bearer_auth(manager(&lab)).send().await.unwrap();
    let status = answer.status();
    let told: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(status, StatusCode::CONFLICT, "{told}");
    assert!(told["type"].as_str().unwrap().ends_with("name-taken"), "{told}");
    assert!(told["detail"].as_str().unwrap().contains("a Tenant globex"), "{told}");
}

#[tokio::test]
async fn when_the_answer_is_lost_the_tenant_is_known_as_its_own() {
    let lab = Lab::new().await;
    lab.allow_onboarding();
    let proxy = Proxy::start(&lab.kubeconfig());
    proxy.first(1, Fault::CutAfterCreate, |asked| {
        asked.verb == "create" && asked.resource == "tenants" && asked.subresource.is_empty()
    });
    let server = lab.serve_by(proxy.kubeconfig(), &MODE);
    let (path, receipt) = approved(&lab, &server, "initech").await;
    until_stack(&server, &path, &receipt, "made").await;
    let withheld: Vec<_> = proxy.hits().into_iter().map(|hit| hit.withheld).collect();
    assert_eq!(withheld.len(), 1);
    let all = lab.tenants().list(&ListParams::default()).await.unwrap().items;
    assert_eq!(all.len(), 1);
    assert_eq!(json!(all[0].metadata.uid), withheld[0]["metadata"]["uid"], "it was not made anew");
}

#[tokio::test]
async fn a_cluster_out_of_reach_changes_nothing_but_the_delay() {
    let lab = Lab::new().await;
    lab.allow_onboarding();
    let gate = Gate::to(lab.address()).await;
    let kubeconfig = lab.kubeconfig_by(&format!("https://{}", gate.address));
    gate.set(false);
    let mut server = lab.serve_by(&kubeconfig, &MODE);
    let (path, receipt) = approved(&lab, &server, "initech").await;
    eventually("a delivery that nobody takes", async || {
        let stack = stack(&server, &path, &manager(&lab)).await;
        holds(stack["state"] == "queued" && stack["detail"].is_string(), stack)
    })
    .await;
    assert!(lab.tenants().get_opt("initech").await.unwrap().is_none());
    server.kill();
    gate.set(true);
    let server = lab.serve_by(&kubeconfig, &MODE);
    until_stack(&server, &path, &receipt, "made").await;
    let all = lab.tenants().list(&ListParams::default()).await.unwrap();
    assert_eq!(all.items.len(), 1);
}
