//! Who sends what is due: each endpoint has its turn by itself, so that one that is slow or gone holds
//! nobody up.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{task::JoinSet, time::Instant};
use uuid::Uuid;

use super::{Answer, Metrics, Sender, send::LIMIT};
use crate::{
    domain::webhook::schedule,
    ledger::{
        Ledger, LedgerError,
        lease::{Fence, Lease},
        whole_millisecond,
    },
    store::webhooks::{self, Delivery, Disabled, Endpoint, KEPT, State, Tried},
};

/// How often to look for what is due.
const LOOK: Duration = Duration::from_secs(1);
/// How long an endpoint rests when what became of an attempt could not be recorded: else it would be
/// sent the same again and again. It rests too when nothing of what is due can be sent.
const REST: Duration = Duration::from_secs(10);
/// How often what is old is dropped.
const TIDY: Duration = Duration::from_secs(3_600);

type Ended = (Uuid, Result<bool, LedgerError>);

/// Sends messages to webhooks.
#[derive(Clone)]
pub struct Postman {
    sender: Sender,
    metrics: Metrics,
    fence: Option<Fence>,
    /// How many messages that this version cannot read were told of, by endpoint.
    unknown: Arc<Mutex<HashMap<Uuid, i64>>>,
}

impl Postman {
    /// Sends with this, and counts it.
    #[must_use]
    pub fn new(sender: Sender, metrics: Metrics) -> Self {
        Self { sender, metrics, fence: None, unknown: Arc::default() }
    }

    /// Goes on for ever, while the lease is ours; faults are logged, and tried again.
    pub async fn run(&self, ledger: &Ledger, lease: &mut Lease) {
        let me = Self { fence: Some(lease.fence()), ..self.clone() };
        let mut turns = Turns::default();
        // Tasks, which go on while this one waits for the ledger: what nobody polls would keep the
        // connection that it has, or is next to have, from all others.
        let mut running: JoinSet<Ended> = JoinSet::new();
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(joined) = running.join_next() => match joined {
                    Ok((endpoint, result)) => turns.ended(endpoint, &result),
                    // Whoever runs this is to end as if it had happened here.
                    Err(error) => {
                        if let Ok(panic) = error.try_into_panic() {
                            std::panic::resume_unwind(panic);
                        }
                    }
                },
                _ = tick.tick() => {}
            }
            if !lease.keep(ledger).await {
                continue;
            }
            for endpoint in turns.next(ledger).await {
                let (me, ledger) = (me.clone(), ledger.clone());
                running.spawn(async move { (endpoint, me.turn(&ledger, endpoint).await) });
            }
            turns.tidy(ledger).await;
        }
    }

    /// Sends one message to an endpoint, if one is due; answers whether one was.
    ///
    /// # Errors
    /// When the ledger cannot be read or written; what was sent is then sent again.
    pub async fn turn(&self, ledger: &Ledger, endpoint: Uuid) -> Result<bool, LedgerError> {
        let due = {
            let mut session = ledger.store().read().await?;
            let due = webhooks::next(&mut session, endpoint, ledger.now()).await?;
            if due.is_none() {
                let unknown = webhooks::unknown(&mut session, endpoint, ledger.now()).await?;
                self.tell_unknown(endpoint, unknown);
            }
            due
        };
        let Some((to, delivery)) = due else { return Ok(false) };
        // One that was frozen since it read that would send what another one has sent long ago.
        if self.fence.as_ref().is_some_and(|fence| !fence.is_open(LIMIT)) {
            return Ok(false);
        }
        let at = whole_millisecond(ledger.now());
        let secrets: Vec<_> = to.secrets(at).collect();
        let message = (delivery.message.as_str(), delivery.body.as_str());
        let answer = self.sender.send(&to.wish.url, &secrets, message, at.as_second()).await;
        let gone = answer == Answer::Gone;
        let tried = tried(answer, delivery.failed, chance(), at);
        self.tell(&to, &delivery, &tried);
        record(ledger, endpoint, delivery, tried, gone).await?;
        Ok(true)
    }

    /// Logs what cannot be sent, once, and again when it becomes more or less.
    fn tell_unknown(&self, webhook: Uuid, unknown: Option<(i64, String)>) {
        let mut told = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((messages, first)) = unknown else {
            told.remove(&webhook);
            return;
        };
        if told.insert(webhook, messages) != Some(messages) {
            tracing::warn!(
                %webhook, messages, r#type = first,
                "messages are of a type that this version does not know; they wait, and others pass them"
            );
        }
    }

    /// Counts and logs an attempt.
    fn tell(&self, to: &Endpoint, delivery: &Delivery, tried: &Tried) {
        let (webhook, message, attempt) = (to.id, &delivery.message, delivery.attempts + 1);
        let why = tried.error.as_deref().unwrap_or_default();
        match tried.state {
            State::Delivered => {
                self.metrics.tried("delivered");
                tracing::debug!(%webhook, message, attempt, "a message was delivered");
            }
            State::Pending => {
                self.metrics.tried("failed");
                let again = tried.again;
                tracing::info!(%webhook, message, attempt, ?again, why, "a message is sent again later");
            }
            State::Dead => {
                self.metrics.tried("dead");
                tracing::warn!(%webhook, message, attempt, why, "a message is not sent any more");
            }
        }
    }
}

async fn record(
    ledger: &Ledger,
    endpoint: Uuid,
    sent: Delivery,
    tried: Tried,
    gone: bool,
) -> Result<(), LedgerError> {
    let work = ledger.transact(None, move |session, now| {
        Box::pin(async move {
            if gone {
                webhooks::disable(session, endpoint, Disabled::Gone, whole_millisecond(now))
                    .await?;
            }
            webhooks::tried(session, endpoint, &sent, &tried).await
        })
    });
    work.await
}

/// What to record of an attempt, after so many that failed.
fn tried(answer: Answer, failed: i64, chance: u16, at: Timestamp) -> Tried {
    let (status, why, asked) = match answer {
        Answer::Taken(status) => {
            let (status, state) = (Some(status), State::Delivered);
            return Tried { state, at, status, error: None, again: None };
        }
        Answer::Gone => {
            let error = Some("answered 410: it wants nothing more, and was disabled".to_owned());
            return Tried { state: State::Dead, at, status: Some(410), error, again: None };
        }
        Answer::Failed { status, why, asked } => (status, why, asked),
    };
    let wait = schedule::wait(failed.saturating_add(1), chance, asked);
    let again = wait.and_then(|wait| at.checked_add(wait).ok());
    let state = if again.is_some() { State::Pending } else { State::Dead };
    Tried { state, at, status, error: Some(why), again }
}

/// Something random; without randomness those that failed together come back together, no more.
fn chance() -> u16 {
    let mut bytes = [0; 2];
    let _none = getrandom::fill(&mut bytes);
    u16::from_le_bytes(bytes)
}

/// Which endpoints have their turn, and which rest.
#[derive(Default)]
struct Turns {
    running: HashSet<Uuid>,
    resting: HashMap<Uuid, Instant>,
    tidied: Option<Instant>,
}

impl Turns {
    /// Those that are due and begin now.
    async fn next(&mut self, ledger: &Ledger) -> Vec<Uuid> {
        let due = async {
            let mut session = ledger.store().read().await?;
            webhooks::due(&mut session, ledger.now()).await
        };
        let due = due.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "what is to be sent to webhooks cannot be read; tried again");
            Vec::new()
        });
        self.resting.retain(|_, until| Instant::now() < *until);
        let free = |endpoint: &Uuid| !self.resting.contains_key(endpoint);
        let due: Vec<_> = due.into_iter().filter(free).collect();
        due.into_iter().filter(|endpoint| self.running.insert(*endpoint)).collect()
    }

    fn ended(&mut self, endpoint: Uuid, result: &Result<bool, LedgerError>) {
        self.running.remove(&endpoint);
        if let Err(error) = result {
            tracing::warn!(webhook = %endpoint, %error, "what became of a message could not be recorded");
        }
        if !matches!(result, Ok(true)) {
            self.resting.insert(endpoint, Instant::now() + REST);
        }
    }

    /// Drops what is old, from time to time.
    async fn tidy(&mut self, ledger: &Ledger) {
        if self.tidied.is_some_and(|last| last.elapsed() < TIDY) {
            return;
        }
        self.tidied = Some(Instant::now());
        let work = ledger.transact(None, |session, now| {
            let before = now.checked_sub(KEPT).unwrap_or(Timestamp::MIN);
            Box::pin(webhooks::drop_old(session, before))
        });
        match work.await {
            Ok(0) => {}
            Ok(dropped) => tracing::info!(dropped, "dropped old deliveries of webhooks"),
            Err(error) => tracing::warn!(%error, "old deliveries of webhooks could not be dropped"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn failed() -> Answer {
        Answer::Failed { status: Some(500), why: "answered 500".to_owned(), asked: None }
    }

    #[test]
    fn it_is_tried_ten_times_and_then_no_more() {
        let mut now = 0;
        for before in 0..schedule::ATTEMPTS - 1 {
            let tried = tried(failed(), before, 0, at(now));
            assert_eq!((tried.state, tried.status), (State::Pending, Some(500)), "{before}");
            now = tried.again.unwrap().as_second();
        }
        assert_eq!(now, 75 * 3_600 + 35 * 60 + 5);
        let last = tried(failed(), schedule::ATTEMPTS - 1, 0, at(now));
        assert_eq!((last.state, last.again), (State::Dead, None));
    }

    #[test]
    fn what_was_taken_or_is_not_wanted_is_not_sent_again() {
        let taken = tried(Answer::Taken(204), 3, 0, at(1));
        assert_eq!((taken.state, taken.again, taken.error), (State::Delivered, None, None));
        let gone = tried(Answer::Gone, 0, 0, at(1));
        assert_eq!((gone.state, gone.again, gone.status), (State::Dead, None, Some(410)));
    }

    #[test]
    fn a_receiver_may_ask_for_later() {
        let asked = Answer::Failed { status: Some(429), why: String::new(), asked: Some(90) };
        assert_eq!(tried(asked, 0, 0, at(0)).again, Some(at(90)));
    }
}
