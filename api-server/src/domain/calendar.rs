//! The billing calendar: monthly periods by time zone and anchor day, and which of them a posting
//! goes to.
//!
//! A period's edges are instants, computed once, when the period opens, and stored: a later change
//! of a zone's rules, of the account's zone or of its anchor day never moves a period that exists.
//! Zones come from the database that is compiled in, so that a host's zone files never move a bill.

use std::{fmt, str::FromStr};

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime, Time},
    tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase},
};
use thiserror::Error;

mod buckets;

pub use buckets::{Bucket, Granularity};

/// How long after its end a period still takes postings.
pub const GRACE: SignedDuration = SignedDuration::from_hours(72);

/// Why there is no such calendar or period.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CalendarError {
    /// Not the name of a zone.
    #[error("{0:?} is not an IANA time zone such as Europe/Berlin or UTC")]
    UnknownZone(String),
    /// Not a day of a month.
    #[error("{0} is not a day of a month: give 1 to 31 (a day that a month lacks is its last)")]
    AnchorDay(i64),
    /// So far in the past or future that a calendar has no such month.
    #[error("the period is outside of the years -9998 to 9998")]
    OutOfRange,
    /// An end that is not at least a millisecond after its start.
    #[error("a period ends after it starts")]
    Empty,
}

/// An IANA time zone, by the compiled-in database.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// The name under which it was asked for, in the database's spelling.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The civil date in this zone at an instant.
    #[must_use]
    pub fn date(&self, instant: Timestamp) -> Date {
        self.0.to_datetime(instant).date()
    }

    /// The first instant whose civil date is `date` or later: local midnight; when clocks skip it,
    /// the instant at which they jump; when they pass it twice, the earlier.
    fn midnight(&self, date: Date) -> Option<Timestamp> {
        let midnight = self.0.to_ambiguous_timestamp(DateTime::from_parts(date, Time::midnight()));
        let AmbiguousOffset::Gap { .. } = midnight.offset() else {
            return midnight.earlier().ok();
        };
        // The jump lies between midnight by the offset after it and midnight by the one before it.
        let after_jump = midnight.later().ok()?;
        let just_after = after_jump.checked_add(SignedDuration::from_nanos(1)).ok()?;
        self.0.preceding(just_after).next().map(|jump| jump.timestamp())
    }
}

impl FromStr for Zone {
    type Err = CalendarError;

    fn from_str(name: &str) -> Result<Self, CalendarError> {
        let unknown = || CalendarError::UnknownZone(name.to_owned());
        let zone = TimeZoneDatabase::bundled().get(name).map_err(|_| unknown())?;
        zone.iana_name().ok_or_else(unknown)?;
        Ok(Self(zone))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name())
    }
}

/// The day of the month on which periods start, 1 to 31; in a month that lacks it, the last day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnchorDay(i8);

impl AnchorDay {
    /// From a day of the month.
    ///
    /// # Errors
    /// [`CalendarError::AnchorDay`] unless it is 1 to 31.
    pub fn new(day: i64) -> Result<Self, CalendarError> {
        match i8::try_from(day) {
            Ok(small @ 1..=31) => Ok(Self(small)),
            _ => Err(CalendarError::AnchorDay(day)),
        }
    }

    /// The day, 1 to 31.
    #[must_use]
    pub const fn day(self) -> i8 {
        self.0
    }

    fn in_month(self, first: Date) -> Option<Date> {
        Date::new(first.year(), first.month(), self.0.min(first.days_in_month())).ok()
    }
}

/// A billing period: the instants from `start` up to, not including, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Period {
    start: Timestamp,
    end: Timestamp,
}

/// Where a period is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodState {
    /// Has not ended (or not even started).
    Open,
    /// Ended less than [`GRACE`] ago: figures may still change.
    Grace,
    /// Final: takes no more postings.
    Closed,
}

/// How much of a period is over, in whole milliseconds: exact, to be rounded where it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed {
    /// Milliseconds since the start, at least 0 and at most `total_ms`.
    pub elapsed_ms: u64,
    /// The period's length.
    pub total_ms: u64,
}

impl Elapsed {
    /// Milliseconds until the end.
    #[must_use]
    pub const fn left_ms(self) -> u64 {
        self.total_ms - self.elapsed_ms
    }
}

/// Which period takes a posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The period whose figures it enters.
    pub period: Period,
    /// The closed period in which it happened, when that is another one.
    pub happened_in: Option<Period>,
}

impl Period {
    /// A period that was stored, by its edges.
    ///
    /// # Errors
    /// [`CalendarError::Empty`] unless it lasts a millisecond or more.
    pub fn from_edges(start: Timestamp, end: Timestamp) -> Result<Self, CalendarError> {
        let lasts = end.duration_since(start) >= SignedDuration::from_millis(1);
        if lasts { Ok(Self { start, end }) } else { Err(CalendarError::Empty) }
    }

    /// The first instant in it. Always a whole second.
    #[must_use]
    pub const fn start(self) -> Timestamp {
        self.start
    }

    /// The first instant after it. Always a whole second.
    #[must_use]
    pub const fn end(self) -> Timestamp {
        self.end
    }

    /// Whether an instant lies in it.
    #[must_use]
    pub fn contains(self, instant: Timestamp) -> bool {
        self.start <= instant && instant < self.end
    }

    /// The period that starts where this one ends and lasts to the calendar's next edge; after a
    /// change of zone or anchor day it is therefore shorter or longer than a month, once.
    ///
    /// # Errors
    /// [`CalendarError::OutOfRange`].
    pub fn next(self, zone: &Zone, anchor: AnchorDay) -> Result<Self, CalendarError> {
        Ok(Self { start: self.end, end: period_of(self.end, zone, anchor)?.end })
    }

    /// The period that ends where this one starts, from the calendar's last edge before.
    ///
    /// # Errors
    /// [`CalendarError::OutOfRange`].
    pub fn previous(self, zone: &Zone, anchor: AnchorDay) -> Result<Self, CalendarError> {
        let last = self.start.checked_sub(SignedDuration::from_nanos(1));
        let last = last.map_err(|_| CalendarError::OutOfRange)?;
        Ok(Self { start: period_of(last, zone, anchor)?.start, end: self.start })
    }

    /// Its state at an instant: open until its end, then [`GRACE`] long in grace, then closed.
    #[must_use]
    pub fn state(self, now: Timestamp) -> PeriodState {
        if now < self.end {
            PeriodState::Open
        } else if now.duration_since(self.end) < GRACE {
            PeriodState::Grace
        } else {
            PeriodState::Closed
        }
    }

    /// How much of it is over at an instant; fractions of a millisecond do not count.
    #[must_use]
    pub fn elapsed(self, now: Timestamp) -> Elapsed {
        let since_start = |instant: Timestamp| {
            let ms = instant.duration_since(self.start).as_millis();
            u64::try_from(ms.max(0)).unwrap_or(u64::MAX)
        };
        Elapsed { elapsed_ms: since_start(now.min(self.end)), total_ms: since_start(self.end) }
    }

    /// Where something that happened in this period is posted at `now`, when `open` is the
    /// account's open period: here until this period is closed, then to `open` with a pointer here.
    #[must_use]
    pub fn posting(self, open: Self, now: Timestamp) -> Posting {
        match self.state(now) {
            PeriodState::Open | PeriodState::Grace => Posting { period: self, happened_in: None },
            PeriodState::Closed => Posting { period: open, happened_in: Some(self) },
        }
    }
}

/// The monthly period in which an instant lies.
///
/// # Errors
/// [`CalendarError::OutOfRange`] at the ends of the calendar.
pub fn period_of(
    instant: Timestamp,
    zone: &Zone,
    anchor: AnchorDay,
) -> Result<Period, CalendarError> {
    find(instant, zone, anchor).ok_or(CalendarError::OutOfRange)
}

fn find(instant: Timestamp, zone: &Zone, anchor: AnchorDay) -> Option<Period> {
    let edge = |month: Date| zone.midnight(anchor.in_month(month)?);
    let mut month = zone.date(instant).first_of_month();
    let mut start = edge(month)?;
    while instant < start {
        month = month.yesterday().ok()?.first_of_month();
        start = edge(month)?;
    }
    // Not one comparison: clocks set back across midnight show the old date in the new period.
    loop {
        month = month.last_of_month().tomorrow().ok()?;
        let end = edge(month)?;
        if instant < end {
            return Some(Period { start, end });
        }
        start = end;
    }
}

#[cfg(test)]
mod tests;
