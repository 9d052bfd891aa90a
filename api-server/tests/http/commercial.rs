//! What is said to customers is what the product answers: the figures in `docs/commercial` are made
//! of the routes' answers to the requests that stand there, prices are those of the catalogue, and
//! every command and address in any document exists.
//!
//! ````text
//! <!-- ask case: POST /roi -->          a request that is sent, its body the block that follows
//! ```json
//! {…}
//! ```
//! <!-- say case: outcome -->            what the answer to it says, in one of the ways of `say`
//! …
//! <!-- end -->
//! ````

mod commands;
mod say;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use axum::http::StatusCode;
use serde_json::Value;

use crate::api::Api;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The documents in a folder and below, with their paths.
fn documents(folder: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![root().join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

/// A request of a document and what it was answered.
#[derive(Debug)]
struct Asked {
    request: Value,
    answer: Value,
}

/// `name: what` of each mark of a kind, and all that follows it.
fn marks<'a>(text: &'a str, kind: &str) -> Vec<(&'a str, &'a str, &'a str)> {
    let start = format!("<!-- {kind} ");
    text.match_indices(&start)
        .map(|(at, _)| {
            let (mark, rest) = text[at + start.len()..].split_once(" -->\n").unwrap();
            let (name, what) = mark.split_once(": ").unwrap();
            (name, what, rest)
        })
        .collect()
}

async fn ask(api: &Api, text: &str) -> BTreeMap<String, Asked> {
    let mut asked = BTreeMap::new();
    for (name, what, rest) in marks(text, "ask") {
        let (method, path) = what.split_once(' ').unwrap();
        let (request, answer) = match method {
            "GET" => (Value::Null, api.get(path, None).await),
            "POST" => {
                let body = rest.split("```json\n").nth(1).unwrap().split("\n```").next().unwrap();
                let answer = api.post(path, None, "application/json", body.to_owned()).await;
                (serde_json::from_str(body).unwrap(), answer)
            }
            _ => panic!("{what}: GET or POST"),
        };
        assert_eq!(answer.status, StatusCode::OK, "{name}: {}", answer.text);
        let was = asked.insert(name.to_owned(), Asked { request, answer: answer.json() });
        assert!(was.is_none(), "{name} is asked twice");
    }
    asked
}

/// The document with each block of figures as the answers have it, and how many there are.
fn filled(text: &str, asked: &BTreeMap<String, Asked>) -> (String, usize) {
    let mut whole = text.to_owned();
    let blocks = marks(text, "say");
    for (name, what, rest) in &blocks {
        let (old, _) = rest.split_once("<!-- end -->").unwrap();
        let asked = asked.get(*name).unwrap_or_else(|| panic!("nobody asks {name}"));
        let start = format!("<!-- say {name}: {what} -->\n");
        let new = format!("{start}{}", say::block(what, asked));
        whole = whole.replace(&format!("{start}{old}<!-- end -->"), &format!("{new}<!-- end -->"));
    }
    (whole, blocks.len())
}

#[tokio::test]
async fn the_figures_are_those_of_the_product() {
    let api = Api::new().await;
    let mut count = 0;
    for (path, text) in documents("docs/commercial") {
        let (now, blocks) = filled(&text, &ask(&api, &text).await);
        count += blocks;
        if std::env::var_os("TENANTRY_UPDATE_GOLDEN").is_some() {
            fs::write(&path, &now).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap();
        assert!(committed == now, "{} is stale: run with TENANTRY_UPDATE_GOLDEN=1", path.display());
    }
    assert!(count >= 8, "only {count} blocks of figures were found");
}

#[tokio::test]
async fn a_changed_figure_is_noticed() {
    let api = Api::new().await;
    let text = "<!-- ask list: GET /billing/plans -->\n<!-- say list: prices -->\nold\n<!-- end -->\nafter\n";
    let (now, blocks) = filled(text, &ask(&api, text).await);
    assert_eq!(blocks, 1);
    assert!(now.contains("| 899.00 |") && now.ends_with("<!-- end -->\nafter\n"), "{now}");
    assert!(!now.contains("old"), "{now}");
}

/// Rows of the formulas in which a cell says nothing.
fn bare(table: &str) -> Vec<&str> {
    let rows = table.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.filter(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" |").map(str::trim).collect();
        cells.len() != 3 || cells.iter().any(|cell| cell.is_empty())
    })
    .collect()
}

#[test]
fn every_formula_of_the_roi_calculator_has_its_source() {
    let page = fs::read_to_string(root().join("docs/commercial/roi_calculator.md")).unwrap();
    let formulas = page.split_once("## The formulas\n").unwrap().1;
    assert!(formulas.lines().filter(|line| line.starts_with("| ")).count() >= 8);
    assert_eq!(bare(formulas), Vec::<&str>::new());
    let wanting = "|---|---|---|\n| a | b ÷ c | from d |\n| a | b | |\n| a | b |\n\n| a | b | |\n";
    assert_eq!(bare(wanting), ["| a | b | |", "| a | b |"]);
}

/// Of a document what was written by hand: no figures from answers, no code.
fn by_hand(text: &str) -> String {
    let outside = text.split("<!-- say ").enumerate().map(|(index, part)| match index {
        0 => part,
        _ => part.split_once("<!-- end -->").unwrap().1,
    });
    outside.collect::<String>().split("\n```").step_by(2).collect()
}

/// The amounts of money in a text: `USD 1,299.00`.
fn amounts(text: &str) -> Vec<String> {
    let after = text.split("USD ").skip(1);
    let amount = |rest: &str| -> String {
        rest.chars().take_while(|c| c.is_ascii_digit() || *c == ',' || *c == '.').collect()
    };
    let found = after.map(amount).map(|text| text.trim_end_matches(['.', ',']).replace(',', ""));
    found.filter(|text| !text.is_empty()).collect()
}

#[tokio::test]
async fn prices_written_by_hand_are_in_the_catalogue() {
    let list = Api::new().await.get("/billing/plans", None).await.json();
    let mut known = Vec::new();
    for plan in list["plans"].as_array().unwrap() {
        known.push(plan["base"]["amount"].as_str().unwrap().to_owned());
        let prices =
            plan["meters"].as_array().unwrap().iter().map(|meter| &meter["price"]["price"]);
        known.extend(prices.map(|price| price.as_str().unwrap().to_owned()));
    }
    let mut count = 0;
    for (path, text) in documents("docs/commercial") {
        for amount in amounts(&by_hand(&text)) {
            count += 1;
            assert!(
                known.contains(&amount),
                "{}: USD {amount} is no price: {known:?}",
                path.display()
            );
        }
        assert!(!by_hand(&text).contains('$'), "{}: write USD, which is compared", path.display());
    }
    assert!(count > 0, "no price was found");
}

#[tokio::test]
async fn the_case_study_pays_what_its_plan_costs() {
    let api = Api::new().await;
    let path = root().join("docs/commercial/case_study_legal_ops.md");
    let asked = ask(&api, &fs::read_to_string(path).unwrap()).await;
    let cents = |amount: &Value| amount.as_str().unwrap().replace('.', "").parse::<u64>().unwrap();
    let fit = &asked["fit"].answer;
    let ranking = fit["ranking"].as_array().unwrap();
    let plan = ranking.iter().find(|ranked| ranked["plan"] == fit["plan"]).unwrap();
    let month = cents(&plan["expected"]["amount"]);
    assert_eq!(cents(&asked["case"].request["subscription"]["amount"]), 12 * month);
}
