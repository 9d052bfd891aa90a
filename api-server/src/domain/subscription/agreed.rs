//! What accounts and we agree to.

use jiff::Timestamp;

use crate::domain::catalogue::PlanId;

/// That an account is on a plan version from some instant on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// On which.
    pub plan: PlanId,
    /// From when.
    pub effective_at: Timestamp,
    /// When it was agreed; later than `effective_at` when it was back-dated.
    pub agreed_at: Timestamp,
}

/// That an account is on no plan from some instant on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// From when: the end of a period.
    pub effective_at: Timestamp,
    /// When it was agreed.
    pub agreed_at: Timestamp,
}

/// What can be agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agreed {
    /// A plan.
    Plan(Agreement),
    /// That there is none any more.
    End(End),
}

impl Agreed {
    /// The agreement on a plan, if it is one.
    #[must_use]
    pub const fn as_plan(&self) -> Option<&Agreement> {
        match self {
            Self::Plan(agreement) => Some(agreement),
            Self::End(_) => None,
        }
    }

    /// Which plan, if any.
    #[must_use]
    pub const fn plan(&self) -> Option<&PlanId> {
        match self {
            Self::Plan(agreement) => Some(&agreement.plan),
            Self::End(_) => None,
        }
    }

    /// From when.
    #[must_use]
    pub const fn effective_at(&self) -> Timestamp {
        match self {
            Self::Plan(agreement) => agreement.effective_at,
            Self::End(end) => end.effective_at,
        }
    }

    /// When it was agreed.
    #[must_use]
    pub const fn agreed_at(&self) -> Timestamp {
        match self {
            Self::Plan(agreement) => agreement.agreed_at,
            Self::End(end) => end.agreed_at,
        }
    }
}

impl From<Agreement> for Agreed {
    fn from(agreement: Agreement) -> Self {
        Self::Plan(agreement)
    }
}

impl From<End> for Agreed {
    fn from(end: End) -> Self {
        Self::End(end)
    }
}
