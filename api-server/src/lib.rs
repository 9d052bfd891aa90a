//! Tenantry's API server: onboarding and usage in, an append-only ledger, and every number that
//! Finance, Customer Success and customers read from it.
//!
//! [`domain`] holds the formulas: pure, in scaled integers, without clock, randomness, environment
//! or database. [`auth`] decides who may call what, [`http`] how requests and answers look,
//! [`store`] keeps the tables, [`ledger`] adds to them; [`gateway`] runs beside a tenant, [`cluster`]
//! tells Kubernetes what its tenants' accounts come to, [`webhooks`] tells others what happened, and
//! [`ui`] shows it to people.

pub mod auth;
pub mod backup;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod domain;
pub mod export;
pub mod gateway;
pub mod http;
pub mod ledger;
pub mod provision;
pub mod routes;
pub mod store;
pub mod ui;
pub mod webhooks;
