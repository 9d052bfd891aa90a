//! A person's token for the API server: from a file or the environment, never from the command line, which
//! every process may read.

use std::path::Path;

use http::HeaderValue;

use crate::kubectl::failure::Failure;

/// The variable that holds a token.
const VARIABLE: &str = "TENANTRY_TOKEN";
/// How a token is given.
pub const SOURCES: &str = "--token-file FILE or TENANTRY_TOKEN";
/// The longest that is taken, in bytes.
const LONGEST: usize = 16 * 1024;

/// A token. It shows itself nowhere.
pub struct Token(HeaderValue);

impl Token {
    /// That of the file, else that of the environment.
    ///
    /// # Errors
    /// When there is one that cannot be used.
    pub fn find(file: Option<&Path>) -> Result<Option<Self>, Failure> {
        if let Some(path) = file {
            let unusable =
                |why: &str| Failure::Usage(format!("--token-file {}: {why}", path.display()));
            let text =
                std::fs::read_to_string(path).map_err(|error| unusable(&error.to_string()))?;
            return Self::new(&text).map(Some).map_err(unusable);
        }
        match std::env::var(VARIABLE) {
            Ok(text) if text.is_empty() => Ok(None),
            Ok(text) => {
                let token = Self::new(&text);
                token.map(Some).map_err(|why| Failure::Usage(format!("{VARIABLE}: {why}")))
            }
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(Failure::Usage(format!("{VARIABLE}: that is no token")))
            }
        }
    }

    fn new(text: &str) -> Result<Self, &'static str> {
        let token = text.trim();
        if token.is_empty() {
            return Err("there is no token in it");
        }
        // RFC 6750: what a bearer token is made of.
        let good = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
        if token.len() > LONGEST || !token.bytes().all(good) {
            return Err("that is no token: it has blanks or other signs in it, or is too long");
        }
        let mut value =
            HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| "that is no token")?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// The header that shows it to the server.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}
