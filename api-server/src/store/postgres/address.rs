//! Which PostgreSQL database, without ever showing how to get in.

use std::{fmt, str::FromStr};

use reqwest::Url;
use sqlx::{ConnectOptions as _, postgres::PgConnectOptions};
use thiserror::Error;

use crate::http::address::is_near;

/// A database and the credentials for it; shown without the latter.
#[derive(Clone)]
pub struct Database {
    options: Box<PgConnectOptions>,
    shown: String,
}

/// Why a text is no database's URL. What the text says is not repeated: it holds a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadUrl {
    /// It is none at all.
    #[error(
        "the database URL cannot be read: write it as \
         postgresql://USER:PASSWORD@HOST:5432/NAME?sslmode=verify-full, with % escapes for what is \
         not a letter, a digit, - . _ or ~ in user and password"
    )]
    Unreadable,
    /// Another database's.
    #[error("the database URL begins with another scheme than postgresql://")]
    Scheme,
    /// An unescaped `#`.
    #[error("the database URL has a #: write it as %23")]
    Fragment,
    /// Another machine's, and not a word of whom to believe there.
    #[error(
        "the database URL has no sslmode, and its host is another machine: add sslmode=verify-full (and \
         sslrootcert=FILE for a CA of your own), or sslmode=require or disable, if nobody can be between"
    )]
    Tls,
    /// A parameter that would be passed over.
    #[error("the database URL has a parameter other than {}", PARAMETERS.join(", "))]
    Parameter,
}

/// What may stand behind the `?`.
const PARAMETERS: [&str; 11] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// What the server is asked to heed for every connection. A client that vanished must not hold rows
/// for long, and nobody waits for ever.
const SETTINGS: [(&str, &str); 6] = [
    ("statement_timeout", "25s"),
    ("lock_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "30s"),
    ("tcp_keepalives_idle", "20"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
];

impl Database {
    /// How the server's connections are made.
    pub(super) fn options(&self) -> PgConnectOptions {
        (*self.options).clone().statement_cache_capacity(256).options(SETTINGS)
    }

    /// How to connect for changing the schema, which may take as long as it does.
    pub(super) fn patient(&self) -> PgConnectOptions {
        (*self.options).clone()
    }
}

impl FromStr for Database {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, BadUrl> {
        let url: Url = text.trim().parse().map_err(|_| BadUrl::Unreadable)?;
        if !matches!(url.scheme(), "postgresql" | "postgres") {
            return Err(BadUrl::Scheme);
        }
        if url.fragment().is_some() {
            return Err(BadUrl::Fragment);
        }
        // The driver would write what it does not know into the log.
        if !url.query_pairs().all(|(name, _)| PARAMETERS.contains(&&*name)) {
            return Err(BadUrl::Parameter);
        }
        // The driver would speak in the clear with whoever says that there is no TLS.
        let said = url.query_pairs().any(|(name, _)| name == "sslmode");
        let options: PgConnectOptions = text.trim().parse().map_err(|_| BadUrl::Unreadable)?;
        let options = options.application_name("tenantry-api-server").disable_statement_logging();
        let host = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => options.get_host().to_owned(),
        };
        if !said && options.get_socket().is_none() && !is_near(&host) {
            return Err(BadUrl::Tls);
        }
        let name = options.get_database().unwrap_or_default();
        let shown = format!("postgresql://{host}:{}/{name}", options.get_port());
        Ok(Self { options: Box::new(options), shown })
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.shown).finish()
    }
}
