//! Two tenants on one server: whatever one sends, with whatever name of the other's in whatever place of
//! whatever operation, it hears what it would hear of a name that nobody has, and nothing of the
//! other's is told or changed.

use axum::body::Body;
use axum::extract::Request;
use serde_json::Value;

mod places;
mod theirs;

use crate::api::Answer;
use crate::backups::{digest, sum};
use crate::document::operations;
use crate::limits::good::good;
use places::{NAMING, PLACES, PLAIN, Spot, Whose, places};
use theirs::{Caller, Ground, Tenant};

/// Members of answers that differ from request to request, or count what was sent before.
const DIFFER: [&str; 8] = [
    "instance",
    "request_id",
    "ledger",
    "follow",
    "receipt_token",
    "row",
    "received_at",
    "submitted_at",
];

fn without(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !DIFFER.contains(&name.as_str()));
            members.values_mut().for_each(without);
        }
        Value::Array(items) => items.iter_mut().for_each(without),
        _ => {}
    }
}

/// An answer as it can be compared with one to another name.
fn heard(answer: &Answer, name: &str) -> String {
    let text = match serde_json::from_str::<Value>(&answer.text) {
        Ok(mut body) => {
            without(&mut body);
            body.to_string()
        }
        Err(_) => answer.text.clone(),
    };
    format!("{} {}", answer.status, text.replace(name, "NAME"))
}

/// A request of an operation, all of it the caller's own but for one name.
fn request(ground: &Ground, operation: &str, spot: Spot, name: &str, caller: &Caller) -> Request {
    let own = |whose| ground.names(whose)[caller.tenant as usize].as_str();
    let (method, path) = operation.split_once(' ').unwrap();
    let mut path = path.to_owned();
    if let Spot::Path(part) = spot {
        path = path.replace(&format!("{{{part}}}"), name);
    }
    path = path.replace("/onboarding/{id}", &format!("/onboarding/{}", own(Whose::Intake)));
    path = path.replace("{account}", own(Whose::Account));
    path = path.replace("{id}", own(Whose::Webhook)).replace("{message}", own(Whose::Message));
    if let Spot::Query(parameter) = spot {
        path = format!("{path}?{parameter}={name}");
    }
    let mut request = Request::builder().method(method).uri(path);
    if let Spot::Header(header) = spot {
        request = request.header(header, name);
    }
    if let Some(token) = &caller.token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if operation.starts_with("PUT /backups") {
        let archive = &ground.archives[caller.tenant as usize];
        let request = request.header("content-digest", digest(&sum(archive)));
        let request = request.header("content-type", "application/x-tar");
        return request.body(archive.clone().into()).unwrap();
    }
    let Some(mut body) = ground.body(operation, caller.tenant) else {
        return request.body(Body::empty()).unwrap();
    };
    for (spot, whose) in places(operation) {
        if let (Spot::Body(pointer), Whose::Account) = (spot, whose) {
            *body.pointer_mut(pointer).unwrap() = own(Whose::Account).into();
        }
    }
    if let Spot::Body(pointer) = spot {
        *body.pointer_mut(pointer).unwrap() = name.into();
    }
    let request = request.header("content-type", "application/json");
    request.body(body.to_string().into()).unwrap()
}

/// Every operation and every place in it where something can be named; what is deleted, last.
fn everything() -> Vec<(String, Spot, Whose)> {
    let mut operations = operations();
    operations.sort_by_key(|(method, _, _)| method == "DELETE");
    let all = operations.into_iter().flat_map(|(method, path, _)| {
        let name = format!("{method} {path}");
        places(&name).iter().map(move |(spot, whose)| (name.clone(), *spot, *whose))
    });
    all.collect()
}

/// The other's name and one that nobody has.
async fn pair(ground: &Ground, operation: &str, whose: Whose) -> [String; 2] {
    if whose != Whose::Cursor {
        let [_, theirs, nobodys] = ground.names(whose).clone();
        return [theirs, nobodys];
    }
    let (_, path) = operation.split_once(' ').unwrap();
    let cursor = ground.cursor(path).await;
    let nonsense = "A".repeat(cursor.len());
    [cursor, nonsense]
}

/// Also without any name: lists hold what is the caller's own.
#[tokio::test]
async fn nothing_of_anothers_is_in_what_is_ones_own() {
    let ground = Ground::new().await;
    let (before, secrets) = (ground.kept().await, ground.secrets());
    for (method, path, _) in operations() {
        let operation = format!("{method} {path}");
        for caller in ground.callers(Tenant::Acme) {
            let request = request(&ground, &operation, Spot::Path("none"), "", &caller);
            let answer = ground.api.send(request).await;
            let what = format!("{operation}, {}: {}", caller.who, answer.text);
            assert!(!answer.status.is_server_error(), "{what}");
            let told = secrets.iter().find(|secret| answer.text.contains(*secret));
            assert_eq!(told, None, "{what}");
        }
    }
    let changed: Vec<String> = ground.kept().await.symmetric_difference(&before).cloned().collect();
    assert!(changed.is_empty(), "it is globex's: {changed:#?}");
}

#[tokio::test]
async fn what_is_anothers_is_neither_told_nor_changed_whatever_is_sent() {
    let ground = Ground::new().await;
    let (before, secrets) = (ground.kept().await, ground.secrets());
    let callers = ground.callers(Tenant::Acme);
    let (mut asked, mut let_in) = (0, 0);
    for (operation, spot, whose) in everything() {
        let [theirs, nobodys] = pair(&ground, &operation, whose).await;
        for caller in &callers {
            let what = format!("{operation}, {spot:?}, {}", caller.who);
            let mut answers = Vec::new();
            for name in [&nobodys, &theirs] {
                let request = request(&ground, &operation, spot, name, caller);
                let answer = ground.api.send(request).await;
                assert!(!answer.status.is_server_error(), "{what}: {}", answer.text);
                let_in += usize::from(answer.status.is_success());
                answers.push(heard(&answer, name));
            }
            assert_eq!(answers[1], answers[0], "{what}: differs from a name that nobody has");
            let told = secrets.iter().find(|secret| answers[1].contains(*secret));
            assert_eq!(told, None, "{what}: {}", answers[1]);
            asked += 1;
        }
        let changed: Vec<String> =
            ground.kept().await.symmetric_difference(&before).cloned().collect();
        assert!(changed.is_empty(), "{operation}, {spot:?}: it is globex's: {changed:#?}");
    }
    println!("{asked} questions in pairs, {let_in} answers of success");
}

/// The names above are there: somebody whose business it is hears something else than of a name that
/// nobody has.
#[tokio::test]
async fn whose_business_it_is_hears_of_it() {
    let ground = Ground::new().await;
    let mut callers = ground.callers(Tenant::Globex);
    callers.push(Ground::staff());
    let mut unheard = Vec::new();
    for (operation, spot, whose) in everything() {
        let [theirs, nobodys] = pair(&ground, &operation, whose).await;
        let mut differs = false;
        for caller in &callers {
            let mut answers = Vec::new();
            for name in [&nobodys, &theirs] {
                let request = request(&ground, &operation, spot, name, caller);
                answers.push(heard(&ground.api.send(request).await, name));
            }
            differs |= answers[0] != answers[1];
        }
        if !differs {
            unheard.push(format!("{operation} {}", spot.name()));
        }
    }
    assert_eq!(unheard, SILENT);
}

/// Where a name changes nothing of what is compared, whoever asks: lists for customer success know no
/// cursor of a customer's, and find who was summed up, which nobody was; of a key comes a receipt, which
/// differs each time else; and a form's sender hears nothing of names in use.
const SILENT: [&str; 9] = [
    "GET /billing/usage filter[name][starts]",
    "GET /billing/usage page[after]",
    "GET /billing/usage/alerts page[after]",
    "GET /billing/usage/triage page[after]",
    "GET /onboarding page[after]",
    "POST /onboarding Idempotency-Key",
    "POST /onboarding /tenant",
    "GET /profiles/{name}/tenants page[after]",
    "GET /webhooks/{id}/deliveries page[after]",
];

/// The leaves of a body, by pointer.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, one)| leaves(one, &format!("{at}/{name}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, one)| leaves(one, &format!("{at}/{n}"), found));
        }
        _ => found.push(at.to_owned()),
    }
}

#[test]
fn every_place_that_can_name_something_is_written_down() {
    let mut missing = Vec::new();
    for (method, path, operation) in operations() {
        let name = format!("{method} {path}");
        let known: Vec<&str> = places(&name).iter().map(|(spot, _)| spot.name()).collect();
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let mut parts: Vec<String> =
            parameters.map(|one| one["name"].as_str().unwrap().to_owned()).collect();
        parts.retain(|part| !PLAIN.contains(&part.as_str()));
        let mut members = Vec::new();
        for body in good().iter().filter(|one| one.operation == name) {
            leaves(&body.body, "", &mut members);
        }
        members.retain(|at| NAMING.contains(&at.rsplit('/').next().unwrap_or_default()));
        parts.extend(members);
        parts.retain(|part| !known.contains(&part.as_str()));
        missing.extend(parts.into_iter().map(|part| format!("{name}: {part}")));
    }
    assert!(
        missing.is_empty(),
        "write down in tests/http/isolation/places.rs what these name, or in PLAIN: {missing:#?}"
    );
    let all: Vec<String> = operations().iter().map(|(m, path, _)| format!("{m} {path}")).collect();
    let gone: Vec<&str> = PLACES
        .iter()
        .map(|(line, _)| *line)
        .filter(|line| !all.iter().any(|one| one == line))
        .collect();
    assert!(gone.is_empty(), "no such operations: {gone:?}");
}
