//! Profiles and revisions that a newer version wrote and that this one cannot read.

use std::sync::Arc;

use crds::{DeploymentProfile, DeploymentProfileSpec};
use kube::{ResourceExt, api::DynamicObject};

use super::{World, version_of};

/// A profile that exists, with a spec that says nothing.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// Its metadata and its status; its spec is empty.
    pub profile: DeploymentProfile,
    /// What is wrong with it, in the decoder's words.
    pub error: String,
}

impl Unreadable {
    /// The profile, or what can be read of it.
    ///
    /// # Errors
    /// When its spec is not as this version knows it.
    pub fn or_profile(object: DynamicObject) -> Result<DeploymentProfile, Box<Self>> {
        let read = serde_json::to_value(&object).and_then(serde_json::from_value);
        read.map_err(|error| {
            let status = object.data.get("status").cloned();
            let status = status.and_then(|status| serde_json::from_value(status).ok());
            let spec = DeploymentProfileSpec::default();
            let profile = DeploymentProfile { metadata: object.metadata, spec, status };
            Box::new(Self { profile, error: error.to_string() })
        })
    }
}

impl World {
    /// Takes in a profile that cannot be read, instead of what was known of it, and wakes it and its
    /// tenants: they stay as they are.
    pub fn put_unreadable_profile(&self, unreadable: Unreadable) {
        let name = unreadable.profile.name_any();
        let version = |p: &DeploymentProfile| version_of(p.metadata.resource_version.as_deref());
        let mut inner = self.lock();
        let known = inner.unreadable.get(name.as_str());
        if known.is_some_and(|k| version(&k.profile) >= version(&unreadable.profile)) {
            return;
        }
        let new = known.is_none_or(|k| k.error != unreadable.error);
        inner.profiles.remove(name.as_str());
        inner.unreadable.insert(name.as_str().into(), Arc::new(unreadable));
        drop(inner);
        self.profile_kicks.kick(&name);
        if new {
            self.kick_tenants_of(&name);
        }
    }

    /// The profile of this name, if it cannot be read.
    #[must_use]
    pub fn unreadable_profile(&self, name: &str) -> Option<Arc<Unreadable>> {
        self.lock().unreadable.get(name).cloned()
    }

    /// The names of all profiles that exist, readable or not.
    #[must_use]
    pub fn all_profile_names(&self) -> Vec<Box<str>> {
        let inner = self.lock();
        inner.profiles.keys().chain(inner.unreadable.keys()).cloned().collect()
    }

    /// Remembers that a revision exists which cannot be read: no other may get its number.
    pub fn take_number(&self, profile: &str, number: i64) {
        let mut inner = self.lock();
        let highest = inner.taken.entry(profile.into()).or_insert(number);
        *highest = number.max(*highest);
        drop(inner);
        self.profile_kicks.kick(profile);
    }

    /// `number`, or the first after it that comes after all that cannot be read.
    #[must_use]
    pub fn free_number(&self, profile: &str, number: i64) -> i64 {
        let taken = self.lock().taken.get(profile).copied();
        taken.map_or(number, |taken| number.max(taken + 1))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures;

    #[test]
    fn a_profile_of_a_newer_version_is_told_from_one_that_can_be_read() {
        let mut profile = DeploymentProfile::new("prod", fixtures::profile());
        profile.status = Some(crds::DeploymentProfileStatus {
            revision: Some(7),
            ..crds::DeploymentProfileStatus::default()
        });
        let mut live = json!(profile);
        let read =
            |live: &Value| Unreadable::or_profile(serde_json::from_value(live.clone()).unwrap());
        assert_eq!(read(&live).unwrap(), profile);
        // Wherever somebody may be let in from one day: without what this version knows.
        live["spec"]["services"][0]["name"] = json!({ "of": "tomorrow" });
        let unreadable = read(&live).unwrap_err();
        assert_eq!(unreadable.profile.name_any(), "prod");
        assert_eq!(unreadable.profile.status.unwrap().revision, Some(7));
        assert!(unreadable.error.contains("invalid type"), "{}", unreadable.error);
    }
}
