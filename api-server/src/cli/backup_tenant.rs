//! `api-server backup-tenant`

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::gateway::answer::words;
use crate::gateway::backup::{Report, State};
use crate::gateway::plane::ControlPlane;

/// How often the gateway is asked again.
const EVERY: Duration = Duration::from_secs(1);

/// Whom to ask.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The gateway's address.
    #[arg(long, env = "TENANTRY_GATEWAY_URL")]
    gateway: String,
    /// The job's own projected token (ServiceAccount `tenantry-backup`, audience `tenantry-gateway`).
    #[arg(long, env = "TENANTRY_BACKUP_TOKEN_FILE")]
    token_file: PathBuf,
    /// How many seconds to wait for it.
    #[arg(long, default_value_t = 3300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    patience: u64,
}

/// Asks for a backup and waits for it.
///
/// # Errors
/// Why there is none.
pub async fn run(args: Args) -> anyhow::Result<()> {
    // Another provider that is there already serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let gateway = ControlPlane::gateway(&args.gateway, &args.token_file)?;
    let until = Instant::now() + Duration::from_secs(args.patience);
    let mut id = None;
    loop {
        let why = match step(&gateway, &mut id).await? {
            Step::Kept(told) => {
                writeln!(io::stdout(), "{told}")?;
                return Ok(());
            }
            Step::Wait(why) => why,
        };
        if Instant::now() >= until {
            bail!("no backup within {} s: {why}", args.patience);
        }
        tokio::time::sleep(EVERY).await;
    }
}

enum Step {
    /// It is kept.
    Kept(String),
    /// Not yet, and why.
    Wait(String),
}

/// Asks once.
async fn step(gateway: &ControlPlane, id: &mut Option<uuid::Uuid>) -> anyhow::Result<Step> {
    let asked = match *id {
        None => gateway.post("/backups", "application/json", Vec::new()).await,
        Some(id) => gateway.get(&format!("/backups/{id}")).await,
    };
    let answered = match asked {
        Ok(answered) => answered,
        // It is started anew, or not there yet.
        Err(why) => return Ok(Step::Wait(why)),
    };
    match answered.status {
        200 | 202 => {}
        404 if id.is_some() => bail!("the gateway was started anew and has dropped the backup"),
        408 | 429 | 500.. => return Ok(Step::Wait(words(&answered))),
        _ => bail!("the gateway answered {}", words(&answered)),
    }
    let report: Report = serde_json::from_slice(&answered.body).context("the gateway's answer")?;
    *id = Some(report.id);
    match report.state {
        State::Running => Ok(Step::Wait(format!("backup {} is under way", report.id))),
        State::Failed { why } => bail!("backup {}: {why}", report.id),
        State::Kept { bytes, sha256, held_events } => Ok(Step::Kept(format!(
            "backup {}: {bytes} bytes, {held_events} events held, SHA-256 {sha256}: kept by the control plane",
            report.id
        ))),
    }
}
