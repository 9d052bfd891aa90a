//! Tenantry's API server: onboarding and usage in, an append-only ledger, and every number that
//! Finance, Customer Success and customers read from it.
//!
//! [`domain`] holds the formulas: pure, in scaled integers, without clock, randomness, environment
//! or database.

pub mod domain;
