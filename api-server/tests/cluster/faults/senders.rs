//! Tenants that send usage until it is acknowledged, again with the same ids when it is not, and some
//! of it twice.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{
    checker::{Fact, Told},
    plan::Random,
    run::BOUND,
};
use crate::lab::{holds, within};

const METERS: [&str; 4] = ["query", "ingestion", "timeline", "agents"];
/// A frozen server answers nothing; its clients do not wait for long.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two tries of one batch.
const AGAIN: Duration = Duration::from_millis(50);

/// A tenant's workload.
pub struct Sender {
    pub tenant: String,
    /// Where it sends to.
    pub door: String,
    pub token: String,
    /// Whether that is the ledger's own server, which says of a repeat that it is one.
    pub direct: bool,
}

/// What all of them share.
pub struct Senders {
    all: Vec<Sender>,
    client: reqwest::Client,
    seed: u64,
    /// Between two batches of one tenant.
    pause: Duration,
    stop: AtomicBool,
    told: Mutex<Told>,
    wrong: Mutex<Vec<String>>,
    /// Batches acknowledged, by tenant.
    batches: Vec<AtomicUsize>,
}

/// What came of a request.
enum Answer {
    /// All of it is acknowledged; so many events were new.
    Taken(u64),
    /// Not now.
    Later,
    /// It is not believed: that is so only before the ledger knows the tenant.
    Stranger(String),
}

impl Senders {
    pub fn new(all: Vec<Sender>, seed: u64, pause: Duration) -> Arc<Self> {
        let batches = all.iter().map(|_| AtomicUsize::new(0)).collect();
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let (stop, told, wrong) = (AtomicBool::new(false), Mutex::default(), Mutex::default());
        Arc::new(Self { all, client, seed, pause, stop, told, wrong, batches })
    }

    /// Has all send; each is done when it is told to stop and its last batch is acknowledged.
    pub fn start(self: &Arc<Self>) -> Vec<JoinHandle<()>> {
        (0..self.all.len()).map(|number| tokio::spawn(self.clone().send_on(number))).collect()
    }

    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub fn told(&self) -> Told {
        self.told.lock().unwrap().clone()
    }

    /// What was answered that must not be.
    pub fn wrong(&self) -> Vec<String> {
        self.wrong.lock().unwrap().clone()
    }

    /// How many batches of each tenant were acknowledged.
    pub fn batches(&self) -> Vec<usize> {
        self.batches.iter().map(|count| count.load(Ordering::Relaxed)).collect()
    }

    /// Whether of every tenant something was acknowledged since.
    pub fn all_went_on(&self, since: &[usize]) -> Result<(), String> {
        let now = self.batches();
        let stuck =
            self.all.iter().zip(now.iter().zip(since)).filter(|(_, (now, then))| now <= then);
        let stuck: Vec<&str> = stuck.map(|(sender, _)| &*sender.tenant).collect();
        holds(stuck.is_empty(), format!("nothing was acknowledged of {stuck:?}"))
    }

    async fn send_on(self: Arc<Self>, number: usize) {
        let mut random = Random::new(self.seed ^ (number as u64 * 7_919 + 1));
        let sender = &self.all[number];
        let mut batch = 0;
        while !self.stop.load(Ordering::Relaxed) {
            batch += 1;
            let events = events(&format!("{number}-{batch}"), &mut random);
            self.remember(sender, &events, false);
            let text = body(&events);
            let deliver = async || self.deliver(sender, &events, &text).await;
            let fresh = match random.below(8) {
                // Two at once: one of them is the repeat.
                0 => {
                    let (one, other) = tokio::join!(deliver(), deliver());
                    one + other
                }
                1 | 2 => deliver().await + deliver().await,
                _ => deliver().await,
            };
            if sender.direct && fresh > events.len() as u64 {
                let told = format!("{} {events:?}: counted more than once", sender.tenant);
                self.wrong.lock().unwrap().push(told);
            }
            self.remember(sender, &events, true);
            self.batches[number].fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(self.pause).await;
        }
    }

    /// Sends events until they are acknowledged; how many of them were said to be new then.
    async fn deliver(&self, sender: &Sender, events: &BTreeMap<String, Fact>, body: &str) -> u64 {
        loop {
            match self.send(sender, events, body).await {
                Answer::Taken(fresh) => return fresh,
                Answer::Later => {}
                Answer::Stranger(why) => {
                    // Said once each: a person reads it.
                    let mut wrong = self.wrong.lock().unwrap();
                    let said = format!("{}: {why}", sender.tenant);
                    if !wrong.contains(&said) {
                        wrong.push(said);
                    }
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn send(&self, sender: &Sender, events: &BTreeMap<String, Fact>, body: &str) -> Answer {
        let request = self.client.post(format!("http://{}/usage/events", sender.door));
        let request = request.bearer_auth(&sender.token).body(body.to_owned());
        let request = request.header("content-type", "application/cloudevents-batch+json");
        let Ok(answer) = request.send().await else { return Answer::Later };
        let status = answer.status().as_u16();
        let Ok(text) = answer.text().await else { return Answer::Later };
        let said: Value = serde_json::from_str(&text).unwrap_or_default();
        let count = |name: &str| said[name].as_u64().unwrap_or_default();
        match status {
            200 if count("accepted") + count("duplicates") == events.len() as u64 => {
                Answer::Taken(count("accepted"))
            }
            429 | 503 => Answer::Later,
            _ => Answer::Stranger(format!("{status} {text}")),
        }
    }

    fn remember(&self, sender: &Sender, events: &BTreeMap<String, Fact>, acknowledged: bool) {
        let mut told = self.told.lock().unwrap();
        for (id, fact) in events {
            let name = (sender.tenant.clone(), id.clone());
            if acknowledged {
                told.acknowledged.insert(name);
            } else {
                told.sent.insert(name, fact.clone());
            }
        }
    }

    /// Waits until the ledger knows every tenant: until then their first events are refused.
    pub async fn are_known(&self) {
        for (number, sender) in self.all.iter().enumerate() {
            let fact = Fact { meter: "query".to_owned(), micros: 1 };
            let events = BTreeMap::from([("first".to_owned(), fact)]);
            let text = body(&events);
            self.remember(sender, &events, false);
            within(BOUND, &format!("the ledger knows {}", sender.tenant), async || {
                match self.send(sender, &events, &text).await {
                    Answer::Taken(_) => Ok(()),
                    Answer::Later => Err("it is not time".to_owned()),
                    Answer::Stranger(why) => Err(why),
                }
            })
            .await;
            self.remember(sender, &events, true);
            self.batches[number].fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A few events whose ids begin with `prefix`.
fn events(prefix: &str, random: &mut Random) -> BTreeMap<String, Fact> {
    let count = 1 + random.below(4);
    let mut event = |n| {
        let meter = METERS[random.below(METERS.len())].to_owned();
        let micros = i64::try_from(1 + random.below(2_000_000)).unwrap();
        (format!("{prefix}-{n}"), Fact { meter, micros })
    };
    (0..count).map(&mut event).collect()
}

/// As CloudEvents of this moment, which is after their accounts have a plan.
fn body(events: &BTreeMap<String, Fact>) -> String {
    let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap().to_string();
    let event = |(id, fact): (&String, &Fact)| {
        let (whole, part) = (fact.micros / 1_000_000, fact.micros % 1_000_000);
        json!({ "specversion": "1.0", "id": id, "source": "/core",
            "type": format!("dev.tenantry.usage.{}", fact.meter), "time": now,
            "data": { "quantity": format!("{whole}.{part:06}") } })
    };
    Value::Array(events.iter().map(event).collect()).to_string()
}
