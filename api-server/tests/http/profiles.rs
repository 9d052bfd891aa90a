//! What is told of profiles, on what a cluster would have said.

use api_server::auth::Audience;
use api_server::cluster::profiles::Profiles;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::api::{Answer, Api, manager, token};

fn read<T: serde::de::DeserializeOwned>(object: Value) -> T {
    serde_json::from_value(object).unwrap()
}

fn spec(image: &str) -> Value {
    let resources = json!({ "limits": { "memory": "64Mi" } });
    json!({
        "tier": "prod", "defaultPlan": "team",
        "services": [{ "name": "core", "feature": "core", "image": image, "resources": resources }],
        "billing": { "storage": { "size": "1Gi" }, "gateway": { "image": "tenantry:1", "resources": resources } },
        "quota": { "cpu": "2", "memory": "4Gi", "storage": "20Gi", "pods": 40 },
        "overlays": { "gpu": {} },
    })
}

fn tenant(name: &str, wanted: &str, runs: &str, reason: &str) -> Value {
    let ready = if reason == "Ready" { "True" } else { "False" };
    json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant", "metadata": { "name": name },
        "spec": { "displayName": format!("{name} <Legal>"), "profileRef": { "name": "prod" } },
        "status": {
            "accountId": format!("account-{name}"),
            "profileRevision": { "desired": wanted, "current": runs },
            "conditions": [{ "type": "Ready", "status": ready, "reason": reason, "message": "core: why",
                "lastTransitionTime": "2026-11-20T12:00:00Z" }],
        },
    })
}

/// A profile in the middle of a rollout, and one that is gone and still named.
pub fn known() -> Profiles {
    let mut profile = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "DeploymentProfile",
        "metadata": { "name": "prod", "generation": 3 }, "spec": spec("sample:2"),
        "status": { "observedGeneration": 3, "revision": 2, "rollout": "Halted",
            "message": "1/4 updated, 1 failed: crashes" },
    });
    profile["spec"]["rollout"] = json!({ "maxInFlight": 1, "haltAfterFailures": 1 });
    let revision = |number: i64| {
        json!({
            "metadata": { "name": format!("profile.prod.{number}"), "labels": { "tenantry.dev/profile": "prod" },
                "creationTimestamp": format!("2026-11-0{number}T12:00:00Z") },
            "revision": number, "data": { "spec": spec(&format!("sample:{number}")) },
        })
    };
    // Of an account that the ledger has.
    let mut crashes = tenant("crashes", "prod@2", "prod@1", "CrashLoop");
    crashes["status"]["accountId"] = json!("acme");
    crashes["status"]["components"] = json!([
        { "name": "core", "ready": false, "message": "pod core-1 CrashLoopBackOff" },
        { "name": "gateway", "ready": true },
    ]);
    let mut lost = tenant("lost", "gone@4", "gone@4", "Ready");
    lost["spec"]["profileRef"]["name"] = json!("gone");
    let view = Profiles::default();
    view.fill(
        vec![read(profile)],
        vec![read(revision(1)), read(revision(2))],
        vec![
            read(crashes),
            read(tenant("done", "prod@2", "prod@2", "Ready")),
            read(tenant("moves", "prod@2", "prod@1", "WaitingForPods")),
            read(tenant("waits", "prod@1", "prod@1", "Ready")),
            read(lost),
        ],
    );
    view
}

async fn ask(api: &Api, path: &str) -> Answer {
    api.get(path, Some(&manager())).await
}

#[tokio::test]
async fn a_rollout_is_told_with_who_is_where_and_why_it_halted() {
    let api = Api::new().await;
    let answer = ask(&api, "/profiles").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let all = answer.json();
    assert_eq!(
        (&all["lost_since"], &all["meta"]),
        (&Value::Null, &json!({"page": {"next": null}}))
    );
    let content = json!({
        "tier": "prod", "default_plan": "team", "overlays": ["gpu"],
        "services": [{ "name": "core", "feature": "core", "image": "sample:2" }],
    });
    let rollout = json!({
        "phase": "halted", "message": "1/4 updated, 1 failed: crashes",
        "max_in_flight": "1", "halt_after_failures": 1, "paused": false,
    });
    let counts = json!({ "total": 4, "ready": 2, "updated": 1, "moving": 1, "waiting": 1, "failed": 1,
        "removed": 0, "pinned": 0 });
    let prod = json!({ "name": "prod", "missing": false, "content": content, "revision": 2,
        "rollout": rollout, "tenants": counts });
    assert_eq!(all["data"][1], prod);
    let gone = &all["data"][0];
    assert_eq!((&gone["name"], &gone["missing"]), (&json!("gone"), &json!(true)));
    assert_eq!((&gone["rollout"], &gone["tenants"]["updated"]), (&Value::Null, &json!(1)));
    let revisions = ask(&api, "/profiles/prod/revisions").await.json();
    let of = |number: usize| {
        let one = &revisions["data"][number];
        let image = &one["content"]["services"][0]["image"];
        json!([one["number"], one["made_at"], image, one["running"], one["coming"]])
    };
    assert_eq!(of(0), json!([2, "2026-11-02T12:00:00Z", "sample:2", 1, 2]));
    assert_eq!(of(1), json!([1, "2026-11-01T12:00:00Z", "sample:1", 3, 0]));
    let gone = ask(&api, "/profiles/gone/revisions").await.json();
    assert_eq!(gone["data"][0]["content"], Value::Null);
}

#[tokio::test]
async fn tenants_of_a_profile_come_by_pages_and_say_why_they_are_not_ready() {
    let api = Api::new().await;
    let first = ask(&api, "/profiles/prod/tenants?page[size]=3").await.json();
    let crashes = json!({
        "tenant": "crashes", "display_name": "crashes <Legal>", "account": "acme",
        "stage": "failed", "runs": "prod@1", "wanted": "prod@2", "pinned": null, "ready": false,
        "reason": "CrashLoop", "message": "core: why", "since": "2026-11-20T12:00:00Z",
    });
    assert_eq!(first["data"][0], crashes);
    assert_eq!(first["data"][1]["reason"], Value::Null, "of one that is ready nothing is amiss");
    let next = first["meta"]["page"]["next"].as_str().unwrap();
    let last = ask(&api, next).await.json();
    assert_eq!(
        (&last["data"][0]["tenant"], &last["meta"]["page"]["next"]),
        (&json!("waits"), &Value::Null)
    );
    let names = async |query: &str| {
        let page = ask(&api, &format!("/profiles/prod/tenants?{query}")).await.json();
        let rows = page["data"].as_array().unwrap().clone();
        rows.iter().map(|row| row["tenant"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("filter[stage][eq]=moving").await, ["moves"]);
    assert_eq!(names("filter[revision][eq]=1").await, ["crashes", "moves", "waits"]);
    assert_eq!(names("filter[revision][eq]=1&filter[stage][eq]=waiting").await, ["waits"]);
    assert_eq!(names("filter[revision][eq]=7").await, [""; 0]);
}

#[tokio::test]
async fn what_is_not_there_or_cannot_be_asked_is_named() {
    let api = Api::new().await;
    for path in ["/profiles/none/revisions", "/profiles/none/tenants"] {
        assert_eq!(ask(&api, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    for (query, pointer) in [
        ("filter[revision][eq]=0", "filter[revision][eq]"),
        ("filter[revision][eq]=new", "filter[revision][eq]"),
        ("filter[stage][eq]=late", "filter[stage][eq]"),
        ("sort=tenant desc", "sort"),
        ("sort=stage", "sort"),
        ("page[after]=x", "page[after]"),
    ] {
        let query = query.replace(' ', "%20");
        let answer = ask(&api, &format!("/profiles/prod/tenants?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{query}");
    }
    assert_eq!(ask(&api, "/profiles?a=b").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&api, "/profiles/prod/revisions?a=b").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_account_says_part_by_part_what_of_it_runs() {
    let api = Api::new().await;
    let answer = ask(&api, "/accounts/acme/stacks").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let stack = json!({
        "tenant": "crashes", "state": "failing", "profile": "prod", "runs": "prod@1", "wanted": "prod@2",
        "reason": "CrashLoop", "message": "core: why", "since": "2026-11-20T12:00:00Z",
        "components": [
            { "name": "core", "ready": false, "message": "pod core-1 CrashLoopBackOff" },
            { "name": "gateway", "ready": true, "message": null },
        ],
    });
    let meta = json!({ "page": { "next": null } });
    let whole = |data: Value, beside: bool| json!({ "data": data, "beside_cluster": beside, "lost_since": null, "meta": meta });
    assert_eq!(answer.json(), whole(json!([stack]), true));
    // Its own people see what runs, and not what the cluster says of the rest.
    let own = token(Audience::Billing, "billing:read:own", None, Some("acme"));
    let theirs = api.get("/accounts/acme/stacks", Some(&own)).await.json();
    for (at, shown) in [
        ("/data/0/state", json!("failing")),
        ("/data/0/reason", Value::Null),
        ("/data/0/message", Value::Null),
        ("/data/0/components/0", json!({ "name": "core", "ready": false, "message": null })),
    ] {
        assert_eq!(theirs.pointer(at), Some(&shown), "{at}: {theirs}");
    }
    let none = whole(json!([]), true);
    // One that has nothing in the cluster, one that nobody has, and a name that none can have.
    assert_eq!(ask(&api, "/accounts/globex/stacks").await.json(), none);
    for path in ["/accounts/account-done/stacks", "/accounts/No%20Name/stacks"] {
        assert_eq!(ask(&api, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let answer = ask(&api, "/accounts/acme/stacks?a=b").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let alone = Api::without_cluster().await;
    let nothing = ask(&alone, "/accounts/acme/stacks").await.json();
    assert_eq!(nothing, whole(json!([]), false));
}

#[tokio::test]
async fn without_a_cluster_and_before_it_has_answered_that_is_said() {
    let api = Api::without_cluster().await;
    for path in ["/profiles", "/profiles/prod/revisions", "/profiles/prod/tenants"] {
        let answer = ask(&api, path).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::CONFLICT, "no-cluster".to_owned()));
        assert!(answer.json()["detail"].as_str().unwrap().contains("--cluster"), "{path}");
        let stranger =
            token(Audience::Billing, "onboarding:approve", Some("CustomerSuccessManager"), None);
        assert_eq!(api.get(path, Some(&stranger)).await.status, StatusCode::FORBIDDEN, "{path}");
    }
}
