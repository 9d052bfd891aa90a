//! What customers and Finance are told once the server is up again after kills: what was used, which share
//! of the quota that is, and what it costs follow from the rows by arithmetic that is not the ledger's.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use api_server::auth::Audience;
use api_server::auth::local::Claims;
use api_server::store::Store;
use jiff::Timestamp;
use reqwest::Client;
use serde_json::Value;

use crate::checker::{month, table};
use crate::load::Load;
use crate::quotas::Quotas;
use crate::serving::{Place, Serving, client};

/// The fee of the plan, in cents; each unit beyond the included ones costs one more.
const FEE: i64 = 1_000;

/// Millionths by account, start of the month and meter.
type Used = BTreeMap<String, BTreeMap<i64, BTreeMap<String, i64>>>;

/// Serves the ledger once more, and compares what it tells of each account.
pub async fn compare(place: &Place, quotas: &Quotas, load: &Load) {
    let (used, heads) = stored(place).await;
    let acknowledged = acknowledged(load);
    let server = quotas.serve_with(place, &["--snapshot-interval", "1"]);
    let mut claims = Claims::new("grace", &[Audience::Billing]);
    claims.scope = "billing:read".to_owned();
    claims.roles = vec!["CustomerSuccessManager".to_owned()];
    let reader = Reader { client: client(), token: place.token(&claims), server };
    for (account, months) in &used {
        for (month, of_month) in months {
            let sure = acknowledged.get(account).and_then(|months| months.get(month));
            for (meter, micros) in sure.into_iter().flatten() {
                assert!(
                    of_month[meter] >= *micros,
                    "{account} {meter}: acknowledged use is missing"
                );
            }
            reader.bill(quotas, account, *month, of_month).await;
        }
        let running = month(Timestamp::now().as_millisecond());
        let nothing = BTreeMap::new();
        let of_month = months.get(&running).unwrap_or(&nothing);
        let ratio = reader.usage(quotas, account, heads[account], of_month).await;
        exported(place, account, heads[account], &ratio).await;
    }
}

/// By the rows, with the newest row of each account.
async fn stored(place: &Place) -> (Used, BTreeMap<String, i64>) {
    const ROWS: &str =
        "SELECT account, seq, meter, t_event, qty_micro FROM usage_ledger ORDER BY account, seq";
    let store = Store::attach(place.ledger()).unwrap();
    let (mut used, mut heads) = (Used::new(), BTreeMap::new());
    for row in table(&store, ROWS).await {
        let number = |at: usize| row[at].parse::<i64>().unwrap();
        let months = used.entry(row[0].clone()).or_default();
        *months.entry(month(number(3))).or_default().entry(row[2].clone()).or_default() +=
            number(4);
        heads.insert(row[0].clone(), number(1));
    }
    store.close().await;
    (used, heads)
}

fn acknowledged(load: &Load) -> Used {
    let mut used = Used::new();
    for ((account, _), fact) in load.acknowledged.lock().unwrap().iter() {
        let months = used.entry(account.clone()).or_default();
        let meters = months.entry(month(fact.time)).or_default();
        *meters.entry(fact.meter.to_owned()).or_default() += fact.micros;
    }
    used
}

struct Reader {
    client: Client,
    token: String,
    server: Serving,
}

impl Reader {
    async fn get(&self, path: &str) -> Value {
        let request = self.client.get(format!("{}{path}", self.server.api));
        let answer = request.bearer_auth(&self.token).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The bill: its fee, and each unit beyond the included ones.
    async fn bill(&self, quotas: &Quotas, account: &str, month: i64, used: &BTreeMap<String, i64>) {
        let period = Timestamp::from_millisecond(month).unwrap();
        let bill = self.get(&format!("/billing/usage/{account}/explain?period={period}")).await;
        let mut total = FEE;
        for line in bill["lines"].as_array().unwrap() {
            let meter = line["meter"].as_str().unwrap();
            let all = used.get(meter).copied().unwrap_or_default();
            assert_eq!(micros(line["used"].as_str().unwrap()), all, "{line}");
            let beyond = (all - quotas.included(meter)).max(0);
            let cents = (beyond + 500_000) / 1_000_000;
            assert_eq!(hundredths(&line["amount"]), cents, "{line}");
            total += cents;
        }
        assert_eq!(bill["lines"].as_array().unwrap().len(), 4, "{bill}");
        assert_eq!(hundredths(&bill["total"]), total, "{bill}");
    }

    /// Each meter's use and share; answers the highest share, with its meter.
    async fn usage(
        &self,
        quotas: &Quotas,
        account: &str,
        head: i64,
        used: &BTreeMap<String, i64>,
    ) -> (String, String) {
        let told = until("a summary counts every row", async || {
            let told = self.get(&format!("/billing/usage/{account}")).await;
            let all = told["as_of"]["row"] == head && told["as_of"]["behind"] == 0;
            if all { Ok(told) } else { Err(told["as_of"].to_string()) }
        });
        let told = told.await;
        let mut highest: Option<(i64, &Value)> = None;
        for meter in told["meters"].as_array().unwrap() {
            let name = meter["name"].as_str().unwrap();
            let all = used.get(name).copied().unwrap_or_default();
            assert_eq!(micros(meter["used"].as_str().unwrap()), all, "{meter}");
            let Some(quota) = meter["quota"].as_str() else { continue };
            assert_eq!(micros(quota), quotas.included(name), "{meter}");
            let ratio = micros(meter["ratio"].as_str().unwrap());
            let ppm = (all * 1_000_000 + micros(quota) / 2) / micros(quota);
            assert_eq!(ratio, ppm, "{meter}");
            if highest.is_none_or(|(most, _)| ratio > most) {
                highest = Some((ratio, meter));
            }
        }
        let (_, meter) = highest.unwrap();
        let text = |name: &str| meter[name].as_str().unwrap().to_owned();
        (text("ratio"), text("name"))
    }
}

/// `usage.json` says the same of an account.
async fn exported(place: &Place, account: &str, head: i64, (ratio, meter): &(String, String)) {
    let file = place.storage.join("usage.json");
    let told = until("usage.json counts every row", async || {
        let text = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
        let all: Value = serde_json::from_str(&text).unwrap();
        let found = all["accounts"].as_array().unwrap().iter().find(|of| of["account"] == account);
        let told = found.cloned().unwrap_or_default();
        if told["ledger_seq"] == head { Ok(told) } else { Err(told.to_string()) }
    });
    let told = told.await;
    assert_eq!(
        (&told["usage_ratio"], &told["meter"]),
        (&ratio.as_str().into(), &meter.as_str().into())
    );
}

/// Asks until it is so: summaries are made every few seconds.
async fn until<T>(what: &str, ask: impl AsyncFn() -> Result<T, String>) -> T {
    let started = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(last) => {
                assert!(
                    started.elapsed() < Duration::from_secs(120),
                    "waited until {what}: {last}"
                );
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }
}

/// A decimal text in millionths.
fn micros(text: &str) -> i64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    whole.parse::<i64>().unwrap() * 1_000_000 + format!("{part:0<6}").parse::<i64>().unwrap()
}

/// An amount of dollars in cents.
fn hundredths(money: &Value) -> i64 {
    assert_eq!(money["currency"], "USD", "{money}");
    micros(money["amount"].as_str().unwrap()) / 10_000
}
