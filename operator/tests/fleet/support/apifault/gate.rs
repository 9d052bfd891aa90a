//! Writes that wait at the door, so that a test can end the writer right there: before the API
//! server has seen the write, or after its commit and before the answer.

use super::{
    plan::{Fault, Which},
    route::Asked,
};

/// On which side of the API server's commit the writer is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    /// Nothing is forwarded.
    Before,
    /// It is forwarded, and the answer withheld.
    After,
}

/// Waits for one write of a life.
pub struct Gate {
    /// Every write of that life: once the one is there, none of them is let through.
    pub life: Which,
    /// Those among which the one is counted.
    pub which: Which,
    /// Its number among them, from 1.
    pub nth: usize,
    pub when: When,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// So many of its kind have come through.
    Open(usize),
    /// The one is on its way to the API server.
    Closing,
    Held,
}

/// All gates of a proxy.
#[derive(Default)]
pub struct Gates(Vec<(Gate, State)>);

impl Gates {
    pub fn add(&mut self, gate: Gate) -> usize {
        self.0.push((gate, State::Open(0)));
        self.0.len() - 1
    }

    /// What happens to a request at the gates.
    pub fn meets(&mut self, asked: &Asked) -> Option<Fault> {
        if !asked.writes() {
            return None;
        }
        let (index, (gate, state)) =
            self.0.iter_mut().enumerate().find(|(_, (gate, _))| (gate.life)(asked))?;
        let State::Open(passed) = state else {
            return Some(if shares_places(asked) { Fault::Cut } else { Fault::Hang });
        };
        if !(gate.which)(asked) {
            return None;
        }
        *passed += 1;
        if *passed < gate.nth {
            return None;
        }
        *state = State::Closing;
        Some(Fault::Hold(index, gate.when))
    }

    /// The one is there. A write that the server refused changed nothing: the next is waited for.
    pub fn arrived(&mut self, index: usize, code: Option<u16>) -> bool {
        let Some((gate, state)) = self.0.get_mut(index) else { return false };
        let stays = code.is_none_or(|code| code < 300);
        *state = if stays { State::Held } else { State::Open(gate.nth - 1) };
        stays
    }

    /// A write that came through was refused and changed nothing: it does not count among its kind.
    pub fn refused(&mut self, asked: &Asked) {
        if !asked.writes() {
            return;
        }
        let gate = self.0.iter_mut().find(|(gate, _)| (gate.life)(asked));
        if let Some((_, State::Open(passed))) = gate.filter(|(gate, _)| (gate.which)(asked)) {
            *passed = passed.saturating_sub(1);
        }
    }

    pub fn is_at(&self, index: usize) -> bool {
        self.0.get(index).is_some_and(|(_, state)| *state == State::Held)
    }
}

/// Whether the writer does this in one of few places that all lives share: its connection is cut
/// rather than left waiting, so that the others come to their own gates before it ends.
pub fn shares_places(asked: &Asked) -> bool {
    matches!(asked.resource.as_str(), "deploymentprofiles" | "controllerrevisions")
}

#[test]
fn refused_writes_do_not_count() {
    let nth = |nth| {
        let mut gates = Gates::default();
        gates.add(Gate {
            life: Box::new(|_| true),
            which: Box::new(|asked| asked.resource == "tenants"),
            nth,
            when: When::Before,
        });
        gates
    };
    let finalizer = Asked::parse("PATCH", "/apis/tenantry.dev/v1alpha1/tenants/t");
    let mut second = nth(2);
    assert!(second.meets(&finalizer).is_none());
    second.refused(&finalizer);
    assert!(second.meets(&finalizer).is_none(), "the refused one was counted");
    assert!(matches!(second.meets(&finalizer), Some(Fault::Hold(0, When::Before))));
}
