//! Backups: a copy of the spool that is sent to the control plane when the backup job asks for it.
//!
//! One at a time. The copy stands beside the spool until it is sent, and only takes room that the
//! spool itself could never use.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use jiff::Timestamp;
use opentelemetry::metrics::Meter;
use serde::{Deserialize, Serialize};
use telemetry::shutdown::Shutdown;
use tokio::sync::{Notify, mpsc, watch};
use uuid::Uuid;

use super::Time;
use super::answer::{Answered, words};
use super::forward::chance;
use super::heartbeat::Told;
use super::pace::Pace;
use super::plane::{ControlPlane, Upload};
use super::spool::Spool;
use crate::auth::kept::replace;
use crate::backup::SpoolOf;
use crate::backup::spool::{self, SpoolCopy};
use crate::http::layers::UPLOAD_TIME;
use crate::ledger::heads::hex;
use crate::routes::backups::{BackupOut, MEDIA_TYPE, digest};

mod awaited;
mod gauges;

use awaited::Awaited;

/// How often a backup is sent before it is given up: some ten minutes.
const MOST_TRIES: u32 = 16;
/// How much of a copy is read at once, in bytes.
const PIECE: usize = 64 * 1024;
/// How many pieces wait to be sent.
const PIECES: usize = 4;
/// Beside the spool: what is said of the newest backup that is kept, for a gateway that is started anew.
const NEWEST: &str = "newest-backup.json";

/// What became of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum State {
    /// It is being made or sent.
    Running,
    /// The control plane keeps it.
    Kept {
        /// Its size.
        bytes: u64,
        /// Its SHA-256, in hexadecimal.
        sha256: String,
        /// Events in it that were not known to be in the ledger.
        held_events: u64,
    },
    /// It is not kept.
    Failed {
        /// Why.
        why: String,
    },
}

/// A backup that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Its id.
    pub id: Uuid,
    /// When it was asked for.
    pub began_at: Timestamp,
    /// Since when it stands so.
    pub since: Timestamp,
    /// What became of it.
    #[serde(flatten)]
    pub state: State,
}

/// What a backup is made of and whom it is sent to.
pub struct Parts {
    /// The tenant's name.
    pub tenant: String,
    /// The spool's folder.
    pub folder: PathBuf,
    /// The spool.
    pub spool: Arc<Spool>,
    /// Who keeps it.
    pub plane: Arc<ControlPlane>,
    /// Tells the time, and waits.
    pub time: Time,
    /// What the control plane said, and so whose gateway this is.
    pub told: watch::Receiver<Told>,
    /// How many seconds it is at most from one that is scheduled to the next; none where nothing schedules them.
    pub interval: Option<u64>,
}

/// Who makes them.
pub struct Backups {
    parts: Parts,
    last: Mutex<Option<Report>>,
    kept: watch::Sender<Option<Newest>>,
    asked: Notify,
}

/// The newest backup that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Newest {
    /// When it was made.
    made_at: Timestamp,
    /// Its size.
    bytes: u64,
}

impl Newest {
    /// As a gateway before this one left it. One that cannot be read is as none: the next backup says it anew.
    fn read(folder: &Path) -> Option<Self> {
        let file = folder.join(NEWEST);
        let bytes = std::fs::read(&file).ok()?;
        let read = serde_json::from_slice(&bytes);
        read.inspect_err(|error| tracing::warn!(file = %file.display(), %error, "unreadable")).ok()
    }

    fn write(self, folder: &Path) -> std::io::Result<()> {
        replace(&folder.join(NEWEST), &serde_json::to_vec(&self)?)
    }
}

impl Backups {
    /// Nothing was asked for yet. What a killed gateway left is removed.
    #[must_use]
    pub fn new(parts: Parts, meter: &Meter) -> Self {
        spool::clear(&parts.folder);
        let (kept, seen) = watch::channel(Newest::read(&parts.folder));
        gauges::tell(meter, &seen);
        if let Some(every) = parts.interval {
            let since = Awaited::since(&parts.folder, (parts.time.clock)());
            gauges::expect(meter, &seen, every, since);
        } else {
            Awaited::forget(&parts.folder);
        }
        Self { parts, last: Mutex::default(), kept, asked: Notify::new() }
    }

    /// Asks for one; answers the one that is being made, if there is one.
    pub fn ask(&self) -> Report {
        let mut last = self.last();
        if let Some(report) = last.as_ref().filter(|report| report.state == State::Running) {
            return report.clone();
        }
        let now = (self.parts.time.clock)();
        let report =
            Report { id: Uuid::now_v7(), began_at: now, since: now, state: State::Running };
        *last = Some(report.clone());
        self.asked.notify_one();
        report
    }

    /// The last one that was asked for.
    #[must_use]
    pub fn report(&self) -> Option<Report> {
        self.last().clone()
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<Report>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes what is asked for until `stop`.
    pub async fn run(&self, stop: Shutdown) {
        tokio::select! {
            () = self.work() => {}
            () = stop.cancelled() => {}
        }
    }

    async fn work(&self) {
        loop {
            self.asked.notified().await;
            let Some(Report { id, began_at, state: State::Running, .. }) = self.report() else {
                continue;
            };
            let state = match self.make(id, began_at).await {
                Ok(kept) => kept,
                Err(why) => {
                    tracing::warn!(%id, why, "no backup");
                    State::Failed { why }
                }
            };
            if let State::Kept { bytes, .. } = state {
                self.keep(Newest { made_at: began_at, bytes }).await;
            }
            let since = (self.parts.time.clock)();
            *self.last() = Some(Report { id, began_at, since, state });
        }
    }

    /// Says so, also after a restart.
    async fn keep(&self, newest: Newest) {
        self.kept.send_replace(Some(newest));
        let folder = self.parts.folder.clone();
        let written = tokio::task::spawn_blocking(move || newest.write(&folder)).await;
        if let Err(error) = written.map_err(std::io::Error::other).flatten() {
            tracing::warn!(%error, "a gateway that is started anew will not know of the newest backup");
        }
    }

    async fn make(&self, id: Uuid, now: Timestamp) -> Result<State, String> {
        let Parts { tenant, folder, spool, .. } = &self.parts;
        let of = SpoolOf { tenant: tenant.clone(), account: self.account()? };
        spool.has_room_for_copy().await?;
        let copy = SpoolCopy::make(folder, of, now).await.map_err(|error| format!("{error:#}"))?;
        let kept = self.send(id, &copy).await?;
        let sha256 = hex(&copy.sha256);
        if kept.sha256 != sha256 {
            return Err(format!("the control plane keeps another SHA-256 of {id}"));
        }
        tracing::info!(%id, bytes = copy.bytes, sha256, held = copy.held, "backup kept");
        let held_events = u64::try_from(copy.held).unwrap_or(0);
        Ok(State::Kept { bytes: copy.bytes, sha256, held_events })
    }

    /// Whose the spool is. A copy of another account's would be refused.
    fn account(&self) -> Result<String, String> {
        let told = self.parts.told.borrow();
        match (&told.foreign, &told.account) {
            (Some(why), _) => Err(why.clone()),
            (None, Some(account)) => Ok(account.to_string()),
            (None, None) => Err("the account is not known yet".to_owned()),
        }
    }

    /// Sends it until it is kept, refused, or was tried often.
    async fn send(&self, id: Uuid, copy: &SpoolCopy) -> Result<BackupOut, String> {
        let (path, mut pace) = (format!("/backups/{id}"), Pace::default());
        loop {
            let upload = Upload {
                media_type: MEDIA_TYPE,
                digest: digest(&copy.sha256),
                bytes: copy.bytes,
                body: pieces(copy)?,
                patience: UPLOAD_TIME,
            };
            let (why, asked) = match self.parts.plane.put(&path, upload).await {
                Ok(Answered { status: 200 | 201, body, .. }) => {
                    return serde_json::from_slice(&body).map_err(|error| error.to_string());
                }
                Ok(answered) => {
                    let why = format!("the control plane answered {}", words(&answered));
                    if !matches!(answered.status, 401 | 408 | 429 | 500..) {
                        return Err(why);
                    }
                    (why, answered.retry_after)
                }
                Err(why) => (why, None),
            };
            if pace.failures() >= MOST_TRIES {
                return Err(why);
            }
            tracing::warn!(%id, why, "a backup was not taken; it is sent again");
            (self.parts.time.sleep)(pace.failed(asked, chance())).await;
        }
    }
}

/// A copy's bytes, as fast as they are taken.
fn pieces(copy: &SpoolCopy) -> Result<BoxStream<'static, std::io::Result<Bytes>>, String> {
    let mut from = copy.read().map_err(|error| format!("{error:#}"))?;
    let (into, pieces) = mpsc::channel(PIECES);
    // It ends with its stream, which nobody reads from then on.
    tokio::task::spawn_blocking(move || {
        loop {
            let mut piece = vec![0; PIECE];
            let read = match from.read(&mut piece) {
                Ok(0) => return,
                Ok(size) => {
                    piece.truncate(size);
                    Ok(Bytes::from(piece))
                }
                Err(error) => Err(error),
            };
            let failed = read.is_err();
            if into.blocking_send(read).is_err() || failed {
                return;
            }
        }
    });
    Ok(stream::unfold(pieces, async |mut pieces| Some((pieces.recv().await?, pieces))).boxed())
}
