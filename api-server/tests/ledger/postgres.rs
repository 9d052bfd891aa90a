//! The suite on PostgreSQL, with what only a database elsewhere has.

/// On what it runs.
pub const HERE: super::Engine = super::Engine::Postgres;

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
#[path = "dumping.rs"]
mod dumping;
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
#[path = "fitness.rs"]
mod fitness;
#[path = "formulas.rs"]
mod formulas;
#[path = "ground.rs"]
mod ground;
#[path = "heads.rs"]
mod heads;
/// The routes on it.
#[path = "../http/postgres.rs"]
mod http;
#[path = "idle.rs"]
mod idle;
#[path = "kills.rs"]
mod kills;
#[path = "leases.rs"]
mod leases;
#[path = "losing.rs"]
mod losing;
#[path = "migrating.rs"]
mod migrating;
#[path = "plans.rs"]
mod plans;
#[path = "process.rs"]
mod process;
#[path = "provisioning.rs"]
mod provisioning;
#[path = "proxy.rs"]
mod proxy;
#[path = "reading.rs"]
mod reading;
#[path = "reconciling.rs"]
mod reconciling;
#[path = "reference.rs"]
mod reference;
#[path = "rejects.rs"]
mod rejects;
#[path = "replicas.rs"]
mod replicas;
#[path = "routines.rs"]
mod routines;
#[path = "schema.rs"]
mod schema;
#[path = "serving.rs"]
mod serving;
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
