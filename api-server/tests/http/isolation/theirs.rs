//! A server with two tenants: acme, who asks, and globex, whom it is none of acme's business.

use std::collections::{BTreeMap, BTreeSet};

use api_server::auth::Audience;
use axum::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::places::Whose;
use crate::api::{Answer, Api, customer, token};
use crate::backups::{archive, put_signed};
use crate::cluster::{GATEWAY, projected};
use crate::limits::good::good;
use crate::onboarding::{form, submit, submitted};
use crate::webhooks::webhook;

/// What only globex, and nobody else, says.
const SECRETS: [&str; 3] = ["theirs", "globex", "777.777"];
/// Of the same form as names that are there, and there for nobody.
const ABSENT: &str = "018f0000-0000-7000-8000-000000000000";

#[derive(Clone, Copy)]
pub enum Tenant {
    Acme,
    Globex,
}

/// Somebody who asks.
pub struct Caller {
    /// Whose things it names beside the one that matters.
    pub tenant: Tenant,
    pub who: String,
    pub token: Option<String>,
}

pub struct Ground {
    pub api: Api,
    /// What each tenant has of a kind: acme, globex, and what nobody has.
    names: BTreeMap<Whose, [String; 3]>,
    receipts: [String; 2],
    /// A backup of each.
    pub archives: [Vec<u8>; 2],
}

fn id_of(path: &str) -> String {
    path.rsplit('/').next().unwrap().to_owned()
}

/// A form of globex's, which names nobody else.
fn their_form() -> Value {
    let mut form = form();
    form["display_name"] = json!("Theirs theirs");
    form["tenant"] = json!("theirs");
    form["contact"] = json!({"name": "theirs", "email": "theirs@globex.example"});
    form
}

impl Ground {
    pub async fn new() -> Self {
        let api = Api::new().await;
        api.add("initech", "UTC").await;
        api.agree("globex", "starter", "2026-01-01T00:00:00Z").await;
        let (path, admin) =
            (webhook(&api).await, token(Audience::Billing, "webhooks:admin", None, None));
        let (mine, own) = submitted(&api, &form()).await;
        let (theirs, other) = submitted(&api, &their_form()).await;
        let keyed = submit(&api, &their_form(), Some("theirs-key")).await;
        assert_eq!(keyed.status, StatusCode::CREATED, "{}", keyed.text);
        use_of_globex(&api).await;
        let archives = [archive("acme", 5).await, archive("globex", 5).await];
        let backup = Uuid::now_v7();
        let kept = api.send(put_signed("globex", backup, &archives[1])).await;
        assert_eq!(kept.status, StatusCode::CREATED, "{}", kept.text);
        api.ledger.drain(None, &"globex".parse().unwrap(), "theirs-uid").await.unwrap();
        let told = api.get(&format!("{path}/deliveries"), Some(&admin)).await.json();
        let message = told["data"][0]["message"].as_str().unwrap().to_owned();
        let hook = id_of(&path);
        let text = str::to_owned;
        let names = BTreeMap::from([
            (Whose::Account, [text("acme"), text("globex"), text("nobody")]),
            (Whose::Event, [text("e-1"), text("theirs-1"), text("nobody-1")]),
            (Whose::Source, [text("/core"), text("/theirs"), text("/nobody")]),
            (Whose::Intake, [id_of(&mine), id_of(&theirs), text(ABSENT)]),
            (Whose::Key, [text("acme-key"), text("theirs-key"), text("nobody-key")]),
            (Whose::Backup, [Uuid::now_v7().to_string(), backup.to_string(), text(ABSENT)]),
            (Whose::Uid, [text("acme-uid"), text("theirs-uid"), text("nobody-uid")]),
            (Whose::Other, [text("o-1"), text("theirs-2"), text("nobody-2")]),
            (Whose::Webhook, [text(ABSENT), hook, text(ABSENT)]),
            (Whose::Message, [text("msg_0"), message, text("msg_1")]),
        ]);
        Self { api, names, receipts: [own, other], archives }
    }

    /// What acme has of a kind, what globex has, and what nobody has.
    pub fn names(&self, whose: Whose) -> &[String; 3] {
        &self.names[&whose]
    }

    /// Everything that a tenant can come with: its own tokens for each audience with all the scopes
    /// that customers have, and the receipt of its own form; and nothing.
    pub fn callers(&self, tenant: Tenant) -> Vec<Caller> {
        let (number, tenant, of) = match tenant {
            Tenant::Acme => (0, "acme", tenant),
            Tenant::Globex => (1, "globex", tenant),
        };
        let caller = |who: String, token| Caller { tenant: of, who, token };
        let receipt = Some(self.receipts[number].clone());
        let mut all =
            vec![caller("nobody".to_owned(), None), caller(format!("{tenant}'s receipt"), receipt)];
        for audience in Audience::ALL {
            for name in ["core", GATEWAY] {
                let who = format!("{tenant}'s {name} for {audience:?}");
                all.push(caller(who, Some(projected(tenant, name, &[audience]))));
            }
            for role in [None, Some("CustomerSuccessManager")] {
                let scopes = "billing:read:own usage:read usage:write";
                let who = format!("{tenant}'s person for {audience:?}, role {role:?}");
                all.push(caller(who, Some(token(audience, scopes, role, Some(tenant)))));
            }
        }
        all
    }

    /// Whoever may reach every account.
    pub fn staff() -> Caller {
        let scopes = crate::matrix::table::SCOPES.join(" ");
        let role = Some("CustomerSuccessManager");
        let token = token(Audience::Billing, scopes.trim(), role, None);
        Caller { tenant: Tenant::Globex, who: "staff".to_owned(), token: Some(token) }
    }

    /// What an operation takes of a tenant, if it takes JSON.
    pub fn body(&self, operation: &str, tenant: Tenant) -> Option<Value> {
        let good = good().into_iter().find(|one| one.operation == operation)?;
        match (operation, tenant) {
            ("POST /onboarding", Tenant::Globex) => Some(their_form()),
            _ => Some(good.body),
        }
    }

    /// What an answer must not say to acme, but for the name that was sent.
    pub fn secrets(&self) -> Vec<String> {
        let ids = [Whose::Intake, Whose::Backup, Whose::Webhook].map(|kind| &self.names[&kind][1]);
        SECRETS.iter().map(|text| (*text).to_owned()).chain(ids.into_iter().cloned()).collect()
    }

    /// The second page of globex's list, of the one that is asked for where a customer has it.
    pub async fn cursor(&self, path: &str) -> String {
        let of = |path: &str| format!("{}?page[size]=1", path.replace("{account}", "globex"));
        let sender = token(Audience::Usage, "usage:read", None, Some("globex"));
        let customer = customer("globex");
        for (path, token) in [(path, &customer), (path, &sender), ("/usage/events", &sender)] {
            let answer = self.api.get(&of(path), Some(token)).await;
            if answer.status != StatusCode::OK {
                continue;
            }
            let next = answer.json()["meta"]["page"]["next"].as_str().unwrap().to_owned();
            let pairs = next.split(['?', '&']).filter_map(|pair| pair.split_once('='));
            let after = pairs.into_iter().find(|(name, _)| name.contains("after"));
            return after.unwrap().1.to_owned();
        }
        panic!("globex has no list");
    }

    /// All that is kept of globex, and of nobody: a line for each row.
    pub async fn kept(&self) -> BTreeSet<String> {
        let mut session = self.api.ledger.store().read().await.unwrap();
        let columns = "SELECT m.name, group_concat('quote(\"' || c.name || '\")', ' || '','' || '),
            max(c.name = 'account') FROM sqlite_master m, pragma_table_info(m.name) c
            WHERE m.type = 'table' GROUP BY m.name ORDER BY m.name";
        let mut kept = BTreeSet::new();
        for table in session.rows(columns, Vec::new()).await.unwrap() {
            let (name, values) = (table.text(0).unwrap(), table.text(1).unwrap());
            let which = match (table.int(2).unwrap(), name) {
                (1, _) => "account = 'globex'",
                (_, "intakes") => "tenant = 'theirs'",
                (_, "webhook_endpoints") => "1 = 1",
                (_, "webhook_deliveries") => "body LIKE '%theirs%'",
                _ => continue,
            };
            let sql = format!("SELECT {values} FROM \"{name}\" WHERE {which} ORDER BY 1");
            let sql: &'static str = Box::leak(sql.into_boxed_str());
            for row in session.rows(sql, Vec::new()).await.unwrap() {
                kept.insert(format!("{name}: {}", row.text(0).unwrap()));
            }
        }
        drop(session);
        for file in crate::backups::files(&self.api, "globex") {
            let bytes = std::fs::read(&file).unwrap();
            kept.insert(format!("{}: {:?}", file.display(), crate::backups::sum(&bytes)));
        }
        kept
    }
}

/// Two levels reached and two rows, one of each name that acme will use.
async fn use_of_globex(api: &Api) {
    let event = |id: &str, source: &str, quantity: &str| {
        json!({"specversion": "1.0", "id": id, "source": source, "time": "2026-11-20T09:00:00Z",
            "type": "dev.tenantry.usage.agents", "data": {"quantity": quantity}, "user": "theirs-2"})
    };
    let events =
        json!([event("theirs-1", "/core", "9700"), event("e-1", "/theirs", "777.777")]).to_string();
    let sender = token(Audience::Usage, "usage:write", None, Some("globex"));
    let sent: Answer = api.post("/usage/events", Some(&sender), "application/json", events).await;
    assert_eq!(sent.json()["accepted"], 2, "{}", sent.text);
    let correction = json!({"account": "globex", "id": "theirs-2", "row": 2, "change": {"by": "-0.5"},
        "reason": "theirs", "reference": "theirs"});
    let corrector = token(Audience::Billing, "billing:correct", None, None);
    let (path, body) = ("/billing/corrections", correction.to_string());
    let done = api.post(path, Some(&corrector), "application/json", body).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
}
