//! What a server says: in a tenant's status, over HTTP, in its metrics.

use crds::{
    Tenant,
    conditions::find,
    tenant::{Display as Shown, UsageStatus},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::serving::{Serving, client};

/// What the server says in a tenant's status.
#[derive(Clone, Debug)]
pub struct Seen {
    pub display: Shown,
    pub usage: Option<UsageStatus>,
    pub conditions: Vec<Condition>,
    pub version: String,
}

impl Seen {
    pub fn of(tenant: Tenant) -> Self {
        let status = tenant.status.unwrap_or_default();
        Self {
            display: status.display.unwrap_or_default(),
            usage: status.usage,
            conditions: status.conditions,
            version: tenant.metadata.resource_version.unwrap_or_default(),
        }
    }

    /// Status and reason of a condition; empty when it is not there.
    pub fn says(&self, type_: &str) -> (&str, &str) {
        let found = find(&self.conditions, type_);
        found.map_or(("", ""), |condition| (&condition.status, &condition.reason))
    }

    pub fn message(&self, type_: &str) -> &str {
        find(&self.conditions, type_).map_or("", |condition| &condition.message)
    }

    pub fn plan(&self) -> &str {
        self.display.plan.as_deref().unwrap_or_default()
    }

    pub fn used(&self) -> &str {
        self.display.usage.as_deref().unwrap_or_default()
    }

    /// What was used of a meter.
    pub fn meter(&self, name: &str) -> &str {
        let meters = self.usage.as_ref().map(|usage| usage.meters.as_slice()).unwrap_or_default();
        meters.iter().find(|meter| meter.name == name).map_or("", |meter| &meter.used)
    }
}

/// One event of gigabytes that were ingested now: to the millisecond, since what happened before an account had a plan,
/// be it in the same second, counts against no quota.
pub async fn send(server: &Serving, token: &str, id: &str, quantity: &str) -> (StatusCode, Value) {
    let time = Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap();
    let event = json!([{ "specversion": "1.0", "id": id, "source": "/core",
        "type": "dev.tenantry.usage.ingestion", "time": time.to_string(), "data": { "quantity": quantity } }]);
    let answer = client()
        .post(format!("{}/usage/events", server.api))
        .bearer_auth(token)
        .header("content-type", "application/cloudevents-batch+json")
        .body(event.to_string())
        .send()
        .await
        .unwrap();
    let status = answer.status();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
}

/// The metrics of a server.
pub async fn metrics(server: &Serving) -> String {
    let answer = client().get(format!("{}/metrics", server.health)).send().await.unwrap();
    answer.text().await.unwrap()
}

/// The value of a series, without its decimals.
pub fn series(metrics: &str, name: &str) -> Option<u64> {
    let line = metrics.lines().find(|line| line.starts_with(name))?;
    line.rsplit(' ').next()?.parse().ok()
}
