//! What is written down of tenants.

use clap::Args;

use super::Bundle;

/// What is written down.
#[derive(Args, Clone, Debug)]
pub struct Export {
    /// Tenants to write down, with their profiles; without one all, and all profiles.
    pub names: Vec<String>,
    /// The profiles' revisions instead: they have to be there before an operator is.
    #[arg(long)]
    pub revisions: bool,
    /// The form of the answer.
    #[arg(short, long, value_enum, default_value_t = Bundle::Yaml)]
    pub output: Bundle,
}
