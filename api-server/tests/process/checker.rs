//! Compares a ledger with what clients know, without the ledger's own code: rows with what was sent
//! and acknowledged, every figure with sums over the rows. Benchmarks use it too.

use std::collections::BTreeMap;

use api_server::store::{Store, sql::Value};
use jiff::{Timestamp, tz::TimeZone};

use crate::cluster::left_alone;
use crate::load::{Fact, Load, Name};
use crate::serving::Place;

/// What was compared.
#[derive(Clone, Copy, Debug)]
pub struct Compared {
    pub acknowledged: usize,
    pub stored: usize,
}

pub async fn table(store: &Store, sql: &'static str) -> Vec<Vec<String>> {
    let mut session = store.read().await.unwrap();
    let show = |value: &Value| match value {
        Value::Int(Some(n)) => n.to_string(),
        Value::Text(Some(text)) => text.clone(),
        _ => "-".to_owned(),
    };
    let rows = session.rows(sql, Vec::new()).await.unwrap();
    rows.iter().map(|row| row.values().iter().map(show).collect()).collect()
}

fn start(time: i64, of: impl Fn(jiff::civil::DateTime) -> jiff::civil::DateTime) -> i64 {
    let civil = TimeZone::UTC.to_datetime(Timestamp::from_millisecond(time).unwrap());
    TimeZone::UTC.to_timestamp(of(civil)).unwrap().as_millisecond()
}

fn hour(time: i64) -> i64 {
    start(time, |civil| civil.date().at(civil.hour(), 0, 0, 0))
}

/// The start of an instant's month: the accounts are in UTC and by calendar months.
pub fn month(time: i64) -> i64 {
    start(time, |civil| civil.date().first_of_month().at(0, 0, 0, 0))
}

/// Compares the ledger of a place that nobody serves now.
pub async fn compare(place: &Place, load: &Load) -> Compared {
    if let Some(url) = &place.database {
        left_alone(url).await;
    }
    let store = Store::attach(place.ledger()).unwrap();
    let stored = rows(&store, load).await;
    figures(&store, &stored).await;
    store.close().await;
    let verified = place.run(&["verify"]);
    assert!(verified.status.success(), "{verified:?}");
    let acknowledged = load.acknowledged.lock().unwrap();
    for (name, fact) in acknowledged.iter() {
        assert_eq!(stored.get(name), Some(fact), "{name:?} was acknowledged");
    }
    Compared { acknowledged: acknowledged.len(), stored: stored.len() }
}

/// The rows by name: each once, each as it was sent, numbered without gaps.
async fn rows(store: &Store, load: &Load) -> BTreeMap<Name, Fact> {
    const ROWS: &str = "SELECT account, seq, event_id, meter, t_event, qty_micro, kind
                        FROM usage_ledger ORDER BY account, seq";
    let sent = load.sent.lock().unwrap().clone();
    let (mut stored, mut numbers) = (BTreeMap::new(), BTreeMap::<String, i64>::new());
    for row in table(store, ROWS).await {
        let number = numbers.entry(row[0].clone()).or_default();
        *number += 1;
        assert_eq!((row[1].parse(), row[6].as_str()), (Ok(*number), "0"), "{row:?}");
        let name = (row[0].clone(), row[2].clone());
        let fact = sent.get(&name).unwrap_or_else(|| panic!("{name:?} was never sent"));
        let same = row[3] == fact.meter
            && row[4] == fact.time.to_string()
            && row[5] == fact.micros.to_string();
        assert!(same, "{row:?} was sent as {fact:?}");
        assert!(stored.insert(name, fact.clone()).is_none(), "{row:?} is there twice");
    }
    for row in table(store, "SELECT account, seq FROM heads").await {
        assert_eq!(
            numbers.get(&row[0]).copied().unwrap_or_default().to_string(),
            row[1],
            "{row:?}"
        );
    }
    stored
}

/// The figures of periods and hours are the sums of the rows.
async fn figures(store: &Store, stored: &BTreeMap<Name, Fact>) {
    let mut periods: BTreeMap<Vec<String>, (i64, i64)> = BTreeMap::new();
    let mut hours = periods.clone();
    let add = |figures: &mut BTreeMap<_, (i64, i64)>, key: Vec<String>, micros: i64| {
        let figure = figures.entry(key).or_default();
        *figure = (figure.0 + 1, figure.1 + micros);
    };
    for ((account, _), fact) in stored {
        let period = month(fact.time).to_string();
        let mut key = vec![account.clone(), fact.meter.to_owned(), period];
        add(&mut periods, key.clone(), fact.micros);
        key.push(hour(fact.time).to_string());
        add(&mut hours, key, fact.micros);
    }
    for (figures, width, sql) in [
        (periods, 3, "SELECT account, meter, period_start, cnt, used_micro FROM usage_period"),
        (
            hours,
            4,
            "SELECT account, meter, period_start, hour, cnt, qty_micro FROM usage_rollup_hour",
        ),
    ] {
        let told: BTreeMap<Vec<String>, (i64, i64)> = table(store, sql)
            .await
            .into_iter()
            .map(|row| {
                let figure = (row[width].parse().unwrap(), row[width + 1].parse().unwrap());
                (row[..width].to_vec(), figure)
            })
            .collect();
        assert_eq!(told, figures);
    }
}
