//! Who wrote what and when, by the API server's own log.

use std::{
    io::{Read, Seek, SeekFrom},
    path::PathBuf,
    time::Duration,
};

use anyhow::bail;
use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;

const OPERATOR: &str = "system:serviceaccount:tenantry-system:tenantry-operator";

/// One request, as the log has it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    verb: String,
    user: User,
    #[serde(default)]
    object_ref: About,
    #[serde(default)]
    response_status: Status,
    stage_timestamp: Timestamp,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Default, Deserialize)]
struct About {
    #[serde(default)]
    resource: String,
    #[serde(default)]
    subresource: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    name: String,
}

#[derive(Default, Deserialize)]
struct Status {
    #[serde(default)]
    code: u16,
}

/// A write of the operator.
pub struct Write {
    /// `create`, `patch`, …
    pub verb: String,
    /// Plural, with `/subresource`.
    pub resource: String,
    /// The namespace, or for a namespace its name.
    pub namespace: String,
    /// The HTTP code.
    pub code: u16,
    /// When it was answered.
    pub at: Timestamp,
}

/// The log, read on from where it was left.
pub struct Audit {
    path: PathBuf,
    place: u64,
}

impl Audit {
    /// From the log's end on.
    pub fn from_now(path: PathBuf) -> anyhow::Result<Self> {
        let place = std::fs::metadata(&path)?.len();
        Ok(Self { path, place })
    }

    /// The whole lines since the last call.
    fn lines(&mut self) -> anyhow::Result<String> {
        let mut file = std::fs::File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.place))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        bytes.truncate(bytes.iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1));
        self.place += bytes.len() as u64;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The operator's writes since the last call; its lease is left out.
    pub fn writes(&mut self) -> anyhow::Result<Vec<Write>> {
        let text = self.lines()?;
        let by_operator = text.lines().filter(|line| line.contains(OPERATOR));
        let entries = by_operator.filter_map(|line| serde_json::from_str::<Entry>(line).ok());
        let written = entries.filter(|e| {
            e.user.username == OPERATOR
                && !matches!(e.verb.as_str(), "get" | "list" | "watch")
                && e.object_ref.resource != "leases"
        });
        let write = |e: Entry| {
            let about = e.object_ref;
            let sub = if about.subresource.is_empty() { "" } else { "/" };
            let namespace = match about.resource.as_str() {
                "namespaces" => about.name,
                _ => about.namespace,
            };
            let resource = format!("{}{sub}{}", about.resource, about.subresource);
            Write {
                verb: e.verb,
                resource,
                namespace,
                code: e.response_status.code,
                at: e.stage_timestamp,
            }
        };
        Ok(written.map(write).collect())
    }

    /// Reads on until `count` of the writes that `which` accepts have come: all writes meanwhile,
    /// and when the last of them was answered.
    pub async fn until(
        &mut self,
        count: usize,
        which: impl Fn(&Write) -> bool,
    ) -> anyhow::Result<(Vec<Write>, Timestamp)> {
        let (mut all, mut seen, mut last) = (Vec::new(), 0, Timestamp::UNIX_EPOCH);
        for _ in 0..3000 {
            let new = self.writes()?;
            for write in new.iter().filter(|w| which(w)) {
                seen += 1;
                last = last.max(write.at);
            }
            all.extend(new);
            if seen >= count {
                return Ok((all, last));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        bail!("only {seen} of {count} writes came in ten minutes")
    }

    /// Waits until nobody but leases' holders writes any more; the operator's writes meanwhile.
    pub async fn settle(&mut self) -> anyhow::Result<Vec<Write>> {
        let mut all = Vec::new();
        for _ in 0..150 {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let before = self.place;
            let busy = self.lines()?.lines().filter(|l| !l.contains("/leases/")).count();
            self.place = before;
            all.extend(self.writes()?);
            if busy <= 5 {
                return Ok(all);
            }
        }
        bail!("the cluster does not come to rest")
    }
}
