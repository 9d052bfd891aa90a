//! Without HTTP: the ledger's own transaction, and bare rows beside it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use api_server::domain::Quantity;
use api_server::domain::event::UsageEvent;
use api_server::domain::meter::Meter;
use api_server::ledger::{Append, Item, Ledger, Outcome, Settings};
use futures::StreamExt;
use jiff::{Timestamp, ToSpan};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, PgConnection, QueryBuilder, Sqlite, SqliteConnection};

use crate::serving::Place;
use crate::{BATCH, SENDERS, rate, say};

/// The name of an account.
pub fn name(number: usize) -> String {
    format!("t{number:05}")
}

/// Adds accounts.
pub async fn accounts(place: &Place, numbers: Range<usize>) {
    place.create_many(&numbers.map(name).collect::<Vec<_>>()).await;
}

/// Event `number` of an account, of the last day.
fn event(account: usize, number: usize, prefix: &str) -> UsageEvent {
    let seconds = i64::try_from(number % 86_400).unwrap();
    UsageEvent {
        account: name(account).parse().unwrap(),
        source: "/bench".to_owned(),
        id: format!("{prefix}-{number}"),
        meter: [Meter::Query, Meter::Ingestion][number % 2],
        time: Timestamp::now() - seconds.seconds(),
        quantity: Quantity::from_micros(i64::try_from(number % 1000).unwrap()),
        dims: BTreeMap::new(),
    }
}

/// A batch of an account.
fn batch(account: usize, numbers: Range<usize>, prefix: &str) -> Append {
    let items = numbers.map(|number| Item::Usage(event(account, number, prefix))).collect();
    let arrived = Timestamp::now();
    Append { account: name(account).parse().unwrap(), arrived, atomic: false, items }
}

async fn append(ledger: &Ledger, batch: Append) {
    let receipt = ledger.append(batch).await.unwrap();
    assert!(receipt.outcomes.iter().all(|one| matches!(one, Outcome::Accepted { .. })));
}

/// Feeds batches to the ledger, `at_once` of them at a time.
pub async fn ledger(place: &Place, events: usize, at_once: usize) -> f64 {
    say("in process");
    let ledger = Ledger::open(place.ledger(), Settings::default()).await.unwrap();
    let batches: Vec<Append> = (0..events.div_ceil(BATCH))
        .map(|number| batch(number % SENDERS, number * BATCH..(number + 1) * BATCH, "e"))
        .collect();
    let count = batches.len() * BATCH;
    let began = Instant::now();
    futures::stream::iter(batches)
        .for_each_concurrent(at_once, |batch| append(&ledger, batch))
        .await;
    let rate = rate(count, began.elapsed());
    ledger.close().await;
    rate
}

/// Fills accounts with `each` events, without measuring. An account's batches in a row, so that what
/// waits of it stays below what may.
pub async fn fill(place: &Place, accounts: Range<usize>, each: usize) {
    let ledger = Ledger::open(place.ledger(), Settings::default()).await.unwrap();
    let stamp = Timestamp::now().as_millisecond().to_string();
    let all = accounts.flat_map(|account| {
        (0..each).step_by(BATCH).map(move |start| (account, start..(start + BATCH).min(each)))
    });
    futures::stream::iter(all)
        .for_each_concurrent(8, |(account, numbers)| {
            let batch = batch(account, numbers, &stamp);
            append(&ledger, batch)
        })
        .await;
    ledger.close().await;
}

/// The same rows into a bare table of the same engine with the same settings: no keys to recognise
/// repeats by, no chain, no figures.
pub async fn rows(folder: &Path, place: &Place, events: usize) -> f64 {
    say("bare rows");
    let batches: Vec<Vec<(usize, UsageEvent)>> = (0..events.div_ceil(BATCH))
        .map(|number| {
            let numbers = number * BATCH..(number + 1) * BATCH;
            numbers.map(|n| (n, event(number % SENDERS, n, "e"))).collect()
        })
        .collect();
    let count = batches.len() * BATCH;
    let took = match &place.database {
        None => rows_in_sqlite(folder, batches).await,
        Some(url) => rows_in_postgres(url, batches).await,
    };
    rate(count, took)
}

async fn rows_in_sqlite(folder: &Path, batches: Vec<Vec<(usize, UsageEvent)>>) -> Duration {
    let options = SqliteConnectOptions::new()
        .filename(folder.join("bare.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", "10000")
        .pragma("cache_size", "-65536");
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let table = "CREATE TABLE bare (account TEXT NOT NULL, seq INTEGER NOT NULL, source TEXT NOT NULL,
        event_id TEXT NOT NULL, meter TEXT NOT NULL, t_event INTEGER NOT NULL, t_ingest INTEGER NOT NULL,
        t_stored INTEGER NOT NULL, qty_micro INTEGER NOT NULL, PRIMARY KEY (account, seq)) WITHOUT ROWID";
    sqlx::query(table).execute(&mut connection).await.unwrap();
    let mut took = Duration::ZERO;
    for batch in batches {
        let began = Instant::now();
        insert(&mut connection, &batch).await;
        took += began.elapsed();
    }
    connection.close().await.unwrap();
    took
}

async fn rows_in_postgres(url: &str, batches: Vec<Vec<(usize, UsageEvent)>>) -> Duration {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let table = "CREATE TABLE bare (account TEXT NOT NULL, seq BIGINT NOT NULL, source TEXT NOT NULL,
        event_id TEXT NOT NULL, meter TEXT NOT NULL, t_event BIGINT NOT NULL, t_ingest BIGINT NOT NULL,
        t_stored BIGINT NOT NULL, qty_micro BIGINT NOT NULL, PRIMARY KEY (account, seq))";
    sqlx::query(table).execute(&mut connection).await.unwrap();
    let mut took = Duration::ZERO;
    for batch in batches {
        let began = Instant::now();
        copy(&mut connection, &batch).await;
        took += began.elapsed();
    }
    connection.close().await.unwrap();
    took
}

/// A batch in one statement, a list for each column.
async fn copy(connection: &mut PgConnection, batch: &[(usize, UsageEvent)]) {
    let now = vec![Timestamp::now().as_millisecond(); batch.len()];
    let texts = |of: fn(&UsageEvent) -> &str| batch.iter().map(|(_, e)| of(e)).collect::<Vec<_>>();
    let numbers = |of: fn(&UsageEvent) -> i64| batch.iter().map(|(_, e)| of(e)).collect::<Vec<_>>();
    let seqs: Vec<i64> = batch.iter().map(|(seq, _)| i64::try_from(*seq).unwrap()).collect();
    let mut transaction = connection.begin().await.unwrap();
    let sql =
        "INSERT INTO bare SELECT * FROM UNNEST($1::text[], $2::bigint[], $3::text[], $4::text[],
        $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[])";
    sqlx::query(sql)
        .bind(texts(|event| event.account.as_str()))
        .bind(seqs)
        .bind(texts(|event| &event.source))
        .bind(texts(|event| &event.id))
        .bind(texts(|event| event.meter.name()))
        .bind(numbers(|event| event.time.as_millisecond()))
        .bind(&now)
        .bind(&now)
        .bind(numbers(|event| event.quantity.micros()))
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

async fn insert(connection: &mut SqliteConnection, batch: &[(usize, UsageEvent)]) {
    let now = Timestamp::now().as_millisecond();
    let mut transaction = connection.begin().await.unwrap();
    // Few enough values for one statement.
    for some in batch.chunks(500) {
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO bare ");
        insert.push_values(some, |mut row, (seq, event)| {
            row.push_bind(event.account.as_str().to_owned())
                .push_bind(i64::try_from(*seq).unwrap())
                .push_bind(event.source.clone())
                .push_bind(event.id.clone())
                .push_bind(event.meter.name())
                .push_bind(event.time.as_millisecond())
                .push_bind(now)
                .push_bind(now)
                .push_bind(event.quantity.micros());
        });
        insert.build().execute(&mut *transaction).await.unwrap();
    }
    transaction.commit().await.unwrap();
}
