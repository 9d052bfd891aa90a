//! The subcommands.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use telemetry::healthcheck;

use crate::config::ServeConfig;
use crate::gateway::config::GatewayConfig;

mod accounts;
mod backup;
mod backup_tenant;
mod backups;
mod erasures;
mod export;
mod gateway;
mod migrate;
mod program;
mod routine;
mod serve;
mod token;
mod verify;

/// Does what the arguments say, to the exit code. Ends the process itself where they are wrong or ask for
/// help.
#[tokio::main]
pub async fn main() -> ExitCode {
    match Cli::parse().run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "stopped");
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the last word of a program that fails before it can log")]
fn complain(error: &anyhow::Error) {
    eprintln!("api-server: {error:#}");
}

/// Usage in, truth out: the ledger of what tenants use, and the API to it.
#[derive(Parser, Debug)]
#[command(name = "api-server", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Serve the API.
    Serve(Box<ServeConfig>),
    /// Take a tenant's usage in its own namespace, and keep it until the control plane has it.
    Gateway(Box<GatewayConfig>),
    /// Bring a ledger's schema up to date.
    Migrate(migrate::Args),
    /// Recompute a ledger from its rows and name every difference; the exit code says whether there
    /// is one.
    Verify(verify::Args),
    /// Add accounts, and bind workloads to them.
    Accounts(accounts::Args),
    /// Erase personal data again after a backup was restored.
    Erasures(erasures::Args),
    /// Write a ledger's rows, plans, figures, summaries and heads as NDJSON or CSV.
    Export(export::Args),
    /// Copy a ledger into one file that says what is in it; a server may be working on it.
    Backup(backup::Args),
    /// Restore such a file, or a tenant's backup, and check all of it.
    Restore(backup::RestoreArgs),
    /// Have a tenant's gateway send a copy of what it holds to the control plane, and wait until it is
    /// kept there; what a stack's backup job runs.
    BackupTenant(backup_tenant::Args),
    /// List the backups of tenants and of the ledger, check them, take one out for `restore`, and remove those of who
    /// has left.
    Backups(backups::Args),
    /// Do one of the rounds that customer success, Finance and auditors make: ask a running server, and
    /// keep what it answers.
    Routine(routine::Args),
    /// Print a token for local development, signed with the server's development secret.
    Token(token::Args),
    /// Ask a running server whether it is ready; the exit code says so.
    Healthcheck(healthcheck::Args),
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// Why it was not done.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Serve(config) => serve::run(*config).await,
            Command::Gateway(config) => gateway::run(*config).await,
            Command::Migrate(args) => migrate::run(args).await,
            Command::Verify(args) => verify::run(args).await,
            Command::Accounts(args) => accounts::run(args).await,
            Command::Erasures(args) => erasures::run(args).await,
            Command::Export(args) => export::run(args).await,
            Command::Backup(args) => backup::run(args).await,
            Command::Restore(args) => backup::restore(args).await,
            Command::BackupTenant(args) => backup_tenant::run(args).await,
            Command::Backups(args) => backups::run(args).await,
            Command::Routine(args) => routine::run(args).await,
            Command::Token(args) => token::run(&args),
            Command::Healthcheck(args) => healthcheck::run(args).await,
        }
    }
}
