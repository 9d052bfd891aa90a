//! The suite on SQLite, with what only files have: locks, full disks, failing ones.

/// On what it runs.
pub const HERE: super::Engine = super::Engine::Sqlite;

#[path = "accounts.rs"]
mod accounts;
#[path = "appending.rs"]
mod appending;
#[path = "bills.rs"]
mod bills;
#[path = "closing.rs"]
mod closing;
#[path = "commands.rs"]
mod commands;
#[path = "disk.rs"]
mod disk;
#[path = "enforcement.rs"]
mod enforcement;
#[path = "erasing.rs"]
mod erasing;
#[path = "exporting.rs"]
mod exporting;
#[path = "figures.rs"]
mod figures;
#[path = "finding.rs"]
mod finding;
#[path = "flipping.rs"]
mod flipping;
#[path = "formulas.rs"]
mod formulas;
#[path = "ground.rs"]
pub mod ground;
#[path = "heads.rs"]
mod heads;
#[path = "idle.rs"]
mod idle;
#[path = "kills.rs"]
mod kills;
#[path = "leases.rs"]
mod leases;
#[path = "migrating.rs"]
mod migrating;
#[path = "opening.rs"]
mod opening;
#[path = "plans.rs"]
mod plans;
#[path = "process.rs"]
mod process;
#[path = "provisioning.rs"]
mod provisioning;
#[path = "reading.rs"]
mod reading;
#[path = "reconciling.rs"]
mod reconciling;
#[path = "reference.rs"]
mod reference;
#[path = "rejects.rs"]
mod rejects;
#[path = "routines.rs"]
mod routines;
#[path = "schema.rs"]
mod schema;
#[path = "showing.rs"]
mod showing;
#[path = "sums.rs"]
mod sums;
#[path = "tables.rs"]
mod tables;
#[path = "telling.rs"]
mod telling;
#[path = "tenants.rs"]
mod tenants;
#[path = "upkeep.rs"]
mod upkeep;
#[path = "verifying.rs"]
mod verifying;
#[path = "waiting.rs"]
mod waiting;
#[path = "webhooks.rs"]
mod webhooks;
