//! Whose turn it is.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;

use super::{
    Context,
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
        queue.due.append(&mut ctx.world.take_news());
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

#[derive(Default)]
struct Queue {
    due: BTreeSet<Box<str>>,
    running: BTreeSet<Box<str>>,
    later: HashMap<Box<str>, Timestamp>,
    failures: HashMap<Box<str>, u32>,
    summaries: BTreeMap<AccountId, Timestamp>,
    newest: Option<Timestamp>,
}

impl Queue {
    /// The next one that is due and not having its turn.
    fn next(&mut self) -> Option<Box<str>> {
        let name = self.due.iter().find(|name| !self.running.contains(*name))?.clone();
        self.due.remove(&name);
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
            self.later.insert(name.into(), next);
        }
    }

    /// Whose time has come, or whose account was summed up.
    async fn look(&mut self, ctx: &Context) {
        let now = ctx.ledger.now();
        let come = self.later.iter().filter(|(_, at)| **at <= now).map(|(name, _)| name.clone());
        self.due.extend(come.collect::<Vec<_>>());
        if let Err(error) = self.summed_up(ctx).await {
            tracing::warn!(%error, "summaries cannot be read; tried again");
        }
    }

    async fn summed_up(&mut self, ctx: &Context) -> Result<(), StoreError> {
        let since = self.newest.and_then(|newest| newest.checked_sub(OVERLAP).ok());
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
