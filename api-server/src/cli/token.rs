//! `api-server token`

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use crate::auth::Audience;
use crate::auth::local::{self, Claims};
use crate::config;
use crate::domain::account::AccountId;

/// What the token says.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The file with the secret that the server was started with.
    #[arg(long, env = "TENANTRY_DEVELOPMENT_SECRET_FILE")]
    development_secret_file: PathBuf,
    /// Who the caller is.
    #[arg(long, default_value = "developer")]
    subject: String,
    /// What it is for: billing, tenantry-usage or tenantry-gateway. May be repeated.
    #[arg(long = "audience", required = true)]
    audiences: Vec<Audience>,
    /// A scope, such as billing:read. May be repeated.
    #[arg(long = "scope")]
    scopes: Vec<String>,
    /// A role, such as CustomerSuccessManager. May be repeated.
    #[arg(long = "role")]
    roles: Vec<String>,
    /// The account that the caller belongs to.
    #[arg(long)]
    tenant: Option<AccountId>,
    /// For how many seconds it is good.
    #[arg(long, default_value_t = 3600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
}

/// Prints the token.
///
/// # Errors
/// When the secret cannot be read or is too short.
#[expect(clippy::print_stdout, reason = "the subcommand's output")]
pub fn run(args: &Args) -> anyhow::Result<()> {
    let secret = config::secret(&args.development_secret_file)?;
    let mut claims = Claims::new(args.subject.as_str(), &args.audiences);
    claims.scope = args.scopes.join(" ");
    claims.roles.clone_from(&args.roles);
    claims.tenant = args.tenant.as_ref().map(ToString::to_string);
    let life = Duration::from_secs(args.seconds);
    println!("{}", local::token(&claims, &secret, Timestamp::now(), life)?);
    Ok(())
}
