use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

use super::*;

fn lease(renewed: i64, lasts: i32) -> LeaseSpec {
    LeaseSpec {
        renew_time: Some(MicroTime(Timestamp::from_second(renewed).unwrap())),
        lease_duration_seconds: Some(lasts),
        ..LeaseSpec::default()
    }
}

/// Looks every five seconds from `from` to `to`; what the last one said.
fn looks(ear: &mut Ear, lease: Option<&LeaseSpec>, from: u64, to: u64) -> Option<Silence> {
    let mut last = None;
    for second in (from..=to).step_by(5) {
        last = ear.hear(lease, Duration::from_secs(second));
    }
    last
}

#[test]
fn who_renews_is_not_silent_whatever_its_clock_says() {
    for clock in [0, 1_000_000_000, 4_000_000_000] {
        let mut ear = Ear::default();
        for second in (0..600).step_by(5) {
            let spec = lease(clock + i64::try_from(second).unwrap(), 15);
            assert_eq!(ear.hear(Some(&spec), Duration::from_secs(second)), None);
        }
    }
}

#[test]
fn who_stops_is_silent_once_the_duration_has_passed() {
    let mut ear = Ear::default();
    let old = lease(100, 15);
    assert_eq!(looks(&mut ear, Some(&old), 0, 15), None, "it is given its time by our clock");
    let since = Some(Timestamp::from_second(100).unwrap());
    assert_eq!(looks(&mut ear, Some(&old), 20, 20), Some(Silence { since }));
    assert_eq!(looks(&mut ear, Some(&lease(125, 15)), 25, 25), None, "and is back at once");
}

#[test]
fn a_lease_that_is_gone_counts_too_but_may_come_back() {
    let mut ear = Ear::default();
    assert_eq!(looks(&mut ear, Some(&lease(100, 15)), 0, 5), None);
    assert_eq!(looks(&mut ear, None, 10, 25), None);
    assert_eq!(looks(&mut ear, None, 30, 30), Some(Silence { since: None }));
    let mut fresh = Ear::default();
    assert_eq!(looks(&mut fresh, None, 0, 30), None);
    assert_eq!(looks(&mut fresh, None, 35, 35), Some(Silence { since: None }));
}

#[test]
fn an_outage_of_kubernetes_is_not_held_against_it() {
    let mut ear = Ear::default();
    let old = lease(100, 15);
    assert_eq!(looks(&mut ear, Some(&old), 0, 5), None);
    // No look for ten minutes: it could not renew either.
    assert_eq!(looks(&mut ear, Some(&old), 605, 620), None);
    assert!(looks(&mut ear, Some(&old), 625, 625).is_some());
}
