//! Who is let in where: audience, role and scope in all combinations, and whose objects are reached.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::fixture::{Base, ask, person, projected};

fn csm(audience: bool, role: bool, scope: bool) -> Base {
    person()
        .with("aud", if audience { "billing" } else { "tenantry-usage" })
        .with("roles", if role { json!(["CustomerSuccessManager"]) } else { json!(["Finance"]) })
        .with("scope", if scope { "openid billing:read" } else { "openid billing:readwrite" })
}

#[tokio::test]
async fn everybodys_money_needs_audience_role_and_scope() {
    let mut let_in = 0;
    for bits in 0..8 {
        let (audience, role, scope) = (bits & 1 > 0, bits & 2 > 0, bits & 4 > 0);
        let (status, body) = ask("/billing/usage", &csm(audience, role, scope).token()).await;
        let expected = match (audience, role && scope) {
            (true, true) => StatusCode::OK,
            (true, false) => StatusCode::FORBIDDEN,
            (false, _) => StatusCode::UNAUTHORIZED,
        };
        assert_eq!(status, expected, "audience {audience}, role {role}, scope {scope}: {body}");
        let_in += usize::from(status == StatusCode::OK);
    }
    assert_eq!(let_in, 1);
}

#[tokio::test]
async fn a_403_names_what_is_needed() {
    let (status, body) = ask("/billing/usage", &csm(true, false, true).token()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["type"], "https://tenantry.dev/problems/insufficient-scope");
    for part in ["billing:read", "CustomerSuccessManager"] {
        assert!(body["detail"].as_str().unwrap().contains(part), "{body}");
    }
}

/// What a token has is told to who holds it, and no more of it than can be read.
#[tokio::test]
async fn a_403_says_what_the_token_has_of_it() {
    let told = async |path: &str, token: Base| {
        let (status, body) = ask(path, &token.token()).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        body["detail"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        told("/billing/usage", person().with("roles", json!([])).with("scope", "usage:write"))
            .await,
        "This route needs the scope billing:read, the role CustomerSuccessManager; the token has the scope usage:write, \
         no role. Ask for one that has all."
    );
    let own = person().with("roles", json!(["Finance"])).with("scope", "billing:read:own openid");
    assert_eq!(
        told("/account", own.without("tenant")).await,
        "This route needs the scope billing:read:own, the claim tenant; the token has the scopes billing:read:own openid, \
         the role Finance, no claim tenant. Ask for one that has all."
    );
    let many: Vec<String> = (0..40).map(|n| format!("{n:02}{}", "x".repeat(120))).collect();
    let told = told("/billing/usage", person().with("scope", many.join(" "))).await;
    assert!(told.contains("and 35 more, the role CustomerSuccessManager. Ask"), "{told}");
    assert!(told.contains(&format!("04{}…", "x".repeat(28))) && told.len() < 450, "{told}");
}

#[tokio::test]
async fn one_account_is_reached_by_customer_success_or_by_its_own() {
    let own = person().with("roles", json!([])).with("scope", "billing:read:own");
    for (token, expected) in [
        (person().token(), Ok("everyone")),
        (own.token(), Ok("own acme")),
        (own.clone().with("tenant", "globex").token(), Ok("own globex")),
        (own.clone().without("tenant").token(), Err(StatusCode::FORBIDDEN)),
        // The role alone widens nothing, and the scope without its role neither.
        (own.clone().with("roles", json!(["CustomerSuccessManager"])).token(), Ok("own acme")),
        (own.clone().with("scope", "billing:read").token(), Err(StatusCode::FORBIDDEN)),
        (own.clone().with("scope", "billing:read:owner").token(), Err(StatusCode::FORBIDDEN)),
        (own.with("aud", "tenantry-usage").token(), Err(StatusCode::UNAUTHORIZED)),
    ] {
        let (status, body) = ask("/account", &token).await;
        match expected {
            Ok(reach) => assert_eq!((status, body.as_str()), (StatusCode::OK, reach)),
            Err(refused) => assert_eq!(status, refused, "{body}"),
        }
    }
}

#[tokio::test]
async fn scopes_and_roles_are_compared_whole() {
    for scope in [
        "billing:rea",
        "billing",
        "BILLING:READ",
        "billing:read,",
        "billing:read*",
        "*",
        "billing:read:own",
        "",
    ] {
        let token = person().with("scope", scope).token();
        let (status, body) = ask("/billing/usage", &token).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{scope}: {body}");
    }
    for role in
        ["customersuccessmanager", "CustomerSuccessManager ", "CustomerSuccessManagers", "*"]
    {
        let token = person().with("roles", json!([role])).token();
        assert_eq!(ask("/billing/usage", &token).await.0, StatusCode::FORBIDDEN, "{role}");
    }
}

#[tokio::test]
async fn a_workload_reaches_its_own_usage_and_nothing_else() {
    let token = projected().token();
    for (path, status) in [
        ("/usage/write", StatusCode::OK),
        ("/usage/read", StatusCode::OK),
        ("/billing/usage", StatusCode::UNAUTHORIZED),
        ("/account", StatusCode::UNAUTHORIZED),
        ("/public", StatusCode::OK),
    ] {
        assert_eq!(ask(path, &token).await.0, status, "{path}");
    }
    let gateway = projected().with("aud", json!(["tenantry-gateway"])).token();
    assert_eq!(ask("/usage/write", &gateway).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_workload_needs_a_binding_of_namespace_name_and_uid() {
    let bind = |namespace: &str, name: &str, uid: &str| {
        let account = json!({"namespace": namespace, "serviceaccount": {"name": name, "uid": uid}});
        projected()
            .with("kubernetes.io", account)
            .with("sub", format!("system:serviceaccount:{namespace}:{name}"))
            .token()
    };
    let uid = "4442a3cb-0c3b-4290-829c-4a8995f64501";
    assert_eq!(ask("/usage/write", &bind("tenant-acme", "core", uid)).await.0, StatusCode::OK);
    for (namespace, name, uid) in [
        ("tenant-globex", "core", uid),
        ("tenant-acme", "voice", uid),
        // Deleted and made again: the same name, another account.
        ("tenant-acme", "core", "4442a3cb-0c3b-4290-829c-4a8995f64502"),
    ] {
        let status = ask("/usage/write", &bind(namespace, name, uid)).await.0;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{namespace}/{name} {uid}");
    }
    // Not knowing is no refusal.
    let (status, _) = ask("/usage/write", &bind("tenant-broken", "core", uid)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn usage_is_sent_by_a_tenants_own_tool() {
    let tool = person()
        .with("aud", "tenantry-usage")
        .with("scope", "usage:write")
        .with("roles", json!([]));
    assert_eq!(ask("/usage/write", &tool.token()).await, (StatusCode::OK, "own acme".to_owned()));
    assert_eq!(ask("/usage/read", &tool.token()).await.0, StatusCode::FORBIDDEN);
    assert_eq!(ask("/account", &tool.token()).await.0, StatusCode::UNAUTHORIZED);
    let nobodys = tool.without("tenant").token();
    assert_eq!(ask("/usage/write", &nobodys).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_public_route_does_not_look_at_tokens() {
    assert_eq!(ask("/public", "rubbish").await, (StatusCode::OK, "nothing".to_owned()));
}
