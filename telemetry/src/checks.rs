//! What a program's health depends on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a check decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// May traffic, or trust, be given to this process?
    Ready,
    /// Must this process be restarted?
    Live,
}

#[derive(Debug)]
struct Entry {
    kind: Kind,
    name: String,
    /// Why the check fails; `None` when it does not.
    problem: Option<String>,
}

/// The named checks behind `/readyz` and `/healthz`. A clone is the same set.
///
/// Make all checks before the server starts: with none, both endpoints answer 200.
#[derive(Clone, Debug, Default)]
pub struct Checks(Arc<Mutex<Vec<Entry>>>);

impl Checks {
    /// A set without checks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A readiness check. It fails with `starting` until told otherwise. Asking for a name again
    /// gives the same check, put back to `starting`.
    #[must_use = "a check that nobody holds can never become ok"]
    pub fn ready(&self, name: impl Into<String>) -> Check {
        self.check(Kind::Ready, name.into(), Some("starting".to_owned()))
    }

    /// A liveness check. It is ok until told otherwise: the kubelet restarts what is not alive.
    #[must_use = "a check that nobody holds can never fail"]
    pub fn live(&self, name: impl Into<String>) -> Check {
        self.check(Kind::Live, name.into(), None)
    }

    fn check(&self, kind: Kind, name: String, problem: Option<String>) -> Check {
        let mut entries = self.entries();
        let known = entries.iter().position(|entry| entry.kind == kind && entry.name == name);
        let index = known.unwrap_or(entries.len());
        let entry = Entry { kind, name, problem };
        match entries.get_mut(index) {
            Some(existing) => *existing = entry,
            None => entries.push(entry),
        }
        Check { checks: self.clone(), index }
    }

    /// `name: why` of each readiness check that fails; empty when all pass.
    #[must_use]
    pub fn not_ready(&self) -> Vec<String> {
        self.problems(Kind::Ready)
    }

    /// `name: why` of each failing check, in the order they were made.
    pub(crate) fn problems(&self, kind: Kind) -> Vec<String> {
        let problem = |entry: &Entry| {
            entry
                .problem
                .as_ref()
                .map(|why| format!("{}: {}", one_line(&entry.name), one_line(why)))
        };
        self.entries().iter().filter(|entry| entry.kind == kind).filter_map(problem).collect()
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        // No code panics while it holds the lock, and each entry is written whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One named check. A clone is the same check.
#[derive(Clone, Debug)]
pub struct Check {
    checks: Checks,
    index: usize,
}

impl Check {
    /// The check passes. Cheap when it did already.
    pub fn ok(&self) {
        self.set(None);
    }

    /// The check fails; `why` is shown to whoever asks, so it must hold no secret.
    pub fn failing(&self, why: impl Into<String>) {
        self.set(Some(why.into()));
    }

    fn set(&self, problem: Option<String>) {
        let mut entries = self.checks.entries();
        let Some(entry) = entries.get_mut(self.index) else { return };
        if entry.problem == problem {
            return;
        }
        let (check, now) = (entry.name.clone(), problem.clone().unwrap_or_else(|| "ok".to_owned()));
        entry.problem = problem;
        // A log output may be slow: not under the lock.
        drop(entries);
        tracing::info!(check, now, "health check changed");
    }
}

/// The answers are one line per check, and a reason may be any error's text.
fn one_line(text: &str) -> String {
    text.split(['\n', '\r'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
