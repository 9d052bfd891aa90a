//! A page of whom to call leads to the next one at whichever server of the ledger it is asked for.

use std::time::Duration;

use api_server::auth::Audience;
use api_server::auth::local::Claims;
use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::gateway::ground::BOUND;
use crate::midnight::past_midnight;
use crate::serving::{Place, Serving, client};

/// Run with `-- --skip postgres::` where there is none.
mod postgres {
    use super::{OFTEN, Place, Serving, follow, followed, seeded};
    use crate::cluster::{Folder, template, url_of};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_page_from_one_server_is_followed_at_another() {
        let folder = Folder::with_database(template().await).await;
        let place = |name: &str| {
            let folder = folder.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            Place::with_database(&folder, url_of(folder.parent().unwrap()))
        };
        let (one, other) = (place("one"), place("other"));
        let first = seeded(&one).await;
        let second = Serving::start(&other, OFTEN);
        let next = followed(&one, &first).await;
        follow(&one, &second, &next).await;
    }
}

const OFTEN: &[&str] = &["--snapshot-interval", "1"];
/// Between two looks: who looks more often is refused.
const PAUSE: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_from_before_a_restart_is_followed_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    let mut server = seeded(&place).await;
    let next = followed(&place, &server).await;
    server.kill();
    let server = Serving::start(&place, OFTEN);
    follow(&place, &server, &next).await;
}

/// A server with two accounts that have used more than they have.
async fn seeded(place: &Place) -> Serving {
    past_midnight().await;
    let accounts = ["acme", "borealis"];
    accounts.iter().for_each(|account| place.create(account));
    let server = Serving::start(place, OFTEN);
    for account in accounts {
        let plan = json!({ "plan": "starter" });
        let path = format!("/accounts/{account}/plan");
        post(&server, &person(place), &path, &plan).await;
        let event = json!([{ "specversion": "1.0", "id": "e-1", "source": "/core",
            "type": "dev.tenantry.usage.query", "time": Timestamp::now().to_string(),
            "data": { "quantity": "1000000" } }]);
        post(&server, &place.sender(account), "/usage/events", &event).await;
    }
    server
}

fn person(place: &Place) -> String {
    let mut claims = Claims::new("ada", &[Audience::Billing]);
    claims.scope = "billing:read billing:plan".to_owned();
    claims.roles = vec!["CustomerSuccessManager".to_owned()];
    place.token(&claims)
}

async fn post(server: &Serving, token: &str, path: &str, body: &Value) {
    let request = client().post(format!("{}{path}", server.api)).bearer_auth(token).json(body);
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, StatusCode::OK, "{path}: {text}");
}

async fn page(place: &Place, server: &Serving, path: &str) -> Value {
    let url = format!("{}{path}", server.api);
    let answer = client().get(url).bearer_auth(person(place)).send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, StatusCode::OK, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// The way to the page after the first, once there is one.
async fn followed(place: &Place, server: &Serving) -> String {
    let patience = tokio::time::Instant::now() + BOUND;
    loop {
        let first = page(place, server, "/billing/usage/triage?page[size]=1").await;
        if let Some(next) = first["meta"]["page"]["next"].as_str() {
            assert_eq!(first["data"][0]["account"], "acme", "{first:#}");
            return next.to_owned();
        }
        assert!(tokio::time::Instant::now() < patience, "never two: {first:#}");
        tokio::time::sleep(PAUSE).await;
    }
}

async fn follow(place: &Place, server: &Serving, next: &str) {
    let second = page(place, server, next).await;
    assert_eq!(second["data"][0]["account"], "borealis", "{second:#}");
    assert!(second["meta"]["page"]["next"].is_null(), "{second:#}");
}
