//! The four conditions that the server has in a tenant's status.

use crds::conditions::{
    BILLING_INVALID, CUSTOMER_HEALTHY, NewCondition, PLAN_ACCEPTED, QUOTA_WITHIN_LIMITS, STALE,
    Truth, WORKLOADS_ACCEPTED,
};
use jiff::Timestamp;

use super::{
    enforcement,
    status::{Figures, Known},
};
use crate::{
    domain::{
        health::Standing,
        prose,
        subscription::{Agreed, Agreement, End, RequestError},
        threshold::Level,
    },
    ledger::tenants::Answered,
};

fn condition(
    type_: &'static str,
    status: Truth,
    reason: &'static str,
    message: String,
) -> NewCondition {
    NewCondition { type_, status, reason, message }
}

/// All four.
#[must_use]
pub fn all(known: &Known<'_>) -> [NewCondition; 4] {
    let (status, reason, message) = plan(known);
    let plan = condition(PLAN_ACCEPTED, status, reason, message);
    let (status, reason, message) = workloads(known);
    let workloads = condition(WORKLOADS_ACCEPTED, status, reason, message);
    let figures = match fresh(known) {
        Ok(figures) => figures,
        Err((reason, message)) => {
            let unknown = |type_| condition(type_, Truth::Unknown, reason, message.clone());
            let figures = [QUOTA_WITHIN_LIMITS, CUSTOMER_HEALTHY].map(unknown);
            let [quota, health] = figures;
            return [plan, quota, health, workloads];
        }
    };
    let (status, reason, mut message) = quota(figures);
    if let Some(words) = known.stands.and_then(enforcement::words) {
        message = format!("{message}; {words}");
    }
    let quota = condition(QUOTA_WITHIN_LIMITS, status, reason, message);
    let (status, reason, message) = health(figures);
    [plan, quota, condition(CUSTOMER_HEALTHY, status, reason, message), workloads]
}

type Said = (Truth, &'static str, String);

/// Figures that may be acted on.
fn fresh<'a>(known: &Known<'a>) -> Result<&'a Figures, (&'static str, String)> {
    let Some(figures) = known.figures else {
        return Err(("NoFigures", "nothing was summed up yet".to_owned()));
    };
    if figures.valid_until <= known.now {
        let at = figures.snapshot.computed_at;
        return Err((STALE, format!("the newest figures are of {at}, and none came since")));
    }
    Ok(figures)
}

/// Whose account they stand for is not said: it is another customer's.
fn workloads(known: &Known<'_>) -> Said {
    match known.refused {
        None if known.impossible.is_some() => {
            (Truth::False, BILLING_INVALID, "there is no account to send to".to_owned())
        }
        None => (Truth::Unknown, "NotAsked", "the ledger was not asked yet".to_owned()),
        Some([]) => {
            let message = "no workload of the stack stands for another account".to_owned();
            (Truth::True, "Accepted", message)
        }
        Some(refused) => {
            let named = refused.join(", ");
            let message = format!(
                "ServiceAccount {named} stands for another account, as it was bound there, and cannot send \
                 as this tenant's: end that with `api-server accounts unbind`, or rename it"
            );
            (Truth::False, "BoundElsewhere", message)
        }
    }
}

fn plan(known: &Known<'_>) -> Said {
    if let Some(why) = known.impossible {
        return (Truth::False, BILLING_INVALID, why.to_owned());
    }
    let Some(answered) = known.answered else {
        return (Truth::Unknown, "NotAsked", "the ledger was not asked yet".to_owned());
    };
    if let Some(why) = &answered.refused {
        return refused(known.plan.is_some(), why);
    }
    if let Some(differs) = known.differs {
        return (Truth::False, "BillingDiffers", differs.clone());
    }
    let current = known.subscription.and_then(|plans| plans.at(known.now));
    let next = known.subscription.and_then(|plans| plans.next(known.now));
    let over = known.subscription.and_then(|plans| plans.end(known.now));
    match (current, over, known.plan) {
        (None, Some(End { effective_at, .. }), _) => (Truth::False, "Ended", ended(effective_at)),
        (_, _, None) => unasked(known, current, next),
        (_, _, Some(asked)) => asked_for(asked, answered, current, next),
    }
}

fn refused(named: bool, why: &RequestError) -> Said {
    let reason = match why {
        RequestError::NotOnSale { .. } | RequestError::NotInCatalogue { .. } => "UnknownPlan",
        RequestError::Currency { .. } => "OtherCurrency",
        RequestError::NotStarted(_) => "NotStarted",
        _ => "NotPossible",
    };
    // The words of these begin with the plan that was asked for.
    let message = match (named, reason) {
        (true, "UnknownPlan") => format!("spec.plan {why}"),
        (true, _) => format!("spec.plan: {why}"),
        (false, _) => format!("spec.plan names none, and the usual plan {why}"),
    };
    (Truth::False, reason, message)
}

fn ended(at: Timestamp) -> String {
    format!(
        "the account's subscription ended at {at}, and nothing is owed from then on: to begin anew, agree to a \
         plan with POST /accounts/{{account}}/plan, or name another in spec.plan"
    )
}

fn since(current: &Agreement, next: Option<&Agreed>) -> String {
    let Agreement { plan, effective_at, .. } = current;
    let next = next.map(|next| match next {
        Agreed::Plan(next) => format!(", and on {:?} from {}", next.plan.plan, next.effective_at),
        Agreed::End(end) => format!(", and ends at {}", end.effective_at),
    });
    format!("the account is on {:?} since {effective_at}{}", plan.plan, next.unwrap_or_default())
}

fn unasked(known: &Known<'_>, current: Option<&Agreement>, next: Option<&Agreed>) -> Said {
    match current {
        Some(current) => {
            (Truth::True, "Accepted", format!("spec.plan names none; {}", since(current, next)))
        }
        None => {
            let why = "spec.plan names none, and the tenant's profile is not there to name one";
            let account = if known.subscription.is_some() { "no plan yet" } else { "no plan" };
            (Truth::Unknown, "ProfileMissing", format!("{why}; the account is on {account}"))
        }
    }
}

fn asked_for(
    asked: &str,
    answered: &Answered,
    current: Option<&Agreement>,
    next: Option<&Agreed>,
) -> Said {
    let on = current.map_or("no plan", |current| current.plan.plan.as_str());
    let named = |next: &&Agreed| next.plan().is_some_and(|plan| plan.plan == asked);
    if let Some(next) = next.filter(named).filter(|_| on != asked) {
        let at = next.effective_at();
        let message = format!(
            "spec.plan {asked:?} takes effect at {at}; the account stays on {on:?} until then"
        );
        return (Truth::False, "Scheduled", message);
    }
    match current {
        Some(current) if on == asked => (Truth::True, "Accepted", since(current, next)),
        _ => {
            let at: Option<Timestamp> = answered.asked.as_ref().and_then(|asked| asked.accepted_at);
            let at = at.map(|at| format!(" at {at}")).unwrap_or_default();
            let message = format!(
                "spec.plan {asked:?} was agreed to{at}; the account is on {on:?} by a later \
                 agreement: change either"
            );
            (Truth::False, "Superseded", message)
        }
    }
}

fn quota(figures: &Figures) -> Said {
    let meters = &figures.snapshot.meters;
    if meters.values().all(|meter| meter.quota.is_none()) {
        return (Truth::Unknown, "NoQuota", "the account is on no plan with a quota".to_owned());
    }
    let Some(level) = meters.values().filter_map(|meter| meter.level).max() else {
        let message = format!("every meter is below {} % of its quota", Level::Soft.percent());
        return (Truth::True, "WithinLimits", message);
    };
    let told = meters.iter().filter(|(_, meter)| meter.level.is_some()).map(|(name, meter)| {
        let quota = meter.quota.map(prose::quantity).unwrap_or_default();
        let mark = meter.level.map(Level::percent).unwrap_or_default();
        let (used, unit) = (prose::quantity(meter.used), name.unit());
        format!("{name}: {used} of {quota} {unit} used, {mark} % or more")
    });
    let told: Vec<String> = told.collect();
    let reason = match level {
        Level::Soft => "SoftLimitReached",
        Level::Hard => "HardLimitReached",
    };
    (Truth::False, reason, told.join("; "))
}

fn health(figures: &Figures) -> Said {
    let snapshot = &figures.snapshot;
    let score = super::words::health(snapshot.health.score);
    match snapshot.standing {
        Standing::Healthy => (Truth::True, "Healthy", format!("health is {score}")),
        Standing::InsufficientData => {
            let message = "too little is known of the customer to judge".to_owned();
            (Truth::Unknown, "InsufficientData", message)
        }
        Standing::Flagged => {
            let why = snapshot.reason().unwrap_or_else(|| format!("Health is {score}."));
            let help = snapshot.helps_most().map(|help| format!(" {help}")).unwrap_or_default();
            (Truth::False, "Flagged", format!("{why}{help}"))
        }
    }
}
