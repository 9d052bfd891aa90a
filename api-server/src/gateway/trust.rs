//! Whom a gateway believes: pods of its own namespace, by tokens of the issuer that signs its own.
//!
//! The gateway has no rights in Kubernetes and cannot ask it for keys. The control plane, which can,
//! hands them on; a copy is kept beside the spool, so that a restart while the control plane cannot be
//! reached still knows its neighbours.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::watch;

use super::heartbeat::Told;
use super::plane::ControlPlane;
use crate::auth::caller::{Bindings, Clock};
use crate::auth::kept::KeptCopy;
use crate::auth::rule::GATEWAY_ACCOUNT;
use crate::auth::verifier::SKEW;
use crate::auth::{Issuer, Verifier, Workload, unverified_claims};
use crate::domain::account::AccountId;

/// How long keys are good while the control plane cannot be reached.
pub const MAX_STALE: Duration = Duration::from_secs(7 * 24 * 3600);
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
}

impl Bindings for Neighbours {
    fn account<'b>(
        &'b self,
        workload: &'b Workload,
    ) -> BoxFuture<'b, anyhow::Result<Option<AccountId>>> {
        // Both instants are of the cluster's API servers, whose clocks may be this much apart.
        let young = |since: i64| workload.issued.is_some_and(|issued| issued + SKEW >= since);
        let ours = workload.account.namespace == self.namespace && self.since.is_none_or(young);
        let account = self.told.borrow().account.clone().filter(|_| ours);
        Box::pin(async move { Ok(account) })
    }
}
