//! What a token proves.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::domain::account::AccountId;

/// Whom a token is for. A token for one is refused where another is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    /// `billing`: people and back-office tools.
    Billing,
    /// `tenantry-usage`: who sends usage.
    Usage,
    /// `tenantry-gateway`: tenants' gateways.
    Gateway,
}

impl Audience {
    /// Every audience.
    pub const ALL: [Self; 3] = [Self::Billing, Self::Usage, Self::Gateway];

    /// As it stands in `aud`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Billing => "billing",
            Self::Usage => "tenantry-usage",
            Self::Gateway => "tenantry-gateway",
        }
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Audience {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|audience| audience.as_str() == text);
        known.ok_or_else(|| {
            format!("{text:?} is none of billing, tenantry-usage and tenantry-gateway")
        })
    }
}

/// What a good token proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A person, or a tool with a token from the installation's own issuer.
    Person(Person),
    /// A pod, by its ServiceAccount.
    Workload(Workload),
}

impl Identity {
    /// Whether the token is for `audience`.
    #[must_use]
    pub fn is_for(&self, audience: Audience) -> bool {
        match self {
            Self::Person(person) => person.audiences.contains(&audience),
            Self::Workload(workload) => workload.audience == audience,
        }
    }

    /// A name for the audit log: the issuer's name for the caller.
    #[must_use]
    pub fn subject(&self) -> &str {
        match self {
            Self::Person(person) => &person.subject,
            Self::Workload(workload) => &workload.subject,
        }
    }
}

/// A caller whose token names scopes and roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// Those of `aud` that are ours; at least one.
    pub audiences: BTreeSet<Audience>,
    /// `scope`, apart.
    pub scopes: BTreeSet<String>,
    /// `roles`.
    pub roles: BTreeSet<String>,
    /// `tenant`: the account that the caller belongs to.
    pub tenant: Option<AccountId>,
}

/// A caller with a token that Kubernetes projected into a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// `iss`.
    pub issuer: String,
    /// `sub`, always `system:serviceaccount:NAMESPACE:NAME`.
    pub subject: String,
    /// The only audience of the token.
    pub audience: Audience,
    /// Whose pod it is.
    pub account: ServiceAccount,
    /// `iat`: when the token was made, in seconds since 1970, if it says so.
    pub issued: Option<i64>,
}

/// A Kubernetes ServiceAccount. One that was deleted and made again has another uid.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceAccount {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
}

impl fmt::Display for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} ({})", self.namespace, self.name, self.uid)
    }
}
