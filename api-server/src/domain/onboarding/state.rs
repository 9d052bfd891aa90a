//! What became of a request: it waits until somebody decides, once.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use thiserror::Error;

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Nobody decided.
    AwaitingApproval,
    /// The customer is taken on.
    Approved,
    /// They are not.
    Rejected,
    /// Nobody wants it any more.
    Withdrawn,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 4] =
        [Self::AwaitingApproval, Self::Approved, Self::Rejected, Self::Withdrawn];

    /// As it is stored and sent.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "awaiting_approval",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a text is no status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("is none of awaiting_approval, approved, rejected and withdrawn")]
pub struct UnknownStatus;

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL.into_iter().find(|status| status.name() == text).ok_or(UnknownStatus)
    }
}

/// Who decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody of customer success, by their token's subject.
    Manager(String),
    /// Whoever holds the receipt.
    Applicant,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Take the customer on.
    Approved,
    /// Do not.
    Rejected {
        /// Why, for customer success.
        reason: String,
    },
    /// It is not wanted any more.
    Withdrawn,
}

/// A decision, by whom and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What.
    pub verdict: Verdict,
    /// By whom.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

/// What is known of a request's fate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody decided.
    AwaitingApproval,
    /// Somebody did.
    Decided(Decision),
}

/// What a decision does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// It is the first, and to be recorded.
    New(Decision),
    /// The same person decided the same before, as one does who did not see the answer. What was
    /// recorded stays.
    Same(Decision),
}

/// Somebody decided otherwise, or somebody else did.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the request is {0} already: a decision is not changed; a new request can be made")]
pub struct AlreadyDecided(pub Status);

impl State {
    /// In a word.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::AwaitingApproval => Status::AwaitingApproval,
            Self::Decided(Decision { verdict, .. }) => match verdict {
                Verdict::Approved => Status::Approved,
                Verdict::Rejected { .. } => Status::Rejected,
                Verdict::Withdrawn => Status::Withdrawn,
            },
        }
    }

    /// What a decision would do.
    ///
    /// # Errors
    /// [`AlreadyDecided`] unless nobody decided, or the same person the same.
    pub fn decide(&self, wanted: Decision) -> Result<Move, AlreadyDecided> {
        match self {
            Self::AwaitingApproval => Ok(Move::New(wanted)),
            Self::Decided(known)
                if (&known.verdict, &known.by) == (&wanted.verdict, &wanted.by) =>
            {
                Ok(Move::Same(known.clone()))
            }
            Self::Decided(_) => Err(AlreadyDecided(self.status())),
        }
    }
}
