//! What use and quota do to a figure's alerts.

use jiff::Timestamp;

use crate::{
    domain::{
        Quantity,
        threshold::{State, step},
    },
    store::{alerts::AlertRow, row::TotalKey},
};

/// Takes a figure's levels to its use and quota, at a row and an instant; answers where they stand
/// and what happened.
pub(super) fn advance(
    of: &TotalKey,
    state: State,
    (used, quota): (Quantity, Option<Quantity>),
    (seq, at): (i64, Timestamp),
) -> (State, Vec<AlertRow>) {
    let (state, changes) = step(state, used, quota);
    let row = |change| AlertRow { of: of.clone(), change, seq, used, quota, at };
    (state, changes.into_iter().map(row).collect())
}
