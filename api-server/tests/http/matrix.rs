//! Every operation of the document × every caller, on a server with a port: who is let in, who is
//! not, and that those who are not all hear the same.

use std::collections::{BTreeMap, BTreeSet};

use api_server::http::server::{Patience, Server};
use futures::StreamExt;
use reqwest::Method;
use serde_json::Value;
use telemetry::shutdown::Shutdown;

mod callers;
pub mod table;

use crate::api::Api;
use crate::document::operations;
use crate::echo::client;
use crate::onboarding::{form, submitted};
use callers::{ACCOUNT, Caller, Verdict};
use table::{Door, TABLE};

/// The doors of an operation, by its line in the table.
fn doors(operation: &str) -> &'static [Door] {
    let line = TABLE.iter().find(|(line, _)| *line == operation);
    line.map(|(_, doors)| *doors).unwrap_or_else(|| {
        panic!(
            "nobody wrote down who may call {operation}: add a line\n    (\"{operation}\", &[…]),\n\
             to TABLE in tests/http/matrix/table.rs, from the design and not from the code; a scope \
             that is new there also to SCOPES"
        )
    })
}

/// A server, and what its paths may name.
struct Ground {
    client: reqwest::Client,
    url: String,
    /// The path of a form that is there.
    form: String,
    _api: Api,
    stop: Shutdown,
}

/// An answer, without what differs from request to request.
struct Answer {
    status: u16,
    body: String,
}

impl Ground {
    async fn ask(&self, method: &Method, path: &str, token: Option<&str>) -> Answer {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        let mut body: Value = serde_json::from_str(&text).unwrap_or_default();
        if let Some(members) = body.as_object_mut() {
            members.remove("instance");
            members.remove("request_id");
        }
        Answer { status, body: body.to_string() }
    }

    /// A path with its parameters filled in, and whether all of them name what is there.
    fn fill(&self, path: &str) -> (String, bool) {
        let path = path.replace("/onboarding/{id}", &self.form).replace("{account}", ACCOUNT);
        let there = !path.contains('{');
        let mut filled = String::new();
        for (index, part) in path.split(['{', '}']).enumerate() {
            filled.push_str(if index % 2 == 0 {
                part
            } else {
                "018f0000-0000-7000-8000-000000000000"
            });
        }
        (filled, there)
    }
}

/// A server on a port with two forms; also the receipts of the one that paths name and of the other.
async fn ground() -> (Ground, String, String) {
    let api = Api::new().await;
    let (path, own) = submitted(&api, &form()).await;
    let (_, other) = submitted(&api, &form()).await;
    let server = Server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let url = format!("http://{}", server.local_addr());
    let stop = Shutdown::new();
    tokio::spawn(server.run(api.router.clone(), Patience::default(), stop.clone()));
    (Ground { client: client(), url, form: path, _api: api, stop }, own, other)
}

fn got(status: u16, there: bool) -> Verdict {
    match status {
        401 => Verdict::Unauthenticated,
        403 => Verdict::Forbidden,
        404 if there => Verdict::Hidden,
        _ => Verdict::LetIn,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_authorization_matrix_holds() {
    let (ground, own, other) = ground().await;
    let callers = callers::all(&own, &other);
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    let mut refusals: BTreeMap<Verdict, BTreeSet<String>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (method, path, _) in operations() {
        let name = format!("{method} {path}");
        let doors = doors(&name);
        let names_account = path.contains("{account}");
        let (path, there) = ground.fill(&path);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let asked = futures::stream::iter(&callers).map(|caller| {
            let (ground, method, path) = (&ground, &method, &path);
            async move { (caller, ground.ask(method, path, caller.token.as_deref()).await) }
        });
        let answers: Vec<(&Caller, Answer)> = asked.buffered(16).collect().await;
        for (caller, answer) in answers {
            let (expected, got) =
                (caller.who.verdict(doors, names_account), got(answer.status, there));
            if got != expected {
                wrong.push(format!(
                    "{name}, {:?}: {expected:?} is right, got {} {}",
                    caller.who, answer.status, answer.body
                ));
            }
            *counts.entry(got).or_default() += 1;
            if matches!(got, Verdict::Unauthenticated | Verdict::Hidden) {
                refusals.entry(got).or_default().insert(answer.body);
            }
        }
    }
    ground.stop.cancel();
    assert!(wrong.is_empty(), "{}: {:#?}", wrong.len(), &wrong[..wrong.len().min(20)]);
    // Whoever is refused learns nothing by comparing the answers.
    assert!(refusals.values().all(|bodies| bodies.len() == 1), "{refusals:#?}");
    assert!(counts.len() == 4, "{counts:?}");
    println!("the matrix: {counts:?}");
}

/// A path that names nothing and one that names another tenant's answer alike, to the letter.
#[tokio::test]
async fn what_is_another_tenants_is_as_if_it_were_not_there() {
    let (ground, _, other) = ground().await;
    let absent = "/onboarding/018f0000-0000-7000-8000-000000000000";
    let theirs = ground.ask(&Method::GET, &ground.form, Some(&other)).await;
    let nothing = ground.ask(&Method::GET, absent, Some(&other)).await;
    assert_eq!((theirs.status, &theirs.body), (404, &nothing.body));
    ground.stop.cancel();
}

#[test]
fn no_operation_has_two_lines() {
    let lines: BTreeSet<&str> = TABLE.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines.len(), TABLE.len());
    let scopes = TABLE.iter().flat_map(|(_, doors)| *doors).filter_map(|door| match door {
        Door::Staff(scope) | Door::Csm(scope) | Door::Customer(_, scope) => Some(*scope),
        _ => None,
    });
    for scope in scopes {
        assert!(
            table::SCOPES.contains(&scope),
            "add {scope} to SCOPES in tests/http/matrix/table.rs"
        );
    }
}
