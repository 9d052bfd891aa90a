//! Contacts that are kept longer than they may be, erased.

use anyhow::{Context, bail};
use serde_json::json;

use super::retention;
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
) -> anyhow::Result<(usize, bool)> {
    let path = retention(days, None) + "format=json";
    let reason = format!("kept for more than {days} days");
    let reference = format!("retention audit of {day}");
    let mut erased = 0;
    for request in overdue(server, &path).await? {
        let erasure =
            json!({"subject": {"intake": request}, "reason": reason, "reference": reference});
        let body = erasure.to_string().into_bytes();
        let answered = server.post("/erasures", "application/json", body).await;
        let answered = answered.map_err(anyhow::Error::msg)?;
        if answered.status != 200 {
            bail!(
                "{erased} contacts are erased; then the API server answered {}",
                words(&answered)
            );
        }
        erased += 1;
    }
    Ok((erased, !overdue(server, &path).await?.is_empty()))
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
