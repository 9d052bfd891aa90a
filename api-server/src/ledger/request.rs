//! What is asked of the ledger, and what it answers.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    domain::{Quantity, account::AccountId, event::UsageEvent},
    store::append::SaltedDims,
};

/// What to change of an earlier row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Add this, which is negative to take back.
    By(Quantity),
    /// Take the row, with its corrections, back to nothing.
    Void,
}

/// A change of an earlier row by an authorised person, as a row of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Which system or person reports it; like an event's source.
    pub source: String,
    /// The reporter's name for it; source and id together count once.
    pub id: String,
    /// The row to change.
    pub ref_seq: i64,
    /// How.
    pub change: Change,
    /// Who, why, and by which ticket; stored with the row.
    pub notes: BTreeMap<String, String>,
}

/// One thing to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Use.
    Usage(UsageEvent),
    /// A correction.
    Correction(Correction),
}

/// One request, which has one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// Whose; every item is of this account.
    pub account: AccountId,
    /// When the request arrived.
    pub arrived: Timestamp,
    /// All items or none; else each on its own.
    pub atomic: bool,
    /// In this order.
    pub items: Vec<Item>,
}

/// Why an item was not added, though it is well-formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The account is not in the ledger.
    UnknownAccount,
    /// An atomic request had another item that could not be added.
    NotApplied,
    /// A figure would no longer fit.
    TotalOverflow,
    /// A correction names no row of this account, or one that is a correction itself.
    UnknownRow,
    /// A correction would take back more than the row counts.
    TakesBackTooMuch,
    /// The row counts nothing any more.
    AlreadyVoid,
}

impl Reason {
    /// The stable name that answers carry.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnknownAccount => "unknown_account",
            Self::NotApplied => "not_applied",
            Self::TotalOverflow => "total_overflow",
            Self::UnknownRow => "unknown_row",
            Self::TakesBackTooMuch => "takes_back_too_much",
            Self::AlreadyVoid => "already_void",
        }
    }

    /// What is wrong and what to do.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Self::UnknownAccount => "the ledger has no such account; have it created first",
            Self::NotApplied => {
                "nothing of this atomic request was added; mend its other items, or send it \
                 without atomic"
            }
            Self::TotalOverflow => "the period's figure would be too large to keep; split the use",
            Self::UnknownRow => "ref_seq is no usage row of this account; look it up in its events",
            Self::TakesBackTooMuch => "the correction takes back more than the row counts by now",
            Self::AlreadyVoid => "the row counts nothing any more; send the use as a new event",
        }
    }
}

/// What became of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the ledger, durably.
    Accepted {
        /// Its row.
        seq: i64,
    },
    /// It was there already: a success.
    Duplicate {
        /// The row that it was.
        seq: i64,
        /// When that arrived.
        first_seen_at: Timestamp,
    },
    /// Another one is there under its source and id.
    Conflict {
        /// When that arrived.
        first_seen_at: Timestamp,
    },
    /// It cannot be added.
    Refused(Reason),
}

/// The answer to a request, given only after what it says is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// One per item, in order.
    pub outcomes: Vec<Outcome>,
    /// When the transaction ran that stored the last of them.
    pub stored_at: Timestamp,
}

impl Receipt {
    /// The first and last new row, when there is one. They follow each other without gaps.
    #[must_use]
    pub fn range(&self) -> Option<(i64, i64)> {
        let seqs = self.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Accepted { seq } => Some(*seq),
            _ => None,
        });
        seqs.fold(None, |range, seq| match range {
            None => Some((seq, seq)),
            Some((first, _)) => Some((first, seq)),
        })
    }
}

/// A request made ready before it waits: what needs hashing or randomness is done.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) account: AccountId,
    pub(super) arrived: Timestamp,
    pub(super) atomic: bool,
    pub(super) items: Vec<PreparedItem>,
}

/// An item with what its row needs.
#[derive(Clone, Debug)]
pub(super) struct PreparedItem {
    pub(super) key: [u8; 16],
    pub(super) body: [u8; 16],
    pub(super) dims: Option<SaltedDims>,
    pub(super) item: Item,
}
