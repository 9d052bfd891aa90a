//! Who calls, and what they may do.
//!
//! A token is checked by [`Verifier`] against the [`issuer`]s that this installation trusts; what it
//! proves is an [`Identity`]. What a route asks for is a [`Rule`], and a handler takes a
//! [`Caller`] of that rule as its first argument: without one it cannot be registered as a route.
//!
//! Every refused token has the same answer, 401 with one body, and only the metrics say why. A token
//! that is good but may not do this is 403; another tenant's object is 404.

pub mod bindings;
pub mod caller;
pub mod identity;
pub mod issuer;
mod jwk;
pub(crate) mod kept;
pub mod keys;
pub mod local;
pub mod receipt;
pub mod rule;
mod seen;
mod token;
pub mod verifier;

pub use caller::{Authenticator, Caller, Reach};
pub use identity::{Audience, Identity, Person, ServiceAccount, Workload};
pub use issuer::{Issuer, Kind};
pub use receipt::ReceiptHash;
pub use rule::{Rule, Way};
pub(crate) use token::unverified_claims;
pub use verifier::{Refusal, Verifier};
