//! Over HTTP, against the program as it is shipped.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use api_server::auth::Audience;
use api_server::auth::local::Claims;
use futures::future::join_all;

use crate::direct::name;
use crate::load::{Fact, Random, body};
use crate::serving::{Place, Serving, client};
use crate::wire::{self, Wire};
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

/// Sends all, over as many connections as are given at once; every one must be taken.
async fn send(url: &str, posts: Vec<Vec<u8>>, connections: usize) -> Duration {
    let mut wires = Vec::new();
    for _ in 0..connections {
        wires.push(Wire::open(url).await.unwrap());
    }
    let (next, posts) = (&AtomicUsize::new(0), &posts);
    let began = Instant::now();
    let workers = wires.into_iter().map(|mut wire| async move {
        while let Some(one) = posts.get(next.fetch_add(1, Ordering::Relaxed)) {
            assert_eq!(wire.send(one).await.unwrap(), 200, "refused");
        }
    });
    join_all(workers).await;
    began.elapsed()
}

fn tokens(place: &Place) -> Vec<String> {
    (0..SENDERS).map(|number| place.sender(&name(number))).collect()
}

/// Requests made before, so that only sending is measured.
fn posts(place: &Place, count: usize, each: usize, kind: &str) -> Vec<Vec<u8>> {
    let (tokens, mut random) = (tokens(place), Random(1));
    let stamp = jiff::Timestamp::now().as_millisecond();
    (0..count)
        .map(|number| {
            let facts = facts(&format!("{kind}-{stamp}-{number}"), each, &mut random);
            wire::request(&tokens[number % SENDERS], &body(&facts))
        })
        .collect()
}

/// Batches, to the server or to whatever else is there.
pub async fn batches(url: &str, place: &Place, events: usize, at_once: usize) -> f64 {
    say("batches over HTTP");
    let posts = posts(place, events.div_ceil(BATCH), BATCH, "b");
    let count = posts.len() * BATCH;
    rate(count, send(url, posts, at_once).await)
}

/// Single events, likewise.
pub async fn singles(url: &str, place: &Place, events: usize, clients: usize) -> f64 {
    say("single events over HTTP");
    let posts = posts(place, events, 1, "s");
    rate(events, send(url, posts, clients).await)
}

/// Batches of one account, sent again and again.
pub struct Flood<'a> {
    /// Where to.
    pub url: &'a str,
    /// How many connections send.
    pub connections: usize,
    /// At most so many requests a second together; without, as fast as they are answered.
    pub pace: Option<f64>,
}

/// How long each of `count` single events of one account takes at the server, one after the other,
/// while another floods it or something else; and how many requests of the flood were answered a
/// second.
pub async fn neighbour(
    server: &Serving,
    place: &Place,
    count: usize,
    flood: Flood<'_>,
) -> (Vec<Duration>, f64) {
    let (quiet, token) = (place.sender(&name(1)), place.sender(&name(0)));
    let stamp = jiff::Timestamp::now().as_millisecond();
    let mut random = Random(7);
    let mut made = |kind: &str, number: usize, each: usize, token: &str| {
        let facts = facts(&format!("{kind}-{stamp}-{number}"), each, &mut random);
        wire::request(token, &body(&facts))
    };
    // Later rounds are repeats, which cost the server the same look-ups.
    let loud: Vec<_> = (0..200).map(|number| made("f", number, BATCH, &token)).collect();
    let asked: Vec<_> = (0..count).map(|number| made("q", number, 1, &quiet)).collect();
    let (over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let began = Instant::now();
    let floods =
        (0..flood.connections).map(|_| one_of_a_flood(&flood, &loud, &over, &answered, began));
    let measured = async {
        let mut wire = Wire::open(&server.api).await.unwrap();
        let mut took = Vec::new();
        for one in &asked {
            let began = Instant::now();
            assert_eq!(wire.send(one).await.unwrap(), 200, "the neighbour was refused");
            took.push(began.elapsed());
        }
        over.store(true, Ordering::Relaxed);
        (took, began.elapsed())
    };
    let (_, (mut took, lasted)) = futures::join!(join_all(floods), measured);
    took.sort_unstable();
    (took, rate(answered.load(Ordering::Relaxed), lasted))
}

async fn one_of_a_flood(
    flood: &Flood<'_>,
    loud: &[Vec<u8>],
    over: &AtomicBool,
    answered: &AtomicUsize,
    began: Instant,
) {
    let mut wire = Wire::open(flood.url).await.unwrap();
    while !over.load(Ordering::Relaxed) {
        let number = answered.fetch_add(1, Ordering::Relaxed);
        if let Some(pace) = flood.pace {
            let due = began + Duration::from_secs_f64(number as f64 / pace);
            tokio::time::sleep_until(due.into()).await;
        }
        let status = wire.insist(&loud[number % loud.len()]).await.unwrap();
        assert!(matches!(status, 200 | 429 | 503), "{status}");
    }
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
