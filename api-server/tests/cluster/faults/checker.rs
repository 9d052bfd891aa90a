//! Compares what senders know with the ledger's rows, and these with tenants' status. It shares no
//! code with what it checks: decimals, sums and the reading of both are its own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A tenant and an event's id.
pub type Name = (String, String);

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub meter: String,
    /// Millionths.
    pub micros: i64,
}

/// What senders know.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub sent: BTreeMap<Name, Fact>,
    pub acknowledged: BTreeSet<Name>,
}

/// What was used, by tenant and meter, in millionths.
pub type Sums = BTreeMap<(String, String), i64>;

/// A row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub name: Name,
    pub fact: Fact,
    /// Usage, and not a correction.
    pub is_usage: bool,
}

/// A decimal of at most six places in millionths.
pub fn micros(text: &str) -> Result<i64, String> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let wrong = || format!("{text:?} is no decimal of six places");
    if whole.is_empty() || part.len() > 6 || !digits(whole) || !digits(part) {
        return Err(wrong());
    }
    format!("{whole}{part:0<6}").parse().map_err(|_| wrong())
}

/// What acknowledged events come to.
pub fn sums(told: &Told) -> Sums {
    let mut sums = Sums::new();
    for name in &told.acknowledged {
        let fact = &told.sent[name];
        *sums.entry((name.0.clone(), fact.meter.clone())).or_default() += fact.micros;
    }
    sums
}

/// The rows of `api-server export --records rows`, where `tenants` says whose account is whose.
pub fn rows(export: &str, tenants: &BTreeMap<String, String>) -> Vec<Row> {
    let text = |of: &Value, key: &str| of[key].as_str().unwrap_or_default().to_owned();
    let parsed = export.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    parsed
        .filter(|line| line["quantity"].is_string())
        .map(|line| {
            let account = text(&line, "account");
            let tenant = tenants.get(&account).cloned().unwrap_or(account);
            let micros = micros(&text(&line, "quantity")).unwrap();
            Row {
                name: (tenant, text(&line, "id")),
                fact: Fact { meter: text(&line, "meter"), micros },
                is_usage: text(&line, "kind") == "usage",
            }
        })
        .collect()
}

/// What the status of each tenant of a list says, but for what was not used; and whose account is whose.
pub fn shown(list: &Value) -> (Sums, BTreeMap<String, String>) {
    let (mut sums, mut tenants) = (Sums::new(), BTreeMap::new());
    for item in list["items"].as_array().into_iter().flatten() {
        let name = item["metadata"]["name"].as_str().unwrap();
        if let Some(account) = item["status"]["accountId"].as_str() {
            tenants.insert(account.to_owned(), name.to_owned());
        }
        for meter in item["status"]["usage"]["meters"].as_array().into_iter().flatten() {
            let key = (name.to_owned(), meter["name"].as_str().unwrap().to_owned());
            let used = micros(meter["used"].as_str().unwrap()).unwrap();
            if used != 0 {
                sums.insert(key, used);
            }
        }
    }
    (sums, tenants)
}

/// Everything that is not as it must be; what nobody acknowledged may be there, once.
pub fn differences(told: &Told, rows: &[Row], shown: &Sums) -> Vec<String> {
    let (mut wrong, mut seen, mut used) = (Vec::new(), BTreeSet::new(), Sums::new());
    for row in rows {
        let (tenant, id) = &row.name;
        match told.sent.get(&row.name) {
            _ if !row.is_usage => wrong.push(format!("{tenant} {id}: nobody corrected anything")),
            None => wrong.push(format!("{tenant} {id}: in the ledger, never sent")),
            Some(fact) if *fact != row.fact => {
                wrong
                    .push(format!("{tenant} {id}: sent as {fact:?}, in the ledger {:?}", row.fact));
            }
            Some(_) => {}
        }
        if !seen.insert(&row.name) {
            wrong.push(format!("{tenant} {id}: in the ledger more than once"));
        }
        let key = (tenant.clone(), row.fact.meter.clone());
        *used.entry(key).or_default() += row.fact.micros;
    }
    for name in told.acknowledged.iter().filter(|name| !seen.contains(name)) {
        wrong.push(format!("{} {}: acknowledged, not in the ledger", name.0, name.1));
    }
    for key in used.keys().chain(shown.keys()).collect::<BTreeSet<_>>() {
        let (rows, status) = (used.get(key).copied(), shown.get(key).copied());
        if rows.unwrap_or_default() != status.unwrap_or_default() {
            let (tenant, meter) = key;
            wrong.push(format!("{tenant} {meter}: rows come to {rows:?}, status says {status:?}"));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told() -> Told {
        let mut told = Told::default();
        for (id, quantity) in [("a", 1_500_000), ("b", 2_000_000), ("unanswered", 7)] {
            let name = ("acme".to_owned(), id.to_owned());
            let fact = Fact { meter: "query".to_owned(), micros: quantity };
            told.sent.insert(name.clone(), fact);
            if id != "unanswered" {
                told.acknowledged.insert(name);
            }
        }
        told
    }

    fn export(rows: &[(&str, &str)]) -> Vec<Row> {
        let line = |(id, quantity): &(&str, &str)| {
            json!({ "account": "u-1", "id": id, "meter": "query", "quantity": quantity,
                "kind": "usage" })
            .to_string()
        };
        let lines: Vec<String> = rows.iter().map(line).collect();
        rows_of(&lines.join("\n"))
    }

    fn rows_of(text: &str) -> Vec<Row> {
        rows(text, &BTreeMap::from([("u-1".to_owned(), "acme".to_owned())]))
    }

    fn status(used: &str) -> Sums {
        let usage = json!({ "meters": [{ "name": "query", "used": used }, { "name": "agents", "used": "0" }] });
        let status = json!({ "accountId": "u-1", "usage": usage });
        let (sums, tenants) =
            shown(&json!({ "items": [{ "metadata": { "name": "acme" }, "status": status }] }));
        assert_eq!(tenants["u-1"], "acme");
        sums
    }

    fn wrong(rows: &[(&str, &str)], used: &str) -> String {
        differences(&told(), &export(rows), &status(used)).join("; ")
    }

    #[test]
    fn what_agrees_is_not_complained_of() {
        assert_eq!(wrong(&[("a", "1.5"), ("b", "2")], "3.5"), "");
        let with_unanswered = [("a", "1.5"), ("b", "2"), ("unanswered", "0.000007")];
        assert_eq!(wrong(&with_unanswered, "3.500007"), "", "it may be there, once");
    }

    #[test]
    fn a_lost_a_doubled_and_an_altered_event_are_each_found() {
        assert_eq!(wrong(&[("a", "1.5")], "1.5"), "acme b: acknowledged, not in the ledger");
        assert_eq!(
            wrong(&[("a", "1.5"), ("b", "2"), ("b", "2")], "5.5"),
            "acme b: in the ledger more than once"
        );
        let altered = wrong(&[("a", "1.500001"), ("b", "2")], "3.500001");
        assert!(altered.starts_with("acme a: sent as"), "{altered}");
        let twice =
            [("a", "1.5"), ("b", "2"), ("unanswered", "0.000007"), ("unanswered", "0.000007")];
        assert_eq!(wrong(&twice, "3.500014"), "acme unanswered: in the ledger more than once");
        let strange = wrong(&[("a", "1.5"), ("b", "2"), ("c", "1")], "4.5");
        assert_eq!(strange, "acme c: in the ledger, never sent");
    }

    #[test]
    fn a_status_that_lags_or_leads_is_found() {
        for used in ["3.499999", "3.500001", "0"] {
            let found = wrong(&[("a", "1.5"), ("b", "2")], used);
            assert!(found.starts_with("acme query: rows come to Some(3500000)"), "{found}");
        }
    }

    #[test]
    fn decimals_are_exact() {
        assert_eq!(micros("12.034"), Ok(12_034_000));
        for text in ["", ".5", "1.0000001", "-1", "1e3", "1,5"] {
            assert!(micros(text).is_err(), "{text}");
        }
    }
}
