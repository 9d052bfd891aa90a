//! Which databases are taken, and that nobody learns how to get into them.

use std::{
    path::Path,
    process::{Command, Output},
};

use api_server::{
    ledger::{Ledger, Settings},
    store::{Place, Store, StoreError, postgres::Database},
};

use tokio::sync::OnceCell;

use super::ground::{Ground, folder, open, place};
use crate::cluster;

async fn refused(folder: &Path) -> String {
    let refused = Store::open(place(folder)).await.err().unwrap();
    assert!(matches!(refused, StoreError::Unfit(_)), "{refused}");
    refused.to_string()
}

#[tokio::test]
async fn a_database_that_answers_before_it_is_durable_is_refused() {
    let ground = Ground::empty().await;
    ground.ledger.close().await;
    let path = ground.folder.path();
    let set = |to: &str| {
        format!("ALTER DATABASE {} SET synchronous_commit = {to}", cluster::database(path))
    };
    cluster::execute("postgres", set("off")).await;
    let message = refused(path).await;
    assert!(message.contains("synchronous_commit is off"), "{message}");
    assert!(message.contains("set it to on"), "{message}");
    cluster::execute("postgres", set("local")).await;
    open(path, Settings::default()).await.unwrap().close().await;
}

#[tokio::test]
async fn a_database_that_cannot_hold_every_letter_is_refused() {
    let folder = folder().await;
    let name = format!("{}_latin", cluster::database(folder.path()));
    let make = format!(
        "CREATE DATABASE {name} ENCODING LATIN1 LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0"
    );
    cluster::execute("postgres", make).await;
    std::fs::write(folder.path().join("database"), cluster::url(&name, "tenantry")).unwrap();
    let message = refused(folder.path()).await;
    assert!(message.contains("LATIN1") && message.contains("UTF8"), "{message}");
}

const PASSWORD: &str = "s3cr3t#pass?word";
pub const ESCAPED: &str = "s3cr3t%23pass%3Fword";

/// The URL of a folder's database for a user who has to give a password.
async fn guarded(folder: &Path, password: &str) -> String {
    let name = guard(folder).await;
    let (socket, port) = (cluster::socket().display(), cluster::port());
    format!("postgresql:///{name}?host={socket}&port={port}&user=guarded&password={password}")
}

/// Gives a folder's database to the user `guarded`; answers its name.
pub async fn guard(folder: &Path) -> String {
    let name = cluster::database(folder);
    // Once: tests that change one role at the same time are refused.
    static MADE: OnceCell<()> = OnceCell::const_new();
    let role = format!("CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'");
    MADE.get_or_init(|| cluster::execute("postgres", role)).await;
    cluster::execute("postgres", format!("ALTER DATABASE {name} OWNER TO guarded")).await;
    name
}

fn run(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_api-server"));
    command.args(args).arg("--storage").arg(folder).envs(environment.iter().copied());
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

#[tokio::test]
async fn a_url_comes_from_a_file_or_the_environment_and_gets_in() {
    let folder = folder().await;
    let url = guarded(folder.path(), ESCAPED).await;
    let file = folder.path().join("url");
    std::fs::write(&file, format!("{url}\n")).unwrap();
    let file = file.to_str().unwrap();
    let by_file = run(folder.path(), &["migrate", "--database-url-file", file], &[]);
    assert!(by_file.status.success(), "{}", said(&by_file));
    assert!(said(&by_file).contains("schema version"), "{}", said(&by_file));
    let by_environment = run(folder.path(), &["verify"], &[("TENANTRY_DATABASE_URL", &url)]);
    assert!(said(&by_environment).contains("everything agrees"), "{}", said(&by_environment));
    let given = [("TENANTRY_DATABASE_URL", &*url), ("TENANTRY_DATABASE_URL_FILE", file)];
    let twice = run(folder.path(), &["verify"], &given);
    assert!(said(&twice).contains("given twice"), "{}", said(&twice));
    for output in [by_file, by_environment, twice] {
        assert!(!said(&output).contains("s3cr3t"), "{}", said(&output));
    }
}

/// A folder may hold the ledger of before it was moved: archived, it would pass for the one of today.
#[tokio::test]
async fn a_ledger_in_a_database_is_not_archived_from_its_folder() {
    let (folder, former) = (folder().await, tempfile::tempdir().unwrap());
    let (archive, file) = (former.path().join("former.tar"), folder.path().join("url"));
    let (archive, file) = (archive.to_str().unwrap(), file.to_str().unwrap());
    let url = cluster::url_of(folder.path());
    std::fs::write(file, &url).unwrap();
    for args in [&["migrate"][..], &["backup", "--to", archive]] {
        let output = run(former.path(), args, &[]);
        assert!(output.status.success(), "{args:?} {}", said(&output));
    }
    let (again, empty) = (former.path().join("again.tar"), former.path().join("empty"));
    for given in [("TENANTRY_DATABASE_URL", &*url), ("TENANTRY_DATABASE_URL_FILE", file)] {
        for (storage, args, instead) in [
            (former.path(), ["backup", "--to", again.to_str().unwrap()], "pg_dump"),
            (&*empty, ["restore", "--from", archive], "pg_restore"),
        ] {
            let output = run(storage, &args, &[given]);
            let said = said(&output);
            let names = said.contains(given.0) && said.contains(instead);
            assert!(!output.status.success() && names, "{args:?} {said}");
        }
        assert!(!again.exists() && !empty.exists());
    }
}

#[tokio::test]
async fn a_database_that_does_not_let_in_is_named_and_the_password_is_not() {
    let folder = folder().await;
    let wrong = guarded(folder.path(), "s3cr3t").await;
    let nobody = "postgresql://u:s3cr3t@127.0.0.1:1/ledger";
    let malformed = "postgresql://u:s3cr3t@host:port/ledger";
    for (url, word) in [
        (&*wrong, "password authentication failed"),
        (nobody, "127.0.0.1:1/ledger"),
        (malformed, "cannot be read"),
        ("postgresql://u:s3cr3t@h/l?s3cr3t=1", "parameter"),
        ("s3cr3t", "cannot be read"),
        ("", "cannot be read"),
    ] {
        for args in [&["migrate"][..], &["verify"], &["accounts", "create", "acme"]] {
            let environment = [("TENANTRY_DATABASE_URL", url), ("RUST_BACKTRACE", "1")];
            let output = run(folder.path(), args, &environment);
            let said = said(&output);
            assert!(!output.status.success(), "{args:?} {said}");
            assert!(said.contains(word), "{args:?} {said}");
            assert!(!said.contains("s3cr3t"), "{args:?} {said}");
        }
    }
}

/// Whom a certificate does not name or nobody vouches for is not talked to.
#[tokio::test]
async fn with_verify_full_the_database_proves_who_it_is() {
    let folder = folder().await;
    let (socket, port, name) =
        (cluster::socket(), cluster::port(), cluster::database(folder.path()));
    if !socket.join("ca.crt").exists() {
        println!("skipped: openssl is not there to make keys");
        return;
    }
    let by = |authority: &str| -> Database {
        let authority = socket.join(authority);
        format!(
            "postgresql://tenantry@127.0.0.1:{port}/{name}?sslmode=verify-full&sslrootcert={}",
            authority.display()
        )
        .parse()
        .unwrap()
    };
    let place = |database| Place::Postgres { database, folder: folder.path().to_owned() };
    let refused = Store::open(place(by("other.crt"))).await.err().unwrap();
    assert!(matches!(refused, StoreError::Away(_)), "{refused}");
    assert!(refused.to_string().contains("certificate"), "{refused}");
    let ledger = Ledger::open(place(by("ca.crt")), Settings::default()).await.unwrap();
    let encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let work = ledger.transact(None, move |session, _| Box::pin(session.row(encrypted, vec![])));
    assert_eq!(work.await.unwrap().unwrap().int(0), Ok(1));
    ledger.close().await;
}

#[tokio::test]
async fn no_argument_takes_a_url() {
    let folder = folder().await;
    let output = run(folder.path(), &["migrate", "--database-url", "postgresql://h/l"], &[]);
    assert!(said(&output).contains("unexpected argument"), "{}", said(&output));
}

/// What is done to the schema is done to both engines' files.
#[tokio::test]
async fn both_engines_have_the_same_tables_and_columns() {
    let ground = Ground::empty().await;
    let columns =
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
                   WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations'
                     AND table_name <> 'house'
                   ORDER BY table_name COLLATE \"C\", ordinal_position";
    let kind = |name: &str| match name {
        "bigint" => "INTEGER",
        "text" => "TEXT",
        "bytea" => "BLOB",
        other => panic!("{other}"),
    };
    let here: Vec<_> = ground
        .table(columns)
        .await
        .into_iter()
        .map(|row| [row[0].clone(), row[1].clone(), kind(&row[2]).to_owned(), row[3].clone()])
        .collect();
    let sqlite = crate::sqlite::ground::Ground::empty().await;
    let columns =
        "SELECT t.name, c.name, c.type, CASE c.\"notnull\" WHEN 1 THEN 'NO' ELSE 'YES' END
                   FROM sqlite_schema t JOIN pragma_table_info(t.name) c
                   WHERE t.type = 'table' AND t.name <> '_sqlx_migrations'
                   ORDER BY t.name, c.cid";
    let there: Vec<[String; 4]> =
        sqlite.table(columns).await.into_iter().map(|row| row.try_into().unwrap()).collect();
    assert_eq!(here, there);
    assert!(here.len() > 80, "{}", here.len());
}

/// Texts are compared by their bytes, whatever the database's own collation does.
#[tokio::test]
async fn texts_are_ordered_as_everywhere_else() {
    let ground = Ground::with(&["b", "a", "a.b", "a-b", "ab", "a_b"]).await;
    let mut expected = ["b", "a", "a.b", "a-b", "ab", "a_b"];
    expected.sort_unstable();
    let rows = ground.table("SELECT account FROM accounts ORDER BY account").await;
    assert_eq!(rows.concat(), expected);
    let text = "SELECT table_name, column_name FROM information_schema.columns
                WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations'
                  AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'";
    assert_eq!(ground.table(text).await, [[""; 2]; 0]);
}
