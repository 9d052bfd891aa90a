//! Hours, days and months as a zone's clocks show them: what a timeline is drawn in.

use jiff::{SignedDuration, Timestamp};

use super::Zone;

const HOUR_MS: i64 = 3_600_000;

impl Zone {
    /// The start of the hour that clocks in this zone show at an instant; never before the start of
    /// that civil day. In zones that are off by half or quarter hours it is no whole hour of UTC.
    /// When clocks are set by less than an hour, the hour around it is shorter.
    #[must_use]
    pub fn hour(&self, instant: Timestamp) -> Timestamp {
        let shift = i64::from(self.0.to_offset(instant).seconds()) * 1_000;
        let into_hour = (instant.as_millisecond() + shift).rem_euclid(HOUR_MS);
        let start = Timestamp::from_millisecond(instant.as_millisecond() - into_hour);
        start.unwrap_or(instant).max(self.day(instant))
    }

    /// The first instant of the civil day at an instant.
    #[must_use]
    pub fn day(&self, instant: Timestamp) -> Timestamp {
        self.midnight(self.date(instant)).unwrap_or(instant)
    }

    /// The first instant of the civil month at an instant.
    #[must_use]
    pub fn month(&self, instant: Timestamp) -> Timestamp {
        self.midnight(self.date(instant).first_of_month()).unwrap_or(instant)
    }

    /// The first instant of the civil day after the one at an instant.
    #[must_use]
    pub fn next_day(&self, instant: Timestamp) -> Timestamp {
        let tomorrow = self.date(instant).tomorrow().ok().and_then(|date| self.midnight(date));
        tomorrow.filter(|next| *next > instant).unwrap_or_else(|| {
            // Clocks that were set back across midnight show yesterday's date.
            instant.checked_add(SignedDuration::from_millis(HOUR_MS)).unwrap_or(instant)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn zone(name: &str) -> Zone {
        name.parse().unwrap()
    }

    #[test]
    fn hours_follow_the_zones_minutes() {
        let hour = |name: &str, t: &str| zone(name).hour(at(t)).to_string();
        assert_eq!(hour("UTC", "2026-11-22T23:50:16Z"), "2026-11-22T23:00:00Z");
        assert_eq!(hour("Asia/Kathmandu", "2026-11-22T23:10:00Z"), "2026-11-22T22:15:00Z");
        assert_eq!(hour("America/St_Johns", "2026-01-01T03:29:59Z"), "2026-01-01T02:30:00Z");
    }

    #[test]
    fn days_and_months_start_at_local_midnight() {
        let berlin = zone("Europe/Berlin");
        assert_eq!(berlin.day(at("2026-07-01T21:59:59Z")), at("2026-06-30T22:00:00Z"));
        assert_eq!(berlin.month(at("2026-07-01T21:59:59Z")), at("2026-06-30T22:00:00Z"));
        assert_eq!(berlin.day(at("2026-06-30T21:59:59Z")), at("2026-06-29T22:00:00Z"));
        assert_eq!(berlin.next_day(at("2026-06-30T21:59:59Z")), at("2026-06-30T22:00:00Z"));
    }

    #[test]
    fn a_day_that_clocks_change_on_has_23_or_25_hours() {
        let hours = |date: &str| {
            let berlin = zone("Europe/Berlin");
            let start = berlin.day(at(date));
            berlin.next_day(start).duration_since(start).as_hours()
        };
        assert_eq!(hours("2026-03-29T12:00:00Z"), 23);
        assert_eq!(hours("2026-10-25T12:00:00Z"), 25);
        assert_eq!(hours("2026-06-01T12:00:00Z"), 24);
    }

    #[test]
    fn every_hour_lies_in_its_day_and_holds_its_instant() {
        for name in ["Australia/Lord_Howe", "Asia/Beirut", "America/Sao_Paulo", "Asia/Pyongyang"] {
            let zone = zone(name);
            let mut instant = at("2018-01-01T00:00:00Z");
            while instant < at("2019-01-01T00:00:00Z") {
                let hour = zone.hour(instant);
                assert!(hour <= instant && instant.duration_since(hour).as_secs() < 3_600);
                assert_eq!(zone.date(hour), zone.date(instant), "{name} {instant}");
                assert!(zone.month(hour) <= zone.day(hour) && zone.day(hour) <= hour);
                instant += SignedDuration::from_mins(17);
            }
        }
    }
}
