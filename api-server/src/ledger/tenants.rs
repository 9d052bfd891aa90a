//! Accounts of the cluster's tenants: made, bound to their workloads, put on the plan that is asked
//! for, and ended. All of it may be done again at any time and comes to the same. What a server does by
//! what it saw of the cluster carries the token of its lease: one that was frozen meanwhile saw what is
//! long over, and is refused.

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Ledger, LedgerError, PlanWish,
    lease::Token,
    plan_change::{self, NotChanged},
};
use crate::{
    domain::{
        account::AccountId,
        calendar::{AnchorDay, Zone},
        subscription::RequestError,
    },
    store::{
        Session, StoreError,
        accounts::{self, Account, Added, Binding},
        alerts::AlertRow,
        gateways, plans,
        provisions::{self, Stack},
        tenants::{self, Asked, TenantRow},
    },
};

/// A tenant that an account is to be kept for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The resource's name.
    pub name: String,
    /// The resource's uid.
    pub uid: String,
    /// The account.
    pub account: AccountId,
    /// The customer's name, of an account that is made now; another one than it was names the account anew.
    pub display_name: String,
    /// ISO 4217 code of what it is billed in, of an account that is made now.
    pub currency: String,
    /// By whose midnights its periods run, of an account that is made now.
    pub zone: Zone,
    /// The day on which its periods start, of an account that is made now.
    pub anchor: AnchorDay,
    /// The namespace of the stack; empty until it is known.
    pub namespace: String,
    /// The stack's ServiceAccounts, by name and uid.
    pub workloads: Vec<(String, String)>,
    /// Who signs their tokens; nothing where that is not known.
    pub issuer: Option<String>,
    /// Whether they stand for the account from now on; else it is only seen which of them cannot.
    pub binds: bool,
}

/// What became of a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The account, as it is.
    pub account: Account,
    /// The tenant, as it is known.
    pub tenant: TenantRow,
    /// ServiceAccounts that stand for another account, which keep doing so.
    pub refused: Vec<String>,
}

/// What a tenant's spec asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanAsk {
    /// The account.
    pub account: AccountId,
    /// The resource's name.
    pub name: String,
    /// The resource's uid.
    pub uid: String,
    /// Its generation.
    pub generation: i64,
    /// The plan, if the spec names one.
    pub plan: Option<String>,
    /// The plan of an account that is on none, when the spec names none; none: it stays so.
    pub otherwise: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The request as it is recorded; none when the spec never named a plan.
    pub asked: Option<Asked>,
    /// Why the account is not on the plan that is asked for.
    pub refused: Option<RequestError>,
}

impl Ledger {
    /// Makes a tenant's account if it is not there, binds its workloads to it, and ends whatever
    /// else had its name. An account that is there stays as it is, but for its name where the tenant's spec
    /// has changed that of the customer.
    ///
    /// # Errors
    /// As [`Ledger::transact_by`].
    pub async fn register(
        &self,
        by: Option<&Token>,
        new: Registration,
    ) -> Result<Registered, LedgerError> {
        let work = self.transact_by(by, None, move |session, now| {
            Box::pin(async move { register(session, &new, now).await })
        });
        work.await
    }

    /// Ends the tenants that are not among `uids`, and their bindings; answers which.
    ///
    /// # Errors
    /// As [`Ledger::transact_by`].
    pub async fn end_others(
        &self,
        by: Option<&Token>,
        uids: &[String],
    ) -> Result<Vec<TenantRow>, LedgerError> {
        let mut session = self.store().read().await?;
        let mut gone = tenants::live(&mut session).await?;
        drop(session);
        gone.retain(|tenant| !uids.contains(&tenant.uid));
        if gone.is_empty() {
            return Ok(gone);
        }
        let ended = gone.clone();
        let work = self.transact_by(by, None, move |session, now| {
            Box::pin(async move {
                for tenant in &ended {
                    tenants::end(session, tenant, now).await?;
                }
                for tenant in &ended {
                    provisions::gone(session, &tenant.name, now).await?;
                }
                Ok(())
            })
        });
        work.await?;
        Ok(gone)
    }

    /// Records how far the stack of a tenant is that was made of a request, for those who wait for it.
    ///
    /// # Errors
    /// As [`Ledger::transact_by`].
    pub async fn follow_stack(
        &self,
        by: Option<&Token>,
        request: Uuid,
        tenant: &str,
        stack: Stack,
    ) -> Result<(), LedgerError> {
        let tenant = tenant.to_owned();
        let work = self.transact_by(by, None, move |session, now| {
            Box::pin(
                async move { provisions::stands(session, (request, &tenant), &stack, now).await },
            )
        });
        work.await
    }

    /// Asks for the plan that a spec names, once for each time that it is named: what was agreed
    /// elsewhere later stands until the spec names another. What a later generation of the spec asked
    /// for is not undone by an earlier one.
    ///
    /// # Errors
    /// As [`Ledger::transact_by`].
    pub async fn ask_for_plan(
        &self,
        by: Option<&Token>,
        ask: PlanAsk,
    ) -> Result<Answered, LedgerError> {
        let work = self.transact_by(by, Some(ask.account.clone()), move |session, now| {
            Box::pin(async move { answer(session, &ask, now).await })
        });
        work.await
    }

    /// Writes down that the cluster was told of an alert.
    ///
    /// # Errors
    /// As [`Ledger::transact`].
    pub async fn told(&self, uid: &str, alert: AlertRow) -> Result<(), LedgerError> {
        let uid = uid.to_owned();
        let work = self.transact(None, move |session, now| {
            Box::pin(async move { tenants::told(session, &uid, &alert, now).await })
        });
        work.await
    }
}

async fn register(
    session: &mut Session,
    new: &Registration,
    now: Timestamp,
) -> Result<Registered, StoreError> {
    let fresh = Account {
        id: new.account.clone(),
        name: new.display_name.clone(),
        zone: new.zone.clone(),
        anchor: new.anchor,
        currency: new.currency.clone(),
        created_at: now,
    };
    accounts::add(session, &fresh).await?;
    let mut tenant = TenantRow {
        account: new.account.clone(),
        uid: new.uid.clone(),
        name: new.name.clone(),
        namespace: new.namespace.clone(),
        seen_at: now,
    };
    for other in tenants::named(session, &new.name).await? {
        if (&other.account, &other.uid) != (&tenant.account, &tenant.uid) {
            tenants::end(session, &other, now).await?;
        }
    }
    tenant.seen_at = tenants::put(session, &tenant).await?;
    if tenants::call(session, &tenant, &new.display_name, now).await? {
        accounts::rename(session, &new.account, &new.display_name).await?;
        let (account, name) = (&new.account, &new.display_name);
        tracing::info!(%account, name, tenant = new.name, "an account has another name");
    }
    let account = accounts::get(session, &new.account).await?.unwrap_or(fresh);
    gateways::undrain_others(session, &new.account, &new.uid).await?;
    let refused = bind(session, new, now).await?;
    Ok(Registered { account, tenant, refused })
}

async fn bind(
    session: &mut Session,
    new: &Registration,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let mut refused = Vec::new();
    for (name, uid) in &new.workloads {
        let binding = Binding {
            account: new.account.clone(),
            namespace: new.namespace.clone(),
            service_account: name.clone(),
            uid: uid.clone(),
            issuer: new.issuer.clone(),
        };
        let other = match new.binds {
            true => accounts::bind(session, &binding, now).await? == Added::Other,
            false => accounts::is_anothers(session, &binding).await?,
        };
        if other {
            refused.push(name.clone());
        }
    }
    Ok(refused)
}

async fn answer(
    session: &mut Session,
    ask: &PlanAsk,
    now: Timestamp,
) -> Result<Answered, StoreError> {
    let before = tenants::asked(session, &ask.account, &ask.uid).await?;
    if let Some(later) = before.as_ref().filter(|asked| asked.generation > ask.generation) {
        let asked = (!later.plan.is_empty()).then(|| later.clone());
        return Ok(Answered { asked, refused: None });
    }
    let same = before.as_ref().filter(|asked| Some(&asked.plan) == ask.plan.as_ref());
    if let Some(asked) = same.filter(|asked| asked.accepted_at.is_some()) {
        return Ok(Answered { asked: Some(asked.clone()), refused: None });
    }
    let Some(plan) = ask.plan.clone() else { return unasked(session, ask, before, now).await };
    let refused = change(session, ask, &plan, now).await?;
    let asked = Asked {
        generation: same.map_or(ask.generation, |asked| asked.generation),
        seen_at: same.map_or(now, |asked| asked.seen_at),
        accepted_at: refused.is_none().then_some(now),
        plan,
    };
    if before.as_ref() != Some(&asked) {
        tenants::ask(session, &ask.account, &ask.uid, &asked).await?;
    }
    Ok(Answered { asked: Some(asked), refused })
}

/// A spec that names no plan leaves the account on its own, and puts one that has none on the usual.
async fn unasked(
    session: &mut Session,
    ask: &PlanAsk,
    before: Option<Asked>,
    now: Timestamp,
) -> Result<Answered, StoreError> {
    // Naming the same plan again later is a new request.
    if before.is_some_and(|asked| !asked.plan.is_empty()) {
        let (plan, generation) = (String::new(), ask.generation);
        let none = Asked { plan, generation, seen_at: now, accepted_at: Some(now) };
        tenants::ask(session, &ask.account, &ask.uid, &none).await?;
    }
    let agreed = !plans::of_account(session, &ask.account).await?.is_empty();
    let refused = match &ask.otherwise {
        Some(usual) if !agreed => change(session, ask, usual, now).await?,
        _ => None,
    };
    Ok(Answered { asked: None, refused })
}

async fn change(
    session: &mut Session,
    ask: &PlanAsk,
    plan: &str,
    now: Timestamp,
) -> Result<Option<RequestError>, StoreError> {
    let wish = PlanWish {
        account: ask.account.clone(),
        plan: Some(plan.to_owned()),
        version: None,
        actor: format!("tenant {} ({})", ask.name, ask.uid),
    };
    match plan_change::change(session, &wish, now).await? {
        Ok(_) => Ok(None),
        Err(NotChanged::Refused(why)) => Ok(Some(why)),
        Err(NotChanged::UnknownAccount) => {
            Err(StoreError::Unreadable(format!("accounts: {} is gone", ask.account)))
        }
    }
}
