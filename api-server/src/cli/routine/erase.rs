//! Contacts that are kept longer than they may be, erased.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::json;

use super::{AGAIN, retention};
use crate::gateway::answer::words;
use crate::gateway::plane::ControlPlane;
use crate::routes::audit::retention::RetentionAudit;

/// Erases the contacts that are overdue, as many as the round that was written down before has in it; answers
/// how many, and whether more are. Each is an erasure of its own, in the server's record of them.
///
/// # Errors
/// What the server would not do; what was erased stays so.
pub(super) async fn contacts(
    server: &ControlPlane,
    days: u32,
    day: &str,
    until: Instant,
) -> anyhow::Result<(usize, bool)> {
    let path = retention(days, None) + "format=json";
    let reason = format!("kept for more than {days} days");
    let reference = format!("retention audit of {day}");
    let mut erased = 0;
    for request in overdue(server, &path).await? {
        let erasure =
            json!({"subject": {"intake": request}, "reason": reason, "reference": reference});
        let body = erasure.to_string();
        let done = erase(server, &body, until).await;
        done.with_context(|| format!("{erased} contacts are erased; then it could not go on"))?;
        erased += 1;
    }
    Ok((erased, !overdue(server, &path).await?.is_empty()))
}

/// One erasure. More of them than the server takes in a second wait.
async fn erase(server: &ControlPlane, body: &str, until: Instant) -> anyhow::Result<()> {
    loop {
        let sent = server.post("/erasures", "application/json", body.as_bytes().to_vec()).await;
        let answered = sent.map_err(anyhow::Error::msg)?;
        if answered.status == 200 {
            return Ok(());
        }
        let wait = answered.retry_after.unwrap_or(AGAIN).min(Duration::from_secs(60));
        if answered.status != 429 || Instant::now() + wait >= until {
            bail!("the API server answered {}", words(&answered));
        }
        tokio::time::sleep(wait).await;
    }
}

/// The requests whose contacts are overdue, the oldest.
async fn overdue(server: &ControlPlane, path: &str) -> anyhow::Result<Vec<String>> {
    let answered = server.get(path).await.map_err(anyhow::Error::msg)?;
    if answered.status != 200 {
        bail!("the API server answered {} to {path}", words(&answered));
    }
    let audit: RetentionAudit =
        serde_json::from_slice(&answered.body).context("the answer is no audit")?;
    Ok(audit.data.into_iter().filter_map(|overdue| overdue.request).collect())
}
