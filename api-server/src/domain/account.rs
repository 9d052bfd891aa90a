//! Whose usage it is.

use std::{fmt, str::FromStr, sync::Arc};

use thiserror::Error;

/// The longest account id, in bytes.
pub const MAX_ACCOUNT_BYTES: usize = 64;

/// The id of an account: 1 to 64 letters, digits, `-`, `_` or `.`, the first a letter or digit.
///
/// Everything that reads or writes rows of one customer takes this type, never a raw text, and it
/// is cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(Arc<str>);

/// Why a text is no account id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0:?} is no account id: 1 to 64 letters, digits, '-', '_' or '.', the first a letter or digit"
)]
pub struct BadAccountId(String);

impl AccountId {
    /// The id as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountId {
    type Err = BadAccountId;

    fn from_str(text: &str) -> Result<Self, BadAccountId> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let good = text.len() <= MAX_ACCOUNT_BYTES
            && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
            && text.bytes().all(allowed);
        // A refused text is shown, but not at any length that somebody cares to send.
        let shown = || text.chars().take(MAX_ACCOUNT_BYTES + 1).collect();
        if good { Ok(Self(Arc::from(text))) } else { Err(BadAccountId(shown())) }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_uids_are_account_ids() {
        let longest = "a".repeat(MAX_ACCOUNT_BYTES);
        for text in ["acme", "7", "a.b_c-D", "6f1c2a52-1111-4222-8333-444455556666", &longest] {
            let id: AccountId = text.parse().unwrap();
            assert_eq!((id.as_str(), id.to_string().as_str()), (text, text));
        }
    }

    #[test]
    fn what_could_escape_a_path_a_key_or_a_log_line_is_refused() {
        let long = "a".repeat(MAX_ACCOUNT_BYTES + 1);
        for text in ["", "-a", ".", "..", "_a", "a/b", "a b", "a\n", "a\0", "ä", "a%2f", &long] {
            assert!(text.parse::<AccountId>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_refusal_shows_no_more_than_it_must() {
        let message = "x".repeat(100_000).parse::<AccountId>().unwrap_err().to_string();
        let shown = "x".repeat(MAX_ACCOUNT_BYTES + 1);
        assert!(message.starts_with(&format!("{shown:?} is no account id")), "{message}");
    }
}
