//! How soon a change of a tenant's status is worth a write. Pure.

use crds::{
    TenantStatus,
    conditions::{self, PROFILE_VALID, READY, RECONCILING, STALLED, SUSPENDED},
};

use crate::health::reasons::FAILING;

/// How soon somebody should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// At once: a condition turned, or something fails.
    Urgent,
    /// All is at rest and no condition turned.
    Settled,
    /// On the way to where we bring it: the way is told now and then, the end at once.
    Progress,
}

/// What a status tells beside the one before.
pub(super) fn news(old: &TenantStatus, new: &TenantStatus) -> News {
    let turned = |type_| {
        let of = |status: &TenantStatus| {
            conditions::find(&status.conditions, type_).map(|c| c.status.clone())
        };
        of(old) != of(new)
    };
    let reason = |status: &TenantStatus, type_| {
        conditions::find(&status.conditions, type_).map_or(String::new(), |c| c.reason.clone())
    };
    let other_reason = |type_| reason(old, type_) != reason(new, type_);
    let fails = FAILING.contains(&reason(new, READY).as_str()) && other_reason(READY);
    let step = reason(new, READY) == "Deleting" && other_reason(RECONCILING);
    let under_way = conditions::is_true(&new.conditions, RECONCILING);
    let is_ready = conditions::is_true(&new.conditions, READY);
    let others = [STALLED, PROFILE_VALID, SUSPENDED].into_iter().any(|t| {
        // A new tenant's first words are no turn.
        conditions::find(&old.conditions, t).is_some() && turned(t)
    });
    match () {
        () if fails || others || step => News::Urgent,
        () if under_way && !is_ready => News::Progress,
        () if turned(READY) || turned(RECONCILING) => News::Urgent,
        () if old.observed_generation != new.observed_generation => News::Urgent,
        () if under_way => News::Progress,
        () => News::Settled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crds::conditions::NewCondition;
    use k8s_openapi::jiff::Timestamp;

    /// Conditions `Ready`, `Reconciling` and `Stalled`, each with status and reason.
    fn status(ready: (bool, &'static str), under_way: bool, stalled: bool) -> TenantStatus {
        let of = |type_, (status, reason): (bool, _)| NewCondition {
            type_,
            status: status.into(),
            reason,
            message: String::new(),
        };
        let new = [
            of(READY, ready),
            of(RECONCILING, (under_way, ready.1)),
            of(STALLED, (stalled, ready.1)),
            of(PROFILE_VALID, (true, "Rendered")),
            of(SUSPENDED, (false, "NotSuspended")),
        ];
        TenantStatus {
            conditions: conditions::merge(&[], &new, Some(1), Timestamp::UNIX_EPOCH),
            observed_generation: Some(1),
            ..TenantStatus::default()
        }
    }

    #[test]
    fn what_turns_or_fails_is_told_at_once_and_the_way_there_now_and_then() {
        let unseen = TenantStatus::default();
        let ready = || status((true, "AllReady"), false, false);
        let starting = || status((false, "PodsStarting"), true, false);
        let later = || {
            let mut later = starting();
            later.namespace = Some("tenant-acme".to_owned());
            later
        };
        let crashing = |under_way| status((false, FAILING[0]), under_way, false);
        let stalled = || status((false, "NamespaceNotOwned"), false, true);
        let moved = || TenantStatus { retained: vec!["a".to_owned()], ..ready() };
        let edited = || TenantStatus { observed_generation: Some(2), ..ready() };
        let deleting = || status((false, "Deleting"), true, false);
        let cases = [
            ("first words", &unseen, starting(), News::Progress),
            ("refused from the start", &unseen, stalled(), News::Urgent),
            ("another pod starts", &starting(), later(), News::Progress),
            ("it runs", &starting(), ready(), News::Urgent),
            ("ours set it in motion", &ready(), starting(), News::Progress),
            ("it fails while starting", &starting(), crashing(true), News::Urgent),
            ("it still fails", &crashing(true), crashing(true), News::Progress),
            ("it fails later", &ready(), crashing(false), News::Urgent),
            ("a human must help", &starting(), stalled(), News::Urgent),
            ("something is kept", &ready(), moved(), News::Settled),
            ("an edit that changes nothing", &ready(), edited(), News::Urgent),
            ("it is being deleted", &ready(), deleting(), News::Urgent),
        ];
        for (what, old, new, expected) in cases {
            assert_eq!(news(old, &new), expected, "{what}");
        }
    }
}
