use proptest::prelude::*;

use super::*;

/// Zones whose clocks change at midnight, at odd amounts, twice around Ramadan, or hardly ever.
const ZONES: [&str; 20] = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Asuncion",
    "America/Havana",
    "America/Los_Angeles",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Europe/London",
    "Pacific/Apia",
    "Pacific/Chatham",
];
const ANCHORS: [i64; 5] = [1, 15, 29, 30, 31];

fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn anchor(day: i64) -> AnchorDay {
    AnchorDay::new(day).unwrap()
}

fn period(instant: &str, zone_name: &str, day: i64) -> (String, String) {
    let found = period_of(at(instant), &zone(zone_name), anchor(day)).unwrap();
    (found.start().to_string(), found.end().to_string())
}

fn edges(start: &str, end: &str) -> (String, String) {
    (start.to_owned(), end.to_owned())
}

fn nanosecond() -> SignedDuration {
    SignedDuration::from_nanos(1)
}

fn transitions(zone: &Zone) -> Vec<Timestamp> {
    let last = at("2041-01-01T00:00:00Z");
    let from = at("2020-01-01T00:00:00Z");
    zone.0.following(from).map(|t| t.timestamp()).take_while(|&t| t < last).collect()
}

/// Obviously right and slow: the first quarter of an hour around a date whose civil date is that
/// date or later. (From 2020 on every change of clocks is at a whole quarter.)
fn midnight_by_search(zone: &Zone, date: Date) -> Timestamp {
    let noon = date.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp();
    (-4 * 30..=4 * 30)
        .map(|quarter| noon.checked_add(SignedDuration::from_mins(15 * quarter)).unwrap())
        .find(|&instant| zone.date(instant) >= date)
        .unwrap()
}

#[test]
fn a_period_runs_from_anchor_day_to_anchor_day() {
    assert_eq!(
        period("2026-11-22T23:50:16Z", "UTC", 15),
        edges("2026-11-15T00:00:00Z", "2026-12-15T00:00:00Z")
    );
    assert_eq!(
        period("2026-11-14T23:59:59.999999999Z", "UTC", 15),
        edges("2026-10-15T00:00:00Z", "2026-11-15T00:00:00Z")
    );
}

#[test]
fn the_start_belongs_to_a_period_and_the_end_to_the_next() {
    let start = edges("2026-11-15T00:00:00Z", "2026-12-15T00:00:00Z");
    assert_eq!(period("2026-11-15T00:00:00Z", "UTC", 15), start);
    assert_ne!(period("2026-12-15T00:00:00Z", "UTC", 15), start);
    let found = period_of(at("2026-11-20T00:00:00Z"), &zone("UTC"), anchor(15)).unwrap();
    assert!(found.contains(found.start()));
    assert!(!found.contains(found.end()));
}

#[test]
fn a_day_that_a_month_lacks_is_its_last_day() {
    let cases = [
        ("2026-02-10T00:00:00Z", 31, "2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z"),
        ("2026-03-01T00:00:00Z", 31, "2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z"),
        ("2028-02-29T00:00:00Z", 30, "2028-02-29T00:00:00Z", "2028-03-30T00:00:00Z"),
        ("2028-02-28T23:00:00Z", 29, "2028-01-29T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("2026-04-30T00:00:00Z", 31, "2026-04-30T00:00:00Z", "2026-05-31T00:00:00Z"),
    ];
    for (instant, day, start, end) in cases {
        assert_eq!(period(instant, "UTC", day), edges(start, end), "{instant} {day}");
    }
}

#[test]
fn midnight_is_the_zones() {
    assert_eq!(
        period("2026-11-01T04:59:59Z", "America/Chicago", 1),
        edges("2026-10-01T05:00:00Z", "2026-11-01T05:00:00Z")
    );
    assert_eq!(
        period("2026-11-01T05:00:00Z", "America/Chicago", 1),
        edges("2026-11-01T05:00:00Z", "2026-12-01T06:00:00Z")
    );
    assert_eq!(period("2026-01-01T00:00:00Z", "Pacific/Kiritimati", 1).0, "2025-12-31T10:00:00Z");
}

#[test]
fn a_midnight_that_clocks_skip_is_the_instant_at_which_they_jump() {
    let cases = [
        ("America/Sao_Paulo", "2018-11-10T00:00:00Z", 4, "2018-11-04T03:00:00Z"),
        ("Asia/Beirut", "2026-04-10T00:00:00Z", 29, "2026-03-28T22:00:00Z"),
        ("Africa/Cairo", "2026-05-10T00:00:00Z", 24, "2026-04-23T22:00:00Z"),
        ("America/Asuncion", "2023-10-10T00:00:00Z", 1, "2023-10-01T04:00:00Z"),
        // From 23:30 to 00:30: midnight shifted by the gap would be 01:00, half an hour late.
        ("America/Toronto", "1919-04-15T00:00:00Z", 31, "1919-03-31T04:30:00Z"),
        // A whole day that never was: 30 December 2011.
        ("Pacific/Apia", "2012-01-10T00:00:00Z", 30, "2011-12-30T10:00:00Z"),
        ("Pacific/Apia", "2012-01-10T00:00:00Z", 31, "2011-12-30T10:00:00Z"),
    ];
    for (name, instant, day, start) in cases {
        assert_eq!(period(instant, name, day).0, start, "{name}");
    }
}

#[test]
fn a_midnight_that_comes_twice_is_the_earlier() {
    // Havana sets clocks back from 01:00 to 00:00; St. John's once from 00:01 to 23:01.
    assert_eq!(period("2026-11-10T00:00:00Z", "America/Havana", 1).0, "2026-11-01T04:00:00Z");
    assert_eq!(period("2010-11-20T00:00:00Z", "America/St_Johns", 7).0, "2010-11-07T02:30:00Z");
}

#[test]
fn clocks_set_back_over_midnight_do_not_reopen_a_period() {
    // 02:45 UTC is 23:15 of the 6th, for the second time, when the 7th has already begun.
    let name = "America/St_Johns";
    assert_eq!(zone(name).date(at("2010-11-07T02:45:00Z")).day(), 6);
    let later = period("2010-11-07T02:45:00Z", name, 7);
    assert_eq!(later, period("2010-11-07T02:30:30Z", name, 7));
    assert_ne!(later, period("2010-11-07T02:29:59Z", name, 7));
}

#[test]
fn around_every_change_of_clocks_an_instant_is_in_exactly_one_period() {
    let mut seen = 0;
    for name in ZONES {
        let zone = zone(name);
        for change in transitions(&zone) {
            seen += 1;
            for day in ANCHORS.map(anchor) {
                for shift in [-86_400, -3_600, -1, 0, 1, 1_800, 3_600, 86_400] {
                    let instant = change.checked_add(SignedDuration::from_secs(shift)).unwrap();
                    let own = period_of(instant, &zone, day).unwrap();
                    assert!(own.contains(instant), "{name} {instant}");
                    let next = own.next(&zone, day).unwrap();
                    let previous = own.previous(&zone, day).unwrap();
                    assert_eq!(period_of(own.start(), &zone, day), Ok(own), "{name} {instant}");
                    assert_eq!(period_of(own.end(), &zone, day), Ok(next), "{name} {instant}");
                    let last = own.start().checked_sub(nanosecond()).unwrap();
                    assert_eq!(period_of(last, &zone, day), Ok(previous), "{name} {instant}");
                }
            }
        }
    }
    assert!(seen > 500, "only {seen} changes of clocks were tried");
}

#[test]
fn twenty_years_of_periods_have_the_edges_that_a_search_finds() {
    for name in ZONES {
        let zone = zone(name);
        for day in ANCHORS.map(anchor) {
            let mut month = jiff::civil::date(2020, 1, 1);
            let noon = jiff::civil::date(2020, 1, 31).at(12, 0, 0, 0);
            let mut period = period_of(zone.0.to_timestamp(noon).unwrap(), &zone, day).unwrap();
            while month.year() < 2041 {
                let last = month.last_of_month();
                let date = month.with().day(day.day().min(last.day())).build().unwrap();
                let start = midnight_by_search(&zone, date);
                assert_eq!(period.start(), start, "{name} {date}");
                let next = period.next(&zone, day).unwrap();
                assert_eq!(next.start(), period.end(), "{name} {date}");
                (month, period) = (last.tomorrow().unwrap(), next);
            }
        }
    }
}

#[test]
fn a_change_of_zone_or_anchor_day_leaves_no_gap() {
    let old = period_of(at("2026-03-20T00:00:00Z"), &zone("UTC"), anchor(15)).unwrap();
    let (tokyo, first) = (zone("Asia/Tokyo"), anchor(1));
    let bridge = old.next(&tokyo, first).unwrap();
    assert_eq!(bridge.start(), old.end());
    assert_eq!(bridge.end(), at("2026-04-30T15:00:00Z"));
    let regular = bridge.next(&tokyo, first).unwrap();
    assert_eq!(period_of(bridge.end(), &tokyo, first), Ok(regular));
}

#[test]
fn a_period_is_open_then_72_hours_in_grace_then_closed() {
    let found = period_of(at("2026-11-20T00:00:00Z"), &zone("UTC"), anchor(1)).unwrap();
    let cases = [
        ("2026-10-31T00:00:00Z", PeriodState::Open),
        ("2026-11-01T00:00:00Z", PeriodState::Open),
        ("2026-11-30T23:59:59.999999999Z", PeriodState::Open),
        ("2026-12-01T00:00:00Z", PeriodState::Grace),
        ("2026-12-03T23:59:59.999999999Z", PeriodState::Grace),
        ("2026-12-04T00:00:00Z", PeriodState::Closed),
        ("2036-12-04T00:00:00Z", PeriodState::Closed),
    ];
    for (now, state) in cases {
        assert_eq!(found.state(at(now)), state, "{now}");
    }
}

#[test]
fn what_comes_after_the_close_is_posted_to_the_open_period_with_a_pointer() {
    let (utc, first) = (zone("UTC"), anchor(1));
    let own = period_of(at("2026-10-31T23:59:59Z"), &utc, first).unwrap();
    let open = own.next(&utc, first).unwrap();
    let direct = Posting { period: own, happened_in: None };
    assert_eq!(own.posting(own, at("2026-10-31T23:59:59Z")), direct);
    assert_eq!(own.posting(open, at("2026-11-03T23:59:59Z")), direct);
    let late = Posting { period: open, happened_in: Some(own) };
    assert_eq!(own.posting(open, at("2026-11-04T00:00:00Z")), late);
}

#[test]
fn the_elapsed_share_counts_whole_milliseconds_within_the_period() {
    // March 2026 in Berlin has 743 hours.
    let found = period_of(at("2026-03-10T00:00:00Z"), &zone("Europe/Berlin"), anchor(1)).unwrap();
    let total_ms = 743 * 3_600_000;
    let cases = [
        ("2026-02-01T00:00:00Z", 0),
        ("2026-02-28T23:00:00Z", 0),
        ("2026-02-28T23:00:00.0019Z", 1),
        ("2026-03-01T23:00:00Z", 86_400_000),
        ("2026-03-31T21:59:59.999Z", total_ms - 1),
        ("2026-03-31T22:00:00Z", total_ms),
        ("2026-05-01T00:00:00Z", total_ms),
    ];
    for (now, elapsed_ms) in cases {
        let elapsed = found.elapsed(at(now));
        assert_eq!(elapsed, Elapsed { elapsed_ms, total_ms }, "{now}");
        assert_eq!(elapsed.left_ms(), total_ms - elapsed_ms, "{now}");
    }
}

#[test]
fn only_names_of_the_database_are_zones() {
    for name in ["", "Berlin", "+02:00", "CET-1CEST", "Europe/Berlin ", "../etc/passwd"] {
        assert_eq!(name.parse::<Zone>(), Err(CalendarError::UnknownZone(name.to_owned())));
    }
    assert_eq!(
        "Mars".parse::<Zone>().unwrap_err().to_string(),
        "\"Mars\" is not an IANA time zone such as Europe/Berlin or UTC"
    );
    for name in ZONES.into_iter().chain(["UTC"]) {
        assert_eq!(zone(name).to_string(), name);
    }
}

#[test]
fn only_1_to_31_are_anchor_days() {
    for day in [i64::MIN, -1, 0, 32, 257, i64::MAX] {
        assert_eq!(AnchorDay::new(day), Err(CalendarError::AnchorDay(day)));
    }
    for day in 1..=31 {
        assert_eq!(i64::from(anchor(day).day()), day);
    }
}

#[test]
fn stored_edges_make_a_period_when_they_are_in_order() {
    let (start, end) = (at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z"));
    let found = period_of(start, &zone("UTC"), anchor(1)).unwrap();
    assert_eq!(Period::from_edges(start, end), Ok(found));
    assert_eq!(Period::from_edges(end, start), Err(CalendarError::Empty));
    assert_eq!(Period::from_edges(start, start), Err(CalendarError::Empty));
    let moment = start.checked_add(nanosecond()).unwrap();
    assert_eq!(Period::from_edges(start, moment), Err(CalendarError::Empty));
}

#[test]
fn the_ends_of_the_calendar_are_errors() {
    for instant in [Timestamp::MIN, Timestamp::MAX] {
        let found = period_of(instant, &zone("UTC"), anchor(15));
        assert_eq!(found, Err(CalendarError::OutOfRange), "{instant}");
    }
}

proptest! {
    #[test]
    fn any_instant_is_in_exactly_one_period(
        second in 1_000_000_000_i64..4_000_000_000,
        name in prop::sample::select(ZONES.to_vec()),
        day in 1_i64..=31,
    ) {
        let (zone, day) = (zone(name), anchor(day));
        let instant = Timestamp::from_second(second).unwrap();
        let own = period_of(instant, &zone, day).unwrap();
        prop_assert!(own.contains(instant));
        let next = own.next(&zone, day).unwrap();
        let previous = own.previous(&zone, day).unwrap();
        prop_assert_eq!(period_of(own.end(), &zone, day), Ok(next));
        prop_assert_eq!(next.previous(&zone, day), Ok(own));
        prop_assert_eq!(previous.next(&zone, day), Ok(own));
        prop_assert!(!next.contains(instant) && !previous.contains(instant));
        let days = own.end().duration_since(own.start()).as_hours() / 24;
        prop_assert!((27..=31).contains(&days), "{} days", days);
    }
}
