//! What the ledger's rows hold, typed.

use jiff::Timestamp;

use super::{StoreError, sql::Row};
use crate::domain::{Quantity, account::AccountId, meter::Meter};

/// What a ledger row does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Counts use.
    Usage,
    /// Changes what an earlier row counts.
    Correction,
    /// Takes an earlier row, with its corrections, back to nothing.
    Void,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Usage, Self::Correction, Self::Void];

    /// As it is stored and hashed.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Usage => 0,
            Self::Correction => 1,
            Self::Void => 2,
        }
    }

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Correction => "correction",
            Self::Void => "void",
        }
    }
}

/// One row of the ledger: everything that its chain value covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose.
    pub account: AccountId,
    /// Its number inside the account, from 1, without gaps.
    pub seq: i64,
    /// What it does.
    pub kind: Kind,
    /// Who reported it.
    pub source: String,
    /// The reporter's name for it.
    pub event_id: String,
    /// What was used.
    pub meter: Meter,
    /// When it happened.
    pub t_event: Timestamp,
    /// When it arrived at the server.
    pub t_ingest: Timestamp,
    /// When the transaction that stored it ran.
    pub t_stored: Timestamp,
    /// How much; negative in corrections that take back.
    pub quantity: Quantity,
    /// The row that a correction or void is about.
    pub ref_seq: Option<i64>,
    /// The start of the period whose figures it enters.
    pub period_start: Timestamp,
    /// The start of the closed period in which it happened, when that is another one.
    pub happened_in: Option<Timestamp>,
    /// The salted hash of its dimensions.
    pub dims_hash: Option<[u8; 32]>,
}

/// The columns of [`entry`], in order, of table `l`.
pub(super) const ENTRY_WIDTH: usize = 15;

/// Reads the columns account, seq, kind, source, event_id, meter, t_event, t_ingest, t_stored,
/// qty_micro, ref_seq, period_start, happened_in, dims_hash, chain.
pub(super) fn entry(row: &Row) -> Result<(Entry, [u8; 32]), StoreError> {
    let number = row.int(2)?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.number() == number);
    let entry = Entry {
        account: row.parsed(0)?,
        seq: row.int(1)?,
        kind: kind.ok_or_else(|| StoreError::Unreadable(format!("kind {number}")))?,
        source: row.text(3)?.to_owned(),
        event_id: row.text(4)?.to_owned(),
        meter: row.parsed(5)?,
        t_event: row.time(6)?,
        t_ingest: row.time(7)?,
        t_stored: row.time(8)?,
        quantity: Quantity::from_micros(row.int(9)?),
        ref_seq: row.opt_int(10)?,
        period_start: row.time(11)?,
        happened_in: row.opt_time(12)?,
        dims_hash: row.opt_bytes(13)?,
    };
    Ok((entry, row.bytes(14)?))
}

/// Which figure: a meter of an account in a period.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TotalKey {
    /// Whose.
    pub account: AccountId,
    /// The period's start.
    pub period_start: Timestamp,
    /// Of what.
    pub meter: Meter,
}

/// A meter's figure for a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// Rows that entered it.
    pub count: i64,
    /// Their sum.
    pub used: Quantity,
    /// The newest of them.
    pub last_seq: i64,
}

/// Which hour of which figure.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RollupKey {
    /// The figure that it is part of.
    pub total: TotalKey,
    /// The start of the hour in which it happened, by the account's zone.
    pub hour: Timestamp,
}

/// The part of a figure that happened within one hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rollup {
    /// Rows that entered it.
    pub count: i64,
    /// Their sum.
    pub quantity: Quantity,
    /// The oldest of them.
    pub first_seq: i64,
    /// The newest of them.
    pub last_seq: i64,
}
