//! Webhooks over HTTP: set up, changed, deleted; their secrets are shown once; what was sent is listed
//! and sent again.

use api_server::auth::Audience;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::api::{Answer, Api, token};

const URL: &str = "https://hooks.example.com/in?team=red";

fn admin() -> String {
    token(Audience::Billing, "webhooks:admin", None, None)
}

async fn ask(api: &Api, method: Method, path: &str, body: Option<Value>) -> Answer {
    let request = Request::builder().method(method).uri(path);
    let request = request
        .header("authorization", format!("Bearer {}", admin()))
        .header("content-type", "application/json");
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    api.send(request.body(body).unwrap()).await
}

async fn made(api: &Api, body: Value) -> Value {
    let answer = ask(api, Method::POST, "/webhooks", Some(body)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    answer.json()
}

/// The path of a webhook that is there.
pub async fn webhook(api: &Api) -> String {
    let made = made(api, json!({"url": URL})).await;
    format!("/webhooks/{}", made["id"].as_str().unwrap())
}

async fn got(api: &Api, path: &str) -> Value {
    let answer = ask(api, Method::GET, path, None).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.json()
}

#[tokio::test]
async fn a_secret_is_shown_when_it_is_made_and_never_again() {
    let api = Api::new().await;
    let types = json!(["usage.threshold.crossed", "health.flagged"]);
    let body = json!({"url": URL, "description": "to the desk", "types": types});
    let mut made = made(&api, body).await;
    let secret = made.as_object_mut().unwrap().remove("secret").unwrap();
    let secret = secret.as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == 6 + 44, "{secret}");
    let path = format!("/webhooks/{}", made["id"].as_str().unwrap());
    assert_eq!(
        made,
        json!({"id": made["id"], "url": URL, "description": "to the desk",
            "types": ["health.flagged", "usage.threshold.crossed"], "enabled": true,
            "disabled_reason": null, "disabled_at": null, "previous_secret_until": null,
            "created_at": "2026-11-23T12:00:00Z", "created_by": "ada"})
    );
    assert_eq!(got(&api, &path).await, made);
    let rotated =
        ask(&api, Method::POST, &format!("{path}/secret"), Some(json!({"overlap_hours": 24})))
            .await;
    assert_eq!(rotated.status, StatusCode::OK, "{}", rotated.text);
    let new = rotated.json();
    let until = "2026-11-24T12:00:00Z";
    assert_eq!(new["previous_secret_until"], until);
    let new = new["secret"].as_str().unwrap().to_owned();
    assert!(new.starts_with("whsec_") && new != secret);
    let queued = ask(&api, Method::POST, &format!("{path}/test"), None).await;
    let changed = json!({"url": URL, "description": "", "types": [], "enabled": true});
    let changed = ask(&api, Method::PUT, &path, Some(changed)).await;
    assert_eq!(changed.json()["previous_secret_until"], until);
    let listed = got(&api, "/webhooks").await;
    assert_eq!(listed["data"], json!([changed.json()]));
    for text in [
        got(&api, &path).await.to_string(),
        listed.to_string(),
        got(&api, &format!("{path}/deliveries")).await.to_string(),
        queued.text,
        changed.text,
    ] {
        assert!(
            !text.contains("whsec_") && !text.contains(&secret[6..]) && !text.contains(&new[6..]),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_url_is_one_of_the_internet() {
    let api = Api::new().await;
    for (url, word) in [
        ("http://hooks.example.com/", "https"),
        ("https://user:pass@hooks.example.com/", "user name"),
        ("https://hooks.example.com/#top", "fragment"),
        ("https://127.0.0.1/", "--webhook-allow-cidr"),
        ("https://0x7f.1/", "--webhook-allow-cidr"),
        ("https://[::ffff:10.0.0.1]/", "--webhook-allow-cidr"),
        ("https://169.254.169.254/latest", "--webhook-allow-cidr"),
    ] {
        let refused = ask(&api, Method::POST, "/webhooks", Some(json!({"url": url}))).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{url}: {}", refused.text);
        let error = &refused.json()["errors"][0];
        assert_eq!(error["pointer"], "/url");
        assert!(error["detail"].as_str().unwrap().contains(word), "{url}: {error}");
        assert!(!refused.text.contains("pass@"), "{}", refused.text);
    }
    let refused = json!({"url": URL, "types": ["usage.threshold"]});
    let refused = ask(&api, Method::POST, "/webhooks", Some(refused)).await;
    assert_eq!(refused.json()["errors"][0]["pointer"], "/types/0", "{}", refused.text);
    assert_eq!(got(&api, "/webhooks").await["data"], json!([]));
}

#[tokio::test]
async fn deliveries_are_listed_in_pages_and_sent_again() {
    let api = Api::new().await;
    let path = webhook(&api).await;
    let mut messages = Vec::new();
    for second in 0..5 {
        api.set_clock(&format!("2026-11-23T12:00:{second:02}Z"));
        let queued = ask(&api, Method::POST, &format!("{path}/test"), None).await;
        assert_eq!(queued.status, StatusCode::ACCEPTED, "{}", queued.text);
        messages.push(queued.json()["message"].as_str().unwrap().to_owned());
    }
    // The first two were given up.
    let sql = "UPDATE webhook_deliveries SET state = 'dead', next_at = NULL, attempts = 10,
                 failed = 10, last_status = 500, last_error = 'answered 500'
               WHERE queued_at - (SELECT MIN(queued_at) FROM webhook_deliveries) < 2000";
    let work = api.ledger.transact(None, move |session, _| Box::pin(session.run(sql, vec![])));
    assert_eq!(work.await, Ok(2));
    let list = format!("{path}/deliveries?page[size]=2");
    let (mut next, mut seen) = (Some(list), Vec::new());
    while let Some(page) = next {
        let page = got(&api, &page).await;
        seen.extend(page["data"].as_array().unwrap().iter().map(|one| one["message"].clone()));
        next = page["meta"]["page"]["next"].as_str().map(str::to_owned);
    }
    assert_eq!(json!(seen), json!(messages));
    let dead =
        got(&api, &format!("{path}/deliveries?filter[state][eq]=dead&sort=queued_at%20desc")).await;
    let one = &dead["data"][0];
    assert_eq!(dead["data"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&one["message"], &one["type"], &one["attempts"], &one["last_error"], &one["next_at"]),
        (
            &json!(messages[1]),
            &json!("webhook.test"),
            &json!(10),
            &json!("answered 500"),
            &Value::Null
        )
    );
    let again = format!("{path}/deliveries/{}/redeliver", messages[1]);
    let queued = ask(&api, Method::POST, &again, None).await;
    assert_eq!(queued.status, StatusCode::ACCEPTED, "{}", queued.text);
    let queued = queued.json();
    assert_eq!(
        (&queued["state"], &queued["next_at"], &queued["message"], &queued["attempts"]),
        (&json!("pending"), &json!("2026-11-23T12:00:04Z"), &json!(messages[1]), &json!(10))
    );
    for (path, status) in [
        (format!("{path}/deliveries?filter[state][eq]=lost"), StatusCode::BAD_REQUEST),
        (format!("{path}/deliveries?page[after]=x"), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(ask(&api, Method::GET, &path, None).await.status, status, "{path}");
    }
    let other = webhook(&api).await;
    assert_eq!(got(&api, &format!("{other}/deliveries")).await["data"], json!([]));
    for unknown in [messages[1].as_str(), "msg_0", "%00"] {
        let of_other = format!("{other}/deliveries/{unknown}/redeliver");
        assert_eq!(ask(&api, Method::POST, &of_other, None).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn nothing_is_queued_for_one_that_is_disabled_or_deleted() {
    let api = Api::new().await;
    let path = webhook(&api).await;
    let queued = ask(&api, Method::POST, &format!("{path}/test"), None).await.json();
    let off = json!({"url": URL, "description": "", "types": [], "enabled": false});
    let changed = ask(&api, Method::PUT, &path, Some(off)).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    let changed = changed.json();
    assert_eq!(
        (&changed["enabled"], &changed["disabled_reason"], &changed["disabled_at"]),
        (&json!(false), &json!("asked"), &json!("2026-11-23T12:00:00Z"))
    );
    let again = format!("{path}/deliveries/{}/redeliver", queued["message"].as_str().unwrap());
    for asked in [format!("{path}/test"), again] {
        let refused = ask(&api, Method::POST, &asked, None).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (StatusCode::CONFLICT, "webhook-disabled")
        );
    }
    assert_eq!(ask(&api, Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    for (method, end, body) in [
        (Method::GET, "", None),
        (Method::DELETE, "", None),
        (Method::GET, "/deliveries", None),
        (Method::POST, "/test", None),
        (Method::POST, "/secret", Some(json!({"overlap_hours": 0}))),
    ] {
        let gone = ask(&api, method.clone(), &format!("{path}{end}"), body).await;
        assert_eq!(gone.status, StatusCode::NOT_FOUND, "{method} {end}");
    }
    for none in ["x", "018f0000-0000-7000-8000-000000000000"] {
        assert_eq!(
            ask(&api, Method::GET, &format!("/webhooks/{none}"), None).await.status,
            StatusCode::NOT_FOUND
        );
    }
}

#[tokio::test]
async fn there_are_so_many_and_no_more() {
    let api = Api::new().await;
    for _ in 0..api_server::store::webhooks::MOST {
        webhook(&api).await;
    }
    let refused = ask(&api, Method::POST, "/webhooks", Some(json!({"url": URL}))).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::CONFLICT, "too-many-webhooks")
    );
    let listed = got(&api, "/webhooks").await;
    assert_eq!(
        (listed["data"].as_array().unwrap().len(), &listed["meta"]["page"]["next"]),
        (64, &Value::Null)
    );
}

#[tokio::test]
async fn what_is_submitted_is_queued_for_who_is_told() {
    let api = Api::new().await;
    let path = webhook(&api).await;
    let (follow, _) = super::onboarding::submitted(&api, &super::onboarding::form()).await;
    let page = got(&api, &format!("{path}/deliveries")).await;
    let one = &page["data"][0];
    assert_eq!((&one["type"], &one["state"]), (&json!("onboarding.submitted"), &json!("pending")));
    let body: Value = serde_json::from_str(one["body"].as_str().unwrap()).unwrap();
    assert_eq!(follow, format!("/onboarding/{}", body["data"]["request"].as_str().unwrap()));
    assert!(!one.to_string().contains("ops@initech.example"), "{one}");
}
