//! A change of plan that was asked for: what it leads to, and its record.

use jiff::Timestamp;

use super::agree;
use crate::{
    domain::{
        Money,
        account::AccountId,
        calendar::Period,
        catalogue::{Catalogue, PlanId},
        proration::Change,
        subscription::{Agreed, Outcome, Request, RequestError, Subscription},
    },
    store::{
        Session, StoreError,
        accounts::{self, Account},
        periods,
        plans::{self, Note, Recorded},
    },
};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanWish {
    /// Whose plan.
    pub account: AccountId,
    /// The key of a plan; none: that it ends.
    pub plan: Option<String>,
    /// One version of it; without it, the one that is on sale.
    pub version: Option<u32>,
    /// Who asks.
    pub actor: String,
}

/// What a wish comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanChange {
    /// Which plan or an end, from when, agreed when.
    pub agreed: Agreed,
    /// The plan before it; none when it is the first.
    pub from: Option<PlanId>,
    /// The account's current period.
    pub period: Period,
    /// What it costs within the period in which it was agreed; of what waits for its end, nothing.
    pub cost: Option<Change>,
    /// Who asked for it; not known of agreements made on the server's own command line.
    pub actor: Option<String>,
    /// Whether the same was agreed before, so that there is nothing to do.
    pub stands: bool,
}

/// The answer to a wish.
pub type Wished = Result<PlanChange, NotChanged>;

/// Why a plan is not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotChanged {
    /// There is no such account.
    UnknownAccount,
    /// The wish cannot be met.
    Refused(RequestError),
}

/// What a wish at `now` comes to. Nothing is written.
pub(super) async fn decide(
    session: &mut Session,
    wish: &PlanWish,
    now: Timestamp,
) -> Result<Wished, StoreError> {
    let Some(account) = accounts::get(session, &wish.account).await? else {
        return Ok(Err(NotChanged::UnknownAccount));
    };
    let catalogue = plans::catalogue(session).await?;
    let period = periods::at(session, &account, now).await?.period;
    let recorded = plans::of_account(session, &account.id).await?;
    let subscription = plans::subscription(&recorded);
    let note = plans::last_note(session, &account.id).await?;
    let asked = wish.plan.as_deref().map(|plan| Request { plan, version: wish.version });
    let standing = subscription.as_ref().and_then(|s| match asked {
        Some(asked) => standing(s, asked, &catalogue, now),
        None => s.end(now).map(Agreed::End),
    });
    if let Some(agreed) = standing {
        return Ok(Ok(stands(&recorded, agreed, period, note, &catalogue)));
    }
    let outcome = match asked {
        Some(asked) => outcome(subscription.as_ref(), asked, &account, &catalogue, period, now)
            .map(|Outcome { agreement, change }| (Agreed::Plan(agreement), change)),
        None => ending(subscription.as_ref(), period, now).map(|end| (end, None)),
    };
    Ok(outcome.map_err(NotChanged::Refused).map(|(agreed, cost)| PlanChange {
        from: subscription.as_ref().and_then(|s| s.at(now)).map(|a| a.plan.clone()),
        agreed,
        period,
        cost,
        actor: Some(wish.actor.clone()),
        stands: false,
    }))
}

fn outcome(
    subscription: Option<&Subscription>,
    asked: Request<'_>,
    account: &Account,
    catalogue: &Catalogue,
    period: Period,
    now: Timestamp,
) -> Result<Outcome, RequestError> {
    match subscription {
        Some(subscription) => subscription.request(asked, catalogue, period, now),
        None => Subscription::begin(asked, &account.currency, catalogue, period, now),
    }
}

fn ending(
    subscription: Option<&Subscription>,
    period: Period,
    now: Timestamp,
) -> Result<Agreed, RequestError> {
    let subscription = subscription.ok_or(RequestError::NoPlan)?;
    subscription.ending(period, now).map(Agreed::End)
}

/// What stands already of what is asked for: the plan that waits for the period's end, or the one in
/// force while none waits.
fn standing(
    subscription: &Subscription,
    asked: Request<'_>,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Option<Agreed> {
    if subscription.end(now).is_some() {
        return None;
    }
    let stands = subscription.pending(now).or_else(|| subscription.at(now))?;
    let live = catalogue.live(asked.plan, now).map(|live| live.id.version);
    let in_force = subscription.at(now).is_some_and(|current| current == stands);
    let version = match asked.version {
        Some(version) => version == stands.plan.version,
        // One's own plan without a version asks for nothing new.
        None => in_force || live == Some(stands.plan.version),
    };
    (stands.plan.plan == asked.plan && version).then(|| Agreed::Plan(stands.clone()))
}

fn stands(
    recorded: &[Recorded],
    agreed: Agreed,
    period: Period,
    note: Option<Note>,
    catalogue: &Catalogue,
) -> PlanChange {
    let place = recorded.iter().rposition(|one| one.agreed == agreed).unwrap_or_default();
    let from = plans::subscription(&recorded[..place]);
    let from = from.and_then(|before| before.at(agreed.agreed_at()).map(|a| a.plan.clone()));
    let note = note.filter(|_| place + 1 == recorded.len());
    let version = agreed.plan().and_then(|plan| catalogue.get(plan));
    let currency = version.map(|version| version.terms.currency);
    let cost = note.as_ref().and_then(|note| note.cost).zip(currency);
    let cost = cost.map(|((credit, charge), currency)| Change {
        credit: Money::from_minor(credit, currency),
        charge: Money::from_minor(charge, currency),
    });
    let actor = note.map(|note| note.actor);
    PlanChange { agreed, from, period, cost, actor, stands: true }
}

/// Decides about a wish within the writer's transaction, and records what it comes to.
pub(super) async fn change(
    session: &mut Session,
    wish: &PlanWish,
    now: Timestamp,
) -> Result<Wished, StoreError> {
    let decided = decide(session, wish, now).await?;
    let Ok(change) = &decided else { return Ok(decided) };
    if !change.stands {
        agree::agree(session, &wish.account, change.agreed.clone(), now).await?;
        let cost = change.cost.map(|cost| (cost.credit.minor(), cost.charge.minor()));
        let note = Note { actor: wish.actor.clone(), cost };
        plans::add_note(session, &wish.account, &note).await?;
    }
    Ok(decided)
}
