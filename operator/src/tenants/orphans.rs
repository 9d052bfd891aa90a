//! Stacks whose Tenant is gone: nothing is done to them, unless somebody asks for their removal. Another Tenant of the
//! name may wait for that.

use crds::names::TenantName;

use super::Next;
use crate::{
    cluster::{ApiError, Target},
    context::Context,
    kinds::Kind,
    object::Key,
    observed::Facts,
    plan::Action,
};

/// Deletes a retained namespace whose annotation `tenantry.dev/purge` names the uid that it is kept
/// for.
pub(super) async fn look(ctx: &Context, name: &str) -> Result<Next, ApiError> {
    let Ok(tenant) = TenantName::new(name) else { return Ok(None) };
    let namespace = tenant.namespace();
    let key = Key::new(Kind::Namespace, &namespace);
    let observed = ctx.world.observed(name);
    let Some(record) = observed.objects.get(&key) else { return Ok(None) };
    let Facts::Namespace { purge: Some(purge), .. } = &record.facts else { return Ok(None) };
    let asked = record.tenant_uid.as_deref() == Some(purge);
    if !asked || record.deleting || !record.retained {
        return Ok(None);
    }
    tracing::info!(namespace, uid = %purge, "removing a retained stack as its annotation asks");
    let at = Target { tenant: name, namespace: &namespace, uid: purge, adopts: None };
    let action = Action::Delete { key, uid: record.uid.clone() };
    ctx.cluster.run(at, &action, false).await.map(|()| None)
}
