//! What happens beside use, so that panels of it have something to show: a gateway that is cut off, foreign hands on a
//! stack, an operator without a right, answers of support, a webhook that nobody hears.

use std::time::Duration;

use api_server::auth::{Audience, local::Claims};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::prometheus::Prometheus;
use crate::{
    faults::{
        parts::Parts,
        plan::{Kind, Round, Victim},
    },
    lab::{Lab, eventually, holds},
    serving::{Place, Serving, client},
};

async fn is_said(prometheus: &Prometheus, query: &str) {
    eventually(query, async || {
        holds(prometheus.samples(query).await? > 0, "nobody has said it yet")
    })
    .await;
}

/// A gateway reaches nobody, until it has said so.
pub async fn cut_off(parts: &mut Parts, prometheus: &Prometheus) {
    let (victim, kind) = (Victim::Gateway, Kind::Cut);
    let round = Round { victim, kind, gateway: 0, lasts: Duration::ZERO };
    parts.strike(&round);
    is_said(prometheus, "tenantry_gateway_forward_failures_total").await;
    parts.heal(&round);
}

/// Somebody allows the pods of a tenant more than its profile does.
fn loosens(lab: &Lab, cpu: &str) {
    let limits = json!({ "spec": { "limits": [{ "type": "Pod", "max": { "cpu": cpu } }] } });
    let patch = ["--type", "merge", "-p", &limits.to_string()];
    let what = ["patch", "limitrange", "tenantry", "-n", "tenant-tenant-00"];
    lab.ground().kubectl(&[&what[..], &patch].concat());
}

/// What the operator may do with what keeps a tenant within bounds.
fn may(lab: &Lab, verbs: &Value) -> Value {
    let role = ["clusterrole", "tenantry-operator"];
    let found = lab.ground().kubectl(&[&["get"][..], &role, &["-o", "json"]].concat());
    let found: Value = serde_json::from_str(&found).unwrap();
    let rules = found["rules"].as_array().unwrap();
    let of_limits = |rule: &Value| {
        rule["resources"].as_array().is_some_and(|all| all.contains(&json!("limitranges")))
    };
    let place = rules.iter().position(of_limits).unwrap();
    let path = format!("/rules/{place}/verbs");
    let patch = json!([{ "op": "replace", "path": path, "value": verbs }]).to_string();
    lab.ground().kubectl(&[&["patch"][..], &role, &["--type", "json", "-p", &patch]].concat());
    rules[place]["verbs"].clone()
}

/// A stack is changed by hand: that is undone, and once, for lack of a right, it is not.
pub async fn foreign_hands(lab: &Lab, prometheus: &Prometheus) {
    loosens(lab, "64");
    is_said(prometheus, "tenantry_operator_drift_corrections_total").await;
    let before = may(lab, &json!(["get", "list", "watch"]));
    loosens(lab, "65");
    is_said(prometheus, "tenantry_operator_reconciles_total{result=\"forbidden\"}").await;
    may(lab, &before);
}

async fn posts(server: &Serving, token: &str, path: &str, body: &Value) -> Value {
    let request = client().post(format!("{}{path}", server.api)).bearer_auth(token);
    let answer = request.json(body).send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

/// Support answers over HTTP, and a message goes to a webhook where nobody listens.
pub async fn people(server: &Serving, place: &Place) {
    let mut claims = Claims::new("ada", &[Audience::Billing]);
    claims.scope = "support:write webhooks:admin".to_owned();
    let token = place.token(&claims);
    let ago = |hours| {
        let then = Timestamp::now() - SignedDuration::from_hours(hours);
        Timestamp::from_second(then.as_second()).unwrap().to_string()
    };
    let answered = json!({ "account": "acme", "source": "helpdesk", "id": "T-2", "opened_at": ago(3),
        "answered_at": ago(2), "sla_hours": 8 });
    posts(server, &token, "/support/interactions", &answered).await;
    let hook = json!({ "url": "https://127.0.0.1:9/nobody" });
    let made = posts(server, &token, "/webhooks", &hook).await;
    let test = format!("/webhooks/{}/test", made["id"].as_str().unwrap());
    posts(server, &token, &test, &Value::Null).await;
}
