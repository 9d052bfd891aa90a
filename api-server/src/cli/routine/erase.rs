//! Contacts that are kept longer than they may be, erased.

use anyhow::{Context, bail};
use jiff::civil::Date;
use serde_json::{Value, json};

use super::{patience::Patience, retention, rows::Format};
use crate::gateway::answer::words;
use crate::gateway::plane::ControlPlane;
use crate::routes::audit::retention::RetentionAudit;

/// Erases the contacts of these requests, which a round of a day wrote down as kept for more than so many days;
/// answers how many, and whether more are overdue. Each is an erasure of its own, in the server's record of them.
///
/// # Errors
/// What the server would not do; what was erased stays so.
pub(super) async fn contacts(
    server: &ControlPlane,
    requests: &[String],
    (days, day): (u32, Date),
    patience: Patience,
) -> anyhow::Result<(usize, bool)> {
    let reason = format!("kept for more than {days} days");
    let reference = format!("retention audit of {day}");
    for (erased, request) in requests.iter().enumerate() {
        let erasure =
            json!({"subject": {"intake": request}, "reason": reason, "reference": reference});
        let done = erase(server, &erasure.to_string(), patience).await;
        done.with_context(|| format!("{erased} contacts are erased; then it could not go on"))?;
    }
    Ok((requests.len(), more(server, days).await?))
}

/// One erasure. More of them than the server takes in a second wait.
async fn erase(server: &ControlPlane, body: &str, patience: Patience) -> anyhow::Result<()> {
    loop {
        let sent = server.post("/erasures", "application/json", body.as_bytes().to_vec()).await;
        let answered = sent.map_err(anyhow::Error::msg)?;
        if answered.status == 200 {
            return Ok(());
        }
        if answered.status != 429 || !patience.lasts(answered.retry_after).await {
            bail!("the API server answered {}", words(&answered));
        }
    }
}

/// Whether contacts are overdue.
async fn more(server: &ControlPlane, days: u32) -> anyhow::Result<bool> {
    let path = retention(days, None) + "format=json";
    let answered = server.get(&path).await.map_err(anyhow::Error::msg)?;
    if answered.status != 200 {
        bail!("the API server answered {} to {path}", words(&answered));
    }
    let audit: RetentionAudit =
        serde_json::from_slice(&answered.body).context("the answer is no audit")?;
    Ok(audit.data.iter().any(|overdue| overdue.request.is_some()))
}

/// The requests whose contacts stand in what a round has written.
///
/// # Errors
/// What is no such file.
pub(super) fn overdue(format: Format, text: &str) -> anyhow::Result<Vec<String>> {
    match format {
        Format::Ndjson => {
            let rows = text.lines().map(serde_json::from_str::<Value>);
            let rows: Vec<Value> = rows.collect::<Result<_, _>>().context("a line is no JSON")?;
            let requests = rows.iter().filter_map(|row| row.get("request")?.as_str());
            Ok(requests.map(str::to_owned).collect())
        }
        Format::Csv => {
            // The first two columns have words of the server's own: no cell before the request needs reading.
            let (head, rows) = text.split_once("\r\n").context("there is no head")?;
            if !head.starts_with("\"kind\",\"request\",") {
                bail!("the columns are not those of a retention audit: {head}");
            }
            let request = |row: &str| Some(row.split('"').nth(3)?.to_owned());
            let requests = rows.split("\r\n").filter_map(request);
            Ok(requests.filter(|request| !request.is_empty()).collect())
        }
        Format::Calls | Format::Json | Format::Html => bail!("a retention audit is a table"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_down_is_read_back() {
        let table = "\"kind\",\"request\",\"account\",\"since\",\"remedy\"\r\n\
             \"request_contact\",\"r-1\",\"\",\"2026-01-01T00:00:00Z\",\"say \"\"erase\"\", then\"\r\n\
             \"event_attributes\",\"\",\"acme\",\"2026-01-01T00:00:00Z\",\"x\"\r\n\
             \"request_contact\",\"r-2\",\"\",\"2026-01-01T00:00:00Z\",\"x\"\r\n";
        assert_eq!(overdue(Format::Csv, table).unwrap(), ["r-1", "r-2"]);
        let lines = "{\"kind\":\"request_contact\",\"request\":\"r-1\"}\n{\"request\":null}\n";
        assert_eq!(overdue(Format::Ndjson, lines).unwrap(), ["r-1"]);
        assert!(overdue(Format::Csv, "\"account\",\"kind\"\r\n").is_err());
        assert!(overdue(Format::Ndjson, "no JSON\n").is_err());
        assert!(overdue(Format::Html, table).is_err());
    }
}
