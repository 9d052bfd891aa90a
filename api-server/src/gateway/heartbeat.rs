//! Now and then the gateway tells the control plane how things stand, and hears whose gateway it is
//! and whether to drain: to take nothing more and hand over what is left.

use std::sync::Arc;
use std::time::Duration;

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

/// By how much clocks may differ that count as the same, in milliseconds: an answer takes its time too.
const SAME_MS: i64 = 2_000;

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
    /// How far this clock is ahead of the control plane's, in milliseconds.
    pub ahead_ms: i64,
    /// Why it said nothing the last time.
    pub failing: Option<String>,
}

impl Told {
    /// What time it is by the control plane's clock when this one says `own`: the same until it was
    /// heard, and while the two agree.
    #[must_use]
    pub fn corrected(&self, own: Timestamp) -> Timestamp {
        if self.ahead_ms.abs() <= SAME_MS {
            return own;
        }
        own.checked_sub(SignedDuration::from_millis(self.ahead_ms)).unwrap_or(own)
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
        let sent = (self.time.clock)();
        let heard: HeartbeatOut =
            self.plane.command("/gateway/heartbeat", &told_of(&state)).await?;
        let now = (self.time.clock)();
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
        let before = Timestamp::from_second(now.as_second() - STAMPS.as_secs().cast_signed());
        self.spool
            .forget_stamps(before.unwrap_or(Timestamp::MIN))
            .await
            .map_err(|e| e.to_string())?;
        // Between sending and hearing; the control plane's clock was read in between.
        let middle = i64::midpoint(sent.as_millisecond(), now.as_millisecond());
        let ahead_ms = middle.saturating_sub(heard.now.as_millisecond());
        let at = Some(now);
        let account = Some(own);
        self.told.send_replace(Told {
            account,
            foreign,
            drain: heard.drain_for.is_some(),
            at,
            ahead_ms,
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

    #[test]
    fn a_clock_that_is_wrong_is_put_right_by_the_control_planes() {
        let own: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
        let by = |ahead_ms| Told { ahead_ms, ..Told::default() }.corrected(own).to_string();
        assert_eq!(by(0), "2026-11-29T12:00:00Z");
        assert_eq!(by(SAME_MS), "2026-11-29T12:00:00Z");
        assert_eq!(by(-SAME_MS), "2026-11-29T12:00:00Z");
        assert_eq!(by(3_600_000), "2026-11-29T11:00:00Z");
        assert_eq!(by(-90_000_000), "2026-11-30T13:00:00Z");
        assert_eq!(by(i64::MAX), "2026-11-29T12:00:00Z", "what no clock can be is not believed");
    }
}
