//! What is asked for, by arguments.

mod export;
mod forms;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};

pub use export::Export;
pub use forms::{Bundle, Color, Data, DryRun, Named, Output, Tree};

/// See and steer Tenantry's tenants: what they run, what they use, and why one is not ready.
#[derive(Parser, Clone, Debug)]
#[command(name = "kubectl tenant", bin_name = "kubectl tenant", version, after_help = super::help::AFTER)]
pub struct Asked {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// How the cluster is reached.
    #[command(flatten)]
    pub reach: Reach,
    /// Whether colours are used; by itself where a terminal reads and NO_COLOR is not set.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}

/// How the cluster is reached: as kubectl reaches it.
#[derive(Args, Clone, Debug, Default)]
pub struct Reach {
    /// The kubeconfig to use; without it KUBECONFIG, then ~/.kube/config.
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig; without it the current one.
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Act as this user.
    #[arg(long = "as", global = true, value_name = "USER")]
    pub act_as: Option<String>,
    /// Act as a member of this group; may be repeated.
    #[arg(long = "as-group", global = true, value_name = "GROUP")]
    pub act_as_group: Vec<String>,
    /// How long one request may take, such as 5s or 1m; 0: as long as it takes.
    #[arg(long, global = true, value_name = "TIME", default_value = "30s", value_parser = timeout)]
    pub request_timeout: Duration,
    /// The namespace that Tenantry itself runs in.
    #[arg(
        short,
        long,
        global = true,
        value_name = "NAME",
        env = "TENANTRY_NAMESPACE",
        hide_env_values = true,
        default_value = "tenantry-system"
    )]
    pub namespace: String,
}

/// What to do.
#[derive(Subcommand, Clone, Debug)]
pub enum Verb {
    /// All tenants, or those named, one line each.
    #[command(visible_alias = "ls")]
    List(List),
    /// Everything about one tenant on one page.
    Status(Status),
    /// Why a tenant is not ready: from its condition to the object, the event, who set the field, and
    /// what to do.
    Why(Why),
    /// What a tenant used in its billing period, meter by meter, as the API server told it last; with a
    /// token, what that costs and will cost.
    Usage(Usage),
    /// What a change of a tenant would do: objects, fields, pods that are replaced, and what another plan
    /// would cost. Changes nothing.
    Plan(Plan),
    /// Make a tenant.
    Create(Create),
    /// Stop a tenant's services; data, usage gateway and backups stay.
    Suspend(Suspend),
    /// Start a suspended tenant's services again, each with the replicas that it had.
    Resume(Suspend),
    /// Make a backup of what a tenant's usage gateway holds, now, and wait for it.
    Backup(Backup),
    /// How a tenant's backup is put back: the commands, with this tenant's names filled in. Does nothing by
    /// itself.
    Restore(Restore),
    /// All profiles, or those named, one line each.
    Profiles(Profiles),
    /// How far a profile's rollout is; hold it, or let it go on.
    Rollout(Rollout),
    /// What is kept although no stack uses it, and how it is taken over or removed.
    Retained(Retained),
    /// What an empty cluster needs to have tenants as they are here, on standard output: their resources with
    /// their accounts, and the profiles. No Secret, and no data.
    Export(Export),
    /// All that support needs of a tenant, on standard output: no Secret, no environment, no
    /// configuration, no contact.
    Report(Report),
}

/// Which tenants, and how they are shown.
#[derive(Args, Clone, Debug)]
pub struct List {
    /// Tenants to show; without one all.
    pub names: Vec<String>,
    /// Only those that are not ready.
    #[arg(long)]
    pub not_ready: bool,
    /// Only those of this profile.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Only those with these labels; not beside names.
    #[arg(short = 'l', long, value_name = "LABELS", conflicts_with = "names")]
    pub selector: Option<String>,
    /// The form of the answer.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    /// End with exit code 7 when one of them is not ready.
    #[arg(long)]
    pub exit_code: bool,
}

/// Which tenant, and how its page is shown.
#[derive(Args, Clone, Debug)]
pub struct Status {
    /// The tenant.
    pub name: String,
    /// The form of the answer; wide shows every object.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    /// How many events are shown, the newest.
    #[arg(long, value_name = "NUMBER", default_value_t = 8)]
    pub events: usize,
    /// End with exit code 7 when it is not ready.
    #[arg(long)]
    pub exit_code: bool,
}

/// Which tenant, and how the answer is shown.
#[derive(Args, Clone, Debug)]
pub struct Why {
    /// The tenant.
    pub name: String,
    /// The form of the answer.
    #[arg(short, long, value_enum, default_value_t = Tree::Tree)]
    pub output: Tree,
    /// End with exit code 7 when it is not ready.
    #[arg(long)]
    pub exit_code: bool,
}

/// Where prices come from. Every one of these may be left out: then there are none, and that is said.
#[derive(Args, Clone, Debug, Default)]
pub struct Prices {
    /// The API server's address, for prices; with a token and without an address the plugin forwards a
    /// port to it through the cluster.
    #[arg(long, value_name = "URL", env = "TENANTRY_SERVER", hide_env_values = true)]
    pub server: Option<String>,
    /// Certificates (PEM) that sign the API server's, beside the public ones.
    #[arg(long, value_name = "FILE", env = "TENANTRY_CA_FILE", hide_env_values = true)]
    pub server_ca_file: Option<PathBuf>,
    /// A file with a person's token for the API server; without it the variable TENANTRY_TOKEN. No flag
    /// takes the token itself.
    #[arg(long, value_name = "FILE", env = "TENANTRY_TOKEN_FILE", hide_env_values = true)]
    pub token_file: Option<PathBuf>,
}

/// Which tenant, and how its usage is shown.
#[derive(Args, Clone, Debug)]
pub struct Usage {
    /// The tenant.
    pub name: String,
    /// Where prices come from.
    #[command(flatten)]
    pub prices: Prices,
    /// The form of the answer.
    #[arg(short, long, value_enum, default_value_t = Data::Table)]
    pub output: Data,
}

/// Which tenant, and what would be different.
#[derive(Args, Clone, Debug)]
pub struct Plan {
    /// The tenant.
    pub name: String,
    /// The profile that it would follow.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// The revision that it would be pinned to.
    #[arg(long, value_name = "NUMBER")]
    pub revision: Option<i64>,
    /// The plan that it would ask for, and what that would cost.
    #[arg(long, value_name = "KEY")]
    pub plan: Option<String>,
    /// Where prices come from.
    #[command(flatten)]
    pub prices: Prices,
    /// An overlay that would be added; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub overlay: Vec<String>,
    /// An overlay that would be taken away; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub without_overlay: Vec<String>,
    /// Its services would be stopped.
    #[arg(long, conflicts_with = "resume")]
    pub suspend: bool,
    /// Its services would be started.
    #[arg(long)]
    pub resume: bool,
    /// The form of the answer.
    #[arg(short, long, value_enum, default_value_t = Data::Table)]
    pub output: Data,
}

/// The tenant to make.
#[derive(Args, Clone, Debug)]
pub struct Create {
    /// Its name: a DNS label of at most 40 characters. Its stack stands in namespace tenant-NAME.
    pub name: String,
    /// The profile that its stack follows.
    #[arg(long, value_name = "NAME")]
    pub profile: String,
    /// Stay on this revision of the profile.
    #[arg(long, value_name = "NUMBER")]
    pub revision: Option<i64>,
    /// The customer's name as people write it; without it the tenant's.
    #[arg(long, value_name = "TEXT")]
    pub display_name: Option<String>,
    /// The plan that is asked for; without it the profile's.
    #[arg(long, value_name = "KEY")]
    pub plan: Option<String>,
    /// The account in the ledger; without it a new one.
    #[arg(long, value_name = "ID")]
    pub account_id: Option<String>,
    /// An overlay of the profile; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub overlay: Vec<String>,
    /// Whom to reach at the customer.
    #[arg(long, value_name = "TEXT")]
    pub contact_name: Option<String>,
    /// Their address.
    #[arg(long, value_name = "ADDRESS")]
    pub contact_email: Option<String>,
    /// Make it suspended; --wait then waits until its services rest.
    #[arg(long)]
    pub suspended: bool,
    /// Print it instead: client asks nobody, server lets the cluster check it.
    #[arg(long, value_enum, value_name = "WHERE")]
    pub dry_run: Option<DryRun>,
    /// Wait until it is ready, or with --suspended at rest.
    #[command(flatten)]
    pub wait: Wait,
    /// The form of the answer; json and yaml are the object as the cluster answered it, or with
    /// --dry-run client as it was made here, which is printed in any case.
    #[arg(short, long, value_enum, default_value_t = Named::Table)]
    pub output: Named,
}

/// Whether to wait.
#[derive(Args, Clone, Debug)]
pub struct Wait {
    /// Wait until it is done, and tell on standard error how far it is.
    #[arg(long)]
    pub wait: bool,
    /// How long to wait, such as 5m.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = timeout)]
    pub timeout: Duration,
}

/// Which profiles, and how they are shown.
#[derive(Args, Clone, Debug)]
pub struct Profiles {
    /// Profiles to show; without one all.
    pub names: Vec<String>,
    /// The form of the answer.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
}

/// How what is retained is shown.
#[derive(Args, Clone, Debug)]
pub struct Retained {
    /// The form of the answer; name is each object's, without its namespace.
    #[arg(short, long, value_enum, default_value_t = Named::Table)]
    pub output: Named,
}

/// Which tenant is reported of.
#[derive(Args, Clone, Debug)]
pub struct Report {
    /// The tenant.
    pub name: String,
    /// The form of the bundle.
    #[arg(short, long, value_enum, default_value_t = Bundle::Yaml)]
    pub output: Bundle,
}

/// Which tenant.
#[derive(Args, Clone, Debug)]
pub struct Suspend {
    /// The tenant.
    pub name: String,
    /// Wait until it is done.
    #[command(flatten)]
    pub wait: Wait,
    /// Let the cluster check it, and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// The form of the answer; json and yaml are the object as the cluster answered it.
    #[arg(short, long, value_enum, default_value_t = Named::Table)]
    pub output: Named,
}

/// Whose backup is made.
#[derive(Args, Clone, Debug)]
pub struct Backup {
    /// The tenant.
    pub name: String,
    /// Ask for it, and do not wait.
    #[arg(long)]
    pub no_wait: bool,
    /// How long to wait, such as 5m.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = timeout)]
    pub timeout: Duration,
    /// The form of the answer.
    #[arg(short, long, value_enum, default_value_t = Data::Table)]
    pub output: Data,
}

/// Whose backup is put back.
#[derive(Args, Clone, Debug)]
pub struct Restore {
    /// The tenant.
    pub name: String,
    /// Which backup, as `api-server backups list` says; the newest without.
    #[arg(long, value_name = "ID", value_parser = forms::id)]
    pub id: Option<String>,
    /// The form of the answer; json and yaml are the pod that takes the archive in.
    #[arg(short, long, value_enum, default_value_t = Data::Table)]
    pub output: Data,
}

/// What is done with a rollout.
#[derive(Args, Clone, Debug)]
pub struct Rollout {
    /// What to do.
    #[command(subcommand)]
    pub verb: RolloutVerb,
}

/// What is done with a rollout.
#[derive(Subcommand, Clone, Debug)]
pub enum RolloutVerb {
    /// How far it is, and who failed.
    Status {
        /// The profile.
        name: String,
        /// The form of the answer.
        #[arg(short, long, value_enum, default_value_t = Data::Table)]
        output: Data,
    },
    /// Start no further tenant; those that have started go on.
    Pause {
        /// The profile.
        name: String,
        /// Let the cluster check it, and change nothing.
        #[arg(long)]
        dry_run: bool,
        /// The form of the answer; json and yaml are the object as the cluster answered it.
        #[arg(short, long, value_enum, default_value_t = Named::Table)]
        output: Named,
    },
    /// Let it go on.
    Resume {
        /// The profile.
        name: String,
        /// Let the cluster check it, and change nothing.
        #[arg(long)]
        dry_run: bool,
        /// The form of the answer; json and yaml are the object as the cluster answered it.
        #[arg(short, long, value_enum, default_value_t = Named::Table)]
        output: Named,
    },
}

/// A time as kubectl takes it: `5s`, `1m30s`, or a number of seconds.
fn timeout(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let wrong = || format!("{text:?} is no time; write it as 5s, 1m30s or 1h");
    let time: k8s_openapi::jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(time).map_err(|_| wrong())
}

#[cfg(test)]
mod tests;
