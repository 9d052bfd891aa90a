//! A server that runs finds by itself what is not as its rows say, and shows it.

use std::time::Duration;

use sqlx::Connection;

use crate::gateway::ground::BOUND;
use crate::load::{Load, Random, Sent};
use crate::serving::{Place, Serving, client};

/// Between two looks: who asks all the time takes the time that the server needs.
const PAUSE: Duration = Duration::from_millis(50);

/// The series of the gauge, by the part that differs.
async fn difference(server: &Serving, part: &str) -> Option<String> {
    let answer = client().get(format!("{}/metrics", server.health)).send().await.unwrap();
    let text = answer.text().await.unwrap();
    let name = format!("billing_reconciliation_difference{{part=\"{part}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&name).map(str::to_owned))
}

async fn until(server: &Serving, part: &str, count: &str) {
    let patience = tokio::time::Instant::now() + BOUND;
    loop {
        let shown = difference(server, part).await;
        if shown.as_deref() == Some(count) {
            return;
        }
        assert!(tokio::time::Instant::now() < patience, "{part} is {shown:?}, not {count}");
        tokio::time::sleep(PAUSE).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_figure_that_is_not_the_sum_of_its_rows_is_shown_until_it_is_put_right() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    let accounts = ["acme", "globex", "initech"];
    accounts.iter().for_each(|name| place.create(name));
    let mut server = Serving::start(&place, &[]);
    let load = Load::new(&place, &accounts, &server.api);
    let events = load.events("e", 20, &mut Random(9));
    for account in &load.accounts {
        let taken = load.send(account, &events).await;
        assert_eq!(taken, Sent::Taken { accepted: 20, duplicates: 0 });
    }
    until(&server, "figures", "0").await;
    for (change, shown) in [("+ 1", "2"), ("- 1", "0")] {
        server.stop();
        let file = place.storage.join("ledger.db");
        let url = format!("sqlite://{}", file.display());
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let sql = format!(
            "UPDATE usage_period SET used_micro = used_micro {change} WHERE account <> 'globex'"
        );
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        server = Serving::start(&place, &[]);
        until(&server, "figures", shown).await;
        assert_eq!(difference(&server, "rows").await.as_deref(), Some("0"));
    }
}
