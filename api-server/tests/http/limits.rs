//! Every field of every body, bent past each limit that the document states: refused where it is
//! wrong, with a code and a remedy, and nothing is written.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::api::{Answer, Api, sender};
use super::described::{document, operations};
use super::home::Home;
use super::onboarding::{form, submitted};
use super::webhooks::webhook;

pub mod good;

use good::{Good, good};

/// A body that is wrong at one place.
#[derive(Debug)]
struct Bent {
    why: String,
    body: Value,
    /// The pointer that must be named, or one below it.
    at: String,
}

/// Bends a body as its schema tells.
struct Bender {
    document: Value,
    good: Value,
    bent: Vec<Bent>,
}

impl Bender {
    /// A schema without references and without null beside it.
    fn resolved(&self, schema: &Value) -> Value {
        if let Some(reference) = schema["$ref"].as_str() {
            let place = self.document.pointer(reference.trim_start_matches('#'));
            return self.resolved(place.unwrap());
        }
        let choices = schema["oneOf"].as_array().map(Vec::as_slice).unwrap_or_default();
        match choices.iter().filter(|one| one["type"] != "null").collect::<Vec<_>>()[..] {
            [only] => self.resolved(only),
            _ => schema.clone(),
        }
    }

    fn set(&mut self, at: &str, why: &str, value: Value) {
        let mut body = self.good.clone();
        *body.pointer_mut(at).unwrap() = value;
        self.bent.push(Bent { why: format!("{why} at {at}"), body, at: at.to_owned() });
    }

    fn object(
        &mut self,
        at: &str,
        change: impl Fn(&mut Map<String, Value>),
        why: &str,
        name: &str,
    ) {
        let mut body = self.good.clone();
        change(body.pointer_mut(at).unwrap().as_object_mut().unwrap());
        self.bent.push(Bent { why: format!("{why} at {at}"), body, at: format!("{at}/{name}") });
    }

    fn bend(&mut self, at: &str, schema: &Value) {
        let schema = self.resolved(schema);
        let Some(value) = self.good.pointer(at).cloned() else { return };
        if !at.is_empty() {
            let other =
                if value.is_object() || value.is_array() { json!(7) } else { json!({"x": []}) };
            self.set(at, "another type", other);
            let like = if value.is_boolean() { json!("true") } else { json!(true) };
            self.set(at, "a type like it", like);
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            // One member of several: what the good one has is bent, whichever it is.
            for choice in choices {
                for (name, member) in choice["properties"].as_object().cloned().unwrap_or_default()
                {
                    self.bend(&format!("{at}/{name}"), &member);
                }
            }
            return;
        }
        match &value {
            Value::Object(_) => self.members(at, &schema),
            Value::Array(_) => self.items(at, &schema),
            Value::String(_) => self.text(at, &schema),
            Value::Number(_) => self.number(at, &schema),
            _ => {}
        }
    }

    fn members(&mut self, at: &str, schema: &Value) {
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap();
            self.object(at, |members| drop(members.remove(name)), "missing", name);
            // One that must be said, and may be said to be nothing.
            let types = &schema["properties"][name]["type"];
            if types.as_array().is_some_and(|types| types.contains(&json!("null"))) {
                continue;
            }
            let null = |members: &mut Map<String, Value>| {
                drop(members.insert(name.to_owned(), Value::Null));
            };
            self.object(at, null, "null", name);
        }
        if schema["additionalProperties"] == json!(false) {
            let name = "unheard_of";
            self.object(
                at,
                |members| drop(members.insert(name.to_owned(), json!(1))),
                "unknown",
                name,
            );
        }
        for (name, member) in schema["properties"].as_object().cloned().unwrap_or_default() {
            self.bend(&format!("{at}/{name}"), &member);
        }
    }

    fn items(&mut self, at: &str, schema: &Value) {
        let first = self.good.pointer(&format!("{at}/0")).cloned().unwrap();
        if schema["minItems"].as_u64().is_some_and(|least| least > 0) {
            self.set(at, "no item", json!([]));
        }
        if let Some(most) = schema["maxItems"].as_u64() {
            self.set(at, "an item too many", json!(vec![first; most as usize + 1]));
        }
        self.bend(&format!("{at}/0"), &schema["items"]);
    }

    fn text(&mut self, at: &str, schema: &Value) {
        if let Some(most) = schema["maxLength"].as_u64() {
            self.set(at, "a letter too many", json!("a".repeat(most as usize + 1)));
        }
        if schema["minLength"].as_u64().is_some_and(|least| least > 0) {
            self.set(at, "no letter", json!(""));
        }
        if schema["pattern"].is_string() || !schema["format"].is_null() || !schema["enum"].is_null()
        {
            self.set(at, "another pattern", json!("\u{a7} not this"));
        }
        self.set(at, "a control character", json!("a\u{0}b"));
    }

    fn number(&mut self, at: &str, schema: &Value) {
        if let Some(most) = schema["maximum"].as_i64() {
            self.set(at, "one too many", json!(most + 1));
        }
        let least = schema["minimum"].as_i64().unwrap_or_default();
        self.set(at, "one too few", json!(least - 1));
        self.set(at, "a fraction", json!(1.5));
        self.set(at, "far too many", json!(u64::MAX));
    }
}

/// The schema of an operation's body as it is sent here.
fn schema(operation: &Value) -> Value {
    let content = &operation["requestBody"]["content"];
    let one = [&content["application/cloudevents+json"], &content["application/json"]];
    one.into_iter().find(|content| content.is_object()).unwrap()["schema"].clone()
}

async fn send(
    api: &Api,
    good: &Good,
    path: &str,
    media_type: &str,
    body: impl Into<Body>,
) -> Answer {
    let (method, _) = good.operation.split_once(' ').unwrap();
    let mut request =
        Request::builder().method(method).uri(path).header("content-type", media_type);
    if let Some(token) = &good.token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    api.send(request.body(body.into()).unwrap()).await
}

/// An operation's path with names of what is there.
fn filled(good: &Good, form: &str, webhook: &str) -> String {
    let (_, path) = good.operation.split_once(' ').unwrap();
    let path = path.replace("/onboarding/{id}", form).replace("/webhooks/{id}", webhook);
    path.replace("{account}", "acme")
}

/// Fields that name a thing: what is not there, or cannot be, is 404 like what is another's.
const NAMES: [(&str, &str); 1] = [("POST /erasures", "/subject/dimension/account")];

/// What stands in each table, but in those that list what was not taken.
async fn content(api: &Api) -> BTreeMap<String, Vec<String>> {
    let mut session = api.ledger.store().read().await.unwrap();
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for table in session.rows(Home::TABLES, Vec::new()).await.unwrap() {
        let (name, row) = (table.text(0).unwrap(), table.text(1).unwrap());
        if ["rejects", "reject_rings"].contains(&name) {
            continue;
        }
        let sql = format!("SELECT {row} FROM \"{name}\" t ORDER BY 1");
        let rows = session.rows(Box::leak(sql.into_boxed_str()), Vec::new()).await.unwrap();
        let texts = rows.iter().map(|row| row.text(0).unwrap().to_owned());
        all.insert(name.to_owned(), texts.collect());
    }
    assert!(all.len() > 20 && all["intakes"].len() == 1, "{all:#?}");
    all
}

/// The tables that are not as they were.
fn changed(
    before: &BTreeMap<String, Vec<String>>,
    after: &BTreeMap<String, Vec<String>>,
) -> String {
    let names = before.keys().chain(after.keys()).collect::<BTreeSet<_>>();
    let moved = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    moved.map(|name| format!("{name}: {:?} → {:?}\n", before.get(name), after.get(name))).collect()
}

/// What is wrong with the answer to a bent body, if anything.
fn fault(answer: &Answer, bent: &Bent, Good { operation, prefix, .. }: &Good) -> Option<String> {
    let problem = answer.json();
    if NAMES.contains(&(operation, bent.at.as_str())) && answer.status == StatusCode::NOT_FOUND {
        return None;
    }
    let known =
        [StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY].contains(&answer.status);
    let at = format!("{prefix}{}", bent.at);
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    let named = errors.iter().any(|error| {
        let pointer = error["pointer"].as_str().unwrap_or_default();
        let said = |name: &str| error[name].as_str().is_some_and(|text| !text.is_empty());
        (pointer == at || pointer.starts_with(&format!("{at}/"))) && said("code") && said("detail")
    });
    (!known || !named).then(|| format!("{}: {} {}", bent.why, answer.status, answer.text))
}

/// A route that takes JSON and is not bent here could take anything.
#[test]
fn every_operation_with_a_body_is_bent() {
    let good: Vec<&str> = good().iter().map(|good| good.operation).collect();
    for (method, path, operation) in operations() {
        let content = operation["requestBody"]["content"].as_object().cloned().unwrap_or_default();
        let name = format!("{method} {path}");
        if content.keys().any(|media_type| media_type.contains("json")) {
            assert!(
                good.contains(&name.as_str()),
                "no good body of {name}: add one to good() in tests/http/limits/good.rs, every field filled in"
            );
        } else if !content.is_empty() {
            // Files have tests of their own.
            assert_eq!(name, "PUT /backups/{id}", "show that bad bodies of {name} are refused");
        }
    }
}

#[tokio::test]
async fn every_limit_of_the_document_is_kept_and_named() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for good in good() {
        let api = Api::new().await;
        let (follow, _) = submitted(&api, &form()).await;
        let webhook = webhook(&api).await;
        let event = json!({"specversion": "1.0", "id": "e-0", "source": "/core",
            "type": "dev.tenantry.usage.query", "time": "2026-11-22T23:50:16Z", "data": {"quantity": "12.5"}});
        api.post("/usage/events", Some(&sender()), "application/json", event.to_string()).await;
        let (method, path) = good.operation.split_once(' ').unwrap();
        let all = operations();
        let operation = all.iter().find(|(verb, at, _)| verb == method && at == path);
        let operation =
            &operation.unwrap_or_else(|| panic!("{} is no operation", good.operation)).2;
        let path = filled(&good, &follow, &webhook);
        let mut bender = Bender { document: document(), good: good.body.clone(), bent: Vec::new() };
        bender.bend("", &schema(operation));
        let before = content(&api).await;
        for bent in &bender.bent {
            let json = "application/json";
            let answer = send(&api, &good, &path, json, bent.body.to_string()).await;
            assert!(!answer.status.is_success(), "{}: {bent:?}", good.operation);
            let fault = fault(&answer, bent, &good);
            wrong.extend(fault.map(|fault| format!("{} {fault}", good.operation)));
        }
        count += bender.bent.len();
        let changed = changed(&before, &content(&api).await);
        assert_eq!(changed, "", "{}: something was written", good.operation);
        // What was bent was good: it is that one place that was refused.
        let answer = send(&api, &good, &path, "application/json", good.body.to_string()).await;
        assert!(answer.status.is_success(), "{}: {}", good.operation, answer.text);
    }
    assert!(wrong.is_empty(), "{} of {count}: {wrong:#?}", wrong.len());
    assert!(count >= 500, "{count} bodies");
    println!("{count} bodies, each wrong at one place");
}

/// Bodies that are wrong as a whole, on every operation that takes one.
#[tokio::test]
async fn every_operation_refuses_bodies_that_are_none() {
    let api = Api::new().await;
    let (follow, _) = submitted(&api, &form()).await;
    let webhook = webhook(&api).await;
    let before = content(&api).await;
    for good in good() {
        let path = filled(&good, &follow, &webhook);
        let text = good.body.to_string();
        let cut = text[..text.len() - 1].to_owned();
        let twice = text.replacen('{', "{\"x\":1,\"x\":2,", 1);
        let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
        let marked = format!("\u{feff}{text}");
        let mut latin = text.clone().into_bytes();
        latin.splice(1..1, b"\"\xe9\":1,".iter().copied());
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let json = "application/json";
        for (name, media_type, body, status, code) in [
            ("nothing", json, Vec::new(), 400, "invalid-json"),
            ("cut off", json, cut.into_bytes(), 400, "invalid-json"),
            ("a key twice", json, twice.into_bytes(), 400, "invalid-json"),
            ("deep", json, deep.into_bytes(), 400, "invalid-json"),
            ("a byte order mark", json, marked.into_bytes(), 400, "invalid-json"),
            ("Latin 1", json, latin, 400, "invalid-json"),
            ("UTF-16", json, utf16, 400, "invalid-json"),
            ("two values", json, format!("{text}{text}").into_bytes(), 400, "invalid-json"),
            ("text", "text/plain", text.clone().into_bytes(), 415, "unsupported-media-type"),
            (
                "a form",
                "application/x-www-form-urlencoded",
                b"a=b".to_vec(),
                415,
                "unsupported-media-type",
            ),
            (
                "another charset",
                "application/json; charset=latin1",
                text.clone().into_bytes(),
                415,
                "unsupported-media-type",
            ),
            ("too much", json, vec![b' '; 6 << 20], 413, "too-large"),
        ] {
            let answer = send(&api, &good, &path, media_type, body).await;
            let told = (answer.status.as_u16(), answer.code());
            assert_eq!(
                told,
                (status, code.to_owned()),
                "{} {name}: {}",
                good.operation,
                answer.text
            );
            assert!(answer.json()["detail"].as_str().is_some_and(|text| text.len() > 10), "{name}");
        }
    }
    assert_eq!(changed(&before, &content(&api).await), "");
}
