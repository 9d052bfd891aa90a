//! `usage.json`: what every account came to, with what was agreed when it was taken on, for who reads
//! files.
//!
//! The file is written anew beside the old one, made durable and put in its place at once: whoever
//! reads it sees the old or the new one, whole. [`Entry`] says what is in it of each account; its names come in the
//! same order each time.

use std::{
    fs::File as Disk,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::{
    domain::{Money, Ppm},
    store::{
        Session, Store, StoreError, onboarding,
        snapshots::{self, Filter, Listed, Query, SnapshotRow, Sort, level_name},
    },
};

/// The file's name in the ledger's folder.
pub const FILE: &str = "usage.json";
const BESIDE: &str = "usage.json.new";

/// Accounts that are read at a time.
const PAGE: u32 = 200;

/// Why it was not written; the one before stays.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The file.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// Reading the ledger.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An account in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its id.
    pub account: String,
    /// The customer's name.
    pub name: String,
    /// What the customer said when it was taken on; null of accounts that came another way.
    pub onboarding: Option<Artefacts>,
    /// The plan that it is on.
    pub plan: Option<Plan>,
    /// When the figures were computed.
    pub as_of: Timestamp,
    /// Until when they may be acted on.
    pub valid_until: Timestamp,
    /// The newest row that they count.
    pub ledger_seq: i64,
    /// By which formulas.
    pub formula_version: u32,
    /// Whether something that they were computed from has changed since.
    pub stale: bool,
    /// Health from 0 to 1; null when nothing is known.
    pub health: Option<String>,
    /// How much of what health is made of is known, from 0 to 1.
    pub coverage: String,
    /// `healthy`, `flagged` or `insufficient_data`.
    pub standing: &'static str,
    /// Whether somebody should call, and why.
    pub flagged: bool,
    /// Why.
    pub reason: Option<String>,
    /// `ok`, `soft` or `hard`.
    pub level: &'static str,
    /// The highest share of a quota; null without quota.
    pub usage_ratio: Option<String>,
    /// The meter that has it.
    pub meter: Option<&'static str>,
    /// What the period will cost; null while it is too early to say.
    pub projected_cost: Option<Cost>,
}

/// What was agreed when an account was taken on, as it stood in the form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Artefacts {
    /// The form's departments.
    pub departments: Value,
    /// Its assumptions about what saved time is worth.
    pub roi_assumptions: Value,
    /// The day on which work was to begin.
    pub go_live_date: Value,
}

/// A version of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Its key.
    pub key: String,
    /// Its version.
    pub version: u32,
}

/// A cost with its 80 % interval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// The mean.
    pub amount: String,
    /// The lower edge.
    pub low: String,
    /// The upper edge.
    pub high: String,
    /// ISO 4217.
    pub currency: String,
}

/// Writes `usage.json` into a ledger's folder, from one snapshot of the ledger.
///
/// # Errors
/// [`ExportError`]; then the file is as it was.
pub async fn write(store: &Store, now: Timestamp) -> Result<(), ExportError> {
    let folder = store.folder().to_owned();
    let beside = folder.join(BESIDE);
    let failed = |source| ExportError::File { path: beside.clone(), source };
    let mut file = BufWriter::new(Disk::create(&beside).map_err(failed)?);
    write!(file, "{{\"as_of\":\"{now}\",\"accounts\":[").map_err(failed)?;
    let mut session = store.read().await?;
    let (mut after, mut separator) = (None, "\n");
    loop {
        let query = Query {
            filter: Filter::default(),
            sort: Sort::Account,
            descending: false,
            after,
            limit: PAGE,
        };
        let page = snapshots::page(&mut session, &query).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.position(Sort::Account));
        for listed in page {
            let entry = entry(&mut session, listed).await?;
            let text = serde_json::to_string(&entry)
                .map_err(|error| StoreError::Unreadable(error.to_string()))?;
            write!(file, "{separator}{text}").map_err(failed)?;
            separator = ",\n";
        }
    }
    drop(session);
    file.write_all(b"\n]}\n").map_err(failed)?;
    let disk = file.into_inner().map_err(|error| failed(error.into_error()))?;
    let placed = tokio::task::spawn_blocking(move || place(&disk, &folder));
    placed.await.map_err(|error| failed(std::io::Error::other(error)))?.map_err(failed)
}

/// Makes the new file durable and puts it in the place of the old one, durably.
fn place(disk: &Disk, folder: &Path) -> std::io::Result<()> {
    disk.sync_all()?;
    std::fs::rename(folder.join(BESIDE), folder.join(FILE))?;
    Disk::open(folder)?.sync_all()
}

async fn entry(session: &mut Session, listed: Listed) -> Result<Entry, StoreError> {
    let Listed { row, name, behind, .. } = listed;
    let intake = onboarding::of_account(session, &row.account).await?;
    let onboarding = intake.map(|intake| artefacts(&intake.form)).transpose()?;
    let SnapshotRow { health, coverage, highest, cost, .. } = &row;
    Ok(Entry {
        account: row.account.to_string(),
        name,
        onboarding,
        plan: row.plan.as_ref().map(|id| Plan { key: id.plan.clone(), version: id.version }),
        as_of: row.computed_at,
        valid_until: row.valid_until,
        ledger_seq: row.ledger_seq,
        formula_version: row.formula_version,
        stale: row.stale || behind > 0,
        health: health.map(|health| Ppm::from(health).to_string()),
        coverage: Ppm::from(*coverage).to_string(),
        standing: row.standing.name(),
        flagged: row.flagged,
        reason: row.reason.clone(),
        level: level_name(row.level),
        usage_ratio: highest.map(|(_, ratio)| ratio.to_string()),
        meter: highest.map(|(meter, _)| meter.name()),
        projected_cost: cost.map(|(mean, low, high)| Cost {
            amount: mean.amount(),
            low: low.amount(),
            high: high.amount(),
            currency: Money::currency(mean).code().to_owned(),
        }),
    })
}

fn artefacts(form: &str) -> Result<Artefacts, StoreError> {
    let mut form: Value = serde_json::from_str(form)
        .map_err(|error| StoreError::Unreadable(format!("intakes.form: {error}")))?;
    let mut take = |name: &str| form.get_mut(name).map(Value::take).unwrap_or_default();
    Ok(Artefacts {
        departments: take("departments"),
        roi_assumptions: take("roi"),
        go_live_date: take("go_live_date"),
    })
}
