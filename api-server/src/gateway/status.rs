//! What a gateway shows of itself: `/status` beside its health, and gauges.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use opentelemetry::metrics::Meter;
use serde::Serialize;
use serde_json::Value;
use telemetry::shutdown::Shutdown;
use tokio::sync::watch;

use super::backup::{Backups, Report};
use super::forward::Forwarding;
use super::heartbeat::Told;
use super::spool::{self, Spool};
use super::trust::MAX_STALE;
use crate::auth::Verifier;
use crate::auth::caller::Clock;
use crate::ledger::Health;

/// How many refused events are shown.
const SHOWN: u32 = 20;

/// What the status is made from.
#[derive(Clone)]
pub struct Sources {
    /// The tenant's name.
    pub tenant: String,
    /// The gateway's namespace.
    pub namespace: String,
    /// What is held.
    pub spool: Arc<Spool>,
    /// Who makes backups.
    pub backups: Arc<Backups>,
    /// How forwarding goes.
    pub forwarding: watch::Receiver<Forwarding>,
    /// What the control plane said.
    pub told: watch::Receiver<Told>,
    /// Whose keys are known.
    pub verifier: Arc<Verifier>,
    /// What time it is.
    pub clock: Clock,
}

/// `/status`.
#[derive(Debug, Serialize)]
struct Status {
    version: &'static str,
    tenant: String,
    namespace: String,
    account: Option<String>,
    now: Timestamp,
    /// Why nothing is taken, while that is so.
    takes_nothing_because: Option<String>,
    held: HeldOut,
    forwarding: ForwardingOut,
    refused: RefusedOut,
    control_plane: PlaneOut,
    keys: KeysOut,
    /// The last one that was asked for since the start.
    backup: Option<Report>,
    sealed: bool,
}

#[derive(Debug, Serialize)]
struct HeldOut {
    events: u64,
    bytes: u64,
    limit_bytes: u64,
    oldest: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct ForwardingOut {
    /// Why events wait, while they do.
    waits_for: Option<String>,
    since: Option<Timestamp>,
    again_at: Option<Timestamp>,
    failures: u32,
    last_answer: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct RefusedOut {
    /// Ever.
    events: u64,
    latest: Vec<RefusedEvent>,
}

#[derive(Debug, Serialize)]
struct RefusedEvent {
    source: Value,
    id: Value,
    #[serde(rename = "type")]
    kind: Value,
    time: Value,
    code: String,
    detail: String,
    taken_at: Timestamp,
    refused_at: Timestamp,
}

#[derive(Debug, Serialize)]
struct PlaneOut {
    heard_at: Option<Timestamp>,
    failing: Option<String>,
    drain: bool,
    clock_ahead_ms: i64,
}

#[derive(Debug, Serialize)]
struct KeysOut {
    age_seconds: Option<u64>,
    good_for_seconds: Option<u64>,
}

/// The route `/status`.
pub fn router(sources: Sources) -> Router {
    Router::new().route("/status", get(show)).with_state(sources)
}

async fn show(State(sources): State<Sources>) -> Response {
    match status(&sources).await {
        Ok(status) => Json(status).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn status(sources: &Sources) -> Result<Status, crate::store::StoreError> {
    let state = sources.spool.state().await?;
    let latest = sources.spool.refused(SHOWN).await?.into_iter().map(refused).collect();
    let told = sources.told.borrow().clone();
    let forwarding = sources.forwarding.borrow().clone();
    let age = sources.verifier.issuers().iter().find_map(|issuer| issuer.keys().age());
    let limit_bytes = sources.spool.limit();
    Ok(Status {
        version: env!("CARGO_PKG_VERSION"),
        tenant: sources.tenant.clone(),
        namespace: sources.namespace.clone(),
        account: told.account.as_ref().map(ToString::to_string),
        now: (sources.clock)(),
        takes_nothing_because: closed(sources, &told, &state),
        held: HeldOut {
            events: state.events,
            bytes: state.bytes,
            limit_bytes,
            oldest: state.oldest,
        },
        forwarding: ForwardingOut {
            waits_for: forwarding.waits_for,
            since: forwarding.since,
            again_at: forwarding.again_at,
            failures: forwarding.failures,
            last_answer: forwarding.last_answer,
        },
        refused: RefusedOut { events: state.refused, latest },
        control_plane: PlaneOut {
            heard_at: told.at,
            failing: told.failing,
            drain: told.drain,
            clock_ahead_ms: told.ahead_ms,
        },
        keys: KeysOut {
            age_seconds: age.map(|age| age.as_secs()),
            good_for_seconds: age.map(|age| MAX_STALE.saturating_sub(age).as_secs()),
        },
        backup: sources.backups.report(),
        sealed: state.sealed,
    })
}

fn closed(sources: &Sources, told: &Told, state: &spool::State) -> Option<String> {
    let health = sources.spool.health().borrow().clone();
    let keys = sources.verifier.issuers().iter().any(|issuer| issuer.keys().usable());
    match health {
        Health::Full(why) => Some(format!("the disk is full: {why}")),
        Health::Away(why) | Health::Broken(why) => Some(format!("the storage failed: {why}")),
        Health::Ready if !sources.spool.has_room() => {
            Some("the disk has no room for what it takes to let events go".to_owned())
        }
        Health::Ready if state.sealed => Some("sealed: the tenant is being removed".to_owned()),
        // What comes next may be smaller than what was refused, so this is nearly so.
        Health::Ready if state.bytes >= sources.spool.limit() => {
            Some("the spool is full".to_owned())
        }
        Health::Ready if told.foreign.is_some() => told.foreign.clone(),
        Health::Ready if told.account.is_none() => Some("the account is not known yet".to_owned()),
        Health::Ready if !keys => Some("there are no keys to know senders by".to_owned()),
        Health::Ready => None,
    }
}

fn refused(refused: spool::Refused) -> RefusedEvent {
    let spool::Refused { event, taken, code, detail, refused } = refused;
    let event: Value = serde_json::from_str(&event).unwrap_or_default();
    let member = |name: &str| event.get(name).cloned().unwrap_or_default();
    RefusedEvent {
        source: member("source"),
        id: member("id"),
        kind: member("type"),
        time: member("time"),
        code,
        detail,
        taken_at: taken,
        refused_at: refused,
    }
}

/// What gauges show, as it was last looked at.
#[derive(Default)]
struct Seen {
    events: AtomicU64,
    bytes: AtomicU64,
    /// In milliseconds; 0 when nothing is held.
    oldest: AtomicU64,
}

/// Keeps the gauges true until `stop`.
pub async fn observe(sources: Sources, meter: Meter, stop: Shutdown) {
    let Sources { spool, told, clock, .. } = sources;
    let seen = Arc::new(Seen::default());
    gauges(&meter, &seen, clock, spool.limit());
    clock_ahead(&meter, told);
    let mut changes = spool.changes();
    let mut stopped = std::pin::pin!(stop.cancelled());
    loop {
        changes.mark_unchanged();
        if let Ok(state) = spool.state().await {
            let oldest = state.oldest.map_or(0, |at| at.as_millisecond().unsigned_abs());
            seen.events.store(state.events, Ordering::Relaxed);
            seen.bytes.store(state.bytes, Ordering::Relaxed);
            seen.oldest.store(oldest, Ordering::Relaxed);
        }
        tokio::select! {
            () = &mut stopped => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

/// Nothing until the control plane was heard.
fn clock_ahead(meter: &Meter, told: watch::Receiver<Told>) {
    let _ = meter
        .i64_observable_gauge("tenantry_gateway_clock_ahead")
        .with_description("How far the gateway's clock is ahead of the control plane's")
        .with_unit("s")
        .with_callback(move |gauge| {
            let told = told.borrow();
            if told.at.is_some() {
                gauge.observe(told.ahead_ms / 1000, &[]);
            }
        })
        .build();
}

fn gauges(meter: &Meter, seen: &Arc<Seen>, clock: Clock, limit: u64) {
    let gauge = |name: &'static str, what: &'static str, unit: &'static str| {
        meter.u64_observable_gauge(name).with_description(what).with_unit(unit)
    };
    // The provider keeps the callbacks; the handles are of no use.
    let of = seen.clone();
    let _ = gauge("tenantry_gateway_held_events", "Events that are held", "")
        .with_callback(move |gauge| gauge.observe(of.events.load(Ordering::Relaxed), &[]))
        .build();
    let of = seen.clone();
    let _ = gauge("tenantry_gateway_held", "Size of the events that are held", "By")
        .with_callback(move |gauge| gauge.observe(of.bytes.load(Ordering::Relaxed), &[]))
        .build();
    let _ = gauge("tenantry_gateway_limit", "What may be held", "By")
        .with_callback(move |gauge| gauge.observe(limit, &[]))
        .build();
    let of = seen.clone();
    let _ = gauge("tenantry_gateway_oldest_age", "Age of the first event that is held", "s")
        .with_callback(move |gauge| {
            let oldest = of.oldest.load(Ordering::Relaxed);
            let now = clock().as_millisecond().unsigned_abs();
            let age = if oldest == 0 { 0 } else { now.saturating_sub(oldest) / 1000 };
            gauge.observe(age, &[]);
        })
        .build();
}
