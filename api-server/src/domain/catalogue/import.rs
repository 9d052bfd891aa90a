//! Taking a catalogue file into the stored price list, which only ever grows.

use std::fmt;

use thiserror::Error;

use super::{Catalogue, CatalogueError, PlanId, PlanVersion, fields};

/// What an import does. Drafts are not imported: nobody can agree to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Versions to add.
    pub added: Vec<PlanVersion>,
    /// Stored versions whose `effective_to` is now another: they, with the new one.
    pub redated: Vec<PlanVersion>,
    /// Stored versions that the file does not have. They stay as they are, on sale or not; to end
    /// one, list it with `effective_to`.
    pub unlisted: Vec<PlanId>,
    /// The price list afterwards.
    pub catalogue: Catalogue,
}

/// Why a file is not imported.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ImportError {
    /// Published versions are not what they were.
    #[error(
        "published plan versions are immutable, and the catalogue has other terms for them. \
         Restore what was there, and add a version with a later effective_from:{}",
        .0.iter().map(|changed| format!("\n{changed}")).collect::<String>()
    )]
    Changed(Vec<ChangedVersion>),
    /// A new version does not go with those that are stored.
    #[error("the catalogue does not go with the stored one: {0}")]
    Order(String),
}

/// A published version that the file has with other terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedVersion {
    /// Which one.
    pub id: PlanId,
    /// What differs, by field.
    pub changes: Vec<FieldChange>,
}

/// A field that is not what it was; `None` where it is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    /// A JSON pointer within the version.
    pub field: String,
    /// As stored.
    pub before: Option<String>,
    /// As in the file.
    pub after: Option<String>,
}

impl fmt::Display for ChangedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)?;
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".to_owned());
        self.changes.iter().try_for_each(|change| {
            write!(f, "\n  {}: {} → {}", change.field, text(&change.before), text(&change.after))
        })
    }
}

/// Compares a file with what is stored: says what to add, or refuses, with a diff, when a published
/// version's terms or first day would change. `effective_to` may change: it says how long a version
/// is on sale, not what it costs.
///
/// # Errors
/// [`ImportError`].
pub fn import(stored: &Catalogue, file: &Catalogue) -> Result<Import, ImportError> {
    let published = || file.versions().filter(|version| version.effective_from.is_some());
    let known = |version: &&PlanVersion| stored.get(&version.id).is_some();
    let changed: Vec<_> =
        file.versions().filter_map(|new| changes(stored.get(&new.id)?, new)).collect();
    if !changed.is_empty() {
        return Err(ImportError::Changed(changed));
    }
    let added: Vec<_> = published().filter(|version| !known(version)).cloned().collect();
    let redated = |new: &&PlanVersion| {
        stored.get(&new.id).is_some_and(|old| old.effective_to != new.effective_to)
    };
    let redated: Vec<_> = published().filter(redated).cloned().collect();
    let unlisted =
        stored.versions().map(|v| &v.id).filter(|id| file.get(id).is_none()).cloned().collect();
    let mut all = stored.versions.clone();
    all.extend(published().map(|version| (version.id.clone(), version.clone())));
    let catalogue = Catalogue::new(all.into_values().collect())
        .map_err(|CatalogueError { problem, .. }| ImportError::Order(problem))?;
    Ok(Import { added, redated, unlisted, catalogue })
}

/// What differs between a stored version and the file's, of what must not.
#[must_use]
pub fn changes(old: &PlanVersion, new: &PlanVersion) -> Option<ChangedVersion> {
    let fixed = |version: &PlanVersion| {
        let mut fields = fields(&version.terms);
        let from = version.effective_from.map(|from| ("/effective_from".to_owned(), from));
        fields.extend(from.map(|(field, from)| (field, from.to_string())));
        fields
    };
    let (before, after) = (fixed(old), fixed(new));
    let mut names: Vec<_> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let changes: Vec<_> = names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| FieldChange {
            field: name.clone(),
            before: before.get(name).cloned(),
            after: after.get(name).cloned(),
        })
        .collect();
    (!changes.is_empty()).then(|| ChangedVersion { id: new.id.clone(), changes })
}
