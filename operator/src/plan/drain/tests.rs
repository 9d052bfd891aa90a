use crds::{TenantStatus, conditions::NewCondition, tenant::UsageStatus};
use k8s_openapi::jiff::Timestamp;

use super::*;

const WAY_OUT: &str =
    "to give them up: kubectl annotate tenant acme tenantry.dev/discard-spool=u-1";

fn condition(reason: &'static str) -> NewCondition {
    let status = conditions::Truth::False;
    NewCondition { type_: PLAN_ACCEPTED, status, reason, message: String::new() }
}

/// A tenant of which the API server says this.
fn tenant(drain: Option<Drain>) -> Tenant {
    let mut tenant = Tenant::default();
    tenant.metadata.name = Some("acme".to_owned());
    tenant.metadata.uid = Some("u-1".to_owned());
    tenant.status = Some(TenantStatus {
        usage: Some(UsageStatus { drain, ..UsageStatus::default() }),
        ..TenantStatus::default()
    });
    tenant
}

fn annotated(drain: Option<Drain>, value: &str) -> Tenant {
    let mut tenant = tenant(drain);
    let annotation = (DISCARD_SPOOL.to_owned(), value.to_owned());
    tenant.metadata.annotations = Some([annotation].into());
    tenant
}

fn held(tenant: &Tenant, silence: Option<Silence>) -> String {
    match spool(tenant, silence) {
        Spool::Held(words) => words,
        other => panic!("{other:?}"),
    }
}

const fn drain(sealed: bool, held: i64) -> Option<Drain> {
    Some(Drain { sealed, held })
}

#[test]
fn events_are_waited_for_and_the_words_say_how_many_and_how_to_give_them_up() {
    assert_eq!(
        held(&tenant(drain(true, 1_204)), None),
        format!("1,204 usage events wait for the ledger; {WAY_OUT}")
    );
    let words = held(&tenant(drain(true, 1)), None);
    assert_eq!(words, format!("1 usage event waits for the ledger; {WAY_OUT}"));
    let words = held(&tenant(drain(true, 12_345_678)), None);
    assert!(words.starts_with("12,345,678 usage events"), "{words}");
}

#[test]
fn what_is_not_sealed_or_not_said_yet_is_waited_for() {
    for unsure in [None, drain(false, 0), drain(false, 7)] {
        let words = held(&tenant(unsure), None);
        assert!(words.ends_with(WAY_OUT), "{words}");
    }
    assert_eq!(spool(&tenant(drain(true, 0)), None), Spool::Empty);
}

#[test]
fn old_words_of_a_silent_api_server_are_waited_with_and_said_to_be_old() {
    let since = Some("2026-11-28T23:30:00Z".parse().unwrap());
    let words = held(&tenant(drain(true, 5)), Some(Silence { since }));
    assert_eq!(
        words,
        format!(
            "5 usage events wait for the ledger as far as is known: the API server has not been heard from since \
             2026-11-28T23:30:00Z; {WAY_OUT}"
        )
    );
    // It said all that there was to say.
    assert_eq!(spool(&tenant(drain(true, 0)), Some(Silence { since: None })), Spool::Empty);
}

#[test]
fn nobody_is_waited_for_whom_the_ledger_never_had() {
    let mut tenant = tenant(None);
    tenant.status = None;
    assert_eq!(spool(&tenant, None), Spool::Empty, "no API server has said a word");
    let now = Timestamp::UNIX_EPOCH;
    let mut told = |reason| {
        let conditions = conditions::merge(&[], &[condition(reason)], None, now);
        tenant.status = Some(TenantStatus { conditions, ..TenantStatus::default() });
        spool(&tenant, None)
    };
    assert_eq!(told(BILLING_INVALID), Spool::Empty, "there is no account");
    assert!(matches!(told("Accepted"), Spool::Held(_)), "its workloads may send since then");
}

#[test]
fn only_the_tenants_own_uid_gives_them_up() {
    let given_up = |drain| spool(&annotated(drain, "u-1"), None);
    let Spool::Discarded(words) = given_up(drain(true, 1_204)) else { panic!("still waits") };
    assert_eq!(
        words,
        "1,204 usage events that waited for the ledger: given up, as the annotation \
         tenantry.dev/discard-spool asks"
    );
    assert!(matches!(given_up(None), Spool::Discarded(_)));
    assert_eq!(given_up(drain(true, 0)), Spool::Empty, "there is nothing to give up");
    for wrong in ["u-2", "true", ""] {
        let words = held(&annotated(drain(true, 2), wrong), None);
        assert!(words.starts_with("2 usage events wait for the ledger; "), "{words}");
        assert!(words.contains(&format!("is {wrong:?}, which is not the uid")), "{words}");
        assert!(words.ends_with(&format!("{WAY_OUT} --overwrite")), "{words}");
    }
}
