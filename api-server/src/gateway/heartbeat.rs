//! Now and then the gateway tells the control plane how things stand, and hears whose gateway it is
//! and whether to drain: to take nothing more and hand over what is left.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use telemetry::shutdown::Shutdown;
use tokio::sync::watch;

use super::Time;
use super::plane::ControlPlane;
use super::spool::{Spool, State};
use crate::domain::account::AccountId;
use crate::routes::gateway::{HeartbeatIn, HeartbeatOut};

/// How often.
pub const EVERY: Duration = Duration::from_secs(60);
/// How soon after a failure, and while it drains, when somebody waits.
const SOON: Duration = Duration::from_secs(10);
/// How long a time that was given to an event is remembered.
const STAMPS: Duration = Duration::from_secs(31 * 24 * 3600);
/// How long an event that the ledger refused is kept.
const REFUSED: Duration = Duration::from_secs(30 * 24 * 3600);

/// By how much clocks may differ that count as the same, in milliseconds, beside what an answer took.
const SAME_MS: u64 = 2_000;
/// For how long what was heard says what time it is, however this clock is set meanwhile.
const FRESH: Duration = Duration::from_secs(600);

/// What the control plane said last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Whose gateway this is; from the spool until the control plane says it.
    pub account: Option<AccountId>,
    /// Why nothing is taken or forwarded though all works: the spool is another account's.
    pub foreign: Option<String>,
    /// Whether to drain.
    pub drain: bool,
    /// When it said so.
    pub at: Option<Timestamp>,
    /// How far this clock was ahead of the control plane's then, in milliseconds.
    pub ahead_ms: i64,
    /// By how much that may be wrong, since the answer took its time.
    pub unsure_ms: u64,
    /// The control plane's time, and when it was that here, on the clock that nobody sets.
    pub heard: Option<(Timestamp, Instant)>,
    /// Why it said nothing the last time.
    pub failing: Option<String>,
}

impl Told {
    /// What time it is now by the control plane's clock, when this one says `own`: the same until it
    /// was heard, and while the two agree.
    #[must_use]
    pub fn corrected(&self, own: Timestamp) -> Timestamp {
        let there = self.there(own);
        let apart = own.as_millisecond().abs_diff(there.as_millisecond());
        if apart <= SAME_MS.saturating_add(self.unsure_ms) { own } else { there }
    }

    /// When something was taken, by the control plane's clock, whose own time says `taken`, now that
    /// this clock says `own`. Nothing was taken in the future; and what was taken later than it is by a
    /// clock that is behind was put right when it was.
    #[must_use]
    pub fn put_right(&self, taken: Timestamp, own: Timestamp) -> Timestamp {
        let there = self.corrected(own);
        let behind = there.duration_since(own);
        if taken > there || (behind.is_positive() && taken <= own) {
            return taken.checked_add(behind).unwrap_or(taken).min(there);
        }
        taken
    }

    fn there(&self, own: Timestamp) -> Timestamp {
        let now = match self.heard {
            Some((said, at)) if at.elapsed() < FRESH => said.checked_add(at.elapsed()),
            _ => own.checked_sub(SignedDuration::from_millis(self.ahead_ms)),
        };
        now.unwrap_or(own)
    }
}

/// Who tells and hears.
pub struct Heart {
    /// What is told of.
    pub spool: Arc<Spool>,
    /// Who is told.
    pub plane: Arc<ControlPlane>,
    /// Tells the time, and waits.
    pub time: Time,
    /// What was heard.
    pub told: watch::Sender<Told>,
}

impl Heart {
    /// Goes on until `stop`.
    pub async fn run(self, stop: Shutdown) {
        tokio::select! {
            () = self.beat_on() => {}
            () = stop.cancelled() => {}
        }
    }

    async fn beat_on(&self) {
        let mut changes = self.spool.changes();
        loop {
            let wait = match self.beat().await {
                Ok(()) if self.told.borrow().drain => SOON,
                Ok(()) => EVERY,
                Err(why) => {
                    tracing::warn!(why, "no heartbeat");
                    self.told.send_modify(|told| told.failing = Some(why));
                    SOON
                }
            };
            let drained = async {
                // While it drains, every change is news.
                let draining = self.told.borrow().drain;
                changes.mark_unchanged();
                match draining {
                    true => drop(changes.changed().await),
                    false => std::future::pending().await,
                }
            };
            tokio::select! {
                () = (self.time.sleep)(wait) => {}
                () = drained => {}
            }
        }
    }

    /// Tells and hears once.
    ///
    /// # Errors
    /// Why it could not.
    pub async fn beat(&self) -> Result<(), String> {
        let state = self.spool.state().await.map_err(|error| error.to_string())?;
        let sent = Instant::now();
        let heard: HeartbeatOut =
            self.plane.command("/gateway/heartbeat", &told_of(&state)).await?;
        // The control plane's clock was read somewhere between sending and hearing.
        let (now, at, half) = ((self.time.clock)(), Instant::now(), sent.elapsed() / 2);
        let account: AccountId =
            heard.account.parse().map_err(|error| format!("the heartbeat's answer: {error}"))?;
        let own = self.spool.belong(&account).await.map_err(|error| error.to_string())?;
        let foreign = (own != account).then(|| {
            format!("this gateway is bound to account {account}, and its spool is {own}'s: forward it with the binding that it had")
        });
        let news = heard.drain_for != state.sealed_for || heard.drain_for.is_some() != state.sealed;
        if news {
            let uid = heard.drain_for.clone();
            self.spool.seal(uid).await.map_err(|error| error.to_string())?;
            tracing::warn!(sealed_for = heard.drain_for, "told by the control plane");
        }
        // By the earlier of the two: those of a clock that is behind are to be put right yet.
        let earlier = now.min(heard.now).as_second();
        let before = Timestamp::from_second(earlier - STAMPS.as_secs().cast_signed());
        self.spool
            .forget_stamps(before.unwrap_or(Timestamp::MIN))
            .await
            .map_err(|e| e.to_string())?;
        let before = Timestamp::from_second(earlier - REFUSED.as_secs().cast_signed());
        self.spool
            .forget_refused(before.unwrap_or(Timestamp::MIN))
            .await
            .map_err(|e| e.to_string())?;
        let there = heard.now.checked_add(half).unwrap_or(heard.now);
        let ahead_ms = now.as_millisecond().saturating_sub(there.as_millisecond());
        let account = Some(own);
        self.told.send_replace(Told {
            account,
            foreign,
            drain: heard.drain_for.is_some(),
            at: Some(now),
            ahead_ms,
            unsure_ms: u64::try_from(half.as_millis()).unwrap_or(u64::MAX),
            heard: Some((there, at)),
            failing: None,
        });
        if news && heard.drain_for.is_some() {
            // At once, so that nobody waits a minute to hear that it is sealed.
            return Box::pin(self.beat()).await;
        }
        Ok(())
    }
}

fn told_of(state: &State) -> HeartbeatIn {
    HeartbeatIn {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        held_events: state.events,
        held_bytes: state.bytes,
        oldest: state.oldest,
        refused: state.refused,
        sealed: state.sealed,
        sealed_for: state.sealed_for.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_clock_that_is_wrong_is_put_right_by_the_control_planes() {
        let own = at("2026-11-29T12:00:00Z");
        let by = |ahead_ms, unsure_ms| {
            Told { ahead_ms, unsure_ms, ..Told::default() }.corrected(own).to_string()
        };
        assert_eq!(by(0, 0), "2026-11-29T12:00:00Z");
        assert_eq!(by(2_000, 0), "2026-11-29T12:00:00Z");
        assert_eq!(by(-2_000, 0), "2026-11-29T12:00:00Z");
        assert_eq!(by(20_000, 20_000), "2026-11-29T12:00:00Z", "the answer was slow");
        assert_eq!(by(3_600_000, 20_000), "2026-11-29T11:00:00Z");
        assert_eq!(by(-90_000_000, 0), "2026-11-30T13:00:00Z");
        assert_eq!(by(i64::MAX, 0), "2026-11-29T12:00:00Z", "what no clock can be is not believed");
    }

    #[test]
    fn what_was_heard_holds_when_this_clock_is_set_meanwhile() {
        let there = at("2026-11-29T12:00:00Z");
        let told =
            Told { ahead_ms: 7_200_000, heard: Some((there, Instant::now())), ..Told::default() };
        let near = |time: Timestamp| {
            assert!(time.duration_since(there).abs() < SignedDuration::from_mins(5), "{time}");
        };
        near(told.corrected(at("2026-11-29T14:00:00Z")));
        // It was two hours ahead, and is right now.
        near(told.corrected(there));
    }

    #[test]
    fn what_was_taken_is_put_right_once_and_never_into_the_future() {
        let own = at("2026-11-29T12:00:00Z");
        let right = |ahead_hours: i64, taken: &str| {
            let told = Told { ahead_ms: ahead_hours * 3_600_000, ..Told::default() };
            told.put_right(at(taken), own).to_string()
        };
        // Ahead by three days, then as it is now.
        assert_eq!(right(72, "2026-11-29T11:00:00Z"), "2026-11-26T11:00:00Z");
        // It was ahead, and was set before the control plane was heard.
        assert_eq!(right(0, "2026-12-02T12:00:00Z"), "2026-11-29T12:00:00Z");
        assert_eq!(right(0, "2026-11-20T12:00:00Z"), "2026-11-20T12:00:00Z");
        // Behind by forty days; what is later than this clock says was put right when it was taken.
        assert_eq!(right(-960, "2026-11-29T11:00:00Z"), "2027-01-08T11:00:00Z");
        assert_eq!(right(-960, "2026-12-12T00:00:00Z"), "2026-12-12T00:00:00Z");
    }
}
