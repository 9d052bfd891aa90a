use crds::{
    conditions::{CUSTOMER_HEALTHY, PLAN_ACCEPTED, QUOTA_WITHIN_LIMITS, READY},
    tenant::UsageStatus,
};
use serde_json::json;

use super::*;
use crate::fixtures::tenant;

const AS_OF: &str = "2026-11-28T23:00:00Z";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn condition(type_: &'static str, status: Truth, reason: &'static str) -> NewCondition {
    NewCondition { type_, status, reason, message: "as it was".to_owned() }
}

/// What stands in a status after the API server has spoken.
fn spoken() -> TenantStatus {
    let new = [
        condition(READY, Truth::True, "AllReady"),
        condition(PLAN_ACCEPTED, Truth::True, "Subscribed"),
        condition(QUOTA_WITHIN_LIMITS, Truth::False, "Soft"),
        condition(CUSTOMER_HEALTHY, Truth::Unknown, "TooLittleData"),
    ];
    let word = |word: &str| Some(word.to_owned());
    TenantStatus {
        conditions: conditions::merge(&[], &new, Some(3), at(100)),
        display: Some(Display {
            plan: word("team"),
            health: word("–"),
            usage: word("ingestion 83 %"),
            projected: word("USD 1,049.00"),
        }),
        usage: Some(UsageStatus { as_of: AS_OF.to_owned(), ..UsageStatus::default() }),
        ..TenantStatus::default()
    }
}

/// The status as it stands after `ours` was applied over it.
fn under(mut status: TenantStatus, ours: Figures) -> TenantStatus {
    for new in ours.conditions {
        status.conditions.retain(|c| c.type_ != new.type_);
        status.conditions.push(new);
    }
    if let (Some(now), Some(ours)) = (&mut status.display, ours.display) {
        now.health = ours.health.or(now.health.take());
        now.usage = ours.usage.or(now.usage.take());
        now.projected = ours.projected.or(now.projected.take());
    }
    status
}

const SILENT: Option<Silence> = Some(Silence { since: None });

#[test]
fn nothing_is_said_of_figures_while_they_are_vouched_for() {
    assert!(figures(&spoken(), false, None, at(200)).is_empty());
    assert!(figures(&TenantStatus::default(), false, SILENT, at(200)).is_empty());
}

#[test]
fn a_silence_marks_conditions_and_words() {
    let silence = Some(Silence { since: Some(at(150)) });
    let found = figures(&spoken(), false, silence, at(200));
    let told: Vec<_> = found.conditions.iter().map(|c| c.type_.as_str()).collect();
    assert_eq!(told, [PLAN_ACCEPTED, QUOTA_WITHIN_LIMITS, CUSTOMER_HEALTHY]);
    for c in &found.conditions {
        assert_eq!((c.status.as_str(), c.reason.as_str()), ("Unknown", STALE));
        assert_eq!(
            c.message,
            format!(
                "the figures are of {AS_OF}: the API server has not been heard from since 1970-01-01T00:02:30Z"
            )
        );
        assert_eq!(c.observed_generation, Some(3), "what the API server saw");
        let since = if c.type_ == CUSTOMER_HEALTHY { at(100) } else { at(200) };
        assert_eq!(c.last_transition_time.0, since, "{}", c.type_);
    }
    let words = found.display.unwrap();
    assert_eq!((words.plan, words.health), (None, None), "what cannot be stale is left alone");
    assert_eq!(words.usage.as_deref(), Some("ingestion 83 % (stale)"));
    assert_eq!(words.projected.as_deref(), Some("USD 1,049.00 (stale)"));
}

#[test]
fn nobody_is_told_twice() {
    let first = figures(&spoken(), false, SILENT, at(200));
    let stands = under(spoken(), first.clone());
    let later = Some(Silence { since: Some(at(300)) });
    let mut again = figures(&stands, true, later, at(400));
    again.conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
    let mut first = first;
    first.conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
    assert_eq!(again, first);
}

#[test]
fn a_mark_is_held_until_the_api_server_speaks_and_not_longer() {
    let stands = under(spoken(), figures(&spoken(), false, SILENT, at(200)));
    assert!(!figures(&stands, true, None, at(300)).is_empty(), "it lives, but said nothing yet");
    assert!(figures(&stands, false, None, at(300)).is_empty(), "not ours to hold");
    assert!(figures(&spoken(), true, None, at(300)).is_empty(), "it has spoken");
}

#[test]
fn what_is_said_anew_and_falls_silent_again_is_marked_again() {
    let mut stands = under(spoken(), figures(&spoken(), false, SILENT, at(200)));
    let i = stands.conditions.iter().position(|c| c.type_ == PLAN_ACCEPTED).unwrap();
    stands.conditions[i] = spoken().conditions[1].clone();
    let found = figures(&stands, true, SILENT, at(300));
    assert_eq!(found.conditions.len(), 3);
    assert!(found.conditions.iter().all(|c| c.reason == STALE));
}

#[test]
fn a_long_word_still_fits_with_its_mark() {
    let marked = mark(&"é".repeat(64)).unwrap();
    assert_eq!(marked.chars().count(), 64);
    assert!(marked.ends_with(MARK));
    assert_eq!(mark(&marked), Some(marked), "a mark is not marked");
}

/// The operator's own words, as they would be applied.
fn ours(figures: Figures) -> TenantStatus {
    let ready = [condition(READY, Truth::True, "AllReady")];
    let mut conditions = conditions::merge(&[], &ready, Some(3), at(100));
    conditions.extend(figures.conditions);
    TenantStatus { conditions, display: figures.display, ..TenantStatus::default() }
}

#[test]
fn what_others_say_is_no_reason_to_write() {
    assert!(says(&spoken(), &ours(Figures::default())));
    let marks = figures(&spoken(), false, SILENT, at(200));
    assert!(!says(&spoken(), &ours(marks.clone())), "the marks are not there yet");
    let mut stands = under(spoken(), marks.clone());
    stands.conditions.reverse();
    assert!(says(&stands, &ours(marks)), "in whatever order");
    assert!(!says(&TenantStatus::default(), &ours(Figures::default())));
    let more = TenantStatus { retained: vec!["a".to_owned()], ..ours(Figures::default()) };
    assert!(!says(&spoken(), &more));
}

fn managed(manager: &str, subresource: Option<&str>, status: &serde_json::Value) -> Tenant {
    let mut tenant = tenant();
    tenant.metadata.managed_fields = Some(vec![
        serde_json::from_value(json!({
            "manager": manager, "operation": "Apply", "apiVersion": "tenantry.dev/v1alpha1",
            "fieldsType": "FieldsV1", "fieldsV1": { "f:status": status }, "subresource": subresource,
        }))
        .unwrap(),
    ]);
    tenant
}

#[test]
fn what_is_held_is_read_from_the_managed_fields_and_nothing_else_is_kept_of_them() {
    let ours = |type_| json!({ "f:conditions": { format!("k:{{\"type\":\"{type_}\"}}"): {} } });
    for (manager, subresource, status, wanted) in [
        (FIELD_MANAGER, Some("status"), ours(PLAN_ACCEPTED), true),
        (FIELD_MANAGER, Some("status"), ours(CUSTOMER_HEALTHY), true),
        (FIELD_MANAGER, Some("status"), json!({ "f:display": { "f:usage": {} } }), true),
        (FIELD_MANAGER, Some("status"), ours(READY), false),
        (FIELD_MANAGER, Some("status"), json!({ "f:namespace": {} }), false),
        (FIELD_MANAGER, None, ours(PLAN_ACCEPTED), false),
        (crds::API_SERVER, Some("status"), ours(PLAN_ACCEPTED), false),
    ] {
        let mut tenant = managed(manager, subresource, &status);
        assert_eq!(held(&tenant), wanted, "{manager} {status}");
        forget_managed_fields(&mut tenant);
        assert_eq!(held(&tenant), wanted, "{manager} {status}");
        assert_eq!(tenant.metadata.managed_fields.is_some(), wanted, "{manager} {status}");
    }
}
