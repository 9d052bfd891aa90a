//! The ledger as text: complete, in order, and enough to compute the chain again without our code.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use api_server::domain::Quantity;
use api_server::domain::meter::Meter;
use api_server::ledger::erasures::{Request, Subject, erase};
use api_server::ledger::figures::{Figures, Rhythm};
use api_server::ledger::rejects::Rejects;
use api_server::ledger::{Change, Correction, Item};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::commands::{refused, run, told};
use super::ground::{Ground, account, at, usage};

/// More than two pages of rows.
const ROWS: usize = 2_100;

fn event(id: &str, time: &str, dims: &[(&str, &str)]) -> Item {
    let mut event = usage("acme", id, Meter::Query, time, "0.000001");
    event.dims = dims.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Item::Usage(event)
}

/// Two accounts: `acme` with a closed period, a plan, many rows, one of them voided; `globex` with one
/// row.
async fn used() -> Ground {
    let ground = Ground::with(&["globex", "acme"]).await;
    ground.set_clock("2026-10-21T00:00:00Z");
    ground.agree("acme", "team", "2026-10-21T00:00:00Z").await;
    ground.send("acme", vec![event("october", "2026-10-20T00:00:00Z", &[("user", "ada")])]).await;
    ground.set_clock("2026-11-23T12:00:00Z");
    ground.ledger.close_due().await.unwrap();
    let november = |n| event(&format!("e-{n}"), "2026-11-23T11:00:00Z", &[("n", "7")]);
    for from in (0..ROWS).step_by(1000) {
        ground.send("acme", (from..ROWS.min(from + 1000)).map(november).collect()).await;
    }
    let (source, id) = ("/corrections".to_owned(), "c-1".to_owned());
    let notes = BTreeMap::from([("actor".to_owned(), "eve".to_owned())]);
    let void = Correction { source, id, ref_seq: 2, change: Change::Void, notes };
    ground.send("acme", vec![Item::Correction(void)]).await;
    let one = usage("globex", "g", Meter::Agents, "2026-11-23T11:00:00Z", "3");
    ground.send("globex", vec![Item::Usage(one)]).await;
    let mut figures = Figures::new(Rhythm::every(SignedDuration::from_mins(5)));
    figures.round(&ground.ledger).await.unwrap();
    ground
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of<'a>(records: &'a [Value], kind: &str, account: &str) -> Vec<&'a Value> {
    records.iter().filter(|r| r["record"] == kind && r["account"] == account).collect()
}

fn unhex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// The chain value of a row from what was exported of it, as docs/ledger.md has it.
fn chained(before: &[u8], row: &Value) -> Vec<u8> {
    let mut bytes = vec![1];
    let number = |bytes: &mut Vec<u8>, number: i64| bytes.extend(number.to_be_bytes());
    let text = |bytes: &mut Vec<u8>, name: &str| {
        let text = row[name].as_str().unwrap();
        bytes.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
        bytes.extend(text.as_bytes());
    };
    let time = |name: &str| row[name].as_str().map(|text| at(text).as_millisecond());
    let maybe = |bytes: &mut Vec<u8>, value: Option<i64>| {
        bytes.push(u8::from(value.is_some()));
        value.into_iter().for_each(|value| bytes.extend(value.to_be_bytes()));
    };
    text(&mut bytes, "account");
    number(&mut bytes, row["row"].as_i64().unwrap());
    let kinds = ["usage", "correction", "void"];
    number(&mut bytes, kinds.iter().position(|kind| row["kind"] == *kind).unwrap() as i64);
    ["source", "id", "meter"].iter().for_each(|name| text(&mut bytes, name));
    ["time", "ingested_at", "stored_at"].iter().for_each(|n| number(&mut bytes, time(n).unwrap()));
    let quantity: Quantity = row["quantity"].as_str().unwrap().parse().unwrap();
    number(&mut bytes, quantity.micros());
    maybe(&mut bytes, row["corrects"].as_i64());
    number(&mut bytes, time("period").unwrap());
    maybe(&mut bytes, time("happened_in"));
    match &row["dimensions_hash"] {
        Value::Null => bytes.push(0),
        hash => {
            bytes.push(1);
            bytes.extend(unhex(hash));
        }
    }
    Sha256::new().chain_update(before).chain_update(bytes).finalize().to_vec()
}

#[tokio::test]
async fn all_of_it_comes_out_in_order_and_the_chain_can_be_computed_again() {
    let ground = used().await;
    let text = told(ground.folder.path(), &["export"]);
    let records = lines(&text);
    let end = records.last().unwrap();
    assert_eq!(*end, json!({"record": "end", "accounts": 2, "records": records.len() - 1}));
    // Accounts by id, and of each the same order of kinds.
    let mut kinds: Vec<String> =
        records.iter().map(|r| format!("{} {}", r["account"], r["record"])).collect();
    kinds.dedup();
    let expected = ["account", "plan", "row", "period", "summary", "head"];
    let acme = expected.map(|kind| format!("\"acme\" \"{kind}\""));
    assert_eq!(kinds[..6], acme, "{kinds:?}");
    assert!(kinds[6..].iter().take(5).all(|kind| kind.starts_with("\"globex\"")), "{kinds:?}");

    let rows = of(&records, "row", "acme");
    assert_eq!(rows.len(), ROWS + 2);
    let mut chain = vec![0; 32];
    for (place, row) in rows.iter().enumerate() {
        assert_eq!(row["row"], place + 1);
        chain = chained(&chain, row);
        assert_eq!(chain, unhex(&row["chain"]), "{row}");
    }
    let head = of(&records, "head", "acme")[0];
    assert_eq!((head["row"].as_u64(), unhex(&head["chain"])), (Some(ROWS as u64 + 2), chain));

    // Figures are the sums of their rows, and say whether they are final.
    let mut sums: BTreeMap<(String, bool), (i64, i64)> = BTreeMap::new();
    for row in &rows {
        let key = (row["period"].as_str().unwrap().to_owned(), row["final"].as_bool().unwrap());
        let sum = sums.entry(key).or_default();
        sum.0 += row["quantity"].as_str().unwrap().parse::<Quantity>().unwrap().micros();
        sum.1 += 1;
    }
    let periods = of(&records, "period", "acme").into_iter().map(|period| {
        let used = period["used"].as_str().unwrap().parse::<Quantity>().unwrap().micros();
        let start = period["period"].as_str().unwrap().to_owned();
        ((start, period["final"].as_bool().unwrap()), (used, period["rows"].as_i64().unwrap()))
    });
    assert_eq!(periods.collect::<BTreeMap<_, _>>(), sums);
    let finals: Vec<bool> = sums.keys().map(|(_, is_final)| *is_final).collect();
    assert_eq!(finals, [true, false]);
    assert_eq!(rows[0]["dimensions"], json!({"user": "ada"}));
    assert_eq!(rows[ROWS + 1]["dimensions"], json!({"actor": "eve"}));
    assert_eq!((&rows[ROWS + 1]["kind"], &rows[ROWS + 1]["corrects"]), (&json!("void"), &json!(2)));
    let plan = of(&records, "plan", "acme")[0];
    assert_eq!((&plan["plan"], &plan["after_row"]), (&json!("team"), &json!(0)));
    assert_eq!(of(&records, "summary", "acme")[0]["ledger_row"], ROWS + 2);
}

#[tokio::test]
async fn what_comes_later_only_adds_and_one_account_alone_is_that_account() {
    let ground = used().await;
    let folder = ground.folder.path();
    let rows = ["export", "--records", "rows,heads", "--account", "globex"];
    let before = told(folder, &rows);
    assert!(!before.contains("acme"), "{before}");
    let more = usage("globex", "h", Meter::Agents, "2026-11-23T11:00:00Z", "1");
    ground.send("globex", vec![Item::Usage(more)]).await;
    let after = told(folder, &rows);
    assert_eq!(before.lines().next(), after.lines().next());
    assert_eq!((before.lines().count(), after.lines().count()), (3, 4));
    let ghost = refused(folder, &["export", "--account", "globex", "--account", "ghost"]);
    assert!(ghost.contains("there is no account ghost"), "{ghost}");
}

#[tokio::test]
async fn a_table_is_one_that_a_spreadsheet_shows_and_never_runs() {
    let ground = Ground::with(&["acme"]).await;
    let mut evil = usage("acme", "=cmd|' /c calc'!A1", Meter::Query, "2026-11-23T11:00:00Z", "1.5");
    evil.source = "@sum".to_owned();
    evil.dims.insert("note".to_owned(), "a,\"b\"\n=1".to_owned());
    ground.send("acme", vec![Item::Usage(evil)]).await;
    let table = told(ground.folder.path(), &["export", "--format", "csv", "--records", "rows"]);
    let (names, row) = table.split_once("\r\n").unwrap();
    assert!(
        names.starts_with("\"account\",\"row\",\"kind\",\"id\",\"source\",\"meter\""),
        "{names}"
    );
    let begins =
        "\"acme\",1,\"usage\",\"'=cmd|' /c calc'!A1\",\"'@sum\",\"query\",\"requests\",1.5,";
    assert!(row.starts_with(begins), "{row}");
    assert!(row.contains("\"{\"\"note\"\":\"\"a,\\\"\"b\\\"\"\\n=1\"\"}\""), "{row}");
    for args in [&["--format", "csv"][..], &["--format", "csv", "--records", "rows,plans"]] {
        let complaint = refused(ground.folder.path(), &[&["export"], args].concat());
        assert!(complaint.contains("--records rows"), "{complaint}");
    }
}

#[tokio::test]
async fn a_file_is_whole_its_owners_alone_and_replaces_nothing() {
    let ground = used().await;
    let folder = ground.folder.path();
    let beside = tempfile::tempdir().unwrap();
    let file = beside.path().join("all.ndjson");
    let to = file.to_str().unwrap();
    let output = run(folder, &["export", "--to", to]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("2 accounts, "), "{said}");
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text, told(folder, &["export"]));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(refused(folder, &["export", "--to", to]).contains("is there already"));
    let other = beside.path().join("other.ndjson");
    refused(folder, &["export", "--account", "ghost", "--to", other.to_str().unwrap()]);
    let names: Vec<_> =
        std::fs::read_dir(beside.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["all.ndjson"]);
}

#[tokio::test]
async fn what_was_erased_or_is_not_wanted_names_nobody() {
    let ground = used().await;
    let (name, value) = ("user".to_owned(), "ada".to_owned());
    let subject = Subject::Dimension { account: account("acme"), name, value };
    let [actor, reason, reference] = ["x"; 3].map(str::to_owned);
    let patience = std::time::Duration::from_secs(60);
    let request = Request { subject, actor, reason, reference, from: 1, patience };
    erase(&ground.ledger, &Rejects::default(), request).await.unwrap().unwrap();
    let folder = ground.folder.path();
    let text = told(folder, &["export"]);
    assert!(!text.contains("\"ada\"") && text.contains("\"eve\""), "erased");
    assert!(of(&lines(&text), "row", "acme")[0]["dimensions"].is_null());
    let text = told(folder, &["export", "--without-personal-data"]);
    assert!(!text.contains("\"eve\"") && !text.contains("\"dimensions\""), "left out");
    let records = lines(&text);
    // The chain can still be computed.
    let rows = of(&records, "row", "acme");
    assert_eq!(chained(&[0; 32], rows[0]), unhex(&rows[0]["chain"]));
}
