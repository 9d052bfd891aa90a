//! Webhooks of the program itself: sent by a running server to a receiver over https, also when the
//! server is killed between what happened and the telling of it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};

use api_server::auth::Audience;
use api_server::auth::local::Claims;
use api_server::ledger::{Ledger, Settings};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::gateway::ground::BOUND;
use crate::midnight::past_midnight;
use crate::receiver::{Got, Receiver, Reply, authority};
use crate::serving::{Place, Serving, client};

/// A place with an authority's file, and the flags that let webhooks go to this machine.
struct Ground {
    place: Place,
    flags: Vec<String>,
    token: String,
    client: Client,
    _folder: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(folder.path());
        Self::on(place, folder)
    }

    /// On a ledger that is there; the folder is for what is given to the program beside it.
    fn on(place: Place, folder: tempfile::TempDir) -> Self {
        let file = folder.path().join("authority.pem");
        std::fs::write(&file, authority()).unwrap();
        let flags =
            ["--webhook-allow-cidr", "127.0.0.1", "--webhook-ca-file", file.to_str().unwrap()];
        let flags = flags.map(str::to_owned).to_vec();
        let mut claims = Claims::new("ada", &[Audience::Billing]);
        claims.scope = "webhooks:admin billing:plan success:write onboarding:approve".to_owned();
        claims.roles = vec!["CustomerSuccessManager".to_owned()];
        let token = place.token(&claims);
        Self { place, flags, token, client: client(), _folder: folder }
    }

    fn serve(&self) -> Serving {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        Serving::start(&self.place, &flags)
    }

    async fn ask(
        &self,
        method: Method,
        url: String,
        (body, status): (&Value, StatusCode),
        token: &str,
    ) -> Value {
        let request = self.client.request(method, url).bearer_auth(token).json(body);
        let answer = request.send().await.unwrap();
        let (got, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(got, status, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn post(&self, server: &Serving, path: &str, body: &Value, status: StatusCode) -> Value {
        let url = format!("{}{path}", server.api);
        self.ask(Method::POST, url, (body, status), &self.token).await
    }

    /// A webhook to a receiver: its path and secret.
    async fn webhook(&self, server: &Serving, url: &str) -> (String, String) {
        let body = json!({"url": url});
        let made = self.post(server, "/webhooks", &body, StatusCode::CREATED).await;
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        (format!("/webhooks/{}", text("id")), text("secret"))
    }

    async fn test(&self, server: &Serving, webhook: &str) -> String {
        let path = format!("{webhook}/test");
        let queued = self.post(server, &path, &json!(null), StatusCode::ACCEPTED).await;
        queued["message"].as_str().unwrap().to_owned()
    }

    /// Waits until a webhook has a delivery in this state.
    async fn until(&self, server: &Serving, webhook: &str, state: &str) -> Value {
        let url = format!("{}{webhook}/deliveries?filter[state][eq]={state}", server.api);
        let patience = tokio::time::Instant::now() + BOUND;
        loop {
            let answer = self.client.get(&url).bearer_auth(&self.token).send().await.unwrap();
            let page: Value = answer.json().await.unwrap();
            if page["data"][0].is_object() {
                return page["data"][0].clone();
            }
            assert!(tokio::time::Instant::now() < patience, "never {state}: {page}");
            tokio::task::yield_now().await;
        }
    }

    /// As when the killed server has not been heard of for long. Only where others may hold them: who
    /// opens a folder ends all leases there.
    async fn end_leases(&self) {
        let ledger = Ledger::open(self.place.ledger(), Settings::default()).await.unwrap();
        let sql = "UPDATE leases SET until_at = 0";
        let work = ledger.transact(None, move |session, _| Box::pin(session.run(sql, vec![])));
        assert!(work.await.unwrap() > 0);
        ledger.close().await;
    }
}

/// The receiver by an address that needs no look-up.
fn url(receiver: &Receiver) -> String {
    format!("https://127.0.0.1:{}/hook?token=t0ken", receiver.address.port())
}

async fn arrived(receiver: &Receiver, count: usize) -> Vec<Got> {
    let receiver = receiver.clone();
    tokio::task::spawn_blocking(move || receiver.wait(count)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_before_it_has_told_tells_when_it_is_back() {
    let ground = Ground::new();
    killed(&ground, async || {}).await;
}

/// Run with `-- --skip postgres::` where there is none.
mod postgres {
    use super::{Ground, Place, killed};
    use crate::cluster::{Folder, template, url_of};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_server_that_is_killed_before_it_has_told_tells_when_it_is_back() {
        let folder = Folder::with_database(template().await).await;
        let place = Place::with_database(folder.path(), url_of(folder.path()));
        let ground = Ground::on(place, tempfile::tempdir().unwrap());
        killed(&ground, async || ground.end_leases().await).await;
    }
}

async fn killed(ground: &Ground, later: impl AsyncFn()) {
    let receiver = Receiver::start();
    let mut server = ground.serve();
    let (webhook, secret) = ground.webhook(&server, &url(&receiver)).await;
    // What happened is committed and on its way; nobody answers, and the server is gone.
    receiver.usually(Reply::Never);
    let message = ground.test(&server, &webhook).await;
    arrived(&receiver, 1).await;
    server.kill();
    receiver.usually(Reply::Status(200, ""));
    later().await;
    let mut server = ground.serve();
    let got = arrived(&receiver, 2).await;
    for one in &got {
        assert_eq!((one.id(), one.signed_by(&secret)), (message.as_str(), 1), "{one:?}");
        assert_eq!(one.body, got[0].body);
    }
    let done = ground.until(&server, &webhook, "delivered").await;
    assert_eq!((&done["message"], &done["last_status"]), (&json!(message), &json!(200)));
    let metrics = format!("{}/metrics", server.health);
    let metrics = ground.client.get(metrics).send().await.unwrap().text().await.unwrap();
    assert!(
        metrics.contains("tenantry_webhook_attempts_total{outcome=\"delivered\"} 1"),
        "{metrics}"
    );
    let (status, log) = server.stop();
    assert!(status.success(), "{log}");
    for hidden in ["whsec_", &secret[6..], "t0ken"] {
        assert!(!log.contains(hidden), "{hidden} in {log}");
    }
}

/// Waits until so many different messages have arrived: one whose answer takes too long comes again.
async fn different(receiver: &Receiver, count: usize) -> Vec<Got> {
    let mut more = count;
    loop {
        let got = arrived(receiver, more).await;
        if got.iter().map(Got::id).collect::<BTreeSet<_>>().len() >= count {
            return got;
        }
        more = got.len() + 1;
    }
}

/// From all that can happen to a receiver over https, by the program alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_arrives() {
    past_midnight().await;
    let (mut ground, receiver) = (Ground::new(), Receiver::start());
    ground.flags.extend(["--snapshot-interval", "1"].map(str::to_owned));
    ground.place.create("acme");
    let server = ground.serve();
    let (_, secret) = ground.webhook(&server, &url(&receiver)).await;
    let plan = json!({"plan": "starter"});
    ground.post(&server, "/accounts/acme/plan", &plan, StatusCode::OK).await;
    // Ten times what starter includes in a whole month: it reaches both levels.
    let event = json!([{"specversion": "1.0", "id": "e-1", "source": "/core",
        "type": "dev.tenantry.usage.query", "time": jiff::Timestamp::now().to_string(),
        "data": {"quantity": "1000000"}}]);
    let (sender, events) = (ground.place.sender("acme"), format!("{}/usage/events", server.api));
    ground.ask(Method::POST, events, (&event, StatusCode::OK), &sender).await;
    let facts = json!({"departments": {"active": 0, "planned": 5}, "criteria": {"met": 0, "due": 4},
        "error_budget_used": "0.00", "days_overdue": 90,
        "open_incidents": {"sev1": 0, "sev2": 0, "sev1_past_sla": 0}});
    let path = format!("{}/accounts/acme/facts", server.api);
    ground.ask(Method::PUT, path, (&facts, StatusCode::OK), &ground.token).await;
    let mut form: Value = serde_json::from_str(include_str!("../fuzz/form.json")).unwrap();
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    form["go_live_date"] = json!(today + jiff::Span::new().days(30));
    let form = ground.post(&server, "/onboarding", &form, StatusCode::CREATED).await;
    let approve = format!("{}/approve", form["follow"].as_str().unwrap());
    ground.post(&server, &approve, &json!(null), StatusCode::OK).await;
    let got = different(&receiver, 5).await;
    let mut told = BTreeMap::new();
    for one in &got {
        assert_eq!(one.signed_by(&secret), 1, "{one:?}");
        let body: Value = serde_json::from_str(&one.body).unwrap();
        told.insert(body["type"].as_str().unwrap().to_owned(), body["data"].clone());
    }
    let types: Vec<_> = told.keys().map(String::as_str).collect();
    let expected = [
        "health.flagged",
        "onboarding.approved",
        "onboarding.submitted",
        "usage.threshold.crossed",
    ];
    assert_eq!(types, expected, "{got:#?}");
    let used = &told["usage.threshold.crossed"]["used"];
    assert_eq!(used, "1000000", "{got:#?}");
    assert_eq!(told["health.flagged"]["account"], "acme");
    let request = told["onboarding.approved"]["request"].as_str().unwrap();
    assert!(approve.contains(request), "{approve} {request}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_leave_the_program_goes_nowhere_inside() {
    let (mut ground, receiver) = (Ground::new(), Receiver::start());
    ground.flags.drain(..2);
    let mut server = ground.serve();
    // A name that the machine itself knows.
    let url = format!("https://localhost:{}/hook?token=t0ken", receiver.address.port());
    let (webhook, secret) = ground.webhook(&server, &url).await;
    ground.test(&server, &webhook).await;
    let waits = loop {
        let one = ground.until(&server, &webhook, "pending").await;
        if one["attempts"].as_i64().unwrap() > 0 {
            break one;
        }
    };
    let why = waits["last_error"].as_str().unwrap();
    assert!(why.contains("inside a network"), "{why}");
    assert_eq!(receiver.connections(), 0);
    let (_, log) = server.stop();
    assert!(log.contains("sent again later") && log.contains("inside a network"), "{log}");
    for hidden in ["whsec_", &secret[6..], "t0ken"] {
        assert!(!log.contains(hidden), "{hidden} in {log}");
    }
}

#[test]
fn what_webhooks_are_given_is_read_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    let (empty, absent) = (empty.to_str().unwrap(), folder.path().join("none.pem"));
    for (flag, value, word) in [
        ("--webhook-ca-file", empty, "no certificate"),
        ("--webhook-ca-file", absent.to_str().unwrap(), "none.pem"),
    ] {
        let log = Serving::try_start_behind(&place, &[flag, value], &[]).err().unwrap();
        assert!(log.contains(word) && log.contains(flag), "{log}");
    }
    let mut program = crate::serving::program();
    let output =
        program.args(["serve", "--webhook-allow-cidr", "10.0.0.0/8,10.1.2.3/8"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("write 10.0.0.0/8"), "{said}");
}

/// The programs of the documentation, on a message as it arrived.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_ways_to_verify_tell_a_good_message_from_a_bad_one() {
    let (ground, receiver) = (Ground::new(), Receiver::start());
    let server = ground.serve();
    let (webhook, secret) = ground.webhook(&server, &url(&receiver)).await;
    ground.test(&server, &webhook).await;
    let got = arrived(&receiver, 1).await.remove(0);
    let text = include_str!("../../../docs/webhooks.md");
    let program = |fence: &str| text.split(fence).nth(1).unwrap().split("```").next().unwrap();
    let python = format!(
        "{}\nimport os\nverify(os.environ['SECRET'], {{k: os.environ[k.replace('-', '_')] for k in \
         ('webhook-id', 'webhook-timestamp', 'webhook-signature')}}, os.environ['BODY'].encode())\n",
        program("```python\n")
    );
    let shell = program("```bash\n").to_owned();
    for (interpreter, program) in [("python3", python), ("bash", shell)] {
        for (body, good) in [(got.body.clone(), true), (got.body.replace("test", "tost"), false)] {
            let mut run = Command::new(interpreter);
            run.arg("-c").arg(&program).env("SECRET", &secret).env("BODY", body);
            for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
                run.env(name.replace('-', "_"), got.header(name));
            }
            let status = run.stderr(Stdio::null()).stdout(Stdio::null()).status().unwrap();
            assert_eq!(status.success(), good, "{interpreter}");
        }
    }
}
