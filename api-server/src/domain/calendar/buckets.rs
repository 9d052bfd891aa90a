//! Hours, days and months as a zone's clocks show them: what a timeline is drawn in.

use jiff::{SignedDuration, Timestamp, civil::Date};

use super::{Period, Zone};

const HOUR_MS: i64 = 3_600_000;

/// How long a point of a timeline is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granularity {
    /// An hour, as clocks in the account's zone show it.
    Hour,
    /// A civil day.
    Day,
    /// A civil month.
    Month,
}

impl Granularity {
    /// All of them, the shortest first.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Month];

    /// Its name on the wire, an ISO 8601 duration: `PT1H`, `P1D`, `P1M`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "PT1H",
            Self::Day => "P1D",
            Self::Month => "P1M",
        }
    }

    /// The start of the hour, day or month at an instant.
    #[must_use]
    pub fn start(self, zone: &Zone, instant: Timestamp) -> Timestamp {
        match self {
            Self::Hour => zone.hour(instant),
            Self::Day => zone.day(instant),
            Self::Month => zone.month(instant),
        }
    }

    /// The start of the one after the one that starts at `start`. At the end of the calendar, an
    /// hour later.
    #[must_use]
    pub fn next(self, zone: &Zone, start: Timestamp) -> Timestamp {
        let hour_later = start.checked_add(SignedDuration::from_millis(HOUR_MS)).unwrap_or(start);
        match self {
            // Clocks that are set move an hour's start by less than an hour: none is left out.
            Self::Hour => zone.hour(hour_later),
            Self::Day => zone.next_day(start),
            Self::Month => {
                let after = zone.date(start).last_of_month().tomorrow().ok();
                after.and_then(|date| zone.first_instant(date)).unwrap_or(hour_later)
            }
        }
    }
}

/// A point of a timeline: an hour, day or month, as far as it lies between two instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The start of the whole hour, day or month.
    pub of: Timestamp,
    /// The part of it that is asked for.
    pub within: Period,
}

impl Zone {
    /// The hours, days or months between two instants, without gaps, each as far as it lies between
    /// them. `from` is the start of an hour. Ends by itself at `to`; take as many as there may be.
    pub fn buckets(
        &self,
        granularity: Granularity,
        (from, to): (Timestamp, Timestamp),
    ) -> impl Iterator<Item = Bucket> {
        let mut of = granularity.start(self, from);
        std::iter::from_fn(move || {
            let next = granularity.next(self, of);
            // Empty when it is behind `to`, or the calendar ends.
            let within = Period::from_edges(of.max(from), next.min(to)).ok()?;
            let bucket = Bucket { of, within };
            of = next;
            Some(bucket)
        })
    }

    /// The first instant of a civil day; `None` at the ends of the calendar.
    #[must_use]
    pub fn first_instant(&self, day: Date) -> Option<Timestamp> {
        self.midnight(day)
    }

    /// The first instant whose hour is the one that starts at `hour`. Where clocks are set by less
    /// than an hour, that is later than the start that the hour is known by.
    #[must_use]
    pub fn first_of_hour(&self, hour: Timestamp) -> Timestamp {
        let (mut before, mut within) = (hour.as_millisecond(), hour.as_millisecond() + HOUR_MS);
        let at = |ms| Timestamp::from_millisecond(ms).unwrap_or(hour);
        if self.hour(hour) == hour {
            return hour;
        }
        // Hours never go back, so the instant is found by halves.
        while within - before > 1 {
            let middle = before + (within - before) / 2;
            if self.hour(at(middle)) < hour { before = middle } else { within = middle }
        }
        at(within)
    }

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

    /// The instants from `from` up to `to`, cut where clocks change, each stretch with what clocks
    /// show beyond UTC in it, in milliseconds. Within one, the civil day of an instant is
    /// `(instant + shift) ÷ 86 400 000` days after 1970-01-01.
    #[must_use]
    pub fn shifts(&self, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, Timestamp, i64)> {
        let shift = |at| i64::from(self.0.to_offset(at).seconds()) * 1_000;
        let changes = self.0.following(from).map(|change| change.timestamp());
        let mut edges = vec![from];
        edges.extend(changes.take_while(|change| *change < to));
        edges.push(to);
        edges.windows(2).map(|edge| (edge[0], edge[1], shift(edge[0]))).collect()
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

    fn shown(zone: &Zone, granularity: Granularity, from: &str, to: &str) -> Vec<String> {
        let buckets = zone.buckets(granularity, (at(from), at(to)));
        buckets.map(|b| format!("{} {}", b.within.start(), b.within.end())).collect()
    }

    #[test]
    fn a_timeline_has_every_day_and_is_cut_at_its_ends() {
        let days = shown(
            &zone("Europe/Berlin"),
            Granularity::Day,
            "2026-03-28T05:00:00Z",
            "2026-03-30T00:00:00Z",
        );
        assert_eq!(
            days,
            [
                "2026-03-28T05:00:00Z 2026-03-28T23:00:00Z",
                "2026-03-28T23:00:00Z 2026-03-29T22:00:00Z",
                "2026-03-29T22:00:00Z 2026-03-30T00:00:00Z",
            ]
        );
        let months =
            shown(&zone("UTC"), Granularity::Month, "2026-01-31T00:00:00Z", "2026-03-01T00:00:00Z");
        assert_eq!(
            months,
            [
                "2026-01-31T00:00:00Z 2026-02-01T00:00:00Z",
                "2026-02-01T00:00:00Z 2026-03-01T00:00:00Z"
            ]
        );
        assert!(
            shown(&zone("UTC"), Granularity::Hour, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")
                .is_empty()
        );
    }

    /// In zones whose clocks are set by half hours, at midnight, or by a whole day.
    #[test]
    fn buckets_are_those_that_instants_fall_into() {
        let zones = [
            "Australia/Lord_Howe",
            "Asia/Beirut",
            "America/Sao_Paulo",
            "Asia/Pyongyang",
            "Pacific/Apia",
        ];
        for (name, year) in zones.into_iter().flat_map(|name| [2011, 2018].map(|year| (name, year)))
        {
            let zone = zone(name);
            let range = (
                at(&format!("{year}-01-01T00:00:00Z")),
                at(&format!("{}-01-01T00:00:00Z", year + 1)),
            );
            for granularity in Granularity::ALL {
                let known: std::collections::BTreeSet<_> =
                    zone.buckets(granularity, range).map(|bucket| bucket.of).collect();
                let mut instant = range.0;
                let mut met = std::collections::BTreeSet::new();
                while instant < range.1 {
                    met.insert(granularity.start(&zone, instant));
                    instant += SignedDuration::from_mins(10);
                }
                assert!(
                    met.is_subset(&known),
                    "{name} {year} {granularity:?}: {:?}",
                    met.difference(&known)
                );
                // An hour between two that are nearer than an hour may have no instant of its own.
                assert!(known.len() - met.len() <= 2, "{name} {year} {granularity:?}");
            }
        }
    }

    #[test]
    fn an_hour_begins_where_its_first_instant_is() {
        for name in ["Australia/Lord_Howe", "Asia/Pyongyang", "Asia/Kathmandu"] {
            let zone = zone(name);
            let mut instant = at("2018-01-01T00:00:00Z");
            while instant < at("2019-01-01T00:00:00Z") {
                let hour = zone.hour(instant);
                let first = zone.first_of_hour(hour);
                let before = first - SignedDuration::from_millis(1);
                assert!(zone.hour(first) == hour && zone.hour(before) < hour, "{name} {instant}");
                instant += SignedDuration::from_mins(23);
            }
        }
        // Clocks go from 02:00 to 02:30: the hour that they show then is known by half past one.
        let lord_howe = zone("Australia/Lord_Howe");
        let hour = at("2018-10-06T15:00:00Z");
        assert_eq!(lord_howe.hour(at("2018-10-06T15:45:00Z")), hour);
        assert_eq!(lord_howe.first_of_hour(hour), at("2018-10-06T15:30:00Z"));
    }

    #[test]
    fn a_day_follows_from_an_instant_and_its_shift() {
        for name in ["Australia/Lord_Howe", "America/Sao_Paulo", "Europe/Berlin", "UTC"] {
            let zone = zone(name);
            let (from, to) = (at("2018-01-01T00:00:00Z"), at("2019-01-01T00:00:00Z"));
            let shifts = zone.shifts(from, to);
            assert_eq!((shifts[0].0, shifts[shifts.len() - 1].1), (from, to));
            assert_eq!(shifts.len() > 1, name != "UTC", "{name}");
            for (start, end, shift) in shifts {
                let mut instant = start;
                while instant < end {
                    let days = (instant.as_millisecond() + shift) / 86_400_000;
                    let day = jiff::civil::date(1970, 1, 1) + SignedDuration::from_hours(24 * days);
                    assert_eq!(zone.date(instant), day, "{name} {instant}");
                    instant += SignedDuration::from_mins(37);
                }
            }
        }
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
