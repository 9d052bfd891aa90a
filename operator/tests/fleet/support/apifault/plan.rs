//! What goes wrong, and what was seen on the way.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::sync::watch;

use super::{
    gate::{Gate, Gates, When},
    route::Asked,
};

/// Which requests.
pub type Which = Box<dyn Fn(&Asked) -> bool + Send>;

/// What happens to a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Answered with this code and, for 429, a `Retry-After` of a day. Nothing is forwarded.
    Refuse(u16),
    /// Forwarded; if it made something, the answer is withheld and the connection cut.
    CutAfterCreate,
    /// The same for whatever changed something, once for each verb and object.
    CutAfterWrite,
    /// Neither forwarded nor answered, until the client hangs up.
    Hang,
    /// A watch is told that its version is too old.
    Gone,
    /// A list is answered from a record.
    Recorded(Value),
    /// The write that this gate waits for: its writer is to end here.
    Hold(usize, When),
    /// The connection is cut, and nothing forwarded.
    Cut,
    /// It is on its way until the test lets it through, and arrives whatever became of its writer.
    #[allow(dead_code, reason = "the API server's tests use it")]
    Late,
}

struct Rule {
    which: Which,
    fault: Fault,
    left: usize,
}

/// A request that a fault met.
#[derive(Clone, Debug)]
pub struct Hit {
    pub asked: Asked,
    /// What the API server had answered, where that was withheld.
    pub withheld: Value,
}

#[derive(Default)]
struct Inner {
    rules: Vec<Rule>,
    gates: Gates,
    hold: Option<Which>,
    watches: Vec<(u64, Asked)>,
    asked: Vec<Asked>,
    /// The writes among them that the API server accepted, in the order of its answers.
    accepted: Vec<Asked>,
    hits: Vec<Hit>,
    next: u64,
    /// Whether what is late is let through, and what it was answered.
    late: (bool, Vec<u16>),
}

/// Shared by the test and all connections.
pub struct Plan {
    inner: Mutex<Inner>,
    /// Moves when watches are held, released or cut.
    pub changes: watch::Sender<u64>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { inner: Mutex::default(), changes: watch::channel(0).0 }
    }
}

impl Plan {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn add(&self, left: usize, which: Which, fault: Fault) {
        self.lock().rules.push(Rule { which, fault, left });
    }

    /// Takes every rule back; held watches go on.
    pub fn heal(&self) {
        self.obey();
        self.held(None);
    }

    /// Takes every rule back; held watches stay held.
    pub fn obey(&self) {
        self.lock().rules.clear();
    }

    /// Watches that match deliver nothing until this is called again.
    pub fn held(&self, which: Option<Which>) {
        self.lock().hold = which;
        self.changes.send_modify(|n| *n += 1);
    }

    pub fn is_held(&self, asked: &Asked) -> bool {
        self.lock().hold.as_ref().is_some_and(|which| which(asked))
    }

    /// Cuts the watches that are open and match; says of how many resources.
    pub fn cut(&self, which: impl Fn(&Asked) -> bool) -> usize {
        let mut inner = self.lock();
        let mut resources = BTreeSet::new();
        inner.watches.retain(|(_, asked)| {
            let hit = which(asked);
            if hit {
                resources.insert(asked.resource.clone());
            }
            !hit
        });
        drop(inner);
        self.changes.send_modify(|n| *n += 1);
        resources.len()
    }

    pub fn opened(&self, asked: Asked) -> u64 {
        let mut inner = self.lock();
        inner.next += 1;
        let id = inner.next;
        inner.watches.push((id, asked));
        id
    }

    pub fn closed(&self, id: u64) {
        self.lock().watches.retain(|(other, _)| *other != id);
    }

    pub fn is_open(&self, id: u64) -> bool {
        self.lock().watches.iter().any(|(other, _)| *other == id)
    }

    /// The resources that are watched now.
    pub fn watched(&self) -> BTreeSet<String> {
        self.lock().watches.iter().map(|(_, asked)| asked.resource.clone()).collect()
    }

    /// Notes a request; the fault that it meets.
    pub fn meets(&self, asked: &Asked) -> Option<Fault> {
        let mut inner = self.lock();
        inner.asked.push(asked.clone());
        if let Some(fault) = inner.gates.meets(asked) {
            return Some(fault);
        }
        let rule = inner.rules.iter_mut().find(|r| r.left > 0 && (r.which)(asked))?;
        let fault = rule.fault.clone();
        if matches!(fault, Fault::CutAfterCreate | Fault::CutAfterWrite) {
            // Whether it meets this one is known only when it is answered.
            return Some(fault);
        }
        rule.left -= 1;
        inner.hits.push(Hit { asked: asked.clone(), withheld: Value::Null });
        Some(fault)
    }

    /// A request was answered: whether that is withheld.
    pub fn withholds(&self, asked: &Asked, code: u16, answer: &[u8]) -> bool {
        let mut inner = self.lock();
        if asked.writes() && code < 300 {
            inner.accepted.push(asked.clone());
        } else {
            inner.gates.refused(asked);
        }
        let Inner { rules, hits, .. } = &mut *inner;
        let cuts = |r: &&mut Rule| match r.fault {
            Fault::CutAfterCreate => code == 201,
            Fault::CutAfterWrite => {
                let again = |hit: &Hit| hit.asked.what() == asked.what();
                code < 300 && asked.writes() && !hits.iter().any(again)
            }
            _ => false,
        };
        let rule = rules.iter_mut().filter(cuts).find(|r| r.left > 0 && (r.which)(asked));
        let Some(rule) = rule else { return false };
        rule.left -= 1;
        let withheld = serde_json::from_slice(answer).unwrap_or_default();
        hits.push(Hit { asked: asked.clone(), withheld });
        true
    }

    /// From now on a write is waited for; returns what to ask [`Plan::is_at`] with.
    pub fn gate(&self, gate: Gate) -> usize {
        self.lock().gates.add(gate)
    }

    /// The write that a gate waited for is there; after its commit, with this code. Whether it stays.
    pub fn arrived(&self, gate: usize, code: Option<u16>) -> bool {
        self.lock().gates.arrived(gate, code)
    }

    /// Whether the write that a gate waits for is held: nothing of its life comes through any more.
    pub fn is_at(&self, gate: usize) -> bool {
        self.lock().gates.is_at(gate)
    }

    /// The writes of a kind that the API server accepted.
    pub fn accepted(&self, which: impl Fn(&Asked) -> bool) -> Vec<Asked> {
        self.lock().accepted.iter().filter(|a| which(a)).cloned().collect()
    }

    /// The requests that a fault met.
    pub fn hits(&self) -> Vec<Hit> {
        self.lock().hits.clone()
    }

    /// What is late is let through from now on.
    #[allow(dead_code, reason = "the API server's tests use it")]
    pub fn let_through(&self) {
        self.lock().late.0 = true;
        self.changes.send_modify(|n| *n += 1);
    }

    pub fn is_let_through(&self) -> bool {
        self.lock().late.0
    }

    pub fn came_late(&self, code: u16) {
        self.lock().late.1.push(code);
    }

    /// What the API server answered to what came late.
    #[allow(dead_code, reason = "the API server's tests use it")]
    pub fn late(&self) -> Vec<u16> {
        self.lock().late.1.clone()
    }

    /// How many requests there were of a kind.
    pub fn count(&self, which: impl Fn(&Asked) -> bool) -> usize {
        self.lock().asked.iter().filter(|a| which(a)).count()
    }
}
