//! Whose turn it is.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::{task::JoinSet, time::Instant};

use super::{
    Context,
    due::Due,
    turn::{Failed, turn},
};
use crate::{
    domain::account::AccountId,
    store::{StoreError, snapshots},
};

/// Turns at once.
const AT_ONCE: usize = 8;
/// How often the ledger is asked for new summaries.
const LOOK: Duration = Duration::from_secs(2);
/// Summaries are stored a little later than they are dated.
const OVERLAP: SignedDuration = SignedDuration::from_secs(120);
/// The longest wait after failures.
const LONGEST: i64 = 60;

type Ended = (Box<str>, Result<Option<Timestamp>, Failed>);

/// Gives turns, for ever.
pub(super) async fn run(ctx: &Arc<Context>) {
    let mut queue = Queue::default();
    // Tasks, which go on while this one waits for the ledger: turns that nobody polls would keep the
    // connections that they have, or are next to have, from all others.
    let mut running: JoinSet<Ended> = JoinSet::new();
    let mut tick = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            Some(joined) = running.join_next() => match joined {
                Ok((name, result)) => queue.ended(ctx, &name, result),
                // Whoever runs this is to end as if it had happened here.
                Err(error) => {
                    if let Ok(panic) = error.try_into_panic() {
                        std::panic::resume_unwind(panic);
                    }
                }
            },
            () = ctx.world.changed() => {}
            _ = tick.tick() => queue.look(ctx).await,
        }
        if !ctx.world.is_known() {
            continue;
        }
        queue.end_gone(ctx).await;
        queue.due.extend(ctx.world.take_news());
        while running.len() < AT_ONCE
            && let Some(name) = queue.next()
        {
            let ctx = ctx.clone();
            running.spawn(async move {
                let result = turn(&ctx, &name).await;
                (name, result)
            });
        }
    }
}

/// When a name comes due: at an instant, or once as long has passed as it lay ahead, should the clock be set back.
#[derive(Clone, Copy, Debug)]
struct Later {
    at: Timestamp,
    passed: Instant,
}

impl Later {
    fn new(at: Timestamp, now: Timestamp) -> Self {
        let wait = Duration::try_from(at.duration_since(now)).unwrap_or_default();
        Self { at, passed: Instant::now() + wait }
    }

    fn has_come(&self, now: Timestamp) -> bool {
        self.at <= now || self.passed <= Instant::now()
    }
}

#[derive(Default)]
struct Queue {
    due: Due,
    running: HashSet<Box<str>>,
    later: HashMap<Box<str>, Later>,
    failures: HashMap<Box<str>, u32>,
    summaries: BTreeMap<AccountId, Timestamp>,
    newest: Option<Timestamp>,
}

impl Queue {
    /// The next one that is due and not having its turn.
    fn next(&mut self) -> Option<Box<str>> {
        let name = self.due.next_but(&self.running)?;
        self.later.remove(&name);
        self.running.insert(name.clone());
        Some(name)
    }

    fn ended(&mut self, ctx: &Context, name: &str, result: Result<Option<Timestamp>, Failed>) {
        self.running.remove(name);
        let next = match result {
            Ok(next) => {
                self.failures.remove(name);
                next
            }
            Err(error) => {
                ctx.kept.failed(&error);
                let failures = self.failures.entry(name.into()).or_default();
                *failures += 1;
                let wait = (1_i64 << (*failures).min(6)).min(LONGEST);
                tracing::warn!(tenant = name, %error, wait, "trying again");
                ctx.ledger.now().checked_add(SignedDuration::from_secs(wait)).ok()
            }
        };
        if let Some(next) = next {
            self.later.insert(name.into(), Later::new(next, ctx.ledger.now()));
        }
    }

    /// Whose time has come, or whose account was summed up.
    async fn look(&mut self, ctx: &Context) {
        let now = ctx.ledger.now();
        let come =
            self.later.iter().filter(|(_, at)| at.has_come(now)).map(|(name, _)| name.clone());
        self.due.extend(come.collect::<Vec<_>>());
        if let Err(error) = self.summed_up(ctx).await {
            tracing::warn!(%error, "summaries cannot be read; tried again");
        }
    }

    async fn summed_up(&mut self, ctx: &Context) -> Result<(), StoreError> {
        let now = ctx.ledger.now();
        // By a clock that was set back nothing new would be newer than what it said before.
        let newest = self.newest.map(|newest| newest.min(now));
        let since = newest.and_then(|newest| newest.checked_sub(OVERLAP).ok());
        let mut session = ctx.ledger.store().read().await?;
        let dated = snapshots::dated(&mut session, since).await?;
        drop(session);
        let names = ctx.world.by_account();
        for (account, at) in dated {
            self.newest = self.newest.max(Some(at));
            let Some(name) = names.get(account.as_str()) else { continue };
            // One that failed has its own time.
            if self.summaries.insert(account, at) != Some(at) && !self.failures.contains_key(name) {
                self.due.insert(name.clone());
            }
        }
        Ok(())
    }

    /// Tenants that are gone stand for nothing any more.
    async fn end_gone(&mut self, ctx: &Context) {
        if !ctx.world.take_gone() {
            return;
        }
        match ctx.ledger.end_others(Some(&ctx.token), &ctx.world.uids()).await {
            Ok(gone) => {
                for tenant in gone {
                    tracing::info!(tenant = tenant.name, account = %tenant.account, "a tenant is gone");
                    // Unless another one has its name.
                    if ctx.world.tenant(&tenant.name).is_none() {
                        ctx.kept.forget(&tenant.name);
                        self.later.remove(tenant.name.as_str());
                        self.failures.remove(tenant.name.as_str());
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, "gone tenants could not be ended; tried again");
                ctx.world.put_gone_back();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> Queue {
        let mut queue = Queue::default();
        queue.due.extend(names.iter().map(|name| Box::from(*name)));
        queue
    }

    /// As where tenants come due faster than they have their turns.
    #[test]
    fn the_last_of_names_has_its_turn_however_often_the_first_come_due() {
        let mut queue = of(&["b", "a", "z"]);
        let mut turns = Vec::new();
        for _ in 0..4 {
            let name = queue.next().unwrap();
            queue.running.remove(&name);
            turns.push(name);
            queue.due.extend(["a", "b"].map(Box::from));
        }
        assert_eq!(turns, ["b", "a", "z", "b"].map(Box::from));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_back_puts_nobody_off() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let later = Later::new(at(1_060), at(1_000));
        assert!(!later.has_come(at(1_059)) && later.has_come(at(1_060)));
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(!later.has_come(at(500)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(later.has_come(at(500)));
    }

    #[test]
    fn one_that_has_its_turn_waits_for_its_end_and_holds_up_nobody() {
        let mut queue = of(&["a", "b"]);
        assert_eq!(queue.next().as_deref(), Some("a"));
        queue.due.extend(["a", "a", "c"].map(Box::from));
        assert_eq!(queue.next().as_deref(), Some("b"));
        assert_eq!(queue.next().as_deref(), Some("c"));
        assert_eq!(queue.next(), None, "it has its turn");
        queue.running.remove("a");
        assert_eq!(queue.next().as_deref(), Some("a"));
        assert_eq!(queue.next(), None, "once");
    }
}
