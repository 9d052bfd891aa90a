//! One turn of one tenant: its account, its plan, its status, its events.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;
use uuid::Uuid;

use super::{
    Context,
    account::{self, Missing},
    enforcement, events, figures,
    pace::Pace,
    record::{Record, Shown},
    send::{self, NotWritten},
    status::{self, Figures, Known, Step},
};
use crate::{
    domain::{enforcement::Standing, subscription::Subscription},
    ledger::{
        LedgerError,
        drains::Drain,
        tenants::{Answered, PlanAsk, Registered, Registration},
    },
    store::{StoreError, provisions::Stack},
};

/// Why a turn was not done.
#[derive(Debug, Error)]
pub(super) enum Failed {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The cluster.
    #[error(transparent)]
    Cluster(#[from] NotWritten),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error.into())
    }
}

/// What is remembered of a tenant from turn to turn; without it everything is done again, and comes
/// to the same.
#[derive(Clone, Debug, Default)]
struct Kept {
    uid: Box<str>,
    registered: Option<(Registration, Registered)>,
    answered: Option<(PlanAsk, Answered)>,
    written: Option<Shown>,
    made_of: Option<(Uuid, Stack)>,
    /// When figures are written that may wait.
    place: Option<Timestamp>,
}

/// What is remembered of all.
#[derive(Debug)]
pub(crate) struct Memory {
    tenants: Mutex<HashMap<Box<str>, Kept>>,
    pace: Mutex<Pace>,
    /// Why no tenant's status may be written, since none was written after it was said.
    forbidden: Mutex<Option<String>>,
}

impl Memory {
    /// Nothing yet; figures that may wait are written once in the interval.
    pub(super) fn new(every: SignedDuration) -> Self {
        let (tenants, forbidden) = (Mutex::default(), Mutex::default());
        Self { tenants, pace: Mutex::new(Pace::new(every)), forbidden }
    }

    fn place(&self, now: Timestamp, tenants: usize) -> Timestamp {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner).place(now, tenants)
    }

    fn take(&self, record: &Record) -> Kept {
        let mut all = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = all.remove(&record.name).filter(|kept| kept.uid == record.uid);
        kept.unwrap_or_else(|| Kept { uid: record.uid.clone(), ..Kept::default() })
    }

    fn put(&self, name: &str, kept: Kept) {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).insert(name.into(), kept);
    }

    /// Takes note of a turn that failed.
    pub(super) fn failed(&self, failed: &Failed) {
        if let Failed::Cluster(why @ NotWritten::Forbidden(_)) = failed {
            *self.forbidden.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.to_string());
        }
    }

    /// Takes note of a status that was written. That alone shows that statuses may be: a turn that found
    /// nothing to write has not asked.
    fn wrote(&self) {
        *self.forbidden.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Why no tenant's status may be written, if that is so.
    pub(super) fn forbidden(&self) -> Option<String> {
        self.forbidden.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets a tenant.
    pub(super) fn forget(&self, name: &str) {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

/// How often it is looked at how far a drain is, for which people wait.
const DRAIN_LOOK: SignedDuration = SignedDuration::from_secs(2);

/// One turn; answers when the next is due, whatever happens.
pub(super) async fn turn(ctx: &Context, name: &str) -> Result<Option<Timestamp>, Failed> {
    let Some(record) = ctx.world.tenant(name) else {
        ctx.kept.forget(name);
        return Ok(None);
    };
    let mut kept = ctx.kept.take(&record);
    let done = settle(ctx, &record, &mut kept).await;
    ctx.kept.put(name, kept);
    done
}

async fn settle(
    ctx: &Context,
    record: &Record,
    kept: &mut Kept,
) -> Result<Option<Timestamp>, Failed> {
    follow(ctx, record, kept).await?;
    if record.deleting && record.shown.is_empty() {
        return Ok(None);
    }
    let wanted = match account::registration(record, ctx.settings.issuer.as_deref()) {
        Ok(wanted) => wanted,
        Err(Missing::NotSaid) => return Ok(None),
        Err(Missing::Impossible(why)) => return show(ctx, record, kept, Some(&why), None).await,
    };
    let registered = register(ctx, record, wanted, kept).await?;
    ask(ctx, record, &registered, kept).await?;
    let (plans, figures) = figures::read(&ctx.ledger, &registered.account, &ctx.metrics).await?;
    let stands = enforcement::look(ctx, record, &registered, figures.as_ref()).await?;
    let drain = drain(ctx, record, &registered).await?;
    let found = Found { registered: &registered, plans, figures, stands, drain };
    let next = show(ctx, record, kept, None, Some(&found)).await?;
    events::tell(ctx, record, &registered.tenant).await;
    enforcement::tell(ctx, record, &registered).await;
    let under_way = drain.is_some_and(|drain| !drain.is_over());
    let look = under_way.then(|| ctx.ledger.now().checked_add(DRAIN_LOOK).ok());
    Ok([next, look.flatten()].into_iter().flatten().min())
}

/// Whoever asked for the tenant is told how far its stack is.
async fn follow(ctx: &Context, record: &Record, kept: &mut Kept) -> Result<(), LedgerError> {
    if let Some((request, stack)) = &record.made_of
        && kept.made_of != record.made_of
    {
        let (by, stack) = (Some(&ctx.token), stack.clone());
        ctx.ledger.follow_stack(by, *request, &record.name, stack).await?;
        kept.made_of.clone_from(&record.made_of);
    }
    Ok(())
}

/// The gateway of a tenant whose services have stopped for good is told to drain.
async fn drain(
    ctx: &Context,
    record: &Record,
    registered: &Registered,
) -> Result<Option<Drain>, Failed> {
    if !record.drains {
        return Ok(None);
    }
    let by = Some(&ctx.token);
    Ok(Some(ctx.ledger.drain(by, &registered.account.id, &record.uid).await?))
}

/// The account is there, and the workloads are bound to it.
async fn register(
    ctx: &Context,
    record: &Record,
    wanted: Registration,
    kept: &mut Kept,
) -> Result<Registered, Failed> {
    // One that stands for another account may not any more.
    if let Some((last, registered)) = &kept.registered
        && *last == wanted
        && registered.refused.is_empty()
    {
        return Ok(registered.clone());
    }
    let registered = ctx.ledger.register(Some(&ctx.token), wanted.clone()).await?;
    let told = kept.registered.take().map(|(_, last)| last.refused).unwrap_or_default();
    for refused in registered.refused.iter().filter(|one| !told.contains(one)) {
        let (tenant, account) = (&wanted.name, &wanted.account);
        tracing::warn!(%tenant, %account, refused, "a workload stands for another account");
        events::refused(ctx, record, refused).await;
    }
    kept.registered = Some((wanted, registered.clone()));
    Ok(registered)
}

/// The plan is asked for, unless it was.
async fn ask(
    ctx: &Context,
    record: &Record,
    registered: &Registered,
    kept: &mut Kept,
) -> Result<(), Failed> {
    let usual = ctx.world.default_plan(&record.profile);
    let ask = account::ask(record, &registered.account.id, usual);
    let stands = kept.answered.as_ref().filter(|(last, answered)| {
        let last = PlanAsk { generation: ask.generation, ..last.clone() };
        last == ask && answered.refused.is_none()
    });
    if stands.is_none() {
        let answered = ctx.ledger.ask_for_plan(Some(&ctx.token), ask.clone()).await?;
        kept.answered = Some((ask, answered));
    }
    Ok(())
}

/// What the ledger has of a tenant.
struct Found<'a> {
    registered: &'a Registered,
    plans: Option<Subscription>,
    figures: Option<Figures>,
    stands: Option<Standing>,
    drain: Option<Drain>,
}

/// The status says what is known, if it is time.
async fn show(
    ctx: &Context,
    record: &Record,
    kept: &mut Kept,
    impossible: Option<&str>,
    found: Option<&Found<'_>>,
) -> Result<Option<Timestamp>, Failed> {
    let now = ctx.ledger.now();
    let differs = found
        .and_then(|found| account::differs(record.billing.as_ref(), &found.registered.account));
    let subscription = found.and_then(|found| found.plans.as_ref());
    let figures = found.and_then(|found| found.figures.as_ref());
    let stands = found.and_then(|found| found.stands.as_ref());
    let known = Known {
        now,
        generation: record.generation,
        plan: record.plan.as_deref(),
        impossible,
        differs: differs.as_ref(),
        refused: found.map(|found| found.registered.refused.as_slice()),
        answered: kept.answered.as_ref().map(|(_, answered)| answered),
        subscription,
        figures,
        stands,
        drain: found.and_then(|found| found.drain),
    };
    let wanted = status::wanted(&known, &record.shown);
    let (every, later) = (ctx.settings.every, known.next());
    let step = status::decide(wanted, &record.shown, kept.written.as_ref(), now, every);
    let shown = match due(ctx, kept, step, now) {
        Ok(shown) => shown,
        Err(until) => return Ok(until.into_iter().chain(later).min()),
    };
    match write(ctx, record, &shown, kept).await {
        // What is newer is on its way here.
        Err(NotWritten::Overtaken) => Ok(Some(now)),
        done => Ok(done.map(|()| later)?),
    }
}

/// What is to be written now; else when, if that is known.
fn due(
    ctx: &Context,
    kept: &mut Kept,
    step: Step,
    now: Timestamp,
) -> Result<Box<Shown>, Option<Timestamp>> {
    match step {
        Step::Write(shown) => Ok(shown),
        Step::Paced(shown) => {
            let last = now.checked_add(ctx.settings.every).unwrap_or(Timestamp::MAX);
            kept.place = kept.place.filter(|place| *place <= last);
            let place = *kept.place.get_or_insert_with(|| ctx.kept.place(now, ctx.world.count()));
            if now < place { Err(Some(place)) } else { Ok(shown) }
        }
        Step::Leave(until) => {
            kept.place = None;
            Err(until)
        }
    }
}

/// What is written may be other than what was sent: both the world and we take it as it was answered.
async fn write(
    ctx: &Context,
    record: &Record,
    shown: &Shown,
    kept: &mut Kept,
) -> Result<(), NotWritten> {
    match send::status(ctx, record, shown).await {
        Ok(after) => {
            ctx.metrics.wrote("written");
            ctx.kept.wrote();
            kept.written = Some(after.shown.clone());
            kept.place = None;
            ctx.world.put_own_tenant(after);
            Ok(())
        }
        Err(why) => {
            ctx.metrics.wrote(why.name());
            if matches!(why, NotWritten::Gone) { Ok(()) } else { Err(why) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_may_be_written_until_something_was() {
        let memory = Memory::new(SignedDuration::from_secs(1));
        let forbidden = || Failed::Cluster(NotWritten::Forbidden("403".to_owned()));
        memory.failed(&Failed::Cluster(NotWritten::Gone));
        assert_eq!(memory.forbidden(), None);
        memory.failed(&forbidden());
        // Other turns fail otherwise, or find nothing to write.
        memory.failed(&Failed::Cluster(NotWritten::Overtaken));
        assert!(memory.forbidden().is_some());
        memory.wrote();
        assert_eq!(memory.forbidden(), None);
    }
}
