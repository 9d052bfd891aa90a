//! Decisions about used-up quotas, each made on what the ledger has at that moment.

use jiff::Timestamp;

use super::{
    Ledger, LedgerError, figures::Gathered, figures::Turn, lease::Token, whole_millisecond,
};
use crate::{
    domain::enforcement::{self, Action, Rule, Standing, Step},
    store::{
        Session, StoreError,
        accounts::Account,
        enforcements::{self, Decision},
    },
};

/// Whose quota is looked at, and what is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The account.
    pub account: Account,
    /// The uid of the tenant.
    pub uid: String,
    /// What its spec asks for.
    pub rule: Rule,
    /// The share of all tenants, in percent, that may be stopped within an hour.
    pub share: u8,
}

impl Ledger {
    /// Sums the account up as it is now, with the plan that it is on now, and decides by that alone;
    /// answers what stands, and the decision if it is a new one. Of several that are due, one is
    /// decided after the other, also by several servers: so the brake counts them all.
    ///
    /// # Errors
    /// As [`Ledger::transact_by`].
    pub async fn enforce(
        &self,
        by: Option<&Token>,
        look: Look,
    ) -> Result<(Option<Standing>, Option<Decision>), LedgerError> {
        let work = self.transact_by(by, None, move |session, now| {
            Box::pin(async move { enforce(session, &look, whole_millisecond(now)).await })
        });
        work.await
    }

    /// Whether too many others' services were stopped, or are to be, within an hour of now for a tenant's to be
    /// stopped too.
    ///
    /// # Errors
    /// As [`Ledger::store`]'s reads.
    pub async fn brakes(&self, uid: &str, share: u8) -> Result<bool, LedgerError> {
        let mut session = self.store().read().await?;
        let now = whole_millisecond(self.now());
        Ok(enforcement::brakes(enforcements::traffic(&mut session, uid, now).await?, share))
    }

    /// Writes down that the cluster was told of a decision.
    ///
    /// # Errors
    /// As [`Ledger::transact`].
    pub async fn told_decision(
        &self,
        account: &Account,
        uid: &str,
        n: i64,
    ) -> Result<(), LedgerError> {
        let (account, uid) = (account.id.clone(), uid.to_owned());
        let work = self.transact(None, move |session, now| {
            Box::pin(async move { enforcements::told(session, &account, &uid, n, now).await })
        });
        work.await
    }
}

async fn enforce(
    session: &mut Session,
    look: &Look,
    now: Timestamp,
) -> Result<(Option<Standing>, Option<Decision>), StoreError> {
    let Look { account, uid, rule, share } = look;
    session.lock(std::slice::from_ref(&account.id)).await?;
    let last = enforcements::last(session, &account.id, uid).await?;
    let stands = last.and_then(|last| last.standing());
    let gathered = Gathered::now(session, account, Turn::first(now), now).await?;
    let (snapshot, period) = (gathered.snapshot()?, gathered.period()?);
    let over = enforcement::over(snapshot.meters.iter().map(|(m, of)| (*m, of)), rule.at);
    let next = match enforcement::decide(*rule, stands.as_ref(), period, over, now) {
        Step::Keep => return Ok((stands, None)),
        Step::End => None,
        Step::Take(next) => Some(next),
        Step::Due(next) => {
            let traffic = enforcements::traffic(session, uid, now).await?;
            let held = enforcement::brakes(traffic, *share);
            if held && stands.is_some_and(|stands| stands.action == Action::Held) {
                return Ok((stands, None));
            }
            let action = if held { Action::Held } else { Action::Suspend };
            Some(Standing { action, ..next })
        }
    };
    // What ends is told by what it rested on.
    let Some(of) = next.or(stands.map(|stands| Standing { since: now, ..stands })) else {
        return Ok((None, None));
    };
    let decision = Decision {
        n: last.map_or(1, |last| last.n.saturating_add(1)),
        action: next.map(|next| next.action),
        earlier: stands.map(|stands| stands.action),
        of,
    };
    enforcements::put(session, &account.id, uid, &decision).await?;
    Ok((next, Some(decision)))
}
