//! How this server speaks HTTP.

pub mod json;
pub mod problem;
