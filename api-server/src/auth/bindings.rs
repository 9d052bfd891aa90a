//! Bindings as the ledger's store has them.

use anyhow::Context;
use futures::future::BoxFuture;

use super::caller::Bindings;
use super::identity::ServiceAccount;
use crate::domain::account::AccountId;
use crate::store::{Store, accounts};

/// Bindings that are looked up in the store each time, so that one that is taken back ends at once.
#[derive(Clone, Debug)]
pub struct Recorded(pub Store);

impl Bindings for Recorded {
    fn account<'b>(
        &'b self,
        workload: &'b ServiceAccount,
    ) -> BoxFuture<'b, anyhow::Result<Option<AccountId>>> {
        Box::pin(async move {
            let ServiceAccount { namespace, name, uid } = workload;
            let mut session = self.0.read().await.context("bindings")?;
            accounts::bound(&mut session, namespace, name, uid).await.context("bindings")
        })
    }
}
