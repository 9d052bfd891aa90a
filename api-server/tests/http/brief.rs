//! What customer success hands on.

use api_server::auth::Audience;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::api::{Answer, Api, token};
use super::onboarding::{form, submitted};

fn manager() -> String {
    token(Audience::Billing, "onboarding:approve", Some("CustomerSuccessManager"), None)
}

async fn accepting(api: &Api, path: &str, accept: &str) -> Answer {
    let request = Request::get(path)
        .header("authorization", format!("Bearer {}", manager()))
        .header("accept", accept);
    api.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_brief_has_plans_business_case_and_criteria() {
    let api = Api::new().await;
    let (path, _) = submitted(&api, &form()).await;
    let shown = api.get(&path, Some(&manager())).await.json();
    let brief = api.get(&format!("{path}/brief"), Some(&manager())).await;
    assert_eq!(brief.status, StatusCode::OK, "{}", brief.text);
    assert_eq!(brief.headers["cache-control"], "no-store");
    let brief = brief.json();
    for member in ["plan", "profile", "roi"] {
        assert_eq!(brief[member], shown[member], "{member}: as it was answered");
    }
    assert_eq!(brief["contact"]["email"], "ops@initech.example");
    assert_eq!(brief["time_zone"], "America/Chicago");
    let plans: Vec<_> = brief["comparison"].as_array().unwrap().iter().collect();
    let named: Vec<_> = plans.iter().map(|p| (&p["plan"]["key"], &p["recommended"])).collect();
    let expected = [("team", true), ("scale", false), ("starter", false)];
    let expected = expected.map(|(key, is)| (json!(key), json!(is)));
    assert!(named.iter().zip(&expected).all(|(a, b)| (a.0, a.1) == (&b.0, &b.1)), "{named:?}");
    assert_eq!(plans[0]["monthly"], shown["plan"]["monthly"]);
    assert!(plans[2]["monthly"].is_null() && plans[2]["excluded"].is_string(), "{}", plans[2]);
    let criteria: Vec<_> =
        brief["criteria"].as_array().unwrap().iter().map(|c| c["what"].as_str().unwrap()).collect();
    for part in ["2027-01-15", "Litigation: 12 people", "Support answers within 8 h", "40,000"] {
        assert!(criteria.iter().any(|what| what.contains(part)), "{part}: {criteria:?}");
    }
}

#[tokio::test]
async fn a_brief_can_be_printed_and_runs_nothing() {
    let api = Api::new().await;
    let mut hostile = form();
    hostile["use_case"] = json!("<script>alert(1)</script> & \"more\"");
    hostile["departments"][0]["name"] = json!("<img src=x onerror=alert(1)>");
    hostile["contact"]["name"] = json!("<b>Operations</b>");
    let (path, _) = submitted(&api, &hostile).await;
    for page in [
        accepting(&api, &format!("{path}/brief"), "text/html,application/json;q=0.5").await,
        accepting(&api, &format!("{path}/brief?format=html"), "*/*").await,
    ] {
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let style = page.text.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        let hash = STANDARD.encode(Sha256::digest(style));
        assert!(policy.contains(&format!("style-src 'sha256-{hash}';")), "{policy}");
        assert!(!page.text.contains(" style="), "{}", page.text);
        assert_eq!(page.headers["x-content-type-options"], "nosniff");
        assert!(page.text.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;more&quot;"));
        for part in ["<script", "<img", "<b>", "onerror=alert(1)>"] {
            assert!(!page.text.contains(part), "{part}: {}", page.text);
        }
        for part in ["Initech Legal", "USD 899.00", "recommended", "Paid back after", "12 people"] {
            assert!(page.text.contains(part), "{part}: {}", page.text);
        }
        for part in ["facts:", "usage:", "sla_hours"] {
            assert!(!page.text.contains(part), "{part} is the API's word: {}", page.text);
        }
        let assumed = [
            ("Salary a year", "USD 52,000.00"),
            ("On top of the salary", "30 %"),
            ("Hours that one works a year", "1,800"),
            ("Becomes other work", "70 % <small>(50 % to 80 %)</small>"),
            ("Subscription a year", "USD 10,788.00"),
            ("Costs once", "USD 12,000.00"),
        ];
        for (name, value) in assumed {
            let part = format!("<tr><td>{name}</td><td>{value}</td></tr>");
            assert!(page.text.contains(&part), "{part}: {}", page.text);
        }
    }
}

#[tokio::test]
async fn the_assumptions_of_a_brief_give_its_business_case_again() {
    let api = Api::new().await;
    let (path, receipt) = submitted(&api, &form()).await;
    let shown = api.get(&path, Some(&manager())).await.json();
    let brief = api.get(&format!("{path}/brief"), Some(&manager())).await.json();
    let mut assumed = brief["assumptions"].clone();
    assert_eq!(assumed, shown["assumptions"], "both say the same");
    assert_eq!(assumed["subscription"]["amount"], "10788.00", "twelve months of 899.00");
    assert_eq!(assumed["departments"], form()["departments"]);
    for one in assumed["departments"].as_array_mut().unwrap() {
        one.as_object_mut().unwrap().remove("name");
    }
    let again = api.post("/roi", None, "application/json", assumed.to_string()).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.text);
    assert_eq!(again.json(), brief["roi"]);
    // Who sent it is told no more than before.
    let theirs = api.get(&path, Some(&receipt)).await.json();
    assert!(theirs["roi"].is_object() && theirs.get("assumptions").is_none(), "{theirs}");
}

#[tokio::test]
async fn where_no_plan_fits_the_brief_says_so() {
    let api = Api::new().await;
    let mut demanding = form();
    demanding["support_hours"] = json!(1);
    let (path, _) = submitted(&api, &demanding).await;
    let brief = api.get(&format!("{path}/brief"), Some(&manager())).await.json();
    assert_eq!((&brief["plan"]["key"], &brief["roi"]), (&Value::Null, &Value::Null));
    assert_eq!(brief["assumptions"]["subscription"], Value::Null);
    let plans = brief["comparison"].as_array().unwrap();
    assert!(plans.iter().all(|plan| plan["excluded"].is_string() && plan["recommended"] == false));
    let page = accepting(&api, &format!("{path}/brief"), "text/html").await;
    assert!(page.text.contains("Plans") && !page.text.contains("Business case"), "{}", page.text);
}

#[tokio::test]
async fn a_receipt_shows_no_brief_and_an_unknown_one_is_none() {
    let api = Api::new().await;
    let (path, receipt) = submitted(&api, &form()).await;
    let theirs = api.get(&format!("{path}/brief"), Some(&receipt)).await;
    assert_eq!(theirs.status, StatusCode::UNAUTHORIZED);
    let none = "/onboarding/018f0000-0000-7000-8000-000000000000/brief";
    assert_eq!(api.get(none, Some(&manager())).await.status, StatusCode::NOT_FOUND);
    let bad = api.get(&format!("{path}/brief?format=pdf"), Some(&manager())).await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
}
