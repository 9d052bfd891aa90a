use jiff::SignedDuration;

use super::*;
use crate::domain::calendar::GRACE;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn calendar() -> Calendar {
    Calendar::new("Europe/Berlin".parse().unwrap(), AnchorDay::new(1).unwrap())
}

fn october() -> Period {
    Period::from_edges(at("2026-09-30T22:00:00Z"), at("2026-10-31T23:00:00Z")).unwrap()
}

const TIME: &str = "2026-10-20T09:59:00Z";

#[test]
fn until_the_end_of_grace_a_row_enters_its_own_period() {
    let last = october().end() + GRACE - SignedDuration::from_millis(1);
    for arrived in [at(TIME), october().end(), last] {
        let place = calendar().place(at(TIME), None, arrived).unwrap();
        assert_eq!((place.period, place.happened_in), (october(), None));
        assert_eq!(place.hour, at("2026-10-20T09:00:00Z"));
    }
}

#[test]
fn after_grace_it_enters_the_open_period_with_a_pointer() {
    let mut calendar = calendar();
    let place = calendar.place(at(TIME), None, october().end() + GRACE).unwrap();
    assert_eq!(place.happened_in, Some(october()));
    assert_eq!(place.period.start(), october().end());
    assert_eq!(place.hour, at("2026-10-20T09:00:00Z"));
    assert_eq!(calendar.opened().len(), 2);
}

#[test]
fn a_recorded_close_counts_before_the_clock_does() {
    let mut calendar = calendar();
    calendar.add(StoredPeriod { period: october(), closed: true, formula: 1 });
    let place = calendar.place(at(TIME), None, at(TIME)).unwrap();
    assert_eq!(place.happened_in, Some(october()));
    assert_eq!(place.period.start(), october().end());
}

#[test]
fn a_correction_belongs_where_its_row_was_posted() {
    let mut calendar = calendar();
    let november = calendar.place(at(TIME), None, october().end() + GRACE).unwrap().period;
    let later = at("2026-11-20T00:00:00Z");
    let place = calendar.place(at(TIME), Some(november.start()), later).unwrap();
    assert_eq!((place.period, place.happened_in), (november, None));
    assert_eq!(place.hour, at("2026-10-20T09:00:00Z"));
}

#[test]
fn stored_edges_win_over_the_calendars() {
    let mut calendar = calendar();
    let odd = Period::from_edges(at("2026-10-05T00:00:00Z"), at("2026-10-25T00:00:00Z")).unwrap();
    calendar.add(StoredPeriod { period: odd, closed: false, formula: 1 });
    let edges = |calendar: &mut Calendar, t: &str| {
        let period = calendar.period_at(at(t)).unwrap().period;
        (period.start(), period.end())
    };
    assert_eq!(edges(&mut calendar, TIME), (odd.start(), odd.end()));
    assert_eq!(edges(&mut calendar, "2026-10-02T00:00:00Z"), (october().start(), odd.start()));
    assert_eq!(edges(&mut calendar, "2026-10-25T00:00:00Z"), (odd.end(), october().end()));
}

#[test]
fn an_event_ahead_of_its_time_opens_the_next_period() {
    let mut calendar = calendar();
    let place = calendar.place(at("2026-10-31T23:10:00Z"), None, at("2026-10-31T22:00:00Z"));
    assert_eq!(place.unwrap().period.start(), october().end());
}
