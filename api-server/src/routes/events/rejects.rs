//! What is kept of events that were not taken.

use std::borrow::Borrow;

use jiff::Timestamp;

use super::{NotTaken, Taken};
use crate::domain::account::AccountId;
use crate::domain::event::{Rejected, UsageEvent};
use crate::domain::meter::Meter;
use crate::store::rejects::{Fault, MOST_FAULTS, Reject};

/// By what an event is known, as far as it can be read.
#[derive(Default)]
pub(crate) struct Name {
    pub(super) id: Option<String>,
    source: Option<String>,
    meter: Option<Meter>,
    time: Option<Timestamp>,
}

impl Name {
    /// Of an event that was read, or not.
    pub(crate) fn of<E: Borrow<UsageEvent>>(event: &Result<E, Rejected>) -> Self {
        match event.as_ref().map(Borrow::borrow) {
            Ok(event) => Self {
                id: Some(event.id.clone()),
                source: Some(event.source.clone()),
                meter: Some(event.meter),
                time: Some(event.time),
            },
            Err(Rejected { id, source, meter, time, .. }) => {
                Self { id: id.clone(), source: source.clone(), meter: *meter, time: *time }
            }
        }
    }
}

/// Those events of a request that were not taken, to be written down.
pub(super) fn of<'a>(
    account: &'a AccountId,
    arrived: Timestamp,
    taken: &'a Taken,
    names: &'a [Name],
) -> impl Iterator<Item = Reject> {
    taken.rejected.iter().filter_map(move |not_taken| {
        let name = names.get(not_taken.index)?;
        Some(Reject {
            account: account.clone(),
            source: name.source.clone(),
            id: name.id.clone(),
            meter: name.meter,
            time: name.time,
            arrived,
            first_seen_at: not_taken.first_seen_at,
            faults: faults(not_taken),
        })
    })
}

fn faults(not_taken: &NotTaken) -> Vec<Fault> {
    if not_taken.errors.is_empty() {
        return vec![Fault::new("", &not_taken.code, &not_taken.detail)];
    }
    let errors = not_taken.errors.iter().take(MOST_FAULTS);
    errors.map(|error| Fault::new(&error.pointer, &error.code, &error.detail)).collect()
}
