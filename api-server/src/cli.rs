//! The subcommands.

use clap::{Parser, Subcommand};

use crate::config::ServeConfig;

mod healthcheck;
mod serve;
mod token;

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
            Command::Token(args) => token::run(&args),
            Command::Healthcheck(args) => healthcheck::run(args).await,
        }
    }
}
