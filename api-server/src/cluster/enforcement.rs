//! What is done about a used-up quota: decided by the ledger when there may be something to decide,
//! told in status, conditions and events.

use crds::{
    API_SERVER, Tenant,
    tenant::{Enforcement, EnforcementAction, QuotaAction, QuotaPolicy},
};
use jiff::{SignedDuration, Timestamp};
use kube::Resource as _;
use serde_json::{Value, json};

use super::{Context, events, record::Record, status::Figures};
use crate::{
    domain::{
        enforcement::{self, Action, Rule, Standing, Step},
        prose,
    },
    ledger::{LedgerError, enforcement::Look, tenants::Registered},
    store::enforcements::{self, Decision},
};

/// How often a tenant that the brake holds is looked at.
const HELD: SignedDuration = SignedDuration::from_secs(60);
/// How many events are raised in one turn; the rest in the next.
const AT_ONCE: u32 = 16;

/// What the spec asks for; without a word, that people are told when all is used.
#[must_use]
pub fn rule(asked: Option<&QuotaAction>) -> Rule {
    let asked = asked.cloned().unwrap_or_default();
    let suspends = asked.policy == QuotaPolicy::Suspend;
    Rule { suspends, at: asked.at, grace: asked.lead() }
}

/// What stands of a tenant now. The summary says when there may be something to decide; what is
/// decided rests on the ledger itself. On a summary that is too old nothing is decided.
pub(super) async fn look(
    ctx: &Context,
    record: &Record,
    registered: &Registered,
    figures: Option<&Figures>,
) -> Result<Option<Standing>, LedgerError> {
    let (account, uid) = (&registered.account, &registered.tenant.uid);
    let mut session = ctx.ledger.store().read().await?;
    let last = enforcements::last(&mut session, &account.id, uid).await?;
    drop(session);
    let stands = last.and_then(|last| last.standing());
    let (rule, now) = (rule(record.quota_action.as_ref()), ctx.ledger.now());
    let fresh = figures.filter(|figures| figures.valid_until > now);
    if !fresh.is_some_and(|figures| may_change(rule, stands.as_ref(), figures, now)) {
        return Ok(stands);
    }
    let share = ctx.settings.suspend_share;
    if let (Some(held), Some(figures)) = (stands.filter(|of| of.action == Action::Held), fresh)
        && only_waits(rule, &held, figures, now)
        && ctx.ledger.brakes(uid, share).await?
    {
        return Ok(stands);
    }
    let look = Look { account: account.clone(), uid: uid.clone(), rule, share };
    let (stands, decision) = ctx.ledger.enforce(Some(&ctx.token), look).await?;
    if let Some(decision) = decision {
        let (tenant, action) = (&*record.name, decision.action.map(Action::name));
        ctx.metrics.decided(action.unwrap_or("ended"));
        tracing::info!(tenant, action, account = %account.id, "decided about a used-up quota");
    }
    Ok(stands)
}

/// Whether the ledger is to be asked. Of a period that is over the summary says nothing.
fn may_change(rule: Rule, stands: Option<&Standing>, figures: &Figures, now: Timestamp) -> bool {
    let over = enforcement::over(figures.snapshot.meters.iter().map(|(m, of)| (*m, of)), rule.at);
    let period = figures.period;
    !period.contains(now) && stands.is_some()
        || enforcement::decide(rule, stands, period, over, now) != Step::Keep
}

/// Whether of one that the brake holds nothing is to be decided but that it goes on. Asked each minute of each of a
/// fleet that is held: what may not go on anyway is not summed up for it.
fn only_waits(rule: Rule, held: &Standing, figures: &Figures, now: Timestamp) -> bool {
    let over = enforcement::over(figures.snapshot.meters.iter().map(|(m, of)| (*m, of)), rule.at);
    let step = enforcement::decide(rule, Some(held), figures.period, over, now);
    figures.period.contains(now) && matches!(step, Step::Due(_))
}

/// When it is to be looked at again though nothing happens.
pub(super) fn next(stands: Option<&Standing>, now: Timestamp) -> Option<Timestamp> {
    let stands = stands?;
    let soon = match stands.action {
        Action::Announced => Some(stands.not_before),
        Action::Held => now.checked_add(HELD).ok(),
        Action::Alert | Action::Suspend => None,
    };
    soon.into_iter().chain([stands.period.end()]).min()
}

/// As it stands in the status.
#[must_use]
pub fn shown(stands: &Standing) -> Enforcement {
    let action = match stands.action {
        Action::Alert => EnforcementAction::Alert,
        Action::Announced => EnforcementAction::Announced,
        Action::Held => EnforcementAction::Held,
        Action::Suspend => EnforcementAction::Suspend,
    };
    let not_before = (stands.action != Action::Alert).then(|| stands.not_before.to_string());
    Enforcement { action, not_before, as_of: stands.since.to_string() }
}

/// For a condition, what is done about what it says.
#[must_use]
pub fn words(stands: &Standing) -> Option<String> {
    let (from, since) = (stands.not_before, stands.since);
    let end = stands.period.end();
    match stands.action {
        Action::Alert => None,
        Action::Announced => Some(format!(
            "services stop at {from} (spec.quotaAction), unless a larger plan is agreed or \
             spec.quotaAction.policy says Alert before"
        )),
        Action::Held => Some(format!(
            "services were to stop at {from} (spec.quotaAction) and run on: too many tenants' would \
             stop within an hour, so that a person is to look first"
        )),
        Action::Suspend => Some(format!(
            "services are stopped since {since} (spec.quotaAction) until the period ends at {end}, a \
             larger plan is agreed, or spec.quotaAction.policy says Alert"
        )),
    }
}

/// Raises the events of decisions that were not told yet; best effort.
pub(super) async fn tell(ctx: &Context, record: &Record, registered: &Registered) {
    if let Err(error) = try_to(ctx, record, registered).await {
        tracing::warn!(%error, tenant = &*record.name, "decisions cannot be told");
    }
}

async fn try_to(
    ctx: &Context,
    record: &Record,
    registered: &Registered,
) -> Result<(), LedgerError> {
    let (account, uid) = (&registered.account, &registered.tenant.uid);
    let mut session = ctx.ledger.store().read().await?;
    let untold = enforcements::untold(&mut session, &account.id, uid, AT_ONCE).await?;
    drop(session);
    for decision in untold {
        if let Some(event) = event(record, &decision, &ctx.settings.identity) {
            let raised = events::raise(ctx, &event).await;
            ctx.metrics.told(if raised { "told" } else { "failed" });
            if !raised {
                break;
            }
        }
        ctx.ledger.told_decision(account, uid, decision.n).await?;
    }
    Ok(())
}

/// The event of a decision, if people are to hear of it.
fn event(record: &Record, decision: &Decision, identity: &str) -> Option<Value> {
    let (type_, reason) = named(decision)?;
    let of = &decision.of;
    Some(json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        // Its number among the tenant's: one whose answer was lost is not raised twice.
        "metadata": { "name": events::named(record, &["enforcement", &decision.n.to_string()]), "namespace": events::NAMESPACE },
        "regarding": {
            "apiVersion": Tenant::api_version(&()), "kind": Tenant::kind(&()),
            "name": record.name, "uid": record.uid,
        },
        "type": type_,
        "reason": reason,
        "action": "Enforce",
        "note": note(decision),
        "eventTime": events::micros(of.since),
        "reportingController": API_SERVER,
        "reportingInstance": identity,
    }))
}

fn named(decision: &Decision) -> Option<(&'static str, &'static str)> {
    match (decision.action, decision.earlier) {
        (Some(Action::Announced), _) => Some(("Warning", "SuspensionAnnounced")),
        (Some(Action::Held), _) => Some(("Warning", "SuspensionHeld")),
        (Some(Action::Suspend), _) => Some(("Warning", "SuspensionBegun")),
        (_, Some(Action::Suspend)) => Some(("Normal", "SuspensionLifted")),
        (_, Some(Action::Announced | Action::Held)) => Some(("Normal", "SuspensionCalledOff")),
        (Some(Action::Alert), _) => Some(("Warning", "QuotaReached")),
        (None, _) => None,
    }
}

fn note(decision: &Decision) -> String {
    let of = &decision.of;
    let (meter, unit) = (of.over.meter, of.over.meter.unit());
    let (used, quota) = (prose::quantity(of.over.used), prose::quantity(of.over.quota));
    let used = format!("{meter}: {used} of {quota} {unit} used");
    match (decision.action, decision.earlier) {
        (Some(Action::Alert), None | Some(Action::Alert)) => {
            format!("{used}; nothing is stopped (spec.quotaAction.policy is Alert)")
        }
        (None | Some(Action::Alert), earlier) => {
            let what = match earlier {
                Some(Action::Suspend) => "services run again",
                _ => "services are not stopped after all",
            };
            format!("{what}: what called for it ({used}) does not hold or count any more")
        }
        (Some(_), _) => match words(of) {
            Some(words) => format!("{used}; {words}"),
            None => used,
        },
    }
}

#[cfg(test)]
mod tests;
