//! How far the stack of a tenant is that was made of a request, for those who wait for it.

use crds::{
    conditions::{READY, find},
    tenant::TenantStatus,
};

use crate::store::provisions::{Phase, Stack};

/// By what the operator says in the tenant's status; none while it said nothing.
#[must_use]
pub fn of(status: &TenantStatus, deleting: bool) -> Option<Stack> {
    let said = find(&status.conditions, READY)?;
    let phase = match said.status.as_str() {
        _ if deleting => Phase::Removed,
        "True" => Phase::Ready,
        _ => Phase::Starting,
    };
    let count = |ready: usize| u32::try_from(ready).unwrap_or(u32::MAX);
    Some(Stack {
        phase,
        ready: count(status.components.iter().filter(|part| part.ready).count()),
        parts: count(status.components.len()),
        waits: (phase == Phase::Starting).then(|| said.message.clone()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(ready: &str) -> TenantStatus {
        serde_json::from_value(json!({
            "conditions": [{ "type": "Ready", "status": ready, "reason": "PodsStarting",
                "message": "1 of 2 parts is ready", "lastTransitionTime": "2026-11-10T12:00:00Z" }],
            "components": [{ "name": "core", "ready": true }, { "name": "gateway", "ready": false }],
        }))
        .unwrap()
    }

    #[test]
    fn is_unknown_until_the_operator_speaks() {
        assert_eq!(of(&TenantStatus::default(), false), None);
        assert_eq!(of(&TenantStatus::default(), true), None);
    }

    #[test]
    fn starts_until_it_is_ready_and_says_what_for_it_waits() {
        for said in ["False", "Unknown"] {
            let stack = of(&status(said), false).unwrap();
            assert_eq!((stack.phase, stack.ready, stack.parts), (Phase::Starting, 1, 2));
            assert_eq!(stack.waits.as_deref(), Some("1 of 2 parts is ready"));
        }
        let stack = of(&status("True"), false).unwrap();
        assert_eq!((stack.phase, stack.waits), (Phase::Ready, None));
    }

    #[test]
    fn is_removed_with_its_tenant_whatever_runs_still() {
        let stack = of(&status("True"), true).unwrap();
        assert_eq!((stack.phase, stack.waits), (Phase::Removed, None));
    }
}
