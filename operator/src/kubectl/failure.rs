//! How a command can fail, and by which exit code it says so. Pure.

use std::fmt;

/// Why a command did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server said no, or something went wrong that has no code of its own.
    Other(String),
    /// The command cannot be meant as it was written.
    Usage(String),
    /// What was named is not there.
    NotFound(String),
    /// The user may not do or see it.
    Forbidden(String),
    /// The cluster does not answer.
    Unreachable(String),
    /// What was waited for did not come in time.
    TimedOut(String),
    /// What was asked about is not ready, and the exit code was to say so.
    NotReady,
}

/// The exit codes, each with what it means; the documentation and `--help` are made of it.
pub const CODES: [(u8, &str); 8] = [
    (0, "done"),
    (1, "the cluster refused it, or something else went wrong"),
    (2, "the command is not written right"),
    (3, "what was named does not exist"),
    (4, "you may not do or see that"),
    (5, "the cluster does not answer"),
    (6, "what was waited for did not come in time"),
    (7, "a tenant is not ready (only with --exit-code)"),
];

impl Failure {
    /// The exit code that says it.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::Other(_) => 1,
            Self::Usage(_) => 2,
            Self::NotFound(_) => 3,
            Self::Forbidden(_) => 4,
            Self::Unreachable(_) => 5,
            Self::TimedOut(_) => 6,
            Self::NotReady => 7,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(text)
            | Self::Usage(text)
            | Self::NotFound(text)
            | Self::Forbidden(text)
            | Self::Unreachable(text)
            | Self::TimedOut(text) => f.write_str(text),
            // What was printed says it already.
            Self::NotReady => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_a_code_that_is_explained() {
        let text = String::new;
        let all = [
            Failure::Other(text()),
            Failure::Usage(text()),
            Failure::NotFound(text()),
            Failure::Forbidden(text()),
            Failure::Unreachable(text()),
            Failure::TimedOut(text()),
            Failure::NotReady,
        ];
        let codes: Vec<u8> = all.iter().map(Failure::code).collect();
        let told: Vec<u8> = CODES.iter().skip(1).map(|(code, _)| *code).collect();
        assert_eq!(codes, told);
    }
}
