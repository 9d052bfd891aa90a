//! Names that wait.

use std::collections::{HashSet, VecDeque};

/// Names in the order in which they came due, each once. In that of names, the last would wait for as long as
/// others come due faster than they have their turns.
#[derive(Debug, Default)]
pub(super) struct Due {
    order: VecDeque<Box<str>>,
    names: HashSet<Box<str>>,
}

impl Due {
    pub(super) fn insert(&mut self, name: Box<str>) {
        if self.names.insert(name.clone()) {
            self.order.push_back(name);
        }
    }

    /// All of them, in their order.
    pub(super) fn take(&mut self) -> VecDeque<Box<str>> {
        self.names.clear();
        std::mem::take(&mut self.order)
    }

    /// Takes the first out that is none of `others`.
    pub(super) fn next_but(&mut self, others: &HashSet<Box<str>>) -> Option<Box<str>> {
        let at = self.order.iter().position(|name| !others.contains(name))?;
        let name = self.order.remove(at)?;
        self.names.remove(&name);
        Some(name)
    }
}

impl Extend<Box<str>> for Due {
    fn extend<T: IntoIterator<Item = Box<str>>>(&mut self, names: T) {
        names.into_iter().for_each(|name| self.insert(name));
    }
}
