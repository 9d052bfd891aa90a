//! What tenants have to do with each other, and with the API server.

use std::sync::Arc;

use crds::Tenant;
use kube::ResourceExt;

use super::World;
use crate::{account, figures};

impl World {
    /// The tenant that has `account`, which `tenant` would take.
    #[must_use]
    pub fn rival(&self, tenant: &Tenant, account: &str) -> Option<Box<str>> {
        let inner = self.lock();
        let rival = inner.tenants.values().find(|other| account::yields(tenant, account, other));
        rival.map(|other| other.name_any().into())
    }

    /// Every Tenant, in the order of names.
    #[must_use]
    pub fn tenants(&self) -> Vec<Arc<Tenant>> {
        let inner = self.lock();
        let mut all: Vec<_> =
            inner.tenants.iter().map(|(name, tenant)| (name.clone(), tenant.clone())).collect();
        drop(inner);
        all.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        all.into_iter().map(|(_, tenant)| tenant).collect()
    }

    /// Wakes the tenants that ask for an account that is free now.
    pub(super) fn kick_tenants_for(&self, account: &str) {
        let inner = self.lock();
        let waiting = inner.tenants.values().filter(|t| account::claimed(t) == account);
        let waiting: Vec<String> = waiting.map(|t| t.name_any()).collect();
        drop(inner);
        waiting.iter().for_each(|name| self.tenant_kicks.kick(name));
    }

    /// The names of the tenants that the API server has said something of.
    #[must_use]
    pub fn tenants_with_figures(&self) -> Vec<String> {
        let inner = self.lock();
        let told = |t: &Tenant| t.status.as_ref().is_some_and(figures::told);
        inner.tenants.values().filter(|t| told(t)).map(|t| t.name_any()).collect()
    }
}
