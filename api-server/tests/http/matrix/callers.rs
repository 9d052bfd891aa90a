//! Everybody who might call.

use std::time::Duration;

use api_server::auth::Audience;
use api_server::auth::local::{self, Claims};
use jiff::Timestamp;

use super::table::{Door, SCOPES};
use crate::api::{SECRET, now};
use crate::cluster::{GATEWAY, projected};

/// What an operation does with a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Not 401, 403 or, where the path names what is there, 404.
    LetIn,
    /// 401.
    Unauthenticated,
    /// 403.
    Forbidden,
    /// 404: another tenant's.
    Hidden,
}

/// Who calls.
#[derive(Clone, Debug)]
pub enum Who {
    /// Without a token.
    Nobody,
    /// With something that no route takes; the text is for failures.
    Bad(#[allow(dead_code, reason = "read by Debug")] &'static str),
    /// With a token of the people's issuer.
    Person { audience: Audience, scopes: String, csm: bool, tenant: Option<&'static str> },
    /// With a projected token of a workload of `tenant`, for exactly this audience.
    Pod { audience: Audience, tenant: &'static str, gateway: bool, bound: bool },
    /// With the receipt of the form that is asked for, or of another.
    Receipt { own: bool },
}

/// A caller and the token that it sends.
pub struct Caller {
    pub who: Who,
    pub token: Option<String>,
}

/// The account that paths name.
pub const ACCOUNT: &str = "acme";

impl Who {
    /// What must happen at `doors`; `names_account`: the path names [`ACCOUNT`].
    pub fn verdict(&self, doors: &[Door], names_account: bool) -> Verdict {
        if doors.iter().any(|door| matches!(door, Door::Anyone)) {
            return Verdict::LetIn;
        }
        let reaching = |tenant: &str| match names_account && tenant != ACCOUNT {
            true => Verdict::Hidden,
            false => Verdict::LetIn,
        };
        match self {
            Self::Nobody | Self::Bad(_) => Verdict::Unauthenticated,
            Self::Receipt { own } => match doors.iter().any(|door| matches!(door, Door::Receipt)) {
                true if *own => Verdict::LetIn,
                true => Verdict::Hidden,
                false => Verdict::Unauthenticated,
            },
            Self::Pod { audience, tenant, gateway, bound } => {
                let fits = doors.iter().any(|door| match door {
                    Door::Workload => *audience == Audience::Usage,
                    Door::Gateway => *audience == Audience::Gateway && *gateway,
                    _ => false,
                });
                if fits && *bound { reaching(tenant) } else { Verdict::Unauthenticated }
            }
            Self::Person { audience, scopes, csm, tenant } => {
                let has = |scope: &str| scopes.split(' ').any(|one| one == scope);
                let (mut fits, mut own) = (false, None);
                for door in doors {
                    let (wanted, everyone) = match door {
                        Door::Staff(scope) => (Audience::Billing, has(scope)),
                        Door::Csm(scope) => (Audience::Billing, has(scope) && *csm),
                        Door::Customer(wanted, scope) => {
                            if wanted == audience && has(scope) {
                                own = *tenant;
                            }
                            (*wanted, false)
                        }
                        _ => continue,
                    };
                    fits |= wanted == *audience;
                    if everyone && wanted == *audience {
                        return Verdict::LetIn;
                    }
                }
                match own {
                    Some(tenant) => reaching(tenant),
                    None if fits => Verdict::Forbidden,
                    None => Verdict::Unauthenticated,
                }
            }
        }
    }
}

fn sign(who: &Who, at: Timestamp) -> Option<String> {
    let Who::Person { audience, scopes, csm, tenant } = who else { return None };
    let mut claims = Claims::new("ada", &[*audience]);
    claims.scope.clone_from(scopes);
    claims.roles = if *csm { vec!["CustomerSuccessManager".to_owned()] } else { Vec::new() };
    claims.tenant = tenant.map(str::to_owned);
    Some(local::token(&claims, SECRET, at, Duration::from_secs(60)).unwrap())
}

fn people() -> Vec<Who> {
    let all = SCOPES.join(" ");
    let mut people = Vec::new();
    for audience in Audience::ALL {
        for scopes in SCOPES.iter().copied().chain([all.trim()]) {
            for csm in [false, true] {
                for tenant in [None, Some("acme"), Some("globex"), Some("initech")] {
                    people.push(Who::Person { audience, scopes: scopes.to_owned(), csm, tenant });
                }
            }
        }
    }
    people
}

fn pods() -> Vec<Caller> {
    let mut pods = Vec::new();
    for audience in Audience::ALL {
        for tenant in ["acme", "globex", "initech"] {
            for gateway in [false, true] {
                let bound = tenant != "initech";
                let name = if gateway { GATEWAY } else { "core" };
                let token = Some(projected(tenant, name, &[audience]));
                pods.push(Caller { who: Who::Pod { audience, tenant, gateway, bound }, token });
            }
        }
    }
    pods
}

/// Every caller. `own` and `other` are the receipts of the form that paths name and of another.
pub fn all(own: &str, other: &str) -> Vec<Caller> {
    let powers = Who::Person {
        audience: Audience::Billing,
        scopes: SCOPES.join(" ").trim().to_owned(),
        csm: true,
        tenant: Some("acme"),
    };
    let good = sign(&powers, now()).unwrap();
    let expired = sign(&powers, now() - jiff::SignedDuration::from_secs(60)).unwrap();
    let two = projected("acme", "core", &[Audience::Usage, Audience::Gateway]);
    let bad = [
        ("rubbish", "rubbish".to_owned()),
        ("a good token with a letter less", good[..good.len() - 1].to_owned()),
        ("a token that has just expired", expired),
        ("a pod's token for two audiences", two),
        ("a receipt without a secret", "receipt_".to_owned()),
    ];
    let receipt =
        |own, token: &str| Caller { who: Who::Receipt { own }, token: Some(token.to_owned()) };
    let mut all =
        vec![Caller { who: Who::Nobody, token: None }, receipt(true, own), receipt(false, other)];
    all.extend(bad.map(|(name, token)| Caller { who: Who::Bad(name), token: Some(token) }));
    all.extend(people().into_iter().map(|who| Caller { token: sign(&who, now()), who }));
    all.extend(pods());
    all
}
