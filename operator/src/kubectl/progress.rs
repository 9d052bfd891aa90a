//! How far a tenant is with becoming what was asked, line by line. Pure.

use crds::{
    Tenant,
    conditions::{self, READY, RECONCILING, STALLED},
};

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The stack runs.
    Ready,
    /// Its services have stopped.
    Suspended,
}

/// How a wait stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What was waited for is there.
    Reached(String),
    /// It is on its way; in words.
    Waits(String),
    /// Only a human can help; in words.
    Stalled(String),
}

/// How the tenant stands to the goal.
#[must_use]
pub fn standing(tenant: &Tenant, goal: Goal) -> Standing {
    let name = tenant.metadata.name.as_deref().unwrap_or_default();
    let status = tenant.status.clone().unwrap_or_default();
    if status.observed_generation != tenant.metadata.generation {
        return Standing::Waits("nobody has looked at it yet".to_owned());
    }
    let find = |type_| conditions::find(&status.conditions, type_);
    let ready = find(READY);
    let at_rest = find(RECONCILING).is_some_and(|c| c.status == "False");
    if let Some(stalled) = find(STALLED).filter(|c| c.status == "True") {
        return Standing::Stalled(format!("{}: {}", stalled.reason, stalled.message));
    }
    let reached = match goal {
        Goal::Ready => ready.is_some_and(|c| c.status == "True") && at_rest,
        Goal::Suspended => ready.is_some_and(|c| c.reason == "Suspended") && at_rest,
    };
    if reached {
        let what = if goal == Goal::Ready { "is Ready" } else { "has stopped" };
        return Standing::Reached(format!("tenant {name} {what}"));
    }
    let (all, up) = (status.components.len(), status.components.iter().filter(|c| c.ready).count());
    let message = ready.map(|c| format!("{}: {}", c.reason, c.message)).unwrap_or_default();
    Standing::Waits(match all {
        0 => message,
        _ => format!("{up} of {all} components run; {message}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::{recording::whole, scene::Recorded};

    fn of(change: impl FnOnce(&mut Recorded), goal: Goal) -> Standing {
        let mut recorded = whole();
        change(&mut recorded);
        standing(&serde_json::from_value(recorded.tenant).unwrap(), goal)
    }

    #[test]
    fn a_wait_ends_when_all_is_at_rest_or_stalled() {
        assert_eq!(of(|_| {}, Goal::Ready), Standing::Reached("tenant acme is Ready".to_owned()));
        let busy = of(|r| r.says("Reconciling", "True", "Applying", ""), Goal::Ready);
        assert!(matches!(busy, Standing::Waits(_)), "{busy:?}");
        let unseen = of(|r| r.tenant["metadata"]["generation"] = 4.into(), Goal::Ready);
        assert_eq!(unseen, Standing::Waits("nobody has looked at it yet".to_owned()));
        let stalled = of(|r| r.stalls("ProfileMissing", "no such profile"), Goal::Ready);
        assert_eq!(stalled, Standing::Stalled("ProfileMissing: no such profile".to_owned()));
        assert!(matches!(of(|_| {}, Goal::Suspended), Standing::Waits(_)));
        let stopped = of(|r| r.says("Ready", "False", "Suspended", ""), Goal::Suspended);
        assert_eq!(stopped, Standing::Reached("tenant acme has stopped".to_owned()));
    }

    #[test]
    fn a_line_says_how_many_components_run() {
        let waits = of(
            |r| {
                r.says("Ready", "False", "PodPending", "core: Pod x");
                r.tenant["status"]["components"] = serde_json::json!([
                    { "name": "core", "ready": false }, { "name": "gateway", "ready": true }]);
            },
            Goal::Ready,
        );
        let words = "1 of 2 components run; PodPending: core: Pod x";
        assert_eq!(waits, Standing::Waits(words.to_owned()));
    }
}
