//! Over HTTP, against the program as it is shipped.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use api_server::auth::Audience;
use api_server::auth::local::Claims;
use futures::future::join_all;

use crate::direct::name;
use crate::load::{Fact, Random, body};
use crate::serving::{Place, Serving, client};
use crate::{BATCH, SENDERS, rate, say};

/// Budgets that a benchmark does not use up.
pub const FLAGS: [&str; 3] =
    ["--rate-ingest=10000000", "--rate-read=10000000", "--log=warn,api_server::cli=info"];

pub fn start(place: &Place) -> Serving {
    Serving::start(place, &FLAGS)
}

/// Waits until the server says that it is ready.
pub async fn ready(server: &Serving) {
    let client = client();
    let url = format!("{}/readyz", server.health);
    while !client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
        tokio::task::yield_now().await;
    }
}

/// Events whose ids begin with `prefix`, of the last hours.
fn facts(prefix: &str, count: usize, random: &mut Random) -> Vec<(String, Fact)> {
    let now = jiff::Timestamp::now().as_millisecond();
    let fact = |n| {
        let time = now - i64::try_from(random.below(5 * 3_600_000)).unwrap();
        let micros = i64::try_from(random.below(1000)).unwrap();
        (format!("{prefix}-{n}"), Fact { meter: "query", time, micros })
    };
    (0..count).map(fact).collect()
}

/// Something to send: a token and a body.
type Post = (String, String);

/// Sends once; whether it was taken.
async fn post(client: &reqwest::Client, server: &Serving, (token, body): Post) -> bool {
    let request = client.post(format!("{}/usage/events", server.api)).bearer_auth(token).body(body);
    let answer = request.header("content-type", "application/json").send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    assert!(matches!(status, 200 | 429 | 503), "{status}: {text}");
    status == 200
}

/// Sends all, `at_once` at a time; every one must be taken.
async fn send(server: &Serving, posts: Vec<Post>, at_once: usize) -> Duration {
    let client = client();
    let next = AtomicUsize::new(0);
    let posts = &posts;
    let began = Instant::now();
    let workers = (0..at_once).map(|_| async {
        while let Some(one) = posts.get(next.fetch_add(1, Ordering::Relaxed)) {
            assert!(post(&client, server, one.clone()).await, "refused");
        }
    });
    join_all(workers).await;
    began.elapsed()
}

fn tokens(place: &Place) -> Vec<String> {
    (0..SENDERS).map(|number| place.sender(&name(number))).collect()
}

/// Bodies made before, so that only sending is measured.
fn posts(place: &Place, count: usize, each: usize, kind: &str) -> Vec<Post> {
    let (tokens, mut random) = (tokens(place), Random(1));
    let stamp = jiff::Timestamp::now().as_millisecond();
    (0..count)
        .map(|number| {
            let facts = facts(&format!("{kind}-{stamp}-{number}"), each, &mut random);
            (tokens[number % SENDERS].clone(), body(&facts))
        })
        .collect()
}

pub async fn batches(server: &Serving, place: &Place, events: usize, at_once: usize) -> f64 {
    say("batches over HTTP");
    let posts = posts(place, events.div_ceil(BATCH), BATCH, "b");
    let count = posts.len() * BATCH;
    rate(count, send(server, posts, at_once).await)
}

pub async fn singles(server: &Serving, place: &Place, events: usize, clients: usize) -> f64 {
    say("single events over HTTP");
    let posts = posts(place, events, 1, "s");
    rate(events, send(server, posts, clients).await)
}

/// How long each of `count` single events of one account takes while another sends `flood` batches
/// at once, again and again.
pub async fn neighbour(
    server: &Serving,
    place: &Place,
    count: usize,
    flood: usize,
) -> Vec<Duration> {
    let client = client();
    let quiet = place.sender(&name(1));
    let loud: Vec<Post> = posts(place, 200, BATCH, "f");
    let token = place.sender(&name(0));
    let over = AtomicBool::new(false);
    let (client, loud, token, over) = (&client, &loud, &token, &over);
    let floods = (0..flood).map(|first| async move {
        let mut number = first;
        while !over.load(Ordering::Relaxed) {
            // Later rounds are repeats, which cost the server the same look-ups.
            let body = loud[number % loud.len()].1.clone();
            post(client, server, (token.clone(), body)).await;
            number += flood;
        }
    });
    let measured = async {
        let mut random = Random(7);
        let mut took = Vec::new();
        for number in 0..count {
            let facts = facts(&format!("q{flood}-{number}"), 1, &mut random);
            let began = Instant::now();
            assert!(
                post(client, server, (quiet.clone(), body(&facts))).await,
                "the neighbour was refused"
            );
            took.push(began.elapsed());
        }
        over.store(true, Ordering::Relaxed);
        took
    };
    let (_, mut took) = futures::join!(join_all(floods), measured);
    took.sort_unstable();
    took
}

/// How long a page of 100 tenants takes; `None` when the server has no such list.
pub async fn page(server: &Serving, place: &Place) -> Option<Vec<Duration>> {
    say("pages");
    let mut claims = Claims::new("bench", &[Audience::Billing]);
    claims.scope = "billing:read".to_owned();
    claims.roles = vec!["CustomerSuccessManager".to_owned()];
    let (client, token) = (client(), place.token(&claims));
    let url = format!("{}/billing/usage?page%5Bsize%5D=100", server.api);
    let mut took = Vec::new();
    for _ in 0..500 {
        let began = Instant::now();
        let answer = client.get(&url).bearer_auth(&token).send().await.unwrap();
        if answer.status().as_u16() == 404 {
            return None;
        }
        assert!(answer.status().is_success(), "{}", answer.status());
        let page = answer.text().await.unwrap();
        took.push(began.elapsed());
        let page: serde_json::Value = serde_json::from_str(&page).unwrap();
        assert_eq!(page["data"].as_array().map(Vec::len), Some(100));
    }
    took.sort_unstable();
    Some(took)
}
