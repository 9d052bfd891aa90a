//! Immutable copies of a profile's spec, as ControllerRevisions in the operator's namespace. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crds::DeploymentProfileSpec;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::desired::meta;

/// How many revisions that nobody uses are kept for rolling back.
pub const HISTORY: usize = 10;
/// The label with the profile's name.
pub const PROFILE_LABEL: &str = crds::PROFILE;

/// One revision of a profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// Its number: 1, 2, …
    pub number: i64,
    /// The ControllerRevision's uid.
    pub uid: Box<str>,
    /// What identifies the spec's content ([`digest`]).
    pub digest: Box<str>,
    /// The spec as it was.
    pub spec: DeploymentProfileSpec,
}

/// The part of a spec that a stack is rendered from: how it rolls out is not part of a revision.
#[must_use]
pub fn content(spec: &DeploymentProfileSpec) -> Value {
    let mut content = serde_json::to_value(spec).unwrap_or_default();
    if let Some(members) = content.as_object_mut() {
        members.remove("rollout");
    }
    content
}

/// What identifies a spec's content: the first 16 hex digits of its SHA-256.
#[must_use]
pub fn digest(spec: &DeploymentProfileSpec) -> String {
    // serde_json keeps object members sorted, so equal specs have equal texts.
    let hash = Sha256::digest(content(spec).to_string().as_bytes());
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The name of a revision's object: two operators that make the same one collide, on purpose.
#[must_use]
pub fn object_name(profile: &str, number: i64) -> String {
    format!("profile.{profile}.{number}")
}

/// The object of a new revision.
#[must_use]
pub fn object(profile: &str, number: i64, namespace: &str, spec: &DeploymentProfileSpec) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": object_name(profile, number),
            "namespace": namespace,
            "labels": {
                meta::MANAGED_BY_LABEL: meta::MANAGED_BY,
                "app.kubernetes.io/part-of": "tenantry",
                PROFILE_LABEL: profile,
            },
        },
        "revision": number,
        "data": { "digest": digest(spec), "spec": content(spec) },
    })
}

/// The profile and the number of a revision, also of one that cannot be read.
#[must_use]
pub fn place(live: &Value) -> Option<(String, i64)> {
    let profile = live.pointer("/metadata/labels")?.get(PROFILE_LABEL)?.as_str()?.to_owned();
    Some((profile, live.get("revision")?.as_i64()?))
}

/// Reads a revision back; the profile's name comes with it.
#[must_use]
pub fn read(live: &Value) -> Option<(String, Revision)> {
    let (profile, number) = place(live)?;
    let spec = serde_json::from_value(live.pointer("/data/spec")?.clone()).ok()?;
    let revision = Revision {
        number,
        uid: live.pointer("/metadata/uid")?.as_str()?.into(),
        digest: live.pointer("/data/digest")?.as_str()?.into(),
        spec,
    };
    Some((profile, revision))
}

/// The number of the revision that must be made for this spec, if the newest is another.
#[must_use]
pub fn missing<R: std::borrow::Borrow<Revision>>(
    spec: &DeploymentProfileSpec,
    known: &BTreeMap<i64, R>,
) -> Option<i64> {
    match known.last_key_value() {
        None => Some(1),
        Some((_, newest)) if newest.borrow().digest.as_ref() == digest(spec) => None,
        Some((number, _)) => Some(number + 1),
    }
}

/// Revisions to delete: beyond [`HISTORY`], the oldest first, and never one that is `used` (that a
/// tenant runs, is being brought to, or is pinned to) nor the newest.
#[must_use]
pub fn surplus(known: &[i64], used: &BTreeSet<i64>) -> Vec<i64> {
    let Some((_, older)) = known.split_last() else { return Vec::new() };
    let free: Vec<i64> = older.iter().copied().filter(|n| !used.contains(n)).collect();
    let surplus = free.len().saturating_sub(HISTORY);
    free.into_iter().take(surplus).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unused_revisions_beyond_the_history_go() {
        let known: Vec<i64> = (1..=14).collect();
        assert_eq!(surplus(&known, &BTreeSet::new()), vec![1, 2, 3]);
        assert_eq!(surplus(&known, &BTreeSet::from([1, 3])), vec![2]);
        assert_eq!(surplus(&[1], &BTreeSet::new()), Vec::<i64>::new());
    }

    #[test]
    fn a_change_of_rollout_alone_makes_no_revision() {
        let one = DeploymentProfileSpec::default();
        let mut other = one.clone();
        other.rollout.paused = true;
        assert_eq!(digest(&one), digest(&other));
        other.quota.pods = 99;
        assert_ne!(digest(&one), digest(&other));
    }
}
