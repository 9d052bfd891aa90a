use crds::conditions::NewCondition;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn stalled(status: bool, since: i64) -> TenantStatus {
    let new = NewCondition {
        type_: STALLED,
        status: status.into(),
        reason: "Forbidden",
        message: String::new(),
    };
    TenantStatus {
        conditions: conditions::merge(&[], &[new], None, at(since)),
        ..TenantStatus::default()
    }
}

#[test]
fn looks_are_soon_at_first_and_rarer_later() {
    let seconds = |after: i64| after_seconds(&stalled(true, 1000), 1000 + after);
    let looks = [seconds(0), seconds(31), seconds(62), seconds(130), seconds(260), seconds(90_000)];
    assert!(looks.is_sorted(), "{looks:?}");
    assert!((30..=38).contains(&looks[0]), "{looks:?}");
    assert!(looks[2] >= 60, "{looks:?}");
    assert!((300..=375).contains(&looks[5]), "{looks:?}");
}

fn after_seconds(status: &TenantStatus, now: i64) -> u64 {
    after("acme", Some(status), at(now)).as_secs()
}

#[test]
fn what_did_not_stall_until_now_is_looked_at_soon() {
    for status in [stalled(false, 0), TenantStatus::default()] {
        assert!(after_seconds(&status, 90_000) <= 38);
    }
    assert!(after("acme", None, at(90_000)).as_secs() <= 38);
    // A clock that was set back.
    assert!(after_seconds(&stalled(true, 90_000), 1000) <= 38);
}

#[test]
fn many_that_stall_together_do_not_come_back_together() {
    let status = stalled(true, 0);
    let mut delays: Vec<Duration> =
        (0..100).map(|n| after(&format!("tenant-{n}"), Some(&status), at(900))).collect();
    delays.sort();
    delays.dedup();
    assert!(delays.len() > 50, "{}", delays.len());
    assert!(delays[0] >= LONGEST && *delays.last().unwrap() <= LONGEST * 5 / 4);
}
