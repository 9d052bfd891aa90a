//! A stranger asks, customer success decides.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroU32;

use api_server::auth::Audience;
use api_server::http::budget::Rates;
use api_server::http::server::Peer;
use api_server::store::{accounts, plans};
use axum::extract::Request;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::api::{Answer, Api, now, rates, token};

/// A law firm with 12 lawyers who each save four hours a week.
pub fn form() -> Value {
    let usd = |amount: &str| json!({"amount": amount, "currency": "USD"});
    json!({
        "display_name": "Initech Legal", "tenant": "initech",
        "contact": {"name": "Operations", "email": "ops@initech.example"},
        "use_case": "Read contracts", "purpose": "production", "go_live_date": "2027-01-15",
        "success_criteria": [{"text": "Nobody reads a lease", "by": "2027-06-30"}],
        "departments": [{"name": "Litigation", "people": 12, "weeks_per_year": 46,
            "hours_per_week": {"low": "3", "base": "4", "high": "5"}}],
        "usage": {"agents": {"low": "40000", "base": "40000", "high": "40000"}},
        "voice_minutes": 12000, "support_hours": 8,
        "currency": "USD", "time_zone": "america/chicago", "anchor_day": 15,
        "roi": {"salary": usd("52000.00"), "burden": "0.30", "one_off": usd("12000.00")},
    })
}

fn with(pointer: &str, value: Value) -> Value {
    let mut form = form();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match form.pointer_mut(pointer) {
        Some(place) => *place = value,
        None => form.pointer_mut(parent).unwrap()[name] = value,
    }
    form
}

pub async fn submit(api: &Api, form: &Value, key: Option<&str>) -> Answer {
    let mut request = Request::post("/onboarding").header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    api.send(request.body(form.to_string().into()).unwrap()).await
}

/// The path and receipt of a request that was made.
pub async fn submitted(api: &Api, form: &Value) -> (String, String) {
    let answer = submit(api, form, None).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    place(&answer)
}

fn place(answer: &Answer) -> (String, String) {
    let answer = answer.json();
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    (text("follow"), text("receipt_token"))
}

fn manager() -> String {
    token(Audience::Billing, "onboarding:approve", Some("CustomerSuccessManager"), None)
}

async fn post(api: &Api, path: &str, token: &str) -> Answer {
    api.post(path, Some(token), "application/json", "").await
}

async fn reject(api: &Api, path: &str, reason: &str) -> Answer {
    let body = json!({"reason": reason}).to_string();
    api.post(&format!("{path}/reject"), Some(&manager()), "application/json", body).await
}

async fn listed(api: &Api, query: &str) -> (Vec<String>, Option<String>) {
    let answer = api.get(query, Some(&manager())).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let page = answer.json();
    let rows = page["data"].as_array().unwrap().iter();
    let paths = rows.map(|row| row["follow"].as_str().unwrap().to_owned()).collect();
    (paths, page["meta"]["page"]["next"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn a_form_is_answered_with_plan_profile_and_business_case() {
    let api = Api::new().await;
    let answer = submit(&api, &form(), None).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let (follow, receipt) = place(&answer);
    assert_eq!(answer.headers["location"], follow.as_str());
    assert_eq!(answer.headers["cache-control"], "no-store");
    let body = answer.json();
    assert_eq!(body["tenant"], json!({"id": "initech", "status": "awaiting_approval"}));
    assert_eq!((&body["plan"]["key"], &body["plan"]["version"]), (&json!("team"), &json!(1)));
    assert_eq!(body["plan"]["expected"], json!({"amount": "899.00", "currency": "USD"}));
    assert_eq!(body["profile"]["key"], "prod");
    assert_eq!(body["profile"]["overlays"], json!(["gpu"]));
    assert_eq!(body["submitted_at"], "2026-11-23T12:00:00Z");
    let mut case = form()["roi"].clone();
    case["subscription"] = json!({"amount": "10788.00", "currency": "USD"});
    case["departments"] = form()["departments"].clone();
    case["departments"][0].as_object_mut().unwrap().remove("name");
    let roi = api.post("/roi", None, "application/json", case.to_string()).await;
    assert_eq!(body["roi"], roi.json());
    let shown = api.get(&follow, Some(&receipt)).await.json();
    for member in ["tenant", "plan", "profile", "roi", "submitted_at", "follow"] {
        assert_eq!(shown[member], body[member], "{member}");
    }
}

#[tokio::test]
async fn every_field_has_limits_and_is_named() {
    let api = Api::new().await;
    let usd = |amount: &str| json!({"amount": amount, "currency": "USD"});
    let bad = [
        ("/display_name", json!(""), 422, "/display_name"),
        ("/display_name", json!("a".repeat(101)), 422, "/display_name"),
        ("/display_name", json!(7), 400, "/display_name"),
        ("/tenant", json!("Initech"), 422, "/tenant"),
        ("/tenant", json!("a".repeat(41)), 422, "/tenant"),
        ("/contact", json!({"name": "x"}), 400, "/contact/email"),
        ("/contact/name", json!("\u{0}"), 422, "/contact/name"),
        ("/contact/email", json!("nobody"), 422, "/contact/email"),
        ("/contact/password", json!("x"), 400, "/contact/password"),
        ("/use_case", json!(" "), 422, "/use_case"),
        ("/purpose", json!("fun"), 400, "/purpose"),
        ("/go_live_date", json!("soon"), 422, "/go_live_date"),
        ("/go_live_date", json!("2020-01-01"), 422, "/go_live_date"),
        ("/success_criteria", json!("none"), 400, "/success_criteria"),
        ("/success_criteria", json!(vec![json!({"text": "a"}); 21]), 422, "/success_criteria"),
        ("/success_criteria", json!([{"by": "2027-06-30"}]), 400, "/success_criteria/0/text"),
        ("/success_criteria/0/what", json!("x"), 400, "/success_criteria/0/what"),
        ("/success_criteria/0/text", json!("a\nb"), 422, "/success_criteria/0/text"),
        ("/success_criteria/0/by", json!("soon"), 422, "/success_criteria/0/by"),
        ("/success_criteria/0/by", json!("2026-11-21"), 422, "/success_criteria/0/by"),
        ("/departments", json!([]), 422, "/departments"),
        ("/departments/0/name", json!(""), 422, "/departments/0/name"),
        ("/departments/0/people", json!(0), 422, "/departments/0/people"),
        ("/departments/0/people", json!(-1), 400, "/departments/0/people"),
        (
            "/departments/0/hours_per_week/base",
            json!("x"),
            422,
            "/departments/0/hours_per_week/base",
        ),
        (
            "/departments/0/hours_per_week/high",
            json!("81"),
            422,
            "/departments/0/hours_per_week/high",
        ),
        ("/departments/0/weeks_per_year", json!(53), 422, "/departments/0/weeks_per_year"),
        ("/usage/cpu", json!({"base": "1"}), 422, "/usage/cpu"),
        ("/usage/signup", json!({"base": "1"}), 422, "/usage/signup"),
        ("/usage/query", json!({"base": "1e3"}), 422, "/usage/query/base"),
        ("/usage/query", json!({"base": "1", "low": "1"}), 422, "/usage/query/high"),
        ("/usage/query", json!({"base": "1", "high": "1"}), 422, "/usage/query/low"),
        ("/usage/query", json!({"base": "1", "low": "2", "high": "3"}), 422, "/usage/query/low"),
        ("/voice_minutes", json!(100_000_001), 422, "/voice_minutes"),
        ("/voice_minutes", json!(1.5), 400, "/voice_minutes"),
        ("/support_hours", json!(0), 422, "/support_hours"),
        ("/currency", json!("XYZ"), 422, "/currency"),
        ("/currency", json!("EUR"), 422, "/roi/salary/currency"),
        ("/time_zone", json!("Mars"), 422, "/time_zone"),
        ("/anchor_day", json!(32), 422, "/anchor_day"),
        ("/roi/salary", usd("0.00"), 422, "/roi/salary/amount"),
        ("/roi/salary", usd("1.001"), 422, "/roi/salary/amount"),
        ("/roi/burden", json!("2.1"), 422, "/roi/burden"),
        ("/roi/productive_hours", json!(1), 422, "/roi/productive_hours"),
        (
            "/roi/realisation",
            json!({"low": "0", "base": "0", "high": "2"}),
            422,
            "/roi/realisation/high",
        ),
        ("/roi/risk", json!("-0.1"), 422, "/roi/risk"),
        ("/roi/error_cost_avoided", usd("-1.00"), 422, "/roi/error_cost_avoided/amount"),
        ("/roi/run_cost", usd("-1.00"), 422, "/roi/run_cost/amount"),
        (
            "/roi/one_off",
            json!({"amount": "1.00", "currency": "EUR"}),
            422,
            "/roi/one_off/currency",
        ),
        ("/roi/discount", json!("2"), 422, "/roi/discount"),
        ("/roi/ramp", json!(["1", "1", "1", "1"]), 422, "/roi/ramp"),
        ("/roi/years", json!(0), 422, "/roi/years"),
        ("/roi/subscription", usd("1.00"), 400, "/roi/subscription"),
        ("/status", json!("approved"), 400, "/status"),
    ];
    for (place, value, status, pointer) in bad {
        let name = format!("{place} = {value}");
        let answer = submit(&api, &with(place, value), None).await;
        assert_eq!(answer.status.as_u16(), status, "{name}: {}", answer.text);
        let errors = answer.json()["errors"].as_array().unwrap().clone();
        assert_eq!(errors.len(), 1, "{name}: {}", answer.text);
        assert_eq!(errors[0]["pointer"], pointer, "{name}");
        assert!(!errors[0]["detail"].as_str().unwrap().is_empty(), "{name}");
    }
    assert_eq!(listed(&api, "/onboarding").await.0, [] as [&str; 0]);
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once() {
    let mut form = with("/tenant", json!("A"));
    form["currency"] = json!("dollars");
    form["roi"]["burden"] = json!("much");
    form["anchor_day"] = json!(0);
    let answer = submit(&Api::new().await, &form, None).await.json();
    let errors = answer["errors"].as_array().unwrap().iter();
    let pointers: BTreeSet<&str> = errors.map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, BTreeSet::from(["/tenant", "/currency", "/roi/burden", "/anchor_day"]));
}

#[tokio::test]
async fn what_may_be_left_out_has_its_default() {
    let api = Api::new().await;
    let mut form = form();
    for name in ["success_criteria", "usage", "voice_minutes", "support_hours", "anchor_day"] {
        form.as_object_mut().unwrap().remove(name);
    }
    form["purpose"] = json!("evaluation");
    let answer = submit(&api, &form, None).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let body = answer.json();
    assert_eq!((&body["plan"]["key"], &body["profile"]["key"]), (&json!("starter"), &json!("dev")));
    let (follow, _) = place(&answer);
    let shown = api.get(&follow, Some(&manager())).await.json();
    assert_eq!(shown["form"]["anchor_day"], 1);
}

#[tokio::test]
async fn signs_of_success_are_kept_as_they_were_given_for_customer_success() {
    let api = Api::new().await;
    let given = json!([{"text": "<b>Nobody</b> reads a lease", "by": "2027-06-30"}, {"text": "Nobody waits", "by": null}]);
    let (follow, receipt) = submitted(&api, &with("/success_criteria", given.clone())).await;
    let shown = api.get(&follow, Some(&manager())).await.json();
    assert_eq!(shown["form"]["success_criteria"], given);
    assert_eq!(shown["form"]["use_case"], form()["use_case"], "they are a field of their own");
    let theirs = api.get(&follow, Some(&receipt)).await;
    assert!(!theirs.text.contains("lease"), "{}", theirs.text);
    let brief = api.get(&format!("{follow}/brief"), Some(&manager())).await.json();
    let said: Vec<_> = brief["criteria"].as_array().unwrap().iter().map(|c| &c["what"]).collect();
    assert_eq!(said[1..3], ["<b>Nobody</b> reads a lease (by 2027-06-30)", "Nobody waits"]);
    let page = api.get(&format!("{follow}/brief?format=html"), Some(&manager())).await.text;
    assert!(page.contains("&lt;b&gt;Nobody&lt;/b&gt; reads a lease (by 2027-06-30)"), "{page}");
}

/// A form without signs is stored as it was before there were any, so that who sends it again after
/// an update with the same key makes no second request.
#[tokio::test]
async fn a_form_without_signs_is_the_form_that_it_was() {
    let api = Api::new().await;
    let mut without = form();
    without.as_object_mut().unwrap().remove("success_criteria");
    let first = place(&submit(&api, &without, Some("k-1")).await);
    let empty = place(&submit(&api, &with("/success_criteria", json!([])), Some("k-1")).await);
    assert_eq!(first, empty);
    let shown = api.get(&first.0, Some(&manager())).await.json();
    assert!(shown["form"].get("success_criteria").is_none(), "{shown}");
}

#[tokio::test]
async fn the_same_key_and_form_are_one_request_with_one_answer() {
    let api = Api::new().await;
    let first = submit(&api, &form(), Some("k-1")).await;
    let again = submit(&api, &form(), Some("k-1")).await;
    assert_eq!((first.status, &first.text), (again.status, &again.text));
    let (follow, receipt) = place(&first);
    assert_eq!(post(&api, &format!("{follow}/approve"), &manager()).await.status, StatusCode::OK);
    let later = submit(&api, &form(), Some("k-1")).await;
    assert_eq!(later.text, first.text);
    assert_eq!(api.get(&follow, Some(&receipt)).await.json()["tenant"]["status"], "approved");
    assert_eq!(listed(&api, "/onboarding").await.0, [follow]);
}

#[tokio::test]
async fn another_form_another_key_or_none_make_another_request() {
    let api = Api::new().await;
    let first = submit(&api, &form(), Some("k-1")).await;
    let guessed = submit(&api, &with("/use_case", json!("Look")), Some("k-1")).await;
    let mut places = BTreeSet::from([place(&first), place(&guessed)]);
    places.insert(place(&submit(&api, &form(), Some("k-2")).await));
    for _ in 0..2 {
        places.insert(place(&submit(&api, &form(), None).await));
    }
    let paths: BTreeSet<&String> = places.iter().map(|(path, _)| path).collect();
    let receipts: BTreeSet<&String> = places.iter().map(|(_, receipt)| receipt).collect();
    assert_eq!((paths.len(), receipts.len()), (5, 5));
    let (theirs, own) = (place(&first).0, place(&guessed).1);
    assert_eq!(api.get(&theirs, Some(&own)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_key_sent_many_times_at_once_makes_one_request() {
    let api = Api::new().await;
    let form = form();
    let all = (0..16).map(|_| submit(&api, &form, Some("k-1")));
    let answers = futures::future::join_all(all).await;
    let texts: BTreeSet<&String> = answers.iter().map(|answer| &answer.text).collect();
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert_eq!(listed(&api, "/onboarding").await.0.len(), 1);
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let api = Api::new().await;
    for key in ["", "a b", "\u{e9}", &"k".repeat(256)] {
        let answer = submit(&api, &form(), Some(key)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{key:?}");
        assert_eq!(answer.json()["errors"][0]["pointer"], "Idempotency-Key", "{key:?}");
    }
    assert_eq!(submit(&api, &form(), Some(&"k".repeat(255))).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_receipt_reaches_its_own_request_and_nothing_else() {
    let api = Api::new().await;
    let (own, receipt) = submitted(&api, &form()).await;
    let (other, _) = submitted(&api, &with("/tenant", json!("other"))).await;
    let own_answer = api.get(&own, Some(&receipt)).await;
    assert_eq!(own_answer.status, StatusCode::OK);
    let shown = own_answer.json();
    assert!(shown.get("form").is_none() && shown.get("decision").is_none(), "{shown}");
    let nobody = "/onboarding/018f0000-0000-7000-8000-000000000000";
    let absent = api.get(nobody, Some(&receipt)).await;
    let (mut theirs, mut none) = (api.get(&other, Some(&receipt)).await.json(), absent.json());
    assert_eq!(absent.status, StatusCode::NOT_FOUND);
    for problem in [&mut theirs, &mut none] {
        for name in ["instance", "request_id"] {
            problem.as_object_mut().unwrap().remove(name);
        }
    }
    assert_eq!(theirs, none);
    assert_eq!(
        post(&api, &format!("{other}/withdraw"), &receipt).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(api.get("/onboarding/x", Some(&receipt)).await.status, StatusCode::NOT_FOUND);
    for path in ["/onboarding", "/usage/events"] {
        let answer = api.get(path, Some(&receipt)).await;
        assert_ne!(answer.status, StatusCode::OK, "{path}");
    }
    for step in ["approve", "reject"] {
        let answer = post(&api, &format!("{own}/{step}"), &receipt).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{step}");
    }
    let changed = format!("{}A", &receipt[..receipt.len() - 2]);
    for token in [None, Some("receipt_"), Some(changed.as_str())] {
        assert_eq!(api.get(&own, token).await.status, StatusCode::UNAUTHORIZED, "{token:?}");
    }
}

#[tokio::test]
async fn the_store_has_neither_receipt_nor_key() {
    let api = Api::new().await;
    let (_, receipt) = place(&submit(&api, &form(), Some("a-key-of-my-own")).await);
    assert!(!api.close_and_find("Initech Legal").await.is_empty());
    for secret in [&receipt, &receipt[8..], "a-key-of-my-own"] {
        assert_eq!(api.close_and_find(secret).await, [""; 0]);
    }
}

#[tokio::test]
async fn customer_success_needs_role_and_scope() {
    let api = Api::new().await;
    let (own, _) = submitted(&api, &form()).await;
    let requests = [
        ("GET", "/onboarding".to_owned()),
        ("GET", own.clone()),
        ("POST", format!("{own}/approve")),
        ("POST", format!("{own}/reject")),
        ("POST", format!("{own}/withdraw")),
    ];
    for (method, path) in requests {
        for (role, scope) in [
            (None, ""),
            (None, "onboarding:approve"),
            (Some("CustomerSuccessManager"), ""),
            (Some("CustomerSuccessManager"), "billing:read"),
            (Some("customersuccessmanager"), "onboarding:approve"),
        ] {
            let token = token(Audience::Billing, scope, role, Some("acme"));
            let answer = match method {
                "GET" => api.get(&path, Some(&token)).await,
                _ => post(&api, &path, &token).await,
            };
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path} {role:?} {scope}");
        }
    }
    assert_eq!(
        api.get(&own, Some(&manager())).await.json()["tenant"]["status"],
        "awaiting_approval"
    );
}

#[tokio::test]
async fn approval_opens_the_account_once() {
    let api = Api::new().await;
    let (path, receipt) = submitted(&api, &form()).await;
    for _ in 0..2 {
        let answer = post(&api, &format!("{path}/approve"), &manager()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let answer = answer.json();
        assert_eq!(answer["tenant"], json!({"id": "initech", "status": "approved"}));
        assert_eq!(answer["decision"], json!({"by": "ada", "reason": null}));
        assert_eq!(answer["form"]["use_case"], "Read contracts");
    }
    let mut session = api.ledger.store().read().await.unwrap();
    let account = accounts::get(&mut session, &"initech".parse().unwrap()).await.unwrap().unwrap();
    let facts = (&*account.name, account.zone.name(), account.anchor.day(), &*account.currency);
    assert_eq!(facts, ("Initech Legal", "America/Chicago", 15, "USD"));
    let agreed = plans::of_account(&mut session, &account.id).await.unwrap();
    let [agreed] = &agreed[..] else { panic!("{agreed:?}") };
    let plan = agreed.agreed.plan().map(|id| &*id.plan);
    assert_eq!((plan, agreed.agreed.effective_at()), (Some("team"), now()));
    let shown = api.get(&path, Some(&receipt)).await.json();
    assert_eq!(shown["decided_at"], "2026-11-23T12:00:00Z");
    assert!(shown.get("decision").is_none(), "{shown}");
    for answer in
        [reject(&api, &path, "no").await, post(&api, &format!("{path}/withdraw"), &receipt).await]
    {
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::CONFLICT, "already-decided".to_owned())
        );
    }
}

#[tokio::test]
async fn a_taken_name_is_told_to_customer_success_alone() {
    let api = Api::new().await;
    let free = submit(&api, &form(), None).await.json();
    let taken = submit(&api, &with("/tenant", json!("acme")), None).await;
    assert_eq!(taken.status, StatusCode::CREATED);
    for member in ["plan", "profile", "roi", "submitted_at"] {
        assert_eq!(taken.json()[member], free[member], "{member}");
    }
    let (path, receipt) = place(&taken);
    let refused = post(&api, &format!("{path}/approve"), &manager()).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "name-taken".to_owned()));
    assert_eq!(reject(&api, &path, "acme is another customer").await.status, StatusCode::OK);
    let shown = api.get(&path, Some(&receipt)).await;
    assert_eq!(shown.json()["tenant"]["status"], "rejected");
    assert!(!shown.text.contains("another customer"), "{}", shown.text);
    let whole = api.get(&path, Some(&manager())).await.json();
    assert_eq!(whole["decision"], json!({"by": "ada", "reason": "acme is another customer"}));
}

#[tokio::test]
async fn where_no_plan_fits_the_form_is_kept_but_cannot_be_approved() {
    let api = Api::new().await;
    let answer = submit(&api, &with("/support_hours", json!(1)), None).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let body = answer.json();
    assert_eq!((&body["plan"]["key"], &body["roi"]), (&Value::Null, &Value::Null));
    let refused = post(&api, &format!("{}/approve", place(&answer).0), &manager()).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "no-plan".to_owned()));
}

#[tokio::test]
async fn a_rejection_has_a_reason() {
    let api = Api::new().await;
    let (path, _) = submitted(&api, &form()).await;
    for reason in ["", "  ", &"a".repeat(501)] {
        let answer = reject(&api, &path, reason).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{reason:?}");
        assert_eq!(answer.json()["errors"][0]["pointer"], "/reason");
    }
    assert_eq!(reject(&api, &path, &"a".repeat(500)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn who_sent_a_form_may_take_it_back() {
    let api = Api::new().await;
    let (path, receipt) = submitted(&api, &form()).await;
    for _ in 0..2 {
        let answer = post(&api, &format!("{path}/withdraw"), &receipt).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!(answer.json()["tenant"]["status"], "withdrawn");
    }
    let whole = api.get(&path, Some(&manager())).await.json();
    assert_eq!(whole["decision"], json!({"by": null, "reason": null}));
    let late = post(&api, &format!("{path}/approve"), &manager()).await;
    assert_eq!((late.status, late.code()), (StatusCode::CONFLICT, "already-decided".to_owned()));
}

#[tokio::test]
async fn pages_have_every_request_once_in_both_orders() {
    let api = Api::new().await;
    let mut sent = Vec::new();
    for number in 0..7 {
        sent.push(submitted(&api, &with("/tenant", json!(format!("t{number}")))).await.0);
    }
    reject(&api, &sent[2], "no").await;
    reject(&api, &sent[5], "no").await;
    for order in ["asc", "desc"] {
        let (mut all, mut pages) = (Vec::new(), 0);
        let mut next = Some(format!("/onboarding?sort=submitted_at%20{order}&page[size]=3"));
        while let Some(path) = next {
            let (rows, after) = listed(&api, &path).await;
            all.extend(rows);
            (next, pages) = (after, pages + 1);
        }
        if order == "desc" {
            all.reverse();
        }
        let mut sorted = sent.clone();
        sorted.sort();
        assert_eq!((all, pages), (sorted, 3), "{order}");
    }
    let (rejected, next) =
        listed(&api, "/onboarding?filter[status][eq]=rejected&page[size]=1").await;
    let (rest, end) = listed(&api, &next.clone().unwrap()).await;
    let found: BTreeSet<String> = rejected.into_iter().chain(rest).collect();
    assert_eq!((found, end), (BTreeSet::from([sent[2].clone(), sent[5].clone()]), None));
    let cursor = next.unwrap().split("after%5D=").nth(1).unwrap().to_owned();
    for (query, pointer) in [
        (format!("page[after]={cursor}"), "page[after]"),
        ("filter[status][eq]=open".to_owned(), "filter[status][eq]"),
        ("filter[tenant][eq]=t1".to_owned(), "filter[tenant][eq]"),
        ("sort=tenant".to_owned(), "sort"),
    ] {
        let answer = api.get(&format!("/onboarding?{query}"), Some(&manager())).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{query}");
    }
}

#[tokio::test]
async fn the_public_form_has_a_budget() {
    let api = Api::with_rates(rates(1)).await;
    let mut statuses = BTreeSet::new();
    for _ in 0..20 {
        statuses.insert(submit(&api, &json!({}), None).await.status.as_u16());
    }
    assert!(statuses.contains(&429), "{statuses:?}");
}

/// What became of making the tenant of a request, as of the last try.
async fn tried(api: &Api, sql: &'static str) {
    let work = api.ledger.transact(None, move |session, _| Box::pin(session.run(sql, vec![])));
    assert_eq!(work.await, Ok(1));
}

#[tokio::test]
async fn an_approved_request_is_followed_until_its_tenant_is_made() {
    let api = Api::new().await;
    let (path, receipt) = submitted(&api, &form()).await;
    assert_eq!(api.get(&path, Some(&receipt)).await.json()["stack"], Value::Null);
    let approved = post(&api, &format!("{path}/approve"), &manager()).await.json();
    let queued = json!({"state": "queued", "queued_at": "2026-11-23T12:00:00Z", "made_at": null,
        "since": null, "parts": null});
    assert_eq!(approved["stack"], queued);
    assert_eq!(api.get(&path, Some(&receipt)).await.json()["stack"], queued);
    // A stranger learns neither that the name is another's nor whose.
    tried(
        &api,
        "UPDATE provisions SET outcome = 'conflict', detail = 'tenant initech is of Globex'",
    )
    .await;
    let shown = api.get(&path, Some(&receipt)).await;
    assert_eq!(shown.json()["stack"], queued);
    assert!(!shown.text.contains("Globex"), "{}", shown.text);
    let whole = api.get(&path, Some(&manager())).await.json();
    assert_eq!(whole["stack"]["state"], "conflict");
    assert_eq!(whole["stack"]["detail"], "tenant initech is of Globex");
    let list = api.get("/onboarding", Some(&manager())).await.json();
    assert_eq!(list["data"][0]["stack"], "conflict");
    tried(&api, "UPDATE provisions SET outcome = 'made', detail = NULL, next_at = NULL, made_at = 1764000000000")
        .await;
    let made = api.get(&path, Some(&receipt)).await.json();
    assert_eq!(
        (&made["stack"]["state"], &made["stack"]["made_at"]),
        (&json!("made"), &json!("2025-11-24T16:00:00Z"))
    );
    // Nor what a stack is made of.
    tried(&api, "UPDATE provisions SET stack = 'starting', stack_since = 1764000060000, stack_ready = 1, stack_parts = 2, stack_waits = 'gateway: image pull'")
        .await;
    let starting = api.get(&path, Some(&receipt)).await;
    assert_eq!(starting.json()["stack"]["state"], "starting");
    assert_eq!(starting.json()["stack"]["since"], "2025-11-24T16:01:00Z");
    assert_eq!(starting.json()["stack"]["parts"], json!({"ready": 1, "total": 2}));
    assert!(!starting.text.contains("gateway"), "{}", starting.text);
    let whole = api.get(&path, Some(&manager())).await.json();
    assert_eq!(whole["stack"]["detail"], "gateway: image pull");
    let list = api.get("/onboarding", Some(&manager())).await.json();
    assert_eq!(list["data"][0]["stack"], "starting");
}

#[tokio::test]
async fn strangers_cannot_fill_the_ledgers_volume_with_requests() {
    let api = Api::new().await;
    assert_eq!(submit(&api, &form(), Some("first")).await.status, StatusCode::CREATED);
    let work = api.ledger.transact(None, |session, _| {
        Box::pin(async move {
            let sql =
                "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
                INSERT INTO intakes (intake, tenant, display_name, form, answer, profile, currency,
                    zone, anchor_day, receipt, salt, submitted_at, status)
                SELECT 'n' || i, tenant, display_name, '{}', '{}', profile, currency, zone,
                    anchor_day, receipt, salt, submitted_at, status FROM intakes, n";
            session.run(sql, vec![]).await
        })
    });
    assert_eq!(work.await, Ok(9_999));
    let refused = submit(&api, &form(), Some("another")).await;
    // None of 5xx: strangers would use up the error budget.
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{}", refused.text);
    assert_eq!(refused.headers["retry-after"], "3600");
    assert!(refused.text.contains("too-many-waiting"), "{}", refused.text);
    // Who asks again what became of theirs is answered.
    assert_eq!(submit(&api, &form(), Some("first")).await.status, StatusCode::CREATED);
}

/// From an address.
pub async fn submit_from(api: &Api, address: &str, form: &Value, key: &str) -> Answer {
    let request = Request::post("/onboarding").header("content-type", "application/json");
    let request = request.header("idempotency-key", key).body(form.to_string().into());
    let mut request = request.unwrap();
    request.extensions_mut().insert(Peer(SocketAddr::new(address.parse().unwrap(), 50_000)));
    api.send(request).await
}

#[tokio::test]
async fn one_stranger_has_so_many_requests_an_hour_and_the_next_has_as_many() {
    let two = NonZeroU32::new(2).unwrap();
    let api = Api::with_rates(Rates { onboarding: two, ..rates(1_000_000) }).await;
    // What is not kept costs nothing: whoever mends a form is not shut out.
    for n in 0..5 {
        let wrong = with("/tenant", json!("Initech"));
        let refused = submit_from(&api, "192.0.2.1", &wrong, &format!("w{n}")).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
    }
    for (key, left) in [("a", "\"onboarding\";r=1;t=3600"), ("b", "\"onboarding\";r=0;t=3600")] {
        let taken = submit_from(&api, "192.0.2.1", &form(), key).await;
        assert_eq!(taken.status, StatusCode::CREATED, "{}", taken.text);
        assert_eq!(taken.headers["ratelimit-policy"], "\"onboarding\";q=2;w=3600");
        assert_eq!(taken.headers["ratelimit"], left);
    }
    let refused = submit_from(&api, "192.0.2.1", &form(), "c").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "rate-limited")
    );
    let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1_700..=1_800).contains(&wait), "{wait}");
    assert_eq!(listed(&api, "/onboarding").await.0.len(), 2);
    // Others are as free as before, and so is the rest of what this one may ask.
    for key in ["d", "e"] {
        let other = submit_from(&api, "198.51.100.1", &form(), key).await;
        assert_eq!(other.status, StatusCode::CREATED, "{}", other.text);
    }
    assert_eq!(api.get("/billing/plans", None).await.status, StatusCode::OK);
}
