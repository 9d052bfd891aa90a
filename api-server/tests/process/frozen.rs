//! Two servers on one database. One of them is frozen in the middle of a background round, the other one
//! takes the round over, and the first one wakes: what there was to do is done once, as by a single server.

mod ground;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use self::ground::{Ground, eventually, signal, table};
use crate::serving::Serving;

/// How a frozen server's transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The statement waits for a lock for too long.
    Statement,
    /// It is idle, and its session is ended.
    Session,
    /// It is idle until the database ends its session by itself; others begin before.
    Idle,
}

/// A table that is locked so that whoever does something waits.
struct Locked(PgConnection);

impl Locked {
    async fn new(ground: &Ground, table: &str, mode: &str) -> Self {
        let mut connection = ground.connect().await;
        let sql = format!("BEGIN; LOCK TABLE {table} IN {mode} MODE");
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
        Self(connection)
    }

    async fn release(mut self) {
        self.0.execute("ROLLBACK").await.unwrap();
        self.0.close().await.unwrap();
    }
}

/// Waits until a session is in a state; answers its number.
async fn session(watch: &mut PgConnection, which: &str) -> String {
    let sql = format!(
        "SELECT CAST(pid AS TEXT) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND {which}"
    );
    eventually(which, async || table(watch, &sql).await.pop()).await
}

/// Stops a server while one of its sessions waits for a lock; answers which.
async fn stopped(server: &Serving, watch: &mut PgConnection, waits: &str) -> String {
    loop {
        let pid = session(watch, waits).await;
        signal(server, "STOP");
        let sql =
            format!("SELECT CAST(pid AS TEXT) FROM pg_stat_activity WHERE pid = {pid} AND {waits}");
        if !table(watch, &sql).await.is_empty() {
            return pid;
        }
        // It has given up at that very moment, and tries again later.
        signal(server, "CONT");
    }
}

/// A server that stands in a transaction of the round that writes to a table, and the transaction is over.
async fn frozen(ground: &Ground, watch: &mut PgConnection, what: &str, end: End) -> Serving {
    loop {
        let locked = Locked::new(ground, what, "SHARE").await;
        let mut server = ground.serve("first");
        let waits = format!(r"wait_event_type = 'Lock' AND query ~* '(into|update) {what}\M'");
        let pid = stopped(&server, watch, &waits).await;
        let over = match end {
            // The database gives up after `lock_timeout`.
            End::Statement => {
                let over = over(watch, &pid).await;
                locked.release().await;
                over == "idle in transaction (aborted)"
            }
            // It has what it waited for, and does not go on.
            End::Session | End::Idle => {
                locked.release().await;
                over(watch, &pid).await == "idle in transaction"
            }
        };
        if over {
            if end == End::Session {
                let sql = format!("SELECT CAST(pg_terminate_backend({pid}) AS TEXT)");
                assert_eq!(table(watch, &sql).await, ["true"]);
            }
            return server;
        }
        // On a machine that stood still the database may have given up before. Once more.
        server.kill();
        ground.end_leases().await;
    }
}

/// Waits until the statement of a session is over; answers in which state that is then.
async fn over(watch: &mut PgConnection, pid: &str) -> String {
    let sql = format!(
        "SELECT COALESCE((SELECT state FROM pg_stat_activity WHERE pid = {pid}), 'it is gone')"
    );
    let state = async || table(watch, &sql).await.pop().filter(|state| state != "active");
    eventually("its statement is over", state).await
}

/// Stops a server while it writes nothing, so that nobody has to wait for its transaction's end.
async fn stop_between_transactions(server: &Serving, ground: &Ground) {
    eventually("it writes nothing", async || {
        signal(server, "STOP");
        let mut connection = ground.connect().await;
        let free = "BEGIN; SELECT id FROM house FOR UPDATE NOWAIT; ROLLBACK";
        if connection.execute(free).await.is_ok() {
            return Some(());
        }
        signal(server, "CONT");
        None
    })
    .await;
}

/// What one server makes of the same work, alone.
async fn alone(ground: &Ground) -> Ground {
    let reference = ground.copy().await;
    let mut server = reference.serve("first");
    let mut watch = reference.connect().await;
    reference.done(&mut watch).await;
    for (n, account) in ground::ACCOUNTS.into_iter().enumerate() {
        reference.send(&server, account, &format!("later-{n}")).await;
    }
    watch.close().await.unwrap();
    let (status, log) = server.stop();
    assert!(status.success(), "{log}");
    reference
}

/// A round that writes to a table, interrupted, done by another one, and gone on with.
async fn interrupted(what: &str, end: End) {
    let ground = Ground::new().await;
    let reference = alone(&ground).await;
    let mut watch = ground.connect().await;
    let mut stale = frozen(&ground, &mut watch, what, end).await;

    ground.end_leases().await;
    let mut next = ground.serve("second");
    ground.done(&mut watch).await;
    ground.send(&next, "acme", "later-0").await;

    // It learns that its transaction came to nothing, and goes on.
    signal(&stale, "CONT");
    let knows = ["a transaction of the ledger failed", "the ledger takes nothing while"];
    eventually("the frozen one knows", async || {
        let log = stale.log();
        let said = log.iter().any(|line| knows.iter().any(|known| line.contains(known)));
        said.then_some(())
    })
    .await;
    ground.send(&stale, "borealis", "later-1").await;
    for server in [&mut stale, &mut next] {
        let (status, log) = server.stop();
        assert!(status.success(), "{what} {end:?}: {log}");
    }
    watch.close().await.unwrap();
    assert_eq!(ground.figures().await, reference.figures().await, "{what} {end:?}");
    assert_eq!(ground.made(), reference.made(), "{what} {end:?}");
    // One that was on its way when the server froze came twice, under the same id.
    let (mut messages, mut expected) = (ground.messages(), reference.messages());
    let sent = messages.len();
    messages.dedup();
    // An answer that takes longer than a message may is asked for again.
    expected.dedup();
    assert_eq!(messages, expected, "{what} {end:?}");
    assert!(sent <= expected.len() + 1, "{what} {end:?}: {sent} sent");
    ground.verify();
    assert!(ground.folder().exists());
}

/// Run with `-- --skip postgres::` where there is none.
mod postgres {
    use super::{
        End, Ground, Locked, eventually, interrupted, session, signal, stop_between_transactions,
        table,
    };
    use sqlx::Connection as _;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_close_that_was_frozen_is_done_once() {
        interrupted("periods", End::Statement).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_settlement_that_was_frozen_is_done_once() {
        interrupted("settlements", End::Session).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_summary_that_was_frozen_is_done_once() {
        interrupted("snapshots", End::Statement).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_tenant_of_a_request_that_was_frozen_is_made_once() {
        interrupted("provisions", End::Idle).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_message_that_was_frozen_comes_again_under_its_id_alone() {
        interrupted("webhook_deliveries", End::Statement).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_summary_that_was_read_before_the_server_froze_is_not_stored_over_a_newer_one() {
        const NEWEST: &str =
            "SELECT account || ' ' || computed_at || ' ' || ledger_seq FROM snapshots ORDER BY 1";
        let ground = Ground::new().await;
        let mut watch = ground.connect().await;
        // It has begun to read, as of now, and freezes before it has worked anything out.
        let locked = Locked::new(&ground, "snapshot_inputs", "ACCESS EXCLUSIVE").await;
        let mut stale = ground.serve("first");
        let reads = "wait_event_type = 'Lock' AND query LIKE '%want CROSS JOIN snapshot_inputs%'";
        session(&mut watch, reads).await;
        stop_between_transactions(&stale, &ground).await;
        locked.release().await;

        ground.end_leases().await;
        let mut next = ground.serve("second");
        ground.done(&mut watch).await;
        let newest = table(&mut watch, NEWEST).await;
        signal(&stale, "CONT");
        let ends = ["accounts were left to another server", "accounts could not be summed up"];
        eventually("the frozen one ends its round", async || {
            let log = stale.log();
            let said = log.iter().any(|line| ends.iter().any(|end| line.contains(end)));
            said.then_some(())
        })
        .await;
        assert_eq!(table(&mut watch, NEWEST).await, newest);
        for server in [&mut stale, &mut next] {
            let (status, log) = server.stop();
            assert!(status.success(), "{log}");
        }
        watch.close().await.unwrap();
        ground.verify();
    }
}
