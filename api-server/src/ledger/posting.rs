//! To which period and hour a row is posted.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    domain::{
        bill::FORMULA_VERSION,
        calendar::{AnchorDay, CalendarError, Period, PeriodState, Zone, period_of},
    },
    store::append::StoredPeriod,
};

/// An account's calendar: its stored periods, and the rule for those that are not stored yet.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    zone: Zone,
    anchor: AnchorDay,
    stored: BTreeMap<Timestamp, StoredPeriod>,
    opened: Vec<Period>,
}

/// Where a row goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The period whose figures it enters.
    pub(super) period: Period,
    /// The closed period in which it happened.
    pub(super) happened_in: Option<Period>,
    /// The start of its hour.
    pub(super) hour: Timestamp,
    /// By which version of the formula the period is billed and held against its quotas.
    pub(super) formula: u32,
}

impl Calendar {
    pub(super) const fn new(zone: Zone, anchor: AnchorDay) -> Self {
        Self { zone, anchor, stored: BTreeMap::new(), opened: Vec::new() }
    }

    pub(super) fn add(&mut self, stored: StoredPeriod) {
        self.stored.insert(stored.period.start(), stored);
    }

    /// Periods that were needed and are not stored.
    pub(super) fn opened(&self) -> &[Period] {
        &self.opened
    }

    /// Where something goes that happened at `time` and arrived at `arrived`; a correction happens
    /// in the period that its row was posted to, `within`.
    pub(super) fn place(
        &mut self,
        time: Timestamp,
        within: Option<Timestamp>,
        arrived: Timestamp,
    ) -> Result<Place, CalendarError> {
        let own = self.period_at(within.unwrap_or(time))?;
        let hour = self.zone.hour(time);
        // By the record of the close, or by time alone when nobody came to record it: a row that
        // waited while its period was closed must not slip in.
        if !own.closed && own.period.state(arrived) != PeriodState::Closed {
            let (period, formula) = (own.period, own.formula);
            return Ok(Place { period, happened_in: None, hour, formula });
        }
        let mut open = self.period_at(arrived)?;
        while open.closed {
            // A clock that was set back: the first period after it that is open.
            open = self.period_at(open.period.end())?;
        }
        let (period, formula) = (open.period, open.formula);
        Ok(Place { period, happened_in: Some(own.period), hour, formula })
    }

    /// The period at an instant: a stored one, or by the calendar, fitted between stored ones.
    pub(super) fn period_at(&mut self, instant: Timestamp) -> Result<StoredPeriod, CalendarError> {
        let before = self.stored.range(..=instant).next_back().map(|(_, stored)| *stored);
        if let Some(stored) = before
            && stored.period.contains(instant)
        {
            return Ok(stored);
        }
        let ruled = period_of(instant, &self.zone, self.anchor)?;
        let start = before.map_or(ruled.start(), |b| b.period.end().max(ruled.start()));
        let after = self.stored.range(instant..).next().map(|(start, _)| *start);
        let end = after.map_or(ruled.end(), |next| next.min(ruled.end()));
        let period = Period::from_edges(start, end)?;
        let stored = StoredPeriod { period, closed: false, formula: FORMULA_VERSION };
        self.add(stored);
        self.opened.push(stored.period);
        Ok(stored)
    }
}

#[cfg(test)]
mod tests;
