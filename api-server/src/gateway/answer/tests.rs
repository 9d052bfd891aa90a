use serde_json::{Value, json};

use super::*;

fn answered(status: u16, body: &Value) -> Answered {
    Answered { status, retry_after: None, body: body.to_string().into_bytes() }
}

fn reject(place: usize, code: &str) -> Reject {
    Reject { place, code: code.to_owned(), detail: "d".to_owned() }
}

fn none_taken(errors: &Value) -> Value {
    json!({"type": "https://tenantry.dev/problems/no-event-taken", "title": "t", "status": 422,
        "detail": "d", "instance": "/", "request_id": "r", "errors": errors})
}

fn waits(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Later { .. })
}

#[test]
fn all_were_taken_now_or_before() {
    let body =
        json!({"accepted": 2, "duplicates": 1, "rejected": [], "ledger": {"from": 1, "to": 2}});
    assert_eq!(judge(&answered(200, &body), 3), Verdict::Settled(Vec::new()));
}

#[test]
fn each_event_that_was_not_taken_is_named() {
    let body = json!({"accepted": 1, "duplicates": 0, "rejected": [
        {"index": 2, "id": "c", "code": "conflict", "detail": "d", "first_seen_at": "2026-11-22T23:50:16Z"},
        {"index": 0, "code": "time_too_old", "detail": "d"}]});
    let rejects = vec![reject(0, "time_too_old"), reject(2, "conflict")];
    assert_eq!(judge(&answered(207, &body), 3), Verdict::Settled(rejects));
}

#[test]
fn none_was_taken_and_every_event_has_a_reason() {
    let errors = json!([{"pointer": "/1", "code": "conflict", "detail": "d"},
        {"pointer": "/0/data/quantity", "code": "bad_quantity", "detail": "d"},
        {"pointer": "/0/time", "code": "bad_time", "detail": "d"}]);
    let rejects = vec![reject(0, "bad_quantity"), reject(1, "conflict")];
    assert_eq!(judge(&answered(422, &none_taken(&errors)), 2), Verdict::Settled(rejects));
}

/// Who lets go of an event for an answer that was about something else loses it.
#[test]
fn an_answer_that_does_not_account_for_all_events_settles_nothing() {
    let taken = |accepted: usize, rejected: Value| json!({"accepted": accepted, "duplicates": 0, "rejected": rejected});
    let at = |index: usize| json!({"index": index, "code": "conflict", "detail": "d"});
    for body in [
        taken(2, json!([])),
        taken(4, json!([])),
        taken(2, json!([at(3)])),
        taken(1, json!([at(1), at(1)])),
        json!({"ok": true}),
        json!("accepted"),
    ] {
        assert!(waits(&judge(&answered(200, &body), 3)), "{body}");
    }
    let of = |pointers: &[&str]| {
        let errors: Vec<_> = pointers
            .iter()
            .map(|p| json!({"pointer": p, "code": "conflict", "detail": "d"}))
            .collect();
        none_taken(&json!(errors))
    };
    for body in [of(&["/0"]), of(&["/0", "/2"]), of(&["/0", ""]), of(&[]), json!({})] {
        assert!(waits(&judge(&answered(422, &body), 2)), "{body}");
    }
    let mut other = of(&["/0"]);
    other["type"] = json!("https://tenantry.dev/problems/invalid-values");
    assert!(waits(&judge(&answered(422, &other), 1)));
}

#[test]
fn an_account_that_is_not_there_yet_is_no_fault_of_the_event() {
    let errors = json!([{"pointer": "/0", "code": "unknown_account", "detail": "d"}]);
    assert!(waits(&judge(&answered(422, &none_taken(&errors)), 1)));
}

#[test]
fn what_is_wrong_with_the_request_is_tried_in_parts() {
    let problem = json!({"type": "https://tenantry.dev/problems/too-large", "title": "t", "status": 413,
        "detail": "d", "instance": "/", "request_id": "r"});
    assert_eq!(judge(&answered(413, &problem), 9), Verdict::Smaller(reject(0, "too-large")));
    let Verdict::Smaller(bare) = judge(&answered(400, &json!("?")), 9) else { panic!() };
    assert_eq!(bare.code, "400");
}

#[test]
fn everything_else_waits_and_says_why() {
    for (status, word) in [
        (401, "accounts bind"),
        (403, "403"),
        (404, "address"),
        (408, "408"),
        (415, "415"),
        (429, "429"),
        (500, "500"),
        (502, "502"),
        (503, "503"),
        (301, "301"),
        (204, "204"),
    ] {
        let asked = Some(Duration::from_secs(3));
        let answered = Answered { status, retry_after: asked, body: b"<html>".to_vec() };
        let Verdict::Later { why, asked: kept } = judge(&answered, 2) else { panic!("{status}") };
        assert!(why.contains(word) && kept == asked, "{status}: {why}");
    }
}
