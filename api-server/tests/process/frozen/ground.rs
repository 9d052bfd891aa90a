//! A database with something to do for every background round, and servers on it.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use api_server::{
    auth::{Audience, local::Claims},
    domain::{
        catalogue::{Catalogue, PlanId},
        event::UsageEvent,
        meter::Meter,
        subscription::Agreement,
    },
    ledger::{Append, Item, Ledger, Settings},
};
use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

use crate::{
    cluster::{self, Folder, template, url_of},
    midnight::past_midnight,
    receiver::{Receiver, authority},
    serving::{Place, Serving, client},
};

/// Generous: nothing is judged by how long it took.
const BOUND: Duration = Duration::from_secs(240);
const PAUSE: Duration = Duration::from_millis(50);

pub const ACCOUNTS: [&str; 2] = ["acme", "borealis"];

/// Asks until the answer is something; panics when the bound has passed.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < BOUND, "waited for: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Sends a signal, such as `STOP`.
pub fn signal(server: &Serving, name: &str) {
    let pid = server.child.id().to_string();
    assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
}

/// What a query answers, as text.
pub async fn table(connection: &mut PgConnection, sql: &str) -> Vec<String> {
    let rows = connection.fetch_all(AssertSqlSafe(sql.to_owned())).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>(0)).collect()
}

/// A ledger in a database of its own, what is beside it, and the folder in which approved requests become
/// manifests.
pub struct Ground {
    database: Folder,
    beside: tempfile::TempDir,
    pub receiver: Receiver,
}

impl Ground {
    /// Two accounts with a month that is to be closed and settled, and use of this month; a webhook
    /// with messages to be sent; an approved request. None of it was done yet.
    pub async fn new() -> Self {
        past_midnight().await;
        let ground = Self::on(Folder::with_database(template().await).await);
        ground.use_two_months().await;
        ground.ask_for_a_tenant().await;
        ground
    }

    fn on(database: Folder) -> Self {
        let beside = tempfile::tempdir().unwrap();
        std::fs::write(beside.path().join("authority.pem"), authority()).unwrap();
        Self { database, beside, receiver: Receiver::start() }
    }

    /// The same work, in another database.
    pub async fn copy(&self) -> Self {
        let other = Self::on(Folder::with_database(template().await).await);
        cluster::copy(self.database.path(), other.database.path()).await;
        other.points_to_its_receiver().await;
        other
    }

    /// Servers differ in their folder.
    fn place(&self, name: &str) -> Place {
        let folder = self.beside.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Place::with_database(&folder, url_of(self.database.path()))
    }

    pub fn manifests(&self) -> PathBuf {
        self.beside.path().join("manifests")
    }

    pub fn serve(&self, name: &str) -> Serving {
        let file = |name: &str| self.beside.path().join(name).display().to_string();
        let (authority, manifests) = (file("authority.pem"), file("manifests"));
        let flags = [
            ["--webhook-allow-cidr", "127.0.0.1", "--webhook-ca-file", &authority],
            ["--provision", "manifests", "--provision-folder", &manifests],
        ];
        Serving::start(&self.place(name), &flags.concat())
    }

    pub async fn connect(&self) -> PgConnection {
        cluster::connect(&cluster::database(self.database.path())).await
    }

    async fn execute(&self, sql: String) {
        cluster::execute(&cluster::database(self.database.path()), sql).await;
    }

    async fn points_to_its_receiver(&self) {
        let url = format!("https://127.0.0.1:{}/hook", self.receiver.address.port());
        self.execute(format!("UPDATE webhook_endpoints SET url = '{url}'")).await;
    }

    /// As when who holds them has not been heard of for long.
    pub async fn end_leases(&self) {
        self.execute("UPDATE leases SET until_at = 0".to_owned()).await;
    }

    async fn use_two_months(&self) {
        let (now, long_ago) = (Timestamp::now(), SignedDuration::from_hours(40 * 24));
        let clock = Arc::new(Mutex::new(now - long_ago));
        let told = clock.clone();
        let settings =
            Settings { clock: Arc::new(move || *told.lock().unwrap()), ..Settings::default() };
        let place = cluster::place(self.database.path());
        let ledger = Ledger::open(place, settings).await.unwrap();
        ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
        for name in ACCOUNTS {
            self.place("seed").create(name);
            let plan = PlanId { plan: "starter".to_owned(), version: 1 };
            let at = now - long_ago;
            let agreement = Agreement { plan, effective_at: at, agreed_at: at };
            ledger.agree(&name.parse().unwrap(), agreement).await.unwrap();
        }
        // Beyond what the plan includes, so that there is a bill; then at a level of the new month.
        for (at, quantity) in [(now - long_ago, "150000"), (now, "1000000")] {
            *clock.lock().unwrap() = at;
            for name in ACCOUNTS {
                let event = UsageEvent {
                    account: name.parse().unwrap(),
                    source: "/core".to_owned(),
                    id: at.to_string(),
                    meter: Meter::Query,
                    time: at,
                    quantity: quantity.parse().unwrap(),
                    dims: std::collections::BTreeMap::new(),
                };
                let items = vec![Item::Usage(event)];
                let account = name.parse().unwrap();
                let request = Append { account, arrived: at, atomic: false, items };
                ledger.append(request).await.unwrap();
            }
        }
        ledger.close().await;
    }

    /// Over HTTP, from a server whose background work another one has.
    async fn ask_for_a_tenant(&self) {
        for name in ["upkeep", "figures", "provision", "webhooks"] {
            let values = format!("('{name}', 'nobody', 9000000000000000)");
            self.execute(format!("INSERT INTO leases (name, holder, until_at) VALUES {values}"))
                .await;
        }
        let mut server = self.serve("seed");
        let hook = json!({ "url": "https://127.0.0.1/hook" });
        ask(&server, &self.manager(), "/webhooks", &hook, StatusCode::CREATED).await;
        self.points_to_its_receiver().await;
        let mut form: Value = serde_json::from_str(include_str!("../../fuzz/form.json")).unwrap();
        let today = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        form["go_live_date"] = json!(today + jiff::Span::new().days(30));
        let sent = ask(&server, &self.manager(), "/onboarding", &form, StatusCode::CREATED).await;
        let approve = format!("{}/approve", sent["follow"].as_str().unwrap());
        ask(&server, &self.manager(), &approve, &json!(null), StatusCode::OK).await;
        let (status, log) = server.stop();
        assert!(status.success(), "{log}");
        self.execute("DELETE FROM leases".to_owned()).await;
    }

    fn manager(&self) -> String {
        let mut claims = Claims::new("ada", &[Audience::Billing]);
        claims.scope = "webhooks:admin onboarding:approve".to_owned();
        claims.roles = vec!["CustomerSuccessManager".to_owned()];
        self.place("seed").token(&claims)
    }

    /// A tenant's program sends one event until a server has it. It is of nothing, so that a summary is the
    /// same before it and after it.
    pub async fn send(&self, server: &Serving, account: &str, id: &str) {
        let token = self.place("seed").sender(account);
        let event = json!([{ "specversion": "1.0", "id": id, "source": "/core",
            "type": "dev.tenantry.usage.query", "time": Timestamp::now().to_string(),
            "data": { "quantity": "0" } }]);
        eventually("an event is taken", async || {
            let request = client().post(format!("{}/usage/events", server.api)).bearer_auth(&token);
            let request = request
                .header("content-type", "application/cloudevents-batch+json")
                .body(event.to_string());
            let answer = request.send().await.unwrap();
            (answer.status() == StatusCode::OK).then_some(())
        })
        .await;
    }

    /// Whether every round has done what there was.
    async fn is_done(&self, connection: &mut PgConnection) -> bool {
        let left = "SELECT CAST(
              (SELECT COUNT(*) FROM periods WHERE closed_at IS NULL
                 AND period_end <= EXTRACT(EPOCH FROM clock_timestamp() - INTERVAL '72 hours') * 1000)
            + (SELECT COUNT(*) FROM provisions WHERE outcome <> 'made')
            + (SELECT COUNT(*) FROM webhook_deliveries WHERE state <> 'delivered')
            + ABS(2 - (SELECT COUNT(*) FROM settlements))
            + (SELECT COUNT(*) FROM accounts a WHERE NOT EXISTS
                 (SELECT 1 FROM snapshots s JOIN heads h ON h.account = s.account AND h.seq = s.ledger_seq
                  WHERE s.account = a.account)
                 AND EXISTS (SELECT 1 FROM heads h WHERE h.account = a.account)) AS TEXT)";
        table(connection, left).await == ["0"]
    }

    /// Waits until every round has done what there was.
    pub async fn done(&self, connection: &mut PgConnection) {
        let waited = "every round is done";
        let done = async || self.is_done(connection).await.then_some(());
        eventually(waited, done).await;
    }

    /// What the rounds came to, without what names the moment: rows of each table as JSON.
    pub async fn figures(&self) -> Vec<String> {
        let mut connection = self.connect().await;
        let mut all = Vec::new();
        for (what, order) in [
            (
                "account, period_start, period_end, closed_seq, closed_at IS NOT NULL FROM periods",
                "1, 2",
            ),
            (
                "account, period_start, total_minor, currency, foreseen, within, error_ppm FROM settlements",
                "1, 2",
            ),
            ("account, period_start, meter, cnt, used_micro FROM usage_period", "1, 2, 3"),
            ("account, plan, version, level, ratio_ppm, meter FROM snapshots", "1"),
            ("request, outcome FROM provisions", "1"),
            ("endpoint, message, type, state FROM webhook_deliveries", "1, 2"),
        ] {
            let sql =
                format!("SELECT CAST(to_jsonb(x) AS TEXT) FROM (SELECT {what} ORDER BY {order}) x");
            all.extend(table(&mut connection, &sql).await);
        }
        connection.close().await.unwrap();
        all
    }

    /// The manifests that approved requests became, by name.
    pub fn made(&self) -> Vec<(String, String)> {
        let read = |path: PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        };
        let entries = std::fs::read_dir(self.manifests()).unwrap();
        let mut all: Vec<_> = entries.map(|entry| read(entry.unwrap().path())).collect();
        all.sort();
        all
    }

    /// Messages as the receiver has them: each by its id, once for each time that it came.
    pub fn messages(&self) -> Vec<(String, String)> {
        let mut all: Vec<_> =
            self.receiver.got().iter().map(|got| (got.id().to_owned(), got.body.clone())).collect();
        all.sort();
        all
    }

    pub fn verify(&self) {
        let verified = self.place("seed").run(&["verify"]);
        assert!(verified.status.success(), "{verified:?}");
    }

    pub fn folder(&self) -> &Path {
        self.database.path()
    }
}

async fn ask(server: &Serving, token: &str, path: &str, body: &Value, status: StatusCode) -> Value {
    let request = client().post(format!("{}{path}", server.api)).bearer_auth(token);
    let request = request.header("content-type", "application/json").body(body.to_string());
    let answer = request.send().await.unwrap();
    let (got, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(got, status, "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}
