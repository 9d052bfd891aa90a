//! Bindings as the ledger has them.

use anyhow::Context;
use futures::future::BoxFuture;

use super::caller::Bindings;
use super::identity::{ServiceAccount, Workload};
use super::issuer::{Issuer, Kind};
use crate::domain::account::AccountId;
use crate::ledger::Ledger;
use crate::store::accounts::{self, Bound};

/// Bindings that are looked up in the store each time, so that one that is taken back ends at once.
#[derive(Clone)]
pub struct Recorded {
    ledger: Ledger,
    /// The one cluster that is trusted; nothing when there are several, or none.
    sole: Option<String>,
}

impl Recorded {
    /// Those of the ledger, where these issuers are trusted.
    #[must_use]
    pub fn new(ledger: Ledger, trusted: &[Issuer]) -> Self {
        let sole = match clusters(trusted)[..] {
            [one] => Some(one.to_owned()),
            _ => None,
        };
        Self { ledger, sole }
    }

    async fn look_up(&self, workload: &Workload) -> anyhow::Result<Option<AccountId>> {
        let ServiceAccount { namespace, name, uid } = &workload.account;
        let mut session = self.ledger.store().read().await?;
        let bound = accounts::bound(&mut session, namespace, name, uid).await?;
        drop(session);
        let Some(Bound { account, issuer }) = bound else { return Ok(None) };
        let by = &workload.issuer;
        match issuer {
            Some(issuer) if issuer == *by => Ok(Some(account)),
            Some(issuer) => {
                let workload = workload.account.to_string();
                tracing::warn!(%account, workload, by, issuer, "refused: the workload is another issuer's");
                Ok(None)
            }
            None if self.sole.as_ref() == Some(by) => {
                self.name(workload).await;
                Ok(Some(account))
            }
            None => {
                let workload = workload.account.to_string();
                tracing::warn!(
                    %account, workload, by,
                    "refused: several clusters are trusted, and nobody has said which has the workload; \
                     say it with `api-server accounts bind --issuer`"
                );
                Ok(None)
            }
        }
    }

    /// While there is one, whose they are is certain; later it would not be. What fails is done with the next token.
    async fn name(&self, workload: &Workload) {
        let Workload { issuer, account, .. } = workload.clone();
        let work = self.ledger.transact(None, move |session, _| {
            Box::pin(async move {
                let ServiceAccount { namespace, name, uid } = &account;
                accounts::name_issuer(session, (namespace, name, uid), &issuer).await
            })
        });
        if let Err(error) = work.await {
            tracing::warn!(%error, "whose tokens a workload's are was not written down");
        }
    }
}

/// The names of those that sign workloads' tokens.
pub fn clusters(trusted: &[Issuer]) -> Vec<&str> {
    let clusters = trusted.iter().filter(|issuer| issuer.kind() == Kind::Kubernetes);
    clusters.map(Issuer::name).collect()
}

impl Bindings for Recorded {
    fn account<'b>(
        &'b self,
        workload: &'b Workload,
    ) -> BoxFuture<'b, anyhow::Result<Option<AccountId>>> {
        Box::pin(async move { self.look_up(workload).await.context("bindings") })
    }
}
