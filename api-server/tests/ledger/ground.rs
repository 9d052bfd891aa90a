//! What the tests stand on: a ledger in a folder or database of its own, with a clock that they set.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
};

use api_server::{
    domain::{
        Quantity,
        account::AccountId,
        calendar::AnchorDay,
        catalogue::{Catalogue, PlanId},
        event::UsageEvent,
        meter::Meter,
        subscription::Agreement,
    },
    ledger::{Append, Item, Ledger, Limits, Outcome, Receipt, Settings, heads, verify},
    store::{Place, Store, StoreError, accounts, accounts::Account, sql::Value},
};
use jiff::Timestamp;

use super::HERE;
pub use crate::cluster::Folder;
use crate::{Engine, cluster};

pub const NOW: &str = "2026-11-23T12:00:00Z";

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn account(id: &str) -> AccountId {
    id.parse().unwrap()
}

pub struct Ground {
    pub folder: Folder,
    pub ledger: Ledger,
    pub clock: Arc<Mutex<Timestamp>>,
}

pub fn settings(clock: &Arc<Mutex<Timestamp>>) -> Settings {
    let clock = clock.clone();
    Settings {
        clock: Arc::new(move || *clock.lock().unwrap()),
        limits: Limits::default(),
        ..Settings::default()
    }
}

/// A folder for a ledger; on PostgreSQL with an empty database.
pub async fn folder() -> Folder {
    match HERE {
        Engine::Sqlite => Folder::alone(),
        Engine::Postgres => Folder::with_database("template0").await,
    }
}

/// The place of the ledger in a folder of ours.
pub fn place(folder: &Path) -> Place {
    match HERE {
        Engine::Sqlite => folder.into(),
        Engine::Postgres => cluster::place(folder),
    }
}

pub async fn open(folder: &Path, settings: Settings) -> Result<Ledger, StoreError> {
    Ledger::open(place(folder), settings).await
}

/// Puts a copy of a closed ledger in place of another.
pub async fn copy(from: &Path, to: &Path) {
    match HERE {
        Engine::Sqlite => {
            std::fs::copy(from.join("ledger.db"), to.join("ledger.db")).unwrap();
        }
        Engine::Postgres => cluster::copy(from, to).await,
    }
}

impl Ground {
    /// An empty ledger.
    pub async fn empty() -> Self {
        let folder = match HERE {
            Engine::Sqlite => Folder::alone(),
            Engine::Postgres => Folder::with_database(cluster::template().await).await,
        };
        let clock = Arc::new(Mutex::new(at(NOW)));
        let ledger = open(folder.path(), settings(&clock)).await.unwrap();
        Self { folder, ledger, clock }
    }

    /// A ledger with these accounts, in Berlin, by calendar months.
    pub async fn with(accounts: &[&str]) -> Self {
        let ground = Self::empty().await;
        for id in accounts {
            ground.add(id, "Europe/Berlin", 1).await;
        }
        ground
    }

    pub async fn add(&self, id: &str, zone: &str, anchor: i64) -> accounts::Added {
        let new = Account {
            id: account(id),
            name: id.to_uppercase(),
            zone: zone.parse().unwrap(),
            anchor: AnchorDay::new(anchor).unwrap(),
            currency: "EUR".to_owned(),
            created_at: self.now(),
        };
        let work = self.ledger.transact(Some(account(id)), |session, _| {
            Box::pin(async move { accounts::add(session, &new).await })
        });
        work.await.unwrap()
    }

    /// Has an account agree, now, to the first version of a shipped plan from a time on.
    pub async fn agree(&self, id: &str, plan: &str, from: &str) {
        self.ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
        let plan = PlanId { plan: plan.to_owned(), version: 1 };
        let agreement = Agreement { plan, effective_at: at(from), agreed_at: self.now() };
        self.ledger.agree(&account(id), agreement).await.unwrap();
    }

    pub fn now(&self) -> Timestamp {
        *self.clock.lock().unwrap()
    }

    pub fn set_clock(&self, now: &str) {
        *self.clock.lock().unwrap() = at(now);
    }

    /// Closes the ledger and opens it again.
    pub async fn reopen(self) -> Self {
        self.ledger.close().await;
        let Self { folder, clock, .. } = self;
        let ledger = open(folder.path(), settings(&clock)).await.unwrap();
        Self { folder, ledger, clock }
    }

    pub async fn send(&self, id: &str, items: Vec<Item>) -> Receipt {
        self.ledger.append(self.request(id, items)).await.unwrap()
    }

    pub fn request(&self, id: &str, items: Vec<Item>) -> Append {
        Append { account: account(id), arrived: self.now(), atomic: false, items }
    }

    /// What a query answers, as text: for comparing whole tables.
    pub async fn table(&self, sql: &'static str) -> Vec<Vec<String>> {
        dump(&self.ledger, sql).await
    }
}

pub async fn dump(ledger: &Ledger, sql: &'static str) -> Vec<Vec<String>> {
    let mut session = ledger.store().read().await.unwrap();
    let rows = session.rows(sql, Vec::new()).await.unwrap();
    let show = |value: &Value| match value {
        Value::Int(Some(n)) => n.to_string(),
        Value::Text(Some(text)) => text.clone(),
        Value::Blob(Some(bytes)) => bytes.iter().map(|b| format!("{b:02x}")).collect(),
        _ => "-".to_owned(),
    };
    rows.iter().map(|row| row.values().iter().map(show).collect()).collect()
}

pub const TOTALS: &str = "SELECT account, period_start, meter, cnt, used_micro FROM usage_period
     ORDER BY account, period_start, meter";
pub const ROLLUPS: &str = "SELECT account, period_start, meter, hour, cnt, qty_micro
     FROM usage_rollup_hour ORDER BY account, period_start, meter, hour";

/// An event of account `a`: its id, meter, time and quantity.
pub fn usage(a: &str, id: &str, meter: Meter, time: &str, quantity: &str) -> UsageEvent {
    UsageEvent {
        account: account(a),
        source: "/core".to_owned(),
        id: id.to_owned(),
        meter,
        time: at(time),
        quantity: quantity.parse::<Quantity>().unwrap(),
        dims: BTreeMap::new(),
    }
}

/// A query event of an hour ago.
pub fn query(a: &str, id: &str, quantity: &str) -> Item {
    Item::Usage(usage(a, id, Meter::Query, "2026-11-23T11:00:00Z", quantity))
}

pub fn accepted(receipt: &Receipt) -> Vec<i64> {
    let seq = |outcome: &Outcome| match outcome {
        Outcome::Accepted { seq } => *seq,
        other => panic!("not accepted: {other:?}"),
    };
    receipt.outcomes.iter().map(seq).collect()
}

/// Does to a closed ledger's database what nobody should.
pub async fn tamper(folder: &Path, statements: &[&'static str]) {
    use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
    if HERE == Engine::Postgres {
        return cluster::tamper(folder, statements).await;
    }
    let file = folder.join("ledger.db");
    let options = SqliteConnectOptions::new().filename(file).foreign_keys(false);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    for guard in ["updated", "deleted"] {
        let sql = format!("DROP TRIGGER IF EXISTS usage_ledger_never_{guard}");
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    }
    for sql in statements {
        let done = sqlx::query(*sql).execute(&mut connection).await.unwrap();
        assert!(done.rows_affected() > 0, "{sql} changed nothing");
    }
    connection.close().await.unwrap();
}

/// Checks a ledger against the heads that were written down beside it, if any.
pub async fn check(folder: &Path) -> api_server::ledger::verify::Report {
    let file = folder.join(heads::FILE);
    let recorded = if file.exists() { heads::read(&file).unwrap() } else { heads::Heads::new() };
    let store = Store::attach(place(folder)).unwrap();
    let report = verify::verify(&store, &recorded, at(NOW)).await.unwrap();
    store.close().await;
    report
}

impl Ground {
    /// The same folder and clock with another handle on its ledger.
    pub fn replace(self, ledger: Ledger) -> Self {
        Self { ledger, ..self }
    }
}
