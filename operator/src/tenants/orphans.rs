//! Stacks whose Tenant is gone: nothing is done to them, unless somebody asks for their removal. Another Tenant of the
//! name may wait for that.

use crds::names::TenantName;

use super::Next;
use crate::{
    cluster::{ApiError, Target},
    context::Context,
    kinds::Kind,
    object::Key,
    observed::{Facts, Record},
};

/// Deletes a retained namespace whose annotation `tenantry.dev/purge` names the uid that it is kept
/// for.
pub(super) async fn look(ctx: &Context, name: &str) -> Result<Next, ApiError> {
    let Ok(tenant) = TenantName::new(name) else { return Ok(None) };
    let namespace = tenant.namespace();
    let key = Key::new(Kind::Namespace, &namespace);
    let observed = ctx.world.observed(name);
    let Some(record) = observed.objects.get(&key) else { return Ok(None) };
    let Some(purge) = asked(record) else { return Ok(None) };
    tracing::info!(namespace, uid = %purge, "removing a retained stack as its annotation asks");
    let at = Target { tenant: name, namespace: &namespace, uid: purge, adopts: None };
    ctx.cluster.purge(at, &key, record).await.map(|()| None)
}

/// The uid that a retained namespace is kept for, if its annotation asks for its removal.
fn asked(record: &Record) -> Option<&str> {
    let Facts::Namespace { purge: Some(purge), .. } = &record.facts else { return None };
    let asked = record.tenant_uid.as_deref() == Some(purge);
    (asked && !record.deleting && record.retained).then_some(purge)
}
