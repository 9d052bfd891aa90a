//! The subcommand `healthcheck` of every program: asks a running one whether it is well. An image
//! without a shell has nothing else to ask with.

use std::time::Duration;

use anyhow::{Context, ensure};

/// Whom to ask.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The address to ask: `/readyz` says whether requests are taken, `/healthz` whether the process
    /// is alive.
    #[arg(long, default_value = "http://127.0.0.1:8081/readyz")]
    url: String,
    /// How many seconds to wait for the answer.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    timeout: u64,
}

/// Asks.
///
/// # Errors
/// When the answer is not 200, with what it says.
pub async fn run(args: Args) -> anyhow::Result<()> {
    // Another provider that is there already serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(args.timeout))
        .build()
        .context("HTTP client")?;
    let answer = client.get(&args.url).send().await.with_context(|| args.url.clone())?;
    let status = answer.status();
    let text = answer.text().await.unwrap_or_default();
    ensure!(status.is_success(), "{}: {status}: {}", args.url, text.trim());
    Ok(())
}
