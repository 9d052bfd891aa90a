//! The schema's versions, in order. A version that was released is never edited: its checksum is in
//! every database that has it.

use sqlx::{
    SqlSafeStr as _, SqliteConnection,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use super::StoreError;

const SQLITE: [(i64, &str, &str); 3] = [
    (1, "ledger", include_str!("../../migrations/sqlite/0001_ledger.sql")),
    (2, "plans", include_str!("../../migrations/sqlite/0002_plans.sql")),
    (3, "onboarding", include_str!("../../migrations/sqlite/0003_onboarding.sql")),
];

/// The version that this program works with.
pub const LATEST: i64 = SQLITE[SQLITE.len() - 1].0;

/// Takes a database to version `target`, step by step, each in a transaction of its own.
///
/// # Errors
/// [`StoreError::Migration`] when the database is newer than the program, when a step that it has
/// was edited since, or when a step fails; steps before stay.
pub(super) async fn sqlite(
    connection: &mut SqliteConnection,
    target: i64,
) -> Result<(), StoreError> {
    let steps = SQLITE.iter().map(|(version, name, sql)| {
        let simple = MigrationType::Simple;
        Migration::new(*version, (*name).into(), simple, sql.into_sql_str(), false)
    });
    let migrator = Migrator::with_migrations(steps.take_while(|s| s.version <= target).collect());
    migrator.run(connection).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => StoreError::Migration(format!(
            "the database has schema version {version}, this program knows up to {target}: \
             run the newer program, or restore a backup made before the upgrade"
        )),
        MigrateError::VersionMismatch(version) => StoreError::Migration(format!(
            "schema version {version} in the database is not the one in this program: \
             run the program that made it"
        )),
        other => StoreError::Migration(other.to_string()),
    })
}
