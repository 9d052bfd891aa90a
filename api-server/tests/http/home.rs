//! Where a test's ledger lives: a folder, with SQLite's file in it. On PostgreSQL the one in `postgres.rs`
//! takes this one's place.

use std::path::Path;

use api_server::store::Place;

pub struct Home(tempfile::TempDir);

#[allow(clippy::unused_async, reason = "the other one waits for its database")]
impl Home {
    pub async fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn place(&self) -> Place {
        self.path().into()
    }

    /// Its tables, and what makes a row of each a text.
    pub const TABLES: &str =
        "SELECT t.name, group_concat('quote(\"' || c.name || '\")', '||'' ''||')
         FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table' GROUP BY t.name";

    /// Which tables beside the folder have a row that holds a text: there are none.
    pub async fn tables_with(&self, _text: &str) -> Vec<String> {
        Vec::new()
    }
}
