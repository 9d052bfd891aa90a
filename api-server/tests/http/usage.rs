//! What accounts came to: the list, whom to call, one account.

use api_server::auth::Audience;
use api_server::domain::catalogue::PlanId;
use api_server::domain::subscription::Agreement;
use api_server::ledger::figures::{Figures, Rhythm};
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::api::{Answer, Api, now, token};

const CSM: Option<&str> = Some("CustomerSuccessManager");

fn reader() -> String {
    token(Audience::Billing, "billing:read", CSM, None)
}

async fn sum_up(api: &Api) {
    let mut figures = Figures::new(Rhythm::every(SignedDuration::from_mins(5)));
    figures.round(&api.ledger).await.unwrap();
}

async fn ok(answer: Answer) -> Value {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.json()
}

async fn get(api: &Api, path: &str) -> Value {
    ok(api.get(path, Some(&reader())).await).await
}

async fn facts(api: &Api, account: &str, facts: Value) {
    let token = token(Audience::Billing, "success:write", None, None);
    let request = Request::put(format!("/accounts/{account}/facts"))
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"));
    ok(api.send(request.body(Body::from(facts.to_string())).unwrap()).await).await;
}

/// Right when its plan began: what was used before would be free.
async fn used(api: &Api, account: &str, meter: &str, quantity: &str) {
    used_at(api, account, (meter, quantity), "2026-11-23T12:00:00Z").await;
}

async fn used_at(api: &Api, account: &str, (meter, quantity): (&str, &str), time: &str) {
    let event = json!({"specversion": "1.0", "id": format!("{meter}-{quantity}"), "source": "/core",
        "type": format!("dev.tenantry.usage.{meter}"), "time": time,
        "data": {"quantity": quantity}});
    let sender = token(Audience::Usage, "usage:write", None, Some(account));
    let sent = api.post("/usage/events", Some(&sender), "application/json", event.to_string());
    ok(sent.await).await;
}

fn good() -> Value {
    json!({
        "stage": "live", "departments": {"active": 5, "planned": 5},
        "criteria": {"met": 4, "due": 4}, "error_budget_used": "0", "days_overdue": 0,
        "open_incidents": {"sev1": 0, "sev2": 0},
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut facts = good();
    facts[name] = value;
    facts
}

/// acme is well; globex is long overdue; initech has used too much of what it has.
async fn three() -> Api {
    let api = three_to_come().await;
    sum_up(&api).await;
    api
}

/// These three before anybody has summed them up.
async fn three_to_come() -> Api {
    let api = Api::new().await;
    add(&api, "initech").await;
    for (account, plan) in [("acme", "team"), ("globex", "team"), ("initech", "starter")] {
        since_the_middle(&api, account, plan).await;
    }
    facts(&api, "acme", good()).await;
    facts(&api, "globex", with("days_overdue", json!(61))).await;
    facts(&api, "initech", good()).await;
    used(&api, "acme", "agents", "8000").await;
    used(&api, "globex", "agents", "4000").await;
    // Half of starter's 100,000 are included, and half of the time for them is over.
    used(&api, "initech", "query", "49500").await;
    api
}

/// On a plan since the middle of the month, a week and a half day ago.
async fn since_the_middle(api: &Api, account: &str, plan: &str) {
    let plan = PlanId { plan: plan.to_owned(), version: 1 };
    let effective_at = "2026-11-16T00:00:00Z".parse().unwrap();
    let agreement = Agreement { plan, effective_at, agreed_at: now() };
    api.ledger.agree(&account.parse().unwrap(), agreement).await.unwrap();
}

async fn add(api: &Api, id: &str) {
    use api_server::domain::calendar::AnchorDay;
    use api_server::store::accounts::{self, Account};
    let account = Account {
        id: id.parse().unwrap(),
        name: format!("{id} Ltd"),
        zone: "UTC".parse().unwrap(),
        anchor: AnchorDay::new(1).unwrap(),
        currency: "USD".to_owned(),
        created_at: now(),
    };
    let work = api.ledger.transact(None, move |session, _| {
        Box::pin(async move { accounts::add(session, &account).await.map(drop) })
    });
    work.await.unwrap();
}

fn names(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|row| row["account"].as_str().unwrap()).collect()
}

macro_rules! combinations {
    ($($name:ident: $audience:expr, $role:expr, $scope:expr => $status:expr, $challenge:expr;)*) => {
        $(#[tokio::test]
        async fn $name() {
            let api = Api::new().await;
            let token = token($audience, $scope, $role, Some("acme"));
            let answer = api.get("/billing/usage", Some(&token)).await;
            assert_eq!(answer.status.as_u16(), $status, "{}", answer.text);
            let challenge = answer.headers.get("www-authenticate");
            let challenge = challenge.map(|value| value.to_str().unwrap().to_owned());
            let part: Option<&str> = $challenge;
            match (challenge, part) {
                (None, None) => {}
                (Some(challenge), Some(part)) => assert!(challenge.contains(part), "{challenge}"),
                other => panic!("{other:?}"),
            }
        })*
    };
}

combinations! {
    audience_role_and_scope_are_let_in: Audience::Billing, CSM, "billing:read" => 200, None;
    audience_and_role_without_scope_are_refused: Audience::Billing, CSM, "billing:read:own" => 403, Some("scope=\"billing:read\"");
    audience_and_scope_without_role_are_refused: Audience::Billing, None, "billing:read" => 403, Some("insufficient_scope");
    audience_alone_is_refused: Audience::Billing, None, "" => 403, Some("insufficient_scope");
    role_and_scope_for_another_audience_are_refused: Audience::Usage, CSM, "billing:read" => 401, Some("invalid_token");
    role_alone_is_refused: Audience::Usage, CSM, "" => 401, Some("invalid_token");
    scope_alone_is_refused: Audience::Usage, None, "billing:read" => 401, Some("invalid_token");
    nothing_of_the_three_is_refused: Audience::Usage, None, "usage:read" => 401, Some("invalid_token");
}

#[tokio::test]
async fn every_account_is_listed_with_what_it_came_to() {
    let api = three().await;
    let page = get(&api, "/billing/usage").await;
    assert_eq!(names(&page), ["acme", "globex", "initech"]);
    assert_eq!(page["meta"]["page"]["next"], Value::Null);
    assert_eq!(
        page["data"][2],
        json!({
            "account": "initech", "name": "initech Ltd", "plan": {"key": "starter", "version": 1},
            "support_hours": 24, "ends_at": null, "health": page["data"][2]["health"], "coverage": "0.85",
            "standing": "healthy", "flagged": true, "level": "hard",
            "highest": {"meter": "query", "ratio": "0.99"}, "projected_cost": null,
            "support_response_sla_hours": {"days": 90, "met": 0, "missed": 0},
            "weeks": page["data"][2]["weeks"],
            "as_of": {"at": "2026-11-23T12:00:00Z", "valid_until": "2026-11-23T12:15:00Z", "row": 1,
                "behind": 0, "stale": false, "formula_version": 8},
        })
    );
}

/// A summary of so many days before the one on which these tests are.
async fn day(api: &Api, account: &'static str, ago: i64, health: Option<i64>) {
    let day = now().as_millisecond().div_euclid(86_400_000) - ago;
    let work = api.ledger.transact(None, move |session, _| {
        Box::pin(async move {
            let sql = "INSERT INTO snapshot_days (account, day, computed_at, ledger_seq, stale,
                         flagged, health_bp) VALUES ($1, $2, $3, 0, 0, 0, $4)";
            let values = vec![account.into(), day.into(), (day * 86_400_000).into(), health.into()];
            session.run(sql, values).await.map(drop)
        })
    });
    work.await.unwrap();
}

#[tokio::test]
async fn lists_say_how_health_went_over_twelve_weeks_and_how_support_answered() {
    let api = three_to_come().await;
    for (ago, health) in [
        (84, Some(1_000)),
        (83, Some(2_000)),
        (77, Some(3_000)),
        (76, Some(4_000)),
        (75, None),
        (7, Some(5_000)),
        // Of this week the summary of today counts.
        (3, Some(9_900)),
    ] {
        day(&api, "globex", ago, health).await;
    }
    answered(&api, "globex", &[IN_TIME, LATE]).await;
    sum_up(&api).await;
    let mut weeks = vec![Value::Null; 12];
    weeks[0] = json!("0.30");
    weeks[1] = json!("0.40");
    weeks[10] = json!("0.50");
    for path in ["/billing/usage/triage", "/billing/usage?sort=health"] {
        let page = get(&api, path).await;
        let globex = &page["data"][0];
        weeks[11] = globex["health"].clone();
        assert_eq!((&globex["account"], &globex["weeks"]), (&json!("globex"), &json!(weeks)));
        assert_eq!(
            globex["support_response_sla_hours"],
            json!({"days": 90, "met": 1, "missed": 1}),
        );
    }
}

const IN_TIME: &str = "2026-11-23T10:00:00Z";
const LATE: &str = "2026-11-23T11:50:00Z";

/// Answers of support to questions of which each was promised one by 11:00.
async fn answered(api: &Api, account: &str, at: &[&str]) {
    let support = token(Audience::Billing, "support:write", None, None);
    for (id, answered) in at.iter().enumerate() {
        let body = json!({"account": account, "source": "/desk", "id": id.to_string(),
            "opened_at": "2026-11-23T03:00:00Z", "answered_at": answered, "sla_hours": 8});
        let sent = api
            .post("/support/interactions", Some(&support), "application/json", body.to_string())
            .await;
        ok(sent).await;
    }
}

#[tokio::test]
async fn by_support_the_worst_comes_first_and_who_never_asked_last() {
    let api = three_to_come().await;
    answered(&api, "initech", &[IN_TIME, IN_TIME, LATE]).await;
    answered(&api, "globex", &[IN_TIME]).await;
    sum_up(&api).await;
    for (sort, expected) in [
        ("support%20asc", ["initech", "globex", "acme"]),
        ("support%20desc", ["acme", "globex", "initech"]),
    ] {
        let mut path = format!("/billing/usage?sort={sort}&page[size]=1");
        for account in expected {
            let page = get(&api, &path).await;
            assert_eq!(names(&page), [account], "{sort}");
            path = page["meta"]["page"]["next"].as_str().unwrap_or_default().to_owned();
        }
        assert_eq!(path, "", "{sort}");
    }
    let page = get(&api, "/billing/usage?sort=support&filter[plan][eq]=team").await;
    assert_eq!(names(&page), ["globex", "acme"]);
}

#[tokio::test]
async fn filters_choose_and_a_filter_that_is_none_is_refused() {
    let api = three().await;
    add(&api, "planless").await;
    sum_up(&api).await;
    for (query, expected) in [
        ("filter[flagged][eq]=true", vec!["globex", "initech"]),
        ("filter[flagged][eq]=false", vec!["acme", "planless"]),
        ("filter[level][eq]=hard", vec!["initech"]),
        ("filter[level][eq]=soft", vec![]),
        ("filter[level][eq]=ok", vec!["acme", "globex", "planless"]),
        ("filter[plan][eq]=team", vec!["acme", "globex"]),
        ("filter[plan][eq]=none", vec!["planless"]),
        ("filter[name][starts]=PLAN", vec!["planless"]),
        ("filter[name][starts]=planless%20l", vec!["planless"]),
        ("filter[name][starts]=g&filter[flagged][eq]=true", vec!["globex"]),
        ("filter[name][starts]=g&filter[flagged][eq]=false&filter[plan][eq]=team", vec![]),
        ("filter[plan][eq]=tea", vec![]),
        ("filter[plan][eq]=team&filter[flagged][eq]=true", vec!["globex"]),
        (
            "filter[plan][eq]=starter&filter[flagged][eq]=true&filter[level][eq]=hard",
            vec!["initech"],
        ),
    ] {
        let page = get(&api, &format!("/billing/usage?{query}")).await;
        assert_eq!(names(&page), expected, "{query}");
    }
    for (query, pointer) in [
        ("filter[flagged][eq]=yes", "filter[flagged][eq]"),
        ("filter[level][eq]=high", "filter[level][eq]"),
        ("filter[health][lt]=0.5", "filter[health][lt]"),
        ("filter[name][eq]=acme", "filter[name][eq]"),
        ("filter[name][starts]=", "filter[name][starts]"),
        ("filter[name][starts]=a%0Ab", "filter[name][starts]"),
        ("sort=plan", "sort"),
        ("page[after]=x", "page[after]"),
    ] {
        let answer = api.get(&format!("/billing/usage?{query}"), Some(&reader())).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{query}");
    }
}

#[tokio::test]
async fn every_order_is_walked_in_pages_without_skipping_or_repeating() {
    let api = three().await;
    for (sort, expected) in [
        ("account%20asc", ["acme", "globex", "initech"]),
        ("account%20desc", ["initech", "globex", "acme"]),
        ("health%20asc", ["globex", "initech", "acme"]),
        ("health%20desc", ["acme", "initech", "globex"]),
        ("ratio%20asc", ["globex", "acme", "initech"]),
        ("ratio%20desc", ["initech", "acme", "globex"]),
        // All alike: the id decides.
        ("projected_cost%20asc", ["acme", "globex", "initech"]),
        ("projected_cost%20desc", ["initech", "globex", "acme"]),
    ] {
        let mut path = format!("/billing/usage?sort={sort}&page[size]=1");
        for (index, account) in expected.iter().enumerate() {
            let page = get(&api, &path).await;
            assert_eq!(names(&page), [*account], "{sort} {index}");
            let next = page["meta"]["page"]["next"].as_str().map(str::to_owned);
            assert_eq!(next.is_some(), index < 2, "{sort} {index}");
            path = next.unwrap_or_default();
        }
    }
}

#[tokio::test]
async fn triage_says_whom_to_call_why_and_what_would_help_the_worst_first() {
    let api = three().await;
    let page = get(&api, "/billing/usage/triage").await;
    assert_eq!(names(&page), ["globex", "initech"]);
    let [globex, initech] = &page["data"].as_array().unwrap()[..] else { panic!("{page}") };
    assert_eq!(
        globex["reason"],
        "Health is 0.60, below 0.75: an invoice is more than 60 days overdue."
    );
    assert_eq!(globex["health"], "0.60");
    let helps = globex["helps_most"].as_str().unwrap();
    assert!(
        helps.starts_with("Settle the invoice that is 61 days overdue: health would be 0."),
        "{helps}"
    );
    assert!(globex["costs_most"].as_str().unwrap().starts_with("pace: use at "), "{globex}");
    let reason = initech["reason"].as_str().unwrap();
    assert_eq!(reason, "Query is at 99 % of what the plan includes, 49,500 of 50,000 requests.");
    assert_eq!(initech["helps_most"], "Offer the next plan before use outgrows this one.");
    // What is promised there is what happens.
    facts(&api, "globex", good()).await;
    let promised = helps.rsplit(' ').next().unwrap().trim_end_matches('.').to_owned();
    let shown = get(&api, "/billing/usage/globex").await;
    assert_eq!(shown["as_of"]["stale"], true);
    assert_eq!(shown["health"]["remedy"]["score"], promised);
}

#[tokio::test]
async fn one_account_has_everything_that_it_came_to() {
    let api = three().await;
    let shown = get(&api, "/billing/usage/globex").await;
    assert_eq!((&shown["account"], &shown["standing"]), (&json!("globex"), &json!("flagged")));
    assert_eq!(
        shown["period"],
        json!({"start": "2026-11-01T00:00:00Z", "end": "2026-12-01T00:00:00Z", "time_zone": "UTC",
            "final_at": null})
    );
    assert_eq!(
        shown["subscription"],
        json!({"plan": {"key": "team", "version": 1}, "since": "2026-11-16T00:00:00Z",
            "support_hours": 8, "next": null, "next_from": null, "ends_at": null})
    );
    let pace = &shown["health"]["factors"][0]["input"];
    assert_eq!(*pace, "use at 40 % of the quota's even pace", "{shown}");
    let health = &shown["health"];
    assert_eq!((&health["score"], &health["coverage"]), (&json!("0.60"), &json!("0.85")));
    let caps = json!([{"name": "long_overdue", "reason": "an invoice is more than 60 days overdue", "limit": "0.60"}]);
    assert_eq!(health["caps"], caps);
    let factors = health["factors"].as_array().unwrap();
    let names: Vec<&str> = factors.iter().map(|f| f["name"].as_str().unwrap()).collect();
    let all =
        ["pace", "trend", "adoption", "recency", "support", "success", "reliability", "payment"];
    assert_eq!(names, all);
    let sum: f64 = factors
        .iter()
        .filter_map(|f| f["contribution"].as_str())
        .map(|c| c.parse::<f64>().unwrap())
        .sum();
    let before: f64 = health["before_caps"].as_str().unwrap().parse().unwrap();
    assert!((sum - before).abs() < 1e-9, "{health}");
    assert_eq!(health["remedy"]["steps"][0]["factor"], "payment");
    let agents =
        shown["meters"].as_array().unwrap().iter().find(|m| m["name"] == "agents").unwrap();
    assert_eq!(
        *agents,
        json!({"name": "agents", "unit": "runs", "used": "4000", "quota": "20000", "ratio": "0.20",
            "level": "ok", "projection": null})
    );
    assert_eq!(shown["facts"]["facts"]["days_overdue"], 61);
    assert_eq!(shown["support_response_sla_hours"], json!({"days": 90, "met": 0, "missed": 0}));
    assert_eq!(shown["line"][0]["health"], "0.60");
}

#[tokio::test]
async fn an_account_that_was_not_summed_up_yet_is_summed_up_for_the_answer() {
    let api = Api::new().await;
    used(&api, "acme", "agents", "3000").await;
    let shown = get(&api, "/billing/usage/acme").await;
    assert_eq!((&shown["as_of"]["row"], &shown["as_of"]["behind"]), (&json!(1), &json!(0)));
    assert_eq!((&shown["subscription"], &shown["line"]), (&Value::Null, &json!([])));
    assert_eq!(names(&get(&api, "/billing/usage").await), [] as [&str; 0]);
}

#[tokio::test]
async fn rows_that_came_since_are_counted_and_what_they_change_is_said() {
    let api = three().await;
    used_at(&api, "acme", ("agents", "17"), "2026-11-23T11:00:00Z").await;
    let shown = get(&api, "/billing/usage/acme").await;
    let as_of = &shown["as_of"];
    assert_eq!(
        (&as_of["row"], &as_of["behind"], &as_of["stale"]),
        (&json!(1), &json!(1), &json!(true))
    );
    let page = get(&api, "/billing/usage").await;
    assert_eq!(page["data"][0]["as_of"], *as_of);
}

#[tokio::test]
async fn a_customer_sees_its_own_account_without_what_was_said_of_it() {
    let api = three().await;
    let own = token(Audience::Billing, "billing:read:own", None, Some("acme"));
    let shown = ok(api.get("/billing/usage/acme", Some(&own)).await).await;
    assert_eq!((&shown["account"], &shown["facts"]), (&json!("acme"), &Value::Null));
    assert_eq!(shown["request"], Value::Null);
    let hidden = api.get("/billing/usage/globex", Some(&own)).await;
    let missing = api.get("/billing/usage/nobody", Some(&own)).await;
    assert_eq!((hidden.status, missing.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    let bare = |answer: Answer| {
        let mut body = answer.json();
        for name in ["instance", "request_id"] {
            body.as_object_mut().unwrap().remove(name);
        }
        body
    };
    assert_eq!(bare(hidden), bare(missing));
    for path in ["/billing/usage", "/billing/usage/triage"] {
        assert_eq!(api.get(path, Some(&own)).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    let answer = api.get("/billing/usage/acme?at=now", Some(&own)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

/// What customers said when they were taken on stands in `usage.json` beside what became of it.
#[tokio::test]
async fn the_export_has_what_was_agreed_at_onboarding() {
    let api = Api::new().await;
    let form = super::onboarding::form();
    let (path, _) = super::onboarding::submitted(&api, &form).await;
    let approver = token(Audience::Billing, "onboarding:approve", CSM, None);
    let approve = format!("{path}/approve");
    ok(api.post(&approve, Some(&approver), "application/json", "").await).await;
    let mut figures = Figures::new(Rhythm::every(SignedDuration::from_mins(5)));
    figures.round(&api.ledger).await.unwrap();
    assert!(figures.export_if_due(&api.ledger).await.unwrap());
    let file = api.ledger.store().folder().join("usage.json");
    let text = std::fs::read_to_string(file).unwrap();
    let written: Value = serde_json::from_str(&text).unwrap();
    let entries = written["accounts"].as_array().unwrap();
    let initech = entries.iter().find(|one| one["account"] == "initech").unwrap();
    let said = &initech["onboarding"];
    assert_eq!(said["go_live_date"], "2027-01-15");
    assert_eq!(said["departments"], form["departments"]);
    assert_eq!(said["roi_assumptions"]["salary"], form["roi"]["salary"]);
    assert_eq!(initech["plan"], json!({"key": "team", "version": 1}));
    // Before go-live, silence says nothing.
    assert_eq!(initech["standing"], "insufficient_data");
    assert!(!text.contains("ops@initech.example"), "no contact leaves the ledger");
    let shown = get(&api, "/billing/usage/initech").await;
    assert_eq!(shown["request"], path.as_str());
    let factors = shown["health"]["factors"].as_array().unwrap().len();
    assert_eq!(factors, 3, "success, support and payment");
}
