//! Quotas that are reached while clients send, and a webhook that is to be told: which alerts and messages
//! there must be follows from the rows alone, by arithmetic that is not the ledger's. Benchmarks use it too.

use std::collections::BTreeMap;
use std::path::PathBuf;

use api_server::auth::Audience;
use api_server::auth::local::Claims;
use api_server::store::Store;
use serde_json::{Value, json};

use crate::checker::{month, table};
use crate::cluster::left_alone;
use crate::serving::{Place, Serving, client};

/// What each account may use in a month, in units. Clients send as much of each meter, so that the levels
/// are reached one after another.
const INCLUDED: [(&str, i64); 4] =
    [("agents", 15), ("ingestion", 30), ("query", 50), ("timeline", 75)];

/// The levels, and at how many hundredths of a quota each is reached.
const LEVELS: [(&str, i64); 2] = [("soft", 80), ("hard", 95)];

/// What was compared.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    pub alerts: usize,
}

/// Accounts on a plan of their own, and one webhook where nobody listens.
pub struct Quotas {
    plans: PathBuf,
    times: i64,
}

/// An alert: account, start of the period, meter and level.
type Name = (String, i64, String, &'static str);

impl Quotas {
    /// Makes the accounts, on a plan that includes `times` as much as [`INCLUDED`].
    pub async fn set(place: &Place, accounts: &[&str], times: i64) -> Self {
        let plans = place.secret.with_file_name("plans.yaml");
        let meter = |(meter, units): &(&str, i64)| {
            format!(
                "      {meter}: {{ included: \"{}\", price: {{ flat: \"0.01\" }} }}\n",
                units * times
            )
        };
        let meters: String = INCLUDED.iter().map(meter).collect();
        let head = "plans:\n  - plan: small\n    version: 1\n    effective_from: 2026-01-01T00:00:00Z\n    \
                    currency: USD\n    base: \"10.00\"\n    support_hours: 24\n    meters:\n";
        std::fs::write(&plans, format!("{head}{meters}")).unwrap();
        let quotas = Self { plans, times };
        let mut server = quotas.serve(place);
        let mut claims = Claims::new("ada", &[Audience::Billing]);
        claims.scope = "webhooks:admin".to_owned();
        let request = client().post(format!("{}/webhooks", server.api));
        let request = request.bearer_auth(place.token(&claims));
        let made = request.json(&json!({"url": "https://127.0.0.1:9/hook"})).send().await.unwrap();
        let (status, text) = (made.status(), made.text().await.unwrap());
        assert_eq!(status, 201, "{text}");
        assert!(server.stop().0.success());
        for account in accounts {
            let since = ["--plan", "small@1", "--since", "2026-01-01T00:00:00Z"];
            let done = place.run(&[&["accounts", "create", account], &since[..]].concat());
            assert!(done.status.success(), "{done:?}");
        }
        quotas
    }

    /// Starts a server that has the plan.
    pub fn serve(&self, place: &Place) -> Serving {
        self.serve_with(place, &[])
    }

    /// The same, with more flags.
    pub fn serve_with(&self, place: &Place, flags: &[&str]) -> Serving {
        let plans = self.plans.to_str().unwrap();
        let ours = ["--plans", plans, "--webhook-allow-cidr", "127.0.0.1"];
        Serving::start(place, &[&ours, flags].concat())
    }

    /// What a meter includes, in millionths.
    pub fn included(&self, meter: &str) -> i64 {
        INCLUDED.iter().find(|(name, _)| *name == meter).unwrap().1 * self.times * 1_000_000
    }

    /// Compares alerts, levels and messages of a ledger that nobody serves now with its rows.
    pub async fn compare(&self, place: &Place) -> Told {
        if let Some(url) = &place.database {
            left_alone(url).await;
        }
        let store = Store::attach(place.ledger()).unwrap();
        let expected = self.expected(&store).await;
        let told: BTreeMap<Name, [i64; 3]> = alerts(&store).await;
        assert_eq!(told, expected, "alerts that do not follow from the rows");
        assert_eq!(levels(&store).await, expected.keys().cloned().collect::<Vec<_>>());
        assert_eq!(messages(&store).await, expected, "messages that do not follow from the rows");
        store.close().await;
        Told { alerts: expected.len() }
    }

    /// By the rows in their order: at which row each level is reached, with what is used and included then.
    async fn expected(&self, store: &Store) -> BTreeMap<Name, [i64; 3]> {
        const ROWS: &str = "SELECT account, seq, meter, t_event, qty_micro FROM usage_ledger ORDER BY account, seq";
        let mut used: BTreeMap<(String, i64, String), i64> = BTreeMap::new();
        let mut reached = BTreeMap::new();
        for row in table(store, ROWS).await {
            let number = |at: usize| row[at].parse::<i64>().unwrap();
            let (account, period, meter) = (row[0].clone(), month(number(3)), row[2].clone());
            let total = used.entry((account.clone(), period, meter.clone())).or_default();
            *total += number(4);
            let quota = self.included(&meter);
            for (level, percent) in LEVELS {
                if *total * 100 >= quota * percent {
                    let name = (account.clone(), period, meter.clone(), level);
                    reached.entry(name).or_insert([number(1), *total, quota]);
                }
            }
        }
        reached
    }
}

fn level(name: &str) -> &'static str {
    LEVELS.iter().find(|(level, _)| *level == name).unwrap().0
}

/// Each is there once, is of its first arming, and none has recovered: nothing was ever taken back.
async fn alerts(store: &Store) -> BTreeMap<Name, [i64; 3]> {
    const ALERTS: &str =
        "SELECT account, period_start, meter, level, seq, used_micro, quota_micro, arming, kind
                          FROM alerts";
    let mut all = BTreeMap::new();
    for row in table(store, ALERTS).await {
        assert_eq!(row[7..], ["1", "threshold_reached"], "{row:?}");
        let name = (row[0].clone(), row[1].parse().unwrap(), row[2].clone(), level(&row[3]));
        let figures = [4, 5, 6].map(|at: usize| row[at].parse().unwrap());
        assert_eq!(all.insert(name, figures), None, "{row:?}");
    }
    all
}

/// Those that stand as reached.
async fn levels(store: &Store) -> Vec<Name> {
    const STATES: &str =
        "SELECT account, period_start, meter, soft_fired, hard_fired FROM alert_states";
    let mut all = Vec::new();
    for row in table(store, STATES).await {
        for (at, (level, _)) in LEVELS.iter().enumerate() {
            if row[3 + at] == "1" || row[3 + at] == "true" {
                all.push((row[0].clone(), row[1].parse().unwrap(), row[2].clone(), *level));
            }
        }
    }
    all.sort();
    all
}

/// What waits to be sent, or was.
async fn messages(store: &Store) -> BTreeMap<Name, [i64; 3]> {
    const MESSAGES: &str =
        "SELECT body FROM webhook_deliveries WHERE type LIKE 'usage.threshold.%'";
    let mut all = BTreeMap::new();
    for row in table(store, MESSAGES).await {
        let body: Value = serde_json::from_str(&row[0]).unwrap();
        assert_eq!(body["type"], "usage.threshold.crossed", "{body}");
        let data = &body["data"];
        let text = |name: &str| data[name].as_str().unwrap().to_owned();
        let period: jiff::Timestamp = text("period").parse().unwrap();
        let name = (text("account"), period.as_millisecond(), text("meter"), level(&text("level")));
        let figures =
            [data["row"].as_i64().unwrap(), micros(&text("used")), micros(&text("quota"))];
        assert_eq!(all.insert(name, figures), None, "{body}");
    }
    all
}

/// A decimal text in millionths.
fn micros(text: &str) -> i64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = format!("{part:0<6}");
    whole.parse::<i64>().unwrap() * 1_000_000 + part.parse::<i64>().unwrap()
}
