//! Clients that send usage until it is acknowledged, and remember what they sent and what was
//! acknowledged. Benchmarks use them too.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::serving::{Place, client};

const METERS: [&str; 4] = ["query", "ingestion", "timeline", "agents"];

/// A small generator of its own, so that a run can be repeated by its seed.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// What an event says, as its sender knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub meter: &'static str,
    pub time: i64,
    pub micros: i64,
}

/// An account and an event's id.
pub type Name = (String, String);

/// What clients share.
pub struct Load {
    pub accounts: Vec<(String, String)>,
    client: reqwest::Client,
    url: RwLock<String>,
    pub stop: AtomicBool,
    pub answers: watch::Sender<usize>,
    /// How often, by status and type of the problem.
    pub refused: Mutex<BTreeMap<(u16, String), usize>>,
    pub sent: Mutex<BTreeMap<Name, Fact>>,
    pub acknowledged: Mutex<BTreeMap<Name, Fact>>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Every event is in the ledger: so many now, so many before.
    Taken { accepted: u64, duplicates: u64 },
    /// Nothing was acknowledged.
    Refused(u16),
    /// There was no answer, so that nobody knows.
    Lost,
}

impl Load {
    /// For these accounts, which are there already.
    pub fn new(place: &Place, accounts: &[&str], url: &str) -> Arc<Self> {
        let accounts = accounts.iter().map(|name| ((*name).to_owned(), place.sender(name)));
        Arc::new(Self {
            accounts: accounts.collect(),
            client: client(),
            url: RwLock::new(url.to_owned()),
            stop: AtomicBool::new(false),
            answers: watch::channel(0).0,
            refused: Mutex::default(),
            sent: Mutex::default(),
            acknowledged: Mutex::default(),
        })
    }

    /// The server is somewhere else from now on.
    pub fn moved(&self, url: &str) {
        url.clone_into(&mut self.url.write().unwrap());
    }

    /// Waits until this many more requests were acknowledged.
    pub async fn acknowledged(&self, more: usize) {
        let goal = *self.answers.borrow() + more;
        self.answers.subscribe().wait_for(|answers| *answers >= goal).await.unwrap();
    }

    /// Events of the last hours, `count` of them, whose ids begin with `prefix`.
    pub fn events(&self, prefix: &str, count: u64, random: &mut Random) -> Vec<(String, Fact)> {
        let now = Timestamp::now();
        let event = |n| {
            let seconds = i64::try_from(random.below(5 * 3600)).unwrap();
            let time = (now - seconds.seconds()).as_millisecond();
            let meter = METERS[usize::try_from(random.below(4)).unwrap()];
            let micros = i64::try_from(random.below(1_000_000)).unwrap();
            (format!("{prefix}-{n}"), Fact { meter, time, micros })
        };
        (0..count).map(event).collect()
    }

    /// Sends events of an account once.
    pub async fn send(&self, account: &(String, String), events: &[(String, Fact)]) -> Sent {
        self.send_as(account, events, body(events)).await
    }

    /// Sends events of an account once, written as `body` before.
    pub async fn send_as(
        &self,
        account: &(String, String),
        events: &[(String, Fact)],
        body: String,
    ) -> Sent {
        let (account, token) = account;
        let named =
            || events.iter().map(|(id, fact)| ((account.clone(), id.clone()), fact.clone()));
        self.sent.lock().unwrap().extend(named());
        let url = format!("{}/usage/events", self.url.read().unwrap());
        let request = self.client.post(url).bearer_auth(token).body(body);
        let answer =
            request.header("content-type", "application/cloudevents-batch+json").send().await;
        let Ok(answer) = answer else { return Sent::Lost };
        let status = answer.status().as_u16();
        let Ok(text) = answer.text().await else { return Sent::Lost };
        if status != 200 {
            // 408: it did not arrive in time, on a machine that stood still meanwhile.
            assert!(matches!(status, 408 | 429 | 503), "{status}: {text}");
            let problem: Value = serde_json::from_str(&text).unwrap();
            let kind = problem["type"].as_str().unwrap().to_owned();
            *self.refused.lock().unwrap().entry((status, kind)).or_default() += 1;
            return Sent::Refused(status);
        }
        let taken: Value = serde_json::from_str(&text).unwrap();
        let count = |name: &str| taken[name].as_u64().unwrap();
        let (accepted, duplicates) = (count("accepted"), count("duplicates"));
        assert_eq!(accepted + duplicates, events.len() as u64, "{text}");
        self.acknowledged.lock().unwrap().extend(named());
        self.answers.send_modify(|answers| *answers += 1);
        Sent::Taken { accepted, duplicates }
    }

    /// Sends events until they are acknowledged; `None` when it is over before.
    pub async fn deliver(
        &self,
        account: &(String, String),
        events: &[(String, Fact)],
    ) -> Option<u64> {
        loop {
            if let Sent::Taken { accepted, .. } = self.send(account, events).await {
                return Some(accepted);
            }
            if self.stop.load(Ordering::Relaxed) {
                return None;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Sends small batches until it is over, each again and again until it is acknowledged, some
    /// once more after that.
    pub async fn client(self: Arc<Self>, number: usize) {
        let mut random = Random(number as u64 * 7_919 + 1);
        let account = self.accounts[number % self.accounts.len()].clone();
        let mut batches = 0;
        while !self.stop.load(Ordering::Relaxed) {
            batches += 1;
            let count = 1 + random.below(4);
            let events = self.events(&format!("{number}-{batches}"), count, &mut random);
            let repeats = if random.below(4) == 0 { 2 } else { 1 };
            for time in 0..repeats {
                let Some(accepted) = self.deliver(&account, &events).await else { return };
                assert!(time == 0 || accepted == 0, "a repeat was counted");
            }
        }
    }
}

/// As CloudEvents.
pub fn body(events: &[(String, Fact)]) -> String {
    let event = |(id, fact): &(String, Fact)| {
        json!({"specversion": "1.0", "id": id, "source": "/load",
            "type": format!("dev.tenantry.usage.{}", fact.meter),
            "time": Timestamp::from_millisecond(fact.time).unwrap().to_string(),
            "data": {"quantity": format!("{}.{:06}", fact.micros / 1_000_000, fact.micros % 1_000_000)}})
    };
    Value::Array(events.iter().map(event).collect()).to_string()
}
