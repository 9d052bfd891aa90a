//! Whose usage it is, and whose tokens say so.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Lab, dev, eventually, holds, tenant, with};

/// The ServiceAccounts that a tenant's status names, by name.
fn identity(tenant: &Value) -> BTreeMap<String, String> {
    let all = tenant["status"]["identity"]["serviceAccounts"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    all.map(|account| (text(&account["name"]), text(&account["uid"]))).collect()
}

async fn annotation(lab: &Lab, name: &str) -> Value {
    let namespace = lab.api.get("namespaces", "", &format!("tenant-{name}")).await.unwrap();
    namespace["metadata"]["annotations"]["tenantry.dev/account-id"].clone()
}

#[tokio::test]
async fn a_tenant_tells_its_account_and_whose_tokens_are_its_own() {
    let lab = Lab::shared().await;
    let ready = lab.stack(dev("i-own"), "i-own").await;
    let uid = &ready["metadata"]["uid"];
    assert_eq!(&ready["status"]["accountId"], uid, "a name that is used again is a new account");
    assert_eq!(annotation(&lab, "i-own").await, *uid);
    assert_eq!(ready["status"]["identity"]["namespace"], "tenant-i-own");
    let told = identity(&ready);
    assert_eq!(told.keys().collect::<Vec<_>>(), ["core", "tenantry-gateway"]);
    for (name, uid) in &told {
        let account = lab.object("i-own", "serviceaccounts", name).await.unwrap();
        assert_eq!(account["metadata"]["uid"], *uid, "{name}");
    }
    // One made anew is another, and no older token speaks for it.
    lab.api.delete("serviceaccounts", "tenant-i-own", "core").await.unwrap();
    let new = lab.status("i-own", "core has another uid", |t| {
        identity(t).get("core").is_some_and(|uid| *uid != told["core"])
    });
    let new = identity(&new.await);
    let core = lab.object("i-own", "serviceaccounts", "core").await.unwrap();
    assert_eq!(core["metadata"]["uid"], new["core"]);
    assert_eq!(new["tenantry-gateway"], told["tenantry-gateway"]);
}

#[tokio::test]
async fn two_tenants_do_not_share_an_account() {
    let lab = Lab::shared().await;
    let asks = |name: &str| {
        let tenant = with(tenant(name, "i-two"), "/accountId", json!("i-shared"));
        with(tenant, "/deletionPolicy", json!("Delete"))
    };
    lab.apply(&[dev("i-two"), asks("i-first")]).await;
    assert_eq!(lab.ready("i-first").await["status"]["accountId"], "i-shared");
    lab.apply(&[asks("i-second")]).await;
    let message = lab.says("i-second", "Stalled", "True", "AccountInUse").await;
    assert!(message.contains("\"i-shared\" is that of tenant i-first"), "{message}");
    let second = lab.tenant("i-second").await;
    assert!(second["status"]["accountId"].is_null(), "{}", second["status"]);
    assert_eq!(lab.api.get("namespaces", "", "tenant-i-second").await.unwrap_err().code, 404);
    lab.ready("i-first").await;
    // Once the first is gone the account is free.
    lab.api.delete("tenants", "", "i-first").await.unwrap();
    lab.gone("tenants", "", "i-first").await;
    assert_eq!(lab.ready("i-second").await["status"]["accountId"], "i-shared");
}

#[tokio::test]
async fn a_stack_that_is_taken_over_brings_its_account() {
    let lab = Lab::shared().await;
    let first = with(tenant("i-adopt", "i-adopt"), "/accountId", json!("i-adopt.7"));
    lab.apply(&[dev("i-adopt"), first]).await;
    let first = lab.ready("i-adopt").await;
    lab.api.delete("tenants", "", "i-adopt").await.unwrap();
    lab.gone("tenants", "", "i-adopt").await;
    assert_eq!(annotation(&lab, "i-adopt").await, "i-adopt.7", "it stays on what is retained");
    lab.apply(&[tenant("i-adopt", "i-adopt")]).await;
    lab.says("i-adopt", "Stalled", "True", "NamespaceNotOwned").await;
    assert!(lab.tenant("i-adopt").await["status"]["accountId"].is_null(), "nothing is metered yet");
    let adopt = json!({ "previousUid": first["metadata"]["uid"] });
    lab.apply(&[with(tenant("i-adopt", "i-adopt"), "/adopt", adopt)]).await;
    let second = lab.ready("i-adopt").await;
    assert_eq!(second["status"]["accountId"], "i-adopt.7");
    assert_eq!(annotation(&lab, "i-adopt").await, "i-adopt.7");
    // It stays so when the words that brought it are taken away.
    lab.apply(&[tenant("i-adopt", "i-adopt")]).await;
    assert_eq!(lab.ready("i-adopt").await["status"]["accountId"], "i-adopt.7");
}

#[tokio::test]
async fn account_and_calendar_are_set_once() {
    let lab = Lab::shared().await;
    lab.stack(dev("i-once"), "i-once").await;
    let billing = json!({ "currency": "EUR", "timeZone": "Europe/Berlin", "anchorDay": 31 });
    let set = with(tenant("i-once", "i-once"), "/accountId", json!("i-once"));
    let set = with(set, "/billing", billing);
    lab.apply(std::slice::from_ref(&set)).await;
    assert_eq!(lab.ready("i-once").await["status"]["accountId"], "i-once");
    eventually("the namespace names it", async || {
        let told = annotation(&lab, "i-once").await;
        holds(told == "i-once", told)
    })
    .await;
    for (change, words) in [
        (with(set.clone(), "/accountId", json!("another")), "spec.accountId may be set once"),
        (tenant("i-once", "i-once"), "spec.accountId may be set once"),
        (with(set, "/billing/anchorDay", json!(1)), "spec.billing may be set once"),
    ] {
        let refused = lab.api.apply(&change).await.unwrap_err();
        assert!(refused.code == 422 && refused.message.contains(words), "{refused}");
    }
    for (path, value) in [
        ("/accountId", json!("-a")),
        ("/accountId", json!("a".repeat(65))),
        ("/plan", json!("Team")),
        ("/billing", json!({ "currency": "usd" })),
        ("/billing", json!({ "anchorDay": 32 })),
        ("/billing", json!({ "timeZone": "no zone" })),
    ] {
        let refused = lab.api.apply(&with(tenant("i-bad", "i-once"), path, value.clone())).await;
        assert_eq!(refused.unwrap_err().code, 422, "{path} {value}");
    }
}
