//! Tenants become accounts, and their workloads are bound to them.

use jiff::{Timestamp, civil::Time, tz::TimeZone};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    lab::{Lab, eventually, holds},
    plugin::says,
    seen::send,
    serving::{Serving, client},
};

#[tokio::test]
async fn a_name_that_is_used_again_begins_with_an_empty_account_and_old_tokens_are_refused() {
    let lab = Lab::new().await;
    let server = lab.serve(&["--snapshot-interval", "2"]);
    let old = lab.operated("acme", json!({})).await;
    lab.ingest(&server, "acme", "e-1", "12.5").await;
    let old_token = lab.token("acme", "core", "tenantry-usage").await;
    let old_gateway = lab.token("acme", "tenantry-gateway", "tenantry-gateway").await;
    lab.until("acme", "what was used", |seen| seen.meter("ingestion") == "12.5").await;

    lab.delete("acme").await;
    eventually("the old token is refused", async || {
        let (status, body) = send(&server, &old_token, "e-2", "1").await;
        holds(
            status == StatusCode::FORBIDDEN || status == StatusCode::UNAUTHORIZED,
            format!("{status} {body}"),
        )
    })
    .await;

    let new = lab.operated("acme", json!({})).await;
    assert_ne!(old, new);
    // By a name that the one before has used: it is another account's, and counts.
    lab.ingest(&server, "acme", "e-1", "1").await;
    lab.until("acme", "its own use alone", |seen| seen.meter("ingestion") == "1").await;
    let (status, body) = listed(&server, &lab.token("acme", "core", "tenantry-usage").await).await;
    let quantities: Vec<_> =
        body["data"].as_array().unwrap().iter().map(|row| &row["quantity"]).collect();
    assert_eq!((status, quantities), (StatusCode::OK, vec![&json!("1")]), "{body}");
    for token in [&old_token, &old_gateway] {
        let (status, body) = send(&server, token, "e-4", "1").await;
        assert!(status.is_client_error(), "{status} {body}");
        let (status, body) = listed(&server, token).await;
        assert!(status.is_client_error(), "{status} {body}");
    }
}

#[tokio::test]
async fn a_customer_that_is_renamed_has_its_new_name_in_the_ledger() {
    let lab = Lab::new().await;
    let made = ["accounts", "create", "a-1", "--name", "Initech Holding"];
    assert!(lab.place.run(&made).status.success());
    let mut server = lab.serve(&["--snapshot-interval", "2"]);
    let acme = lab.operated("acme", json!({ "displayName": "Acme" })).await;
    lab.operated("initech", json!({ "displayName": "Initech", "accountId": "a-1" })).await;
    for name in ["acme", "initech"] {
        lab.until(name, "that it is known", |seen| seen.plan() == "team").await;
    }
    let named = async |server: &Serving, account: &str, called: &str| {
        eventually("the name", async || {
            let seen = called_in(&lab, server, account).await;
            holds(seen == called, seen)
        })
        .await;
    };
    named(&server, &acme, "Acme").await;
    named(&server, "a-1", "Initech Holding").await;
    lab.tenant("acme", json!({ "displayName": "Acme Legal" })).await;
    lab.tenant("initech", json!({ "displayName": "Initech Legal", "accountId": "a-1" })).await;
    named(&server, &acme, "Acme Legal").await;
    named(&server, "a-1", "Initech Legal").await;
    // Another server sees nothing new in it.
    assert!(server.stop().0.success());
    let server = lab.serve(&["--snapshot-interval", "2"]);
    lab.ingest(&server, "acme", "e-1", "1").await;
    lab.until("acme", "figures", |seen| seen.meter("ingestion") == "1").await;
    assert_eq!(called_in(&lab, &server, &acme).await, "Acme Legal");
}

/// An account's name as customer success reads it.
async fn called_in(lab: &Lab, server: &Serving, account: &str) -> String {
    billed_in(lab, server, account).await["name"].as_str().unwrap_or_default().to_owned()
}

async fn billed_in(lab: &Lab, server: &Serving, account: &str) -> Value {
    let token = lab.person("billing:read", Some("CustomerSuccessManager"));
    let url = format!("{}/billing/usage/{account}", server.api);
    let answer = client().get(url).bearer_auth(token).send().await.unwrap();
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn an_account_is_made_with_the_calendar_of_the_spec() {
    let lab = Lab::new().await;
    let server = lab.serve(&["--snapshot-interval", "2"]);
    let billing = json!({ "currency": "USD", "timeZone": "Asia/Tokyo", "anchorDay": 31 });
    let uid = lab.operated("acme", json!({ "billing": billing })).await;
    let zone = TimeZone::get("Asia/Tokyo").unwrap();
    eventually("the period of its account", async || {
        let answer = billed_in(&lab, &server, &uid).await;
        let edges = ["start", "end"].map(|edge| {
            let instant = answer["period"][edge].as_str()?.parse::<Timestamp>().ok()?;
            let local = instant.to_zoned(zone.clone());
            let is_last = local.date() == local.date().last_of_month();
            Some(is_last && local.time() == Time::midnight())
        });
        holds(edges == [Some(true); 2], format!("{answer}"))
    })
    .await;
}

#[tokio::test]
async fn a_workload_that_stands_for_another_account_is_told_until_it_does_not() {
    let lab = Lab::new().await;
    let bound = ["--namespace", "tenant-acme", "--service-account", "core"];
    lab.place.create("globex");
    let bind = [&["accounts", "bind", "globex", "--uid", "w-1"], &bound[..]].concat();
    assert!(lab.place.run(&bind).status.success());
    let mut server = lab.serve(&["--snapshot-interval", "2"]);
    let uid = lab.operated("acme", json!({})).await;
    let of = "WorkloadsAccepted";
    let seen = lab.until("acme", "the refusal", |seen| seen.says(of).0 == "False").await;
    assert_eq!(seen.says(of).1, "BoundElsewhere");
    let told = eventually("an event", async || {
        let told = lab.events(&uid, "WorkloadRefused").await;
        if told.len() == 1 { Ok(told) } else { Err(format!("{told:?}")) }
    })
    .await;
    for said in [seen.message(of), &told[0]] {
        assert!(said.starts_with("ServiceAccount core stands for another account"), "{said}");
        assert!(!said.contains("globex"), "{said}");
    }
    plugin_explains(&lab);
    assert!(server.stop().0.success());
    let unbind = [&["accounts", "unbind", "globex"], &bound[..]].concat();
    assert!(lab.place.run(&unbind).status.success());
    assert!(!lab.place.run(&unbind).status.success(), "it is unbound");
    let server = lab.serve(&["--snapshot-interval", "2"]);
    lab.until("acme", "that all is well", |seen| seen.says(of) == ("True", "Accepted")).await;
    lab.ingest(&server, "acme", "e-1", "1").await;
    assert_eq!(lab.events(&uid, "WorkloadRefused").await.len(), 1);
}

/// `kubectl tenant why` names it too, with what ends it. No operator is at work here, which is told first.
fn plugin_explains(lab: &Lab) {
    let text = says(lab, &["why", "acme"]);
    for words in [
        "WorkloadsAccepted: ServiceAccount core stands for another account",
        "event WorkloadRefused: ServiceAccount core stands for another account",
        "accounts unbind ACCOUNT --namespace tenant-acme --service-account core",
    ] {
        assert!(text.contains(words), "{words:?} is not in\n{text}");
    }
    assert!(!text.contains("globex"), "{text}");
}

/// The rows of whoever's token it is.
async fn listed(server: &Serving, token: &str) -> (StatusCode, Value) {
    let request = client().get(format!("{}/usage/events", server.api)).bearer_auth(token);
    let answer = request.send().await.unwrap();
    let status = answer.status();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

#[tokio::test]
async fn a_tenant_that_went_while_the_server_was_down_stands_for_nothing() {
    let lab = Lab::new().await;
    let mut server = lab.serve(&[]);
    lab.operated("acme", json!({})).await;
    lab.ingest(&server, "acme", "e-1", "1").await;
    let token = lab.token("acme", "core", "tenantry-usage").await;
    assert!(server.stop().0.success());
    lab.delete("acme").await;
    let server = lab.serve(&[]);
    eventually("the token is refused", async || {
        let (status, body) = send(&server, &token, "e-2", "1").await;
        holds(status.is_client_error(), format!("{status} {body}"))
    })
    .await;
}

#[tokio::test]
async fn an_account_keeps_its_calendar_and_the_condition_says_so() {
    let lab = Lab::new().await;
    let made = ["accounts", "create", "a-1", "--zone", "Asia/Tokyo", "--anchor-day", "15"];
    assert!(lab.place.run(&made).status.success());
    let _server = lab.serve(&["--snapshot-interval", "2"]);
    let billing = json!({ "currency": "USD", "timeZone": "Europe/Berlin", "anchorDay": 15 });
    lab.operated("acme", json!({ "accountId": "a-1", "billing": billing })).await;
    let seen = lab
        .until("acme", "the difference", |seen| seen.says("PlanAccepted").1 == "BillingDiffers")
        .await;
    assert_eq!(
        seen.message("PlanAccepted"),
        r#"spec.billing.timeZone "Europe/Berlin" is "Asia/Tokyo" in account a-1, which never changes"#
    );
    assert_eq!(seen.plan(), "team", "the profile's plan all the same");
}
