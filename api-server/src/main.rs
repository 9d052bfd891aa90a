//! The API server's entry point.

use std::process::ExitCode;

use api_server::cli::Cli;
use clap::Parser;

/// The allocator of musl, which images have, is slow where threads share it.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
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
