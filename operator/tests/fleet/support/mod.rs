//! What the tests stand on: a ground, the real operator with the rights that it ships, and words to
//! ask for objects and to wait.

pub mod api;
pub mod apifault;
pub mod audit;
pub mod begun;
pub mod crash;
pub mod fixtures;
pub mod ground;
pub mod lab;
pub mod process;
pub mod wait;
pub mod whole;

pub use api::Api;
pub use fixtures::{dev, edit, everything, prod, tenant, with};
pub use lab::Lab;
pub use wait::{eventually, holds};
