//! From the spool to the ledger: in order, in batches, one at a time, until each event is
//! acknowledged or refused for good.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter};
use telemetry::shutdown::Shutdown;
use tokio::sync::watch;

use super::Time;
use super::answer::{Reject, Verdict, judge};
use super::heartbeat::Told;
use super::pace::Pace;
use super::plane::ControlPlane;
use super::spool::{Held, Refusal, Spool};
use crate::ledger::LedgerError;
use crate::store::StoreError;

/// Events in a request, at most: half of what the control plane takes.
pub const MOST_EVENTS: usize = 500;
/// Bytes of events in a request, at most.
const MOST_BYTES: usize = 2 * 1024 * 1024;
const BATCH: &str = "application/cloudevents-batch+json";
/// What the ledger says of a time that cannot be right.
const WRONG_TIME: [&str; 2] = ["time_in_future", "time_too_old"];

/// How forwarding goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwarding {
    /// What keeps it from going on, while something does.
    pub waits_for: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// When it is tried again.
    pub again_at: Option<Timestamp>,
    /// Failures in a row.
    pub failures: u32,
    /// When the control plane last answered for events.
    pub last_answer: Option<Timestamp>,
}

/// The one who forwards.
pub struct Forwarder {
    spool: Arc<Spool>,
    plane: Arc<ControlPlane>,
    time: Time,
    told: watch::Receiver<Told>,
    report: watch::Sender<Forwarding>,
    pace: Pace,
    /// How many events the next request has at most.
    most: usize,
    forwarded: Counter<u64>,
    failures: Counter<u64>,
}

impl Forwarder {
    /// From `spool` to `plane`, once that has `told` whose gateway this is.
    #[must_use]
    pub fn new(
        spool: Arc<Spool>,
        plane: Arc<ControlPlane>,
        time: Time,
        told: watch::Receiver<Told>,
        meter: &Meter,
    ) -> Self {
        let forwarded = meter
            .u64_counter("tenantry_gateway_forwarded_events")
            .with_description("Events that the control plane has answered for, by outcome")
            .build();
        let failures = meter
            .u64_counter("tenantry_gateway_forward_failures")
            .with_description("Requests to the control plane that settled nothing")
            .build();
        let (report, pace) = (watch::Sender::default(), Pace::default());
        Self { spool, plane, time, told, report, pace, most: MOST_EVENTS, forwarded, failures }
    }

    /// Tells how it goes.
    #[must_use]
    pub fn report(&self) -> watch::Receiver<Forwarding> {
        self.report.subscribe()
    }

    /// Forwards until `stop`.
    pub async fn run(mut self, stop: Shutdown) {
        tokio::select! {
            () = self.forward() => {}
            () = stop.cancelled() => {}
        }
    }

    async fn forward(&mut self) {
        let mut changes = self.spool.changes();
        loop {
            changes.mark_unchanged();
            match self.step().await {
                Ok(true) => {}
                Ok(false) => {
                    if changes.changed().await.is_err() {
                        return;
                    }
                }
                Err((why, asked)) => self.wait(why, asked).await,
            }
        }
    }

    /// Settles the next batch; answers whether there was one.
    async fn step(&mut self) -> Result<bool, (String, Option<Duration>)> {
        let batch = self.spool.first(self.most, MOST_BYTES).await;
        let batch = batch.map_err(|error| (format!("the spool cannot be read: {error}"), None))?;
        let Some(last) = batch.last().map(|held| held.n) else { return Ok(false) };
        self.may_forward().map_err(|why| (why, None))?;
        let answered = self.plane.post("/usage/events", BATCH, body(&batch)).await;
        let answered = answered.map_err(|why| (why, None))?;
        let rejects = match judge(&answered, batch.len()) {
            Verdict::Settled(rejects) => rejects,
            Verdict::Smaller(reject) if batch.len() == 1 => vec![reject],
            Verdict::Smaller(_) => {
                self.most = batch.len() / 2;
                return Ok(true);
            }
            Verdict::Later { why, asked } => return Err((why, asked)),
        };
        if self.put_right(&batch, &rejects).await? {
            return Ok(true);
        }
        let refusals = refusals(&batch, &rejects);
        self.spool.settle(last, refusals).await.map_err(|error| (unsettled(&error), None))?;
        self.settled(batch.len(), &rejects);
        Ok(true)
    }

    /// Gives events the control plane's time that the gateway had stamped by a wrong clock, before it
    /// could know; whether there are any, and the batch is to be sent again.
    async fn put_right(
        &self,
        batch: &[Held],
        rejects: &[Reject],
    ) -> Result<bool, (String, Option<Duration>)> {
        let wrong = rejects.iter().filter(|reject| WRONG_TIME.contains(&reject.code.as_str()));
        let wrong: Vec<_> =
            wrong.filter_map(|reject| batch.get(reject.place)).map(|held| held.n).collect();
        if wrong.is_empty() {
            return Ok(false);
        }
        let (told, own) = (self.told.borrow().clone(), (self.time.clock)());
        let done = self.spool.stamp_anew(wrong, move |taken| told.put_right(taken, own)).await;
        let done = done.map_err(|error| (unsettled(&error), None))?;
        if done > 0 {
            tracing::warn!(events = done, "stamped by a clock that was wrong, and put right");
        }
        Ok(done > 0)
    }

    /// What was taken for one account never goes to another, whatever this gateway is bound to now.
    fn may_forward(&self) -> Result<(), String> {
        let told = self.told.borrow();
        match (&told.foreign, told.at) {
            (Some(why), _) => Err(why.clone()),
            (None, None) => Err(told.failing.clone().unwrap_or_else(|| {
                "the control plane has not said yet whose gateway this is".to_owned()
            })),
            (None, Some(_)) => Ok(()),
        }
    }

    fn settled(&mut self, events: usize, rejects: &[Reject]) {
        for Reject { code, .. } in rejects {
            tracing::warn!(code, "the ledger does not take an event; see /status");
        }
        let refused = rejects.len();
        for (outcome, count) in [("taken", events - refused), ("refused", refused)] {
            if count > 0 {
                self.forwarded.add(count as u64, &[KeyValue::new("outcome", outcome)]);
            }
        }
        self.pace.reset();
        self.most = (self.most * 2).clamp(1, MOST_EVENTS);
        let now = (self.time.clock)();
        let forwarding = Forwarding { last_answer: Some(now), ..Forwarding::default() };
        self.report.send_replace(forwarding);
    }

    async fn wait(&mut self, why: String, asked: Option<Duration>) {
        let wait = self.pace.failed(asked, chance());
        let now = (self.time.clock)();
        self.failures.add(1, &[]);
        if self.report.borrow().waits_for.as_ref() != Some(&why) {
            tracing::warn!(why, "events wait");
        }
        self.report.send_modify(|report| {
            report.since = report.since.or(Some(now));
            report.waits_for = Some(why);
            report.again_at = now.checked_add(wait).ok();
            report.failures = self.pace.failures();
        });
        (self.time.sleep)(wait).await;
    }
}

/// They are in the ledger; sending them again does no harm.
fn unsettled(error: &LedgerError) -> String {
    match error {
        LedgerError::Store(StoreError::Full(_)) => {
            "the gateway's disk is full: events that were sent cannot leave yet".to_owned()
        }
        other => format!("the spool cannot be written: {other}"),
    }
}

/// The events as one JSON list, each as it is held.
fn body(batch: &[Held]) -> Vec<u8> {
    let events: Vec<&str> = batch.iter().map(|held| held.event.as_str()).collect();
    format!("[{}]", events.join(",")).into_bytes()
}

fn refusals(batch: &[Held], rejects: &[Reject]) -> Vec<Refusal> {
    let of = |reject: &Reject| {
        let Reject { place, code, detail } = reject.clone();
        batch.get(place).map(|held| Refusal { n: held.n, code, detail })
    };
    rejects.iter().filter_map(of).collect()
}

/// Without randomness everybody waits as long, which is no worse than that.
pub(super) fn chance() -> u32 {
    let mut bytes = [0; 4];
    let _ = getrandom::fill(&mut bytes);
    u32::from_le_bytes(bytes)
}
