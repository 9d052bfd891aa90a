//! What may stand after flags that take one word of a few.

use clap::ValueEnum;

/// Where a tenant is checked that is not made.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum DryRun {
    /// Here, without the cluster.
    Client,
    /// By the cluster.
    Server,
}

/// Forms of an answer.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// For people.
    Table,
    /// For people, with more columns.
    Wide,
    /// For programs.
    Json,
    /// For programs.
    Yaml,
    /// Names alone, as `kubectl get -o name` prints them.
    Name,
}

/// Forms of an answer that is no list of resources.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For programs.
    Yaml,
}

/// Forms of an answer that tells of single objects: of one that was changed, or of some that are kept.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For programs.
    Yaml,
    /// Names alone, as `kubectl get -o name` prints them.
    Name,
}

/// Forms of a bundle.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bundle {
    /// One document.
    Json,
    /// One document.
    Yaml,
}

/// Forms of the answer to why.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tree {
    /// For people.
    #[value(alias = "table")]
    Tree,
    /// For programs.
    Json,
    /// For programs.
    Yaml,
}

/// Whether colours are used.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// Where a terminal reads and NO_COLOR is not set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// An id as backups have it: it stands in commands that somebody pastes.
pub(super) fn id(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    match text.len() == 36 && text.bytes().all(plain) {
        true => Ok(text.to_owned()),
        false => Err(format!("{text:?} is no id; api-server backups list names them")),
    }
}
