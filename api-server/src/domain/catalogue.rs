//! The price list: plans in immutable versions, each on sale from one instant to another.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use thiserror::Error;

use super::rating::Terms;

mod document;
mod fingerprint;
mod import;
mod yaml;

pub use document::{ChargeDocument, PriceDocument, TierDocument, VersionDocument};
pub use fingerprint::{TermsHash, fields};
pub use import::{ChangedVersion, FieldChange, Import, ImportError, changes, import};

/// A version of a plan: its key and its number, from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanId {
    /// Which plan: `team`.
    pub plan: String,
    /// Which version of it.
    pub version: u32,
}

impl fmt::Display for PlanId {
    /// `team@1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.plan, self.version)
    }
}

/// One version of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanVersion {
    /// Which one.
    pub id: PlanId,
    /// What it costs and promises. Never changes once `effective_from` is set.
    pub terms: Terms,
    /// From when it can be agreed to; a version without it is a draft.
    pub effective_from: Option<Timestamp>,
    /// When it stops being on sale, unless the plan's next version ends it before.
    pub effective_to: Option<Timestamp>,
}

impl PlanVersion {
    /// A hash of the terms: equal terms have equal hashes, however they were written.
    #[must_use]
    pub fn terms_hash(&self) -> TermsHash {
        TermsHash::of(&self.terms)
    }
}

/// Where a version is in its life, at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Has no date from which it is on sale.
    Draft,
    /// Will be on sale.
    Scheduled,
    /// Is on sale.
    Active,
    /// Was on sale. Who agreed to it keeps it.
    Archived,
}

impl Status {
    /// As the wire has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Active => "active",
            Self::Archived => "archived",
        }
    }
}

/// What is wrong in a catalogue, where, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{pointer}: {problem}")]
pub struct CatalogueError {
    /// A JSON pointer: `/plans/0/meters/agents/included`.
    pub pointer: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// Plans in all their versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    versions: BTreeMap<PlanId, PlanVersion>,
}

impl Catalogue {
    /// The catalogue that is compiled in.
    ///
    /// # Errors
    /// [`CatalogueError`], which a test rules out.
    pub fn shipped() -> Result<Self, CatalogueError> {
        Self::parse(include_str!("../../plans.yaml"))
    }

    /// Reads a catalogue file (YAML; `plans.yaml` explains its form).
    ///
    /// # Errors
    /// [`CatalogueError`] for the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        yaml::read(text)
    }

    /// From versions that were read one by one.
    ///
    /// # Errors
    /// [`CatalogueError`] when a version is there twice, or a later version of a plan does not
    /// start after the earlier ones; its pointer counts `versions`.
    pub fn new(versions: Vec<PlanVersion>) -> Result<Self, CatalogueError> {
        let mut catalogue = Self::default();
        let mut pointers = BTreeMap::new();
        for (index, version) in versions.into_iter().enumerate() {
            let (id, pointer) = (version.id.clone(), format!("/plans/{index}"));
            if catalogue.versions.insert(id.clone(), version).is_some() {
                let problem = format!("{id} is there twice; give the later one the next version");
                return Err(CatalogueError { pointer: format!("{pointer}/version"), problem });
            }
            pointers.insert(id, pointer);
        }
        for version in catalogue.versions() {
            let Some(next) = catalogue.successor(version) else { continue };
            if next.effective_from <= version.effective_from {
                let problem = format!(
                    "{} must be effective after {}: give a later date",
                    next.id, version.id
                );
                let pointer = pointers.get(&next.id).cloned().unwrap_or_default();
                return Err(CatalogueError { pointer: pointer + "/effective_from", problem });
            }
        }
        Ok(catalogue)
    }

    /// Every version, by plan, then by version.
    pub fn versions(&self) -> impl Iterator<Item = &PlanVersion> {
        self.versions.values()
    }

    /// One version.
    #[must_use]
    pub fn get(&self, id: &PlanId) -> Option<&PlanVersion> {
        self.versions.get(id)
    }

    /// The version of a plan that is on sale at an instant.
    #[must_use]
    pub fn live(&self, plan: &str, at: Timestamp) -> Option<&PlanVersion> {
        self.versions().find(|v| v.id.plan == plan && self.status(v, at) == Status::Active)
    }

    /// The versions that are on sale at an instant, the one with the smallest base fee first.
    #[must_use]
    pub fn live_plans(&self, at: Timestamp) -> Vec<&PlanVersion> {
        let mut live: Vec<_> =
            self.versions().filter(|v| self.status(v, at) == Status::Active).collect();
        // By key where the fees are equal: a stable sort keeps the order of the map.
        live.sort_by_key(|version| version.terms.base.minor());
        live
    }

    /// Where one of its versions is in its life at an instant.
    #[must_use]
    pub fn status(&self, version: &PlanVersion, at: Timestamp) -> Status {
        match version.effective_from {
            None => Status::Draft,
            Some(from) if at < from => Status::Scheduled,
            Some(_) if self.ends(version).is_some_and(|end| end <= at) => Status::Archived,
            Some(_) => Status::Active,
        }
    }

    /// When one of its versions stops being on sale: at its own date, or when the next version of
    /// the plan starts, whichever comes first.
    #[must_use]
    pub fn ends(&self, version: &PlanVersion) -> Option<Timestamp> {
        let superseded = self.successor(version).and_then(|next| next.effective_from);
        version.effective_to.into_iter().chain(superseded).min()
    }

    /// The next version of the same plan that is no draft; of a draft, none.
    fn successor(&self, version: &PlanVersion) -> Option<&PlanVersion> {
        version.effective_from?;
        self.versions().find(|v| {
            v.id.plan == version.id.plan && v.id > version.id && v.effective_from.is_some()
        })
    }
}

#[cfg(test)]
mod tests;
