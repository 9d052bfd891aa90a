//! What a sweep has found.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What was made for a life, by the API server's log.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// How often each object was.
    times: BTreeMap<String, usize>,
    /// Writes that whoever asked for them did not wait for: the log says that they ended with the
    /// connection, and the object may be there all the same.
    left: BTreeSet<String>,
}

impl Made {
    pub fn note(&mut self, what: String, code: u64) {
        match code {
            201 => *self.times.entry(what).or_default() += 1,
            0 | 499.. => {
                self.left.insert(what);
            }
            _ => {}
        }
    }
}

/// Counts, and for each finding where it was.
#[derive(Debug, Default)]
pub struct Tally {
    /// Points that were to be tried: each write, before and after.
    pub planned: usize,
    /// Points at which the process was killed.
    pub points: usize,
    /// Writes that it was killed at, both before and after.
    swept: BTreeMap<String, usize>,
    /// How often a process was killed.
    pub kills: usize,
    /// Points that a life did not come to.
    pub missed: Vec<String>,
    /// Lives that neither came to their point nor settled, or never settled again.
    pub stuck: Vec<String>,
    /// Worlds that differ from the undisturbed one.
    pub worlds: Vec<String>,
    /// Objects made more than once.
    pub twice: Vec<String>,
    /// Objects made that an undisturbed operator does not make, or not made that it makes.
    pub others: Vec<String>,
    /// Objects that are there, and whose making the log knows only as a request that was left.
    pub left: Vec<String>,
    /// Secrets that did not keep their values.
    pub changed: BTreeSet<String>,
    /// Writes after all had converged.
    pub late: Vec<String>,
    /// Secrets as they were when first seen, by namespace: uid and values.
    pub secrets: BTreeMap<String, (Value, Value)>,
}

impl Tally {
    /// Writes that the process was killed at both before and after.
    pub fn swept(&self) -> usize {
        self.swept.values().filter(|sides| **sides == 2).count()
    }

    pub fn point(&mut self, label: &str, held: bool) {
        if held {
            self.points += 1;
            let write = label.replacen(": Before ", ": ", 1).replacen(": After ", ": ", 1);
            *self.swept.entry(write).or_default() += 1;
        } else {
            self.missed.push(label.to_owned());
        }
    }

    /// What is there of Secrets now; each must be what it was when first seen.
    pub fn look(&mut self, seen: &BTreeMap<String, Value>) {
        for (namespace, secret) in seen {
            let now = (secret["metadata"]["uid"].clone(), secret["data"].clone());
            let first = self.secrets.entry(namespace.clone()).or_insert_with(|| now.clone());
            if *first != now {
                self.changed.insert(namespace.clone());
            }
        }
    }

    pub fn world(&mut self, label: &str, change: Option<String>) {
        self.worlds.extend(change.map(|change| format!("{label}\n{change}")));
    }

    pub fn creations(&mut self, label: &str, made: &Made, expected: &Made) {
        let twice = made.times.iter().filter(|(_, times)| **times > 1);
        self.twice.extend(twice.map(|(what, times)| format!("{label}: {what}, {times} times")));
        let unmade = expected.times.keys().filter(|k| !made.times.contains_key(*k));
        let (left, unmade): (Vec<_>, Vec<_>) = unmade.partition(|k| made.left.contains(*k));
        self.left.extend(left.into_iter().map(|what| format!("{label}: {what}")));
        let more = made.times.keys().filter(|k| !expected.times.contains_key(*k));
        self.others.extend(unmade.into_iter().chain(more).map(|what| format!("{label}: {what}")));
    }
}
