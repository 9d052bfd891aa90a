//! How this server speaks HTTP: what it takes, how it answers, and what it does when it is too much.

pub mod body;
pub mod budget;
pub mod cursor;
pub mod json;
pub mod layers;
pub mod problem;
pub mod query;
mod rest;
pub mod room;
pub mod server;

pub use body::Json;
pub use problem::Problem;
