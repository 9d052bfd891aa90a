//! What an installation changed of the price list that it was shipped with, and what it forgot.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::catalogue::{Catalogue, FieldChange, PlanId, PlanVersion, Status, changes};

/// What is not as shipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A version with other terms than the shipped one of that name.
    Changed,
    /// A version that is not shipped.
    Added,
    /// A shipped version that is not in the installation's list.
    LeftOut,
    /// A version that is published and on sale, though the installation's list does not have it.
    Unlisted,
}

impl Kind {
    /// As the wire has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Added => "added",
            Self::LeftOut => "left_out",
            Self::Unlisted => "unlisted",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Changed => {
                "Compare the fields with what was decided. A published version is never changed: a new price is a new version."
            }
            Self::Added => "Compare its terms with what was decided.",
            Self::LeftOut => "It was never published here, or stands under unlisted too.",
            Self::Unlisted => {
                "It is still sold. List it with effective_to to end it, or as it was to keep it."
            }
        }
    }
}

/// A version that is not as shipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// How.
    pub kind: Kind,
    /// Which.
    pub plan: PlanId,
    /// Where it is in its life.
    pub status: Status,
    /// Accounts that are on it.
    pub accounts: u64,
    /// What differs from the shipped version, by field.
    pub changes: Vec<FieldChange>,
}

/// The lists that are compared.
#[derive(Clone, Copy, Debug)]
pub struct Lists<'a> {
    /// What is compiled in.
    pub shipped: &'a Catalogue,
    /// What the installation's file says; the shipped one without a file.
    pub listed: &'a Catalogue,
    /// What is published: every version that was ever in a file.
    pub published: &'a Catalogue,
}

/// Compares them at an instant. `accounts` counts who is on which version.
#[must_use]
pub fn compare(
    lists: Lists<'_>,
    accounts: &BTreeMap<PlanId, u64>,
    now: Timestamp,
) -> Vec<Override> {
    let Lists { shipped, listed, published } = lists;
    let of = |kind, in_list: &Catalogue, version: &PlanVersion, changes| Override {
        kind,
        plan: version.id.clone(),
        status: in_list.status(version, now),
        accounts: accounts.get(&version.id).copied().unwrap_or_default(),
        changes,
    };
    let own = listed.versions().filter_map(|version| match shipped.get(&version.id) {
        None => Some(of(Kind::Added, listed, version, Vec::new())),
        Some(known) => changes(known, version)
            .map(|changed| of(Kind::Changed, listed, version, changed.changes)),
    });
    let left_out = shipped.versions().filter(|version| listed.get(&version.id).is_none());
    let left_out = left_out.map(|version| of(Kind::LeftOut, shipped, version, Vec::new()));
    let unlisted = published.versions().filter(|version| {
        listed.get(&version.id).is_none() && published.status(version, now) == Status::Active
    });
    let unlisted = unlisted.map(|version| of(Kind::Unlisted, published, version, Vec::new()));
    let mut all: Vec<Override> = own.chain(left_out).chain(unlisted).collect();
    all.sort_by(|a, b| (&a.plan, a.kind).cmp(&(&b.plan, b.kind)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn id(plan: &str, version: u32) -> PlanId {
        PlanId { plan: plan.to_owned(), version }
    }

    fn list(text: &str) -> Catalogue {
        Catalogue::parse(text).unwrap()
    }

    /// An entry of a list.
    fn entry(plan: &str, base: &str) -> String {
        let meter =
            |name: &str| format!("{name}: {{ included: \"1\", price: {{ flat: \"0.1\" }} }}");
        let meters = ["agents", "ingestion", "query", "timeline"].map(meter).join(", ");
        format!(
            "\n  - {{ plan: {plan}, version: 1, effective_from: 2026-01-01T00:00:00Z, currency: USD, \
             base: \"{base}\", support_hours: 8, meters: {{ {meters} }} }}"
        )
    }

    #[test]
    fn the_shipped_list_has_nothing_to_tell() {
        let shipped = Catalogue::shipped().unwrap();
        let lists = Lists { shipped: &shipped, listed: &shipped, published: &shipped };
        assert_eq!(compare(lists, &BTreeMap::new(), now()), []);
    }

    #[test]
    fn each_difference_is_named_with_who_is_on_it() {
        let shipped = Catalogue::shipped().unwrap();
        let own = entry("team", "950.00") + &entry("club", "10.00");
        let listed = list(&format!("plans:{own}"));
        let published = list(&format!("plans:{own}{}", entry("old", "1.00")));
        let accounts = BTreeMap::from([(id("team", 1), 3), (id("old", 1), 2)]);
        let all = compare(
            Lists { shipped: &shipped, listed: &listed, published: &published },
            &accounts,
            now(),
        );
        let named: Vec<_> =
            all.iter().map(|o| (o.kind.name(), o.plan.to_string(), o.accounts)).collect();
        let expected = [
            ("added", "club@1", 0),
            ("unlisted", "old@1", 2),
            ("left_out", "scale@1", 0),
            ("left_out", "starter@1", 0),
            ("changed", "team@1", 3),
        ];
        assert_eq!(named, expected.map(|(kind, plan, count)| (kind, plan.to_owned(), count)));
        let base = all[4].changes.iter().find(|change| change.field == "/base").unwrap();
        assert!(
            base.before.as_ref().unwrap().contains("899")
                && base.after.as_ref().unwrap().contains("950"),
            "{base:?}"
        );
    }
}
