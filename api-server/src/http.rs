//! How this server speaks HTTP: what it takes, how it answers, and what it does when it is too much.

pub mod accept;
pub mod address;
pub mod body;
pub mod budget;
pub mod csv;
pub mod cursor;
pub mod json;
pub mod layers;
pub mod origin;
pub mod page;
pub mod problem;
pub mod query;
mod rest;
pub mod room;
pub mod seldom;
pub mod server;
pub mod sheet;

pub use body::Json;
pub use problem::Problem;
