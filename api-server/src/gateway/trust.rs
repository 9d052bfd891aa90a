//! Whom a gateway believes: pods of its own namespace, by tokens of the issuer that signs its own.
//!
//! The gateway has no rights in Kubernetes and cannot ask it for keys. The control plane, which can,
//! hands them on; a copy is kept beside the spool, so that a restart while the control plane cannot be
//! reached still knows its neighbours.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::watch;

use super::heartbeat::Told;
use super::plane::ControlPlane;
use crate::auth::caller::{Bindings, Clock};
use crate::auth::kept::KeptCopy;
use crate::auth::keys::CLUSTERS_STALE;
use crate::auth::rule::GATEWAY_ACCOUNT;
use crate::auth::verifier::SKEW;
use crate::auth::{Issuer, Verifier, Workload, unverified_claims};
use crate::domain::account::AccountId;

/// How long keys are good while the control plane cannot be reached.
pub const MAX_STALE: Duration = CLUSTERS_STALE;
/// The file of the kept keys.
const FILE: &str = "keys.json";

/// Who a gateway is, by its own token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// Who signed it.
    pub issuer: String,
    /// Its namespace.
    pub namespace: String,
}

impl Own {
    /// Reads it from the token that the kubelet put there. Nothing is proved by that but what this
    /// pod says of itself; the control plane verifies the token.
    ///
    /// # Errors
    /// When there is no such token.
    pub fn read(token_file: &Path) -> anyhow::Result<Self> {
        let named = || format!("the gateway's token {}", token_file.display());
        let token = std::fs::read_to_string(token_file).with_context(named)?;
        let claims = unverified_claims(token.trim()).with_context(named)?;
        let text = |pointer: &str| {
            let value = claims.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
            value.with_context(|| format!("{} has no {pointer}", named()))
        };
        let (issuer, namespace) = (text("/iss")?, text("/kubernetes.io/namespace")?);
        let account = text("/kubernetes.io/serviceaccount/name")?;
        ensure!(
            account == GATEWAY_ACCOUNT,
            "{} is of the ServiceAccount {account:?}; run as {GATEWAY_ACCOUNT:?}",
            named(),
        );
        Ok(Self { issuer, namespace })
    }
}

/// Verifies the tokens of a namespace's workloads.
#[must_use]
pub fn verifier(own: &Own, plane: &ControlPlane, folder: &Path, clock: Clock) -> Arc<Verifier> {
    let file: PathBuf = folder.join(FILE);
    let copy = KeptCopy { file, issuer: own.issuer.clone(), clock };
    let issuer = Issuer::of_workloads(own.issuer.clone(), plane.keys(), copy, MAX_STALE);
    Arc::new(Verifier::new(vec![issuer]))
}

/// The workloads of one namespace, all of one account.
///
/// By its name, and by when the token was made: a token says nothing of which namespace of that name it is of, and
/// ServiceAccounts that nobody bound may send here too. What is older than the tenant is of a former one. For whom it
/// counts, the binding of this gateway's uid says.
pub struct Neighbours {
    /// The namespace.
    pub namespace: String,
    /// When this life of the namespace began at the earliest, in seconds since 1970, if that is known.
    pub since: Option<i64>,
    /// What the control plane said, and so the account.
    pub told: watch::Receiver<Told>,
    /// The control plane's time.
    pub clock: Clock,
    /// Whether `since` was seen to lie ahead: the cluster's clock was set back after it, and tokens of today are older.
    /// Their age says nothing then, also once it is as late again, until this gateway starts anew.
    pub set_back: AtomicBool,
}

impl Neighbours {
    /// Whether a token that was made then is of this life.
    fn is_young(&self, since: i64, issued: Option<i64>) -> bool {
        // A clock that nobody was heard to agree with may be wrong itself.
        let heard = self.told.borrow().heard.is_some();
        if heard && (self.clock)().as_second() + SKEW < since {
            let first = !self.set_back.swap(true, Ordering::Relaxed);
            if first {
                tracing::warn!(
                    since,
                    "this tenant began in the future: the cluster's clock was set back; tokens of any age are believed"
                );
            }
        }
        // Both instants are of the cluster's API servers, whose clocks may be this much apart.
        self.set_back.load(Ordering::Relaxed) || issued.is_some_and(|issued| issued + SKEW >= since)
    }
}

impl Bindings for Neighbours {
    fn account<'b>(
        &'b self,
        workload: &'b Workload,
    ) -> BoxFuture<'b, anyhow::Result<Option<AccountId>>> {
        let young = |since: i64| self.is_young(since, workload.issued);
        let ours = workload.account.namespace == self.namespace && self.since.is_none_or(young);
        let account = self.told.borrow().account.clone().filter(|_| ours);
        Box::pin(async move { Ok(account) })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use jiff::Timestamp;

    use super::*;

    const SINCE: i64 = 1_000_000;

    fn neighbours(now: &Arc<std::sync::Mutex<i64>>, heard: bool) -> Neighbours {
        let said = Timestamp::from_second(SINCE).unwrap();
        let told = Told { heard: heard.then(|| (said, Instant::now())), ..Told::default() };
        let now = now.clone();
        Neighbours {
            namespace: "tenant-acme".to_owned(),
            since: Some(SINCE),
            told: watch::channel(told).1,
            clock: Arc::new(move || Timestamp::from_second(*now.lock().unwrap()).unwrap()),
            set_back: AtomicBool::new(false),
        }
    }

    #[test]
    fn a_clock_that_was_set_back_is_remembered_once_it_is_as_late_again() {
        let now = Arc::new(std::sync::Mutex::new(SINCE - 600));
        let ours = neighbours(&now, true);
        let today = Some(SINCE - 600);
        assert!(ours.is_young(SINCE, today));
        *now.lock().unwrap() = SINCE + 60;
        assert!(ours.is_young(SINCE, today), "its hour is not over");
        let anew = neighbours(&now, true);
        assert!(!anew.is_young(SINCE, today) && !anew.is_young(SINCE, None));
        assert!(anew.is_young(SINCE, Some(SINCE - SKEW)));
    }

    #[test]
    fn clocks_that_differ_a_little_and_one_that_nobody_confirms_change_nothing() {
        for (now, heard) in [(SINCE - SKEW, true), (SINCE - 600, false)] {
            let ours = neighbours(&Arc::new(std::sync::Mutex::new(now)), heard);
            assert!(!ours.is_young(SINCE, Some(SINCE - 60)), "{now} {heard}");
        }
    }
}
