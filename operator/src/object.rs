//! An object of a stack as plain data.

use std::fmt;

use serde_json::Value;

use crate::kinds::Kind;

/// Names one object of one tenant's stack; the namespace is the tenant's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its kind.
    pub kind: Kind,
    /// Its `metadata.name`.
    pub name: Box<str>,
}

impl Key {
    /// A key of these two.
    #[must_use]
    pub fn new(kind: Kind, name: &str) -> Self {
        Self { kind, name: name.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// One object that a stack should have, whole, as it is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// What it is called.
    pub key: Key,
    /// The component that it belongs to: a service's name, `gateway`, `collector`, …; `guard rails`
    /// for what protects the namespace.
    pub component: Box<str>,
    /// The manifest: exactly the fields that we own.
    pub body: Value,
    /// Data keys of a Secret that are made once, at random, and never touched again. They are not
    /// in `body`.
    pub generated: &'static [&'static str],
}
