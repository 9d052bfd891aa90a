//! [`Caller`]: the proof, as a handler's argument, that a rule was kept.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use futures::future::BoxFuture;
use jiff::Timestamp;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter};

use super::identity::{Identity, Person, Workload};
use super::receipt::ReceiptHash;
use super::rule::{Rule, Way};
use super::verifier::{Refusal, Verifier};
use crate::domain::account::AccountId;
use crate::http::address::subscriber;
use crate::http::budget::{Budgets, Payer, Receipt};
use crate::http::origin::Proxies;
use crate::http::problem::{Code, Problem};
use crate::http::server::Peer;

/// Tells whose ServiceAccount one is: the bindings that `accounts bind` records.
pub trait Bindings: Send + Sync {
    /// The account that issuer, namespace, name and uid together are bound to.
    fn account<'b>(
        &'b self,
        workload: &'b Workload,
    ) -> BoxFuture<'b, anyhow::Result<Option<AccountId>>>;
}

/// Tells the time; tests stop it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// All that is needed to let callers in.
#[derive(Clone)]
pub struct Authenticator {
    verifier: Arc<Verifier>,
    bindings: Arc<dyn Bindings>,
    clock: Clock,
    budgets: Arc<Budgets>,
    proxies: Arc<Proxies>,
    refused: Counter<u64>,
}

/// Shows for how long each issuer's keys are good, should they never be fetched again.
fn keys_left(meter: &Meter, verifier: Arc<Verifier>) {
    // The meter keeps it.
    let _kept = meter
        .u64_observable_gauge("tenantry_issuer_keys_left")
        .with_unit("s")
        .with_description(
            "For how long an issuer's keys are good yet, should they never be fetched again",
        )
        .with_callback(move |gauge| {
            for issuer in verifier.issuers() {
                let Some(left) = issuer.keys().left() else { continue };
                gauge.observe(left.as_secs(), &[KeyValue::new("issuer", issuer.name().to_owned())]);
            }
        })
        .build();
}

impl Authenticator {
    /// Lets in who has a token that `verifier` finds good at the time that `clock` tells, as often
    /// as `budgets` allow.
    pub fn new(
        verifier: Arc<Verifier>,
        bindings: Arc<dyn Bindings>,
        clock: Clock,
        budgets: Arc<Budgets>,
        meter: &Meter,
    ) -> Self {
        let refused = meter
            .u64_counter("tenantry_api_tokens_refused")
            .with_description("Requests answered 401, by what was wrong")
            .build();
        keys_left(meter, verifier.clone());
        Self { verifier, bindings, clock, budgets, proxies: Arc::default(), refused }
    }

    /// Counts strangers that come by trusted proxies apart.
    #[must_use]
    pub fn behind(self, proxies: Proxies) -> Self {
        Self { proxies: Arc::new(proxies), ..self }
    }

    /// The verifier.
    #[must_use]
    pub fn verifier(&self) -> &Arc<Verifier> {
        &self.verifier
    }

    /// What callers may use.
    #[must_use]
    pub fn budgets(&self) -> &Budgets {
        &self.budgets
    }

    async fn admit(&self, headers: &HeaderMap, ways: &[Way]) -> Result<Admitted, Problem> {
        if ways.is_empty() {
            return Ok(Admitted { identity: None, reach: Reach::Nothing });
        }
        let presented = headers.contains_key(header::AUTHORIZATION);
        let refuse = |refusal| self.refuse(refusal, presented);
        let token = bearer(headers).map_err(refuse)?;
        if ways.contains(&Way::Receipt)
            && let Some(receipt) = ReceiptHash::of(token)
        {
            return Ok(Admitted { identity: None, reach: Reach::Receipt(receipt) });
        }
        let identity = self.verifier.verify(token, (self.clock)()).await.map_err(refuse)?;
        let candidates: Vec<Way> =
            ways.iter().copied().filter(|way| fits(*way, &identity)).collect();
        let Some(first) = candidates.first().copied() else {
            return Err(refuse(Refusal::Audience));
        };
        let reach = match &identity {
            Identity::Person(person) => candidates
                .iter()
                .find_map(|way| reach_of(*way, person))
                .ok_or_else(|| lacks(nearest(&candidates, person).unwrap_or(first), person))?,
            Identity::Workload(workload) => {
                let account = self.bindings.account(workload).await;
                let account = account.map_err(Problem::unavailable)?;
                Reach::Own(account.ok_or_else(|| refuse(Refusal::Binding))?)
            }
        };
        Ok(Admitted { identity: Some(identity), reach })
    }

    /// One answer for every refusal, so that nobody learns by trying which check failed.
    fn refuse(&self, refusal: Refusal, presented: bool) -> Problem {
        self.refused.add(1, &[KeyValue::new("reason", refusal.label())]);
        tracing::debug!(reason = refusal.label(), "token refused");
        let challenge = match presented {
            true => "Bearer realm=\"tenantry\", error=\"invalid_token\"",
            false => "Bearer realm=\"tenantry\"",
        };
        Problem::new(
            Code::Unauthenticated,
            "This route needs one bearer token, valid now, from an issuer of this installation and \
             for this route's audience.",
        )
        .with_header(header::WWW_AUTHENTICATE, challenge)
    }
}

/// The token of the only `Authorization` header: `Bearer`, in any case, one space, the token.
fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (all.next(), all.next()) else { return Err(Refusal::Missing) };
    let (scheme, token) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(Refusal::Missing)?;
    let clean = !token.is_empty() && !token.contains([' ', '\t', ',']);
    if scheme.eq_ignore_ascii_case("bearer") && clean { Ok(token) } else { Err(Refusal::Missing) }
}

/// Whether the way is for tokens of this kind and audience.
fn fits(way: Way, identity: &Identity) -> bool {
    match (way, identity) {
        (Way::Person { audience, .. }, Identity::Person(_)) => identity.is_for(audience),
        (Way::Workload { audience, account }, Identity::Workload(workload)) => {
            identity.is_for(audience)
                && account.is_none_or(|account| account == workload.account.name)
        }
        _ => false,
    }
}

/// How far a person comes by a way; `None` when it is closed to them.
fn reach_of(way: Way, person: &Person) -> Option<Reach> {
    let Way::Person { scope, role, everyone, .. } = way else { return None };
    if !person.scopes.contains(scope) || role.is_some_and(|role| !person.roles.contains(role)) {
        return None;
    }
    if everyone { Some(Reach::Everyone) } else { person.tenant.clone().map(Reach::Own) }
}

/// The way that the caller has the scope for: what else it asks for is what is missing.
fn nearest(ways: &[Way], person: &Person) -> Option<Way> {
    let has =
        |way: &&Way| matches!(way, Way::Person { scope, .. } if person.scopes.contains(*scope));
    ways.iter().rfind(has).copied()
}

/// 403: the token is good; what is needed, and what of it the token has. It is the caller's own.
fn lacks(way: Way, person: &Person) -> Problem {
    let Way::Person { scope, role, everyone, .. } = way else { return Problem::not_found() };
    let role = role.map(|role| format!(", the role {role}")).unwrap_or_default();
    let (tenant, none) = match (everyone, &person.tenant) {
        (true, _) => ("", ""),
        (false, Some(_)) => (", the claim tenant", ""),
        (false, None) => (", the claim tenant", ", no claim tenant"),
    };
    let (scopes, roles) = (listed("scope", &person.scopes), listed("role", &person.roles));
    Problem::new(
        Code::InsufficientScope,
        format!(
            "This route needs the scope {scope}{role}{tenant}; the token has {scopes}, {roles}{none}. Ask for one that \
             has all."
        ),
    )
    .with_header(
        header::WWW_AUTHENTICATE,
        format!("Bearer realm=\"tenantry\", error=\"insufficient_scope\", scope=\"{scope}\""),
    )
}

/// `no role`, `the scope a`, `the scopes a b and 3 more`: issuers give many that say nothing here.
fn listed(what: &str, names: &BTreeSet<String>) -> String {
    const MOST: usize = 5;
    let first = names.iter().take(MOST).map(|name| shortened(name)).collect::<Vec<_>>().join(" ");
    match names.len() {
        0 => format!("no {what}"),
        1 => format!("the {what} {first}"),
        n if n > MOST => format!("the {what}s {first} and {} more", n - MOST),
        _ => format!("the {what}s {first}"),
    }
}

/// A name without its end, where it is longer than those that mean something here.
fn shortened(name: &str) -> String {
    const LONGEST: usize = 30;
    let end = name.char_indices().nth(LONGEST);
    end.map_or_else(|| name.to_owned(), |(at, _)| format!("{}…", &name[..at]))
}

/// Who pays for a request: the account, else the person, else the address.
fn payer(parts: &Parts, identity: &Option<Identity>, reach: &Reach, proxies: &Proxies) -> Payer {
    match (reach, identity) {
        (Reach::Own(account), _) => Payer::Account(account.clone()),
        (_, Some(identity)) => Payer::Subject(identity.subject().to_owned()),
        (_, None) => {
            let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.ip());
            let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
            Payer::Address(subscriber(proxies.client(peer, &parts.headers)))
        }
    }
}

struct Admitted {
    identity: Option<Identity>,
    reach: Reach,
}

/// Whose objects a caller may reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nobody's: a public route.
    Nothing,
    /// Every account's.
    Everyone,
    /// One account's, by its id.
    Own(AccountId),
    /// The form that this is the receipt of.
    Receipt(ReceiptHash),
}

/// A caller who keeps the rule `R`. Only the extractor makes one.
pub struct Caller<R> {
    identity: Option<Identity>,
    reach: Reach,
    payer: Payer,
    rule: PhantomData<fn() -> R>,
}

impl<R> fmt::Debug for Caller<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("identity", &self.identity)
            .field("reach", &self.reach)
            .finish()
    }
}

impl<R> Caller<R> {
    /// Who it is; `None` on a public route.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Whose objects the caller may reach.
    #[must_use]
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Who pays, where a request is paid from a second budget too.
    #[must_use]
    pub fn payer(&self) -> &Payer {
        &self.payer
    }

    /// The account that the caller may reach, when it is one.
    ///
    /// # Errors
    /// 404 when the caller is not bound to one account.
    pub fn own(&self) -> Result<&AccountId, Problem> {
        match &self.reach {
            Reach::Own(account) => Ok(account),
            Reach::Everyone | Reach::Nothing | Reach::Receipt(_) => Err(Problem::not_found()),
        }
    }

    /// Nothing, if the caller may reach `account`.
    ///
    /// # Errors
    /// 404, as for an account that does not exist.
    pub fn may_reach(&self, account: &AccountId) -> Result<(), Problem> {
        match &self.reach {
            Reach::Everyone => Ok(()),
            Reach::Own(own) if own == account => Ok(()),
            Reach::Own(_) | Reach::Nothing | Reach::Receipt(_) => Err(Problem::not_found()),
        }
    }
}

impl<R, S> FromRequestParts<S> for Caller<R>
where
    R: Rule,
    S: Send + Sync,
    Authenticator: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let authenticator = Authenticator::from_ref(state);
        let Admitted { identity, reach } = authenticator.admit(&parts.headers, R::WAYS).await?;
        let payer = payer(parts, &identity, &reach, &authenticator.proxies);
        let left = authenticator.budgets.of(R::BUDGET).spend(&payer)?;
        if let Some(receipt) = parts.extensions.get::<Receipt>() {
            receipt.leave(left);
        }
        Ok(Self { identity, reach, payer, rule: PhantomData })
    }
}
