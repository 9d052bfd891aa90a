//! The routes on PostgreSQL: what the server stores, finds and pages through is asked of both engines by
//! the same tests. `tests/ledger` runs these, where a PostgreSQL is started for all of its suite.
//! What is left out here asks nothing of the ledger, or looks into SQLite's own tables.
#![allow(clippy::too_many_lines, reason = "tables of bad input are as long as they are")]

mod account_plans;
mod alerts;
mod api;
mod audits;
mod backups;
mod binary;
mod brief;
mod cluster;
mod corrections;
mod described;
mod erasures;
mod events;
mod explain;
mod exports;
mod facts;
mod gateways;
mod limits;
mod listing;
mod onboarding;
mod plans;
mod profiles;
#[path = "../process/small.rs"]
mod small;
mod timeline;
mod usage;
mod webhooks;
mod workloads;

/// Where a test's ledger lives: a database of its own, and a folder for what stands beside it.
mod home {
    use std::path::Path;

    use api_server::store::Place;
    use sqlx::{AssertSqlSafe, Connection as _};

    use crate::cluster::{self, Folder};

    pub struct Home(Folder);

    impl Home {
        pub async fn new() -> Self {
            Self(Folder::with_database(cluster::template().await).await)
        }

        pub fn path(&self) -> &Path {
            self.0.path()
        }

        pub fn place(&self) -> Place {
            cluster::place(self.path())
        }

        /// Its tables, and what makes a row of each a text.
        pub const TABLES: &str =
            "SELECT tablename::text, 't::text' FROM pg_tables WHERE schemaname = 'public'";

        /// Which tables have a row that holds a text, as text or as bytes.
        pub async fn tables_with(&self, text: &str) -> Vec<String> {
            let mut connection = cluster::connect(&cluster::database(self.path())).await;
            let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'";
            let tables: Vec<String> =
                sqlx::query_scalar(tables).fetch_all(&mut connection).await.unwrap();
            assert!(tables.len() > 20, "{tables:?}");
            let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            let mut with = Vec::new();
            for table in tables {
                let rows = format!(
                    "SELECT COUNT(*) FROM \"{table}\" t
                     WHERE strpos(t::text, $1) > 0 OR strpos(t::text, $2) > 0"
                );
                let rows = sqlx::query_scalar(AssertSqlSafe(rows)).bind(text).bind(&hex);
                let rows: i64 = rows.fetch_one(&mut connection).await.unwrap();
                with.extend((rows > 0).then_some(table));
            }
            connection.close().await.unwrap();
            with
        }
    }
}
