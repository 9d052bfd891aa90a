//! Tables of a closed ledger's database, whatever they hold.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

use super::HERE;
use crate::{Engine, cluster};

/// A table and its columns, each in the order of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub columns: Vec<String>,
}

impl Table {
    fn columns(&self) -> String {
        self.columns.join(", ")
    }
}

async fn sqlite(folder: &Path) -> SqliteConnection {
    let file = folder.join("ledger.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).foreign_keys(false);
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// Those of the ledger.
pub async fn of(folder: &Path) -> Vec<Table> {
    const SQLITE: &str = "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c
        WHERE t.type = 'table' AND t.name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
        ORDER BY t.name, c.name";
    const POSTGRES: &str =
        "SELECT table_name::text, column_name::text FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%' ORDER BY 1, 2";
    let pairs: Vec<(String, String)> = match HERE {
        Engine::Sqlite => {
            let rows = sqlx::query(SQLITE).fetch_all(&mut sqlite(folder).await).await.unwrap();
            rows.iter().map(|row| (row.get(0), row.get(1))).collect()
        }
        Engine::Postgres => {
            let mut connection = cluster::connect(&cluster::database(folder)).await;
            let rows = sqlx::query(POSTGRES).fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| (row.get(0), row.get(1))).collect()
        }
    };
    let mut tables: Vec<Table> = Vec::new();
    for (name, column) in pairs {
        match tables.last_mut() {
            Some(table) if table.name == name => table.columns.push(column),
            _ => tables.push(Table { name, columns: vec![column] }),
        }
    }
    tables
}

/// The rows of a table's columns as text, in an order of their own.
pub async fn content(folder: &Path, table: &Table) -> String {
    match HERE {
        Engine::Sqlite => {
            let quoted: Vec<_> = table.columns.iter().map(|c| format!("quote({c})")).collect();
            let sql = format!("SELECT {} FROM {} ORDER BY 1", quoted.join("||' '||"), table.name);
            let mut connection = sqlite(folder).await;
            let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| row.get::<String, _>(0) + "\n").collect()
        }
        Engine::Postgres => {
            let text = String::from_utf8(dump(folder, table).await).unwrap();
            let mut lines: Vec<_> = text.lines().collect();
            lines.sort_unstable();
            lines.join("\n")
        }
    }
}

async fn dump(folder: &Path, table: &Table) -> Vec<u8> {
    use futures::TryStreamExt as _;
    let mut connection = cluster::connect(&cluster::database(folder)).await;
    let sql = format!("COPY (SELECT {} FROM {}) TO STDOUT", table.columns(), table.name);
    let parts = connection.copy_out_raw(&sql).await.unwrap();
    let parts: Vec<_> = parts.try_collect().await.unwrap();
    parts.concat()
}

/// Takes a table's rows from one database into another's, in so many columns as the table has there.
pub async fn copy(from: &Path, to: &Path, table: &Table) {
    let (name, columns) = (&table.name, table.columns());
    match HERE {
        Engine::Sqlite => {
            let mut connection = sqlite(to).await;
            let attach = format!("ATTACH '{}' AS other", from.join("ledger.db").display());
            sqlx::query(AssertSqlSafe(attach)).execute(&mut connection).await.unwrap();
            let sql =
                format!("INSERT INTO main.{name} ({columns}) SELECT {columns} FROM other.{name}");
            sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
        Engine::Postgres => {
            let rows = dump(from, table).await;
            let mut connection = cluster::connect(&cluster::database(to)).await;
            let unguarded = "SET session_replication_role = replica";
            sqlx::query(unguarded).execute(&mut connection).await.unwrap();
            let sql = format!("COPY {name} ({columns}) FROM STDIN");
            let mut copying = connection.copy_in_raw(&sql).await.unwrap();
            copying.send(rows.as_slice()).await.unwrap();
            copying.finish().await.unwrap();
            connection.close().await.unwrap();
        }
    }
}
