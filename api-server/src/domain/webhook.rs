//! What is told to others over HTTP, as [Standard Webhooks](https://www.standardwebhooks.com) has it:
//! what a message says, how it is signed, when it is sent again, and to which addresses.

pub mod address;
pub mod message;
pub mod schedule;
pub mod sign;

pub use address::Range;
pub use message::{Kind, Message};
pub use sign::Secret;
