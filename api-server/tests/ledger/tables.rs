//! Tables of a closed ledger's database, whatever they hold.

use std::{collections::BTreeMap, path::Path};

use futures::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection};

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
    const SQLITE: &str = "SELECT CAST(t.name AS BLOB), CAST(c.name AS BLOB) FROM sqlite_master t, pragma_table_info(t.name) c
        WHERE t.type = 'table' AND t.name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
        ORDER BY t.name, c.name";
    const POSTGRES: &str =
        "SELECT table_name::text, column_name::text FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%' ORDER BY 1, 2";
    let pairs: Vec<(String, String)> = match HERE {
        Engine::Sqlite => {
            let rows = sqlx::query(SQLITE).fetch_all(&mut sqlite(folder).await).await.unwrap();
            // A damaged name is none of ours.
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            rows.iter().map(|row| (text(row.get(0)), text(row.get(1)))).collect()
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

/// The rows of tables as text, each table's in an order of their own, by its name.
pub async fn content(folder: &Path, tables: &[Table]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    match HERE {
        Engine::Sqlite => {
            let mut connection = sqlite(folder).await;
            for Table { name, columns } in tables {
                let quoted: Vec<_> = columns.iter().map(|c| format!("quote({c})")).collect();
                let sql = format!("SELECT {} FROM {name} ORDER BY 1", quoted.join("||' '||"));
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await;
                let lines = rows.unwrap().into_iter().map(|row| row.get::<String, _>(0) + "\n");
                all.insert(name.clone(), lines.collect());
            }
            connection.close().await.unwrap();
        }
        Engine::Postgres => {
            let mut connection = cluster::connect(&cluster::database(folder)).await;
            for table in tables {
                let text = String::from_utf8(dump(&mut connection, table).await).unwrap();
                let mut lines: Vec<_> = text.lines().collect();
                lines.sort_unstable();
                all.insert(table.name.clone(), lines.join("\n"));
            }
        }
    }
    all
}

async fn dump(connection: &mut PgConnection, table: &Table) -> Vec<u8> {
    let sql = format!("COPY (SELECT {} FROM {}) TO STDOUT", table.columns(), table.name);
    let parts: Vec<_> = connection.copy_out_raw(&sql).await.unwrap().try_collect().await.unwrap();
    parts.concat()
}

/// Puts the rows of tables in one database in place of another's, in so many columns as they have there.
pub async fn copy(from: &Path, to: &Path, tables: &[Table]) {
    match HERE {
        Engine::Sqlite => {
            let mut connection = sqlite(to).await;
            let attach = format!("ATTACH '{}' AS other", from.join("ledger.db").display());
            sqlx::query(AssertSqlSafe(attach)).execute(&mut connection).await.unwrap();
            for table in tables {
                let (name, columns) = (&table.name, table.columns());
                for sql in [
                    format!("DELETE FROM main.{name}"),
                    format!(
                        "INSERT INTO main.{name} ({columns}) SELECT {columns} FROM other.{name}"
                    ),
                ] {
                    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
                }
            }
            connection.close().await.unwrap();
        }
        Engine::Postgres => {
            let mut source = cluster::connect(&cluster::database(from)).await;
            let mut connection = cluster::connect(&cluster::database(to)).await;
            let unguarded = "SET session_replication_role = replica";
            sqlx::query(unguarded).execute(&mut connection).await.unwrap();
            for table in tables {
                let (name, columns) = (&table.name, table.columns());
                let rows = dump(&mut source, table).await;
                let none = AssertSqlSafe(format!("DELETE FROM {name}"));
                sqlx::query(none).execute(&mut connection).await.unwrap();
                let sql = format!("COPY {name} ({columns}) FROM STDIN");
                let mut copying = connection.copy_in_raw(&sql).await.unwrap();
                copying.send(rows.as_slice()).await.unwrap();
                copying.finish().await.unwrap();
            }
            connection.close().await.unwrap();
        }
    }
}
