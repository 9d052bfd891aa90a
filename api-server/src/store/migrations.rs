//! The schema's versions, in order, for both engines. A version that was released is never edited:
//! its checksum is in every database that has it.

use sqlx::{
    SqlSafeStr as _, SqliteConnection,
    migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator},
};

use super::{
    StoreError,
    postgres::{self, Database},
};

/// A version's number and name, and its statements for SQLite and for PostgreSQL.
struct Step {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! steps {
    ($($version:literal $name:literal $file:literal),* $(,)?) => {
        [$(Step {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../../migrations/sqlite/", $file)),
            postgres: include_str!(concat!("../../migrations/postgres/", $file)),
        }),*]
    };
}

const STEPS: &[Step] = &steps![
    1 "ledger" "0001_ledger.sql",
    2 "plans" "0002_plans.sql",
    3 "onboarding" "0003_onboarding.sql",
    4 "leases" "0004_leases.sql",
    5 "reading" "0005_reading.sql",
    6 "facts and snapshots" "0006_facts_and_snapshots.sql",
    7 "gateways" "0007_gateways.sql",
    8 "backups" "0008_backups.sql",
    9 "settlements" "0009_settlements.sql",
    10 "provisions" "0010_provisions.sql",
    11 "tenants" "0011_tenants.sql",
    12 "drains" "0012_drains.sql",
    13 "webhooks" "0013_webhooks.sql",
    14 "enforcements" "0014_enforcements.sql",
    15 "stacks" "0015_stacks.sql",
    16 "tenant names" "0016_tenant_names.sql",
    17 "cursor key" "0017_cursor_key.sql",
    18 "day inputs" "0018_day_inputs.sql",
    19 "finding customers" "0019_finding_customers.sql",
    20 "period formulas" "0020_period_formulas.sql",
    21 "binding issuers" "0021_binding_issuers.sql",
    22 "corrections by name" "0022_corrections_by_name.sql",
    23 "ends" "0023_ends.sql",
    24 "brake" "0024_brake.sql",
];

/// The spool of a gateway, which is always SQLite.
const SPOOL: &[(i64, &str, &str)] = &[
    (1, "spool", include_str!("../../migrations/spool/0001_spool.sql")),
    (2, "sealed for", include_str!("../../migrations/spool/0002_sealed_for.sql")),
];

/// The version of a spool that this program works with.
pub(crate) const LATEST_SPOOL: i64 = SPOOL[SPOOL.len() - 1].0;

/// The version that this program works with.
pub const LATEST: i64 = STEPS[STEPS.len() - 1].version;

/// Takes a SQLite database to version `target`, step by step, each in a transaction of its own.
///
/// # Errors
/// [`StoreError::Migration`] when the database is newer than the program, when a step that it has
/// was edited since, or when a step fails; steps before stay.
pub(super) async fn sqlite(
    connection: &mut SqliteConnection,
    target: i64,
) -> Result<(), StoreError> {
    migrate(connection, target, |step| step.sqlite).await.map_err(|error| told(&error, target))
}

/// Takes a spool to the version that this program works with.
pub(super) async fn spool(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let steps = SPOOL.iter().map(|(version, name, sql)| made(*version, name, sql)).collect();
    let migrator = Migrator::with_migrations(steps);
    migrator.run_direct(None, connection, false).await.map_err(|error| told(&error, LATEST_SPOOL))
}

fn made(version: i64, name: &'static str, sql: &'static str) -> Migration {
    Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
}

/// The same for PostgreSQL. Several servers may do it at once: of those that take the same step one
/// commits, the others fail and see it done when they look again.
pub(super) async fn postgres(database: &Database, target: i64) -> Result<(), StoreError> {
    const TIMES: u32 = 10;
    let mut left = TIMES;
    loop {
        let mut connection = postgres::migrator(database).await?;
        let done = migrate(&mut connection, target, |step| step.postgres).await;
        match done {
            Err(MigrateError::Execute(_) | MigrateError::ExecuteMigration(..)) if left > 0 => {
                left -= 1;
            }
            done => return done.map_err(|error| told(&error, target)),
        }
    }
}

async fn migrate(
    connection: &mut impl Migrate,
    target: i64,
    sql: impl Fn(&Step) -> &'static str,
) -> Result<(), MigrateError> {
    let steps = STEPS.iter().take_while(|step| step.version <= target);
    let steps = steps.map(|step| made(step.version, step.name, sql(step)));
    let mut migrator = Migrator::with_migrations(steps.collect());
    // It would be an advisory lock, which not every engine that speaks PostgreSQL has.
    migrator.set_locking(false);
    migrator.run_direct(None, connection, false).await
}

fn told(error: &MigrateError, target: i64) -> StoreError {
    match error {
        MigrateError::VersionMissing(version) => StoreError::Migration(format!(
            "the database has schema version {version}, this program knows up to {target}: \
             run the newer program, or restore a backup made before the upgrade"
        )),
        MigrateError::VersionMismatch(version) => StoreError::Migration(format!(
            "schema version {version} in the database is not the one in this program: \
             run the program that made it"
        )),
        other => StoreError::Migration(other.to_string()),
    }
}
