//! `api-server accounts`

pub mod listed;

use std::io::{self, Write as _};

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;

use crate::{
    config::LedgerPlace,
    domain::{
        account::AccountId,
        calendar::{AnchorDay, Zone},
        catalogue::PlanId,
        money::Currency,
        subscription::Agreement,
    },
    ledger::{Ledger, Settings},
    store::{
        accounts::{self, Account, Added, Binding},
        plans,
    },
};

/// What to do with accounts. No server may be working on a folder's ledger.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    ledger: LedgerPlace,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Add an account. Zone, anchor day and currency never change.
    Create(Create),
    /// Let a workload's projected token stand for an account.
    Bind(Bind),
    /// End what a workload's token stands for.
    Unbind(Unbind),
}

#[derive(clap::Args, Debug)]
struct Create {
    /// Its id.
    account: AccountId,
    /// The customer's name; the id without it.
    #[arg(long)]
    name: Option<String>,
    /// The time zone by whose midnights its periods run.
    #[arg(long, default_value = "UTC")]
    zone: Zone,
    /// The day of the month on which its periods start.
    #[arg(long, default_value_t = 1)]
    anchor_day: i64,
    /// What it is billed in, ISO 4217.
    #[arg(long, default_value = "USD")]
    currency: String,
    /// The plan that it is on from now, such as team@1; the server must have published it.
    #[arg(long)]
    plan: Option<String>,
    /// Since when it is on the plan; now, without it.
    #[arg(long, requires = "plan")]
    since: Option<Timestamp>,
}

#[derive(clap::Args, Debug)]
struct Bind {
    /// The account.
    account: AccountId,
    /// The workload's namespace.
    #[arg(long)]
    namespace: String,
    /// The workload's ServiceAccount.
    #[arg(long)]
    service_account: String,
    /// That ServiceAccount's uid.
    #[arg(long)]
    uid: String,
    /// The trusted issuer whose tokens are the workload's, as in `iss`. Without it: who it was before, else the
    /// one that the server trusts when it is first used; of several it is refused then.
    #[arg(long)]
    issuer: Option<String>,
}

#[derive(clap::Args, Debug)]
struct Unbind {
    /// The account that it stands for.
    account: AccountId,
    /// The workload's namespace.
    #[arg(long)]
    namespace: String,
    /// The workload's ServiceAccount.
    #[arg(long)]
    service_account: String,
}

/// Does it.
///
/// # Errors
/// Why it was not done.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let ledger = Ledger::open(args.ledger.place()?, Settings::default()).await?;
    let done = match args.command {
        Command::Create(create) => add(&ledger, create).await,
        Command::Bind(wanted) => bind(&ledger, wanted).await,
        Command::Unbind(wanted) => unbind(&ledger, wanted).await,
    };
    ledger.close().await;
    writeln!(io::stdout(), "{}", done?)?;
    Ok(())
}

async fn add(ledger: &Ledger, create: Create) -> anyhow::Result<String> {
    let id = create.account;
    let unknown = || format!("--currency {:?} is no ISO 4217 code such as USD", create.currency);
    let currency = Currency::from_code(&create.currency).with_context(unknown)?;
    let plan = create.plan.as_deref().map(plan).transpose().context("--plan")?;
    // All that can be wrong is looked at before anything is added.
    if let Some(plan) = &plan {
        fits(ledger, plan, currency.code()).await.context("--plan")?;
    }
    let agreed_at = ledger.now();
    let effective_at = create.since.unwrap_or(agreed_at);
    ensure!(effective_at <= agreed_at, "--since {effective_at} lies in the future");
    let account = Account {
        id: id.clone(),
        name: create.name.unwrap_or_else(|| id.to_string()),
        zone: create.zone,
        anchor: AnchorDay::new(create.anchor_day)?,
        currency: currency.code().to_owned(),
        created_at: agreed_at,
    };
    let agreement = plan.clone().map(|plan| Agreement { plan, effective_at, agreed_at });
    let entered = ledger.enter(account, agreement).await?;
    let added = match entered.added {
        Added::Other => bail!("account {id} is there with another name, zone, day or currency"),
        Added::Same => format!("account {id} is there already"),
        Added::New => format!("account {id} added"),
    };
    match (plan, entered.on) {
        (Some(plan), _) if entered.agreed => Ok(format!("{added}, on {plan} since {effective_at}")),
        (Some(plan), Some(on)) if plan != on => bail!(
            "account {id} is there already and is on {on}; put it on another plan with POST /accounts/{id}/plan"
        ),
        (Some(_), None) => bail!(
            "account {id} is there already, and its subscription ended; have it agree to a plan with POST /accounts/{id}/plan"
        ),
        (Some(plan), Some(_)) => Ok(format!("{added}, on {plan}")),
        (None, _) => Ok(added),
    }
}

/// Whether an account in a currency can be on a plan. The ledger has its terms once a server has written
/// its price list there.
async fn fits(ledger: &Ledger, plan: &PlanId, currency: &str) -> anyhow::Result<()> {
    let mut session = ledger.store().read().await?;
    let known = plans::catalogue(&mut session).await?;
    let Some(version) = known.get(plan) else {
        bail!(
            "plan {plan} is not in the catalogue of this ledger; a server that starts on it once brings its price list"
        );
    };
    let asked = version.terms.currency.code();
    ensure!(
        asked == currency,
        "plan {plan} is in {asked}, the account in {currency}: choose a plan in its currency"
    );
    Ok(())
}

fn plan(text: &str) -> anyhow::Result<PlanId> {
    let parts = text.split_once('@').and_then(|(plan, v)| Some((plan, v.parse().ok()?)));
    let Some((plan, version)) = parts else {
        bail!("plan {text:?} is no plan version such as team@1");
    };
    Ok(PlanId { plan: plan.to_owned(), version })
}

async fn bind(ledger: &Ledger, wanted: Bind) -> anyhow::Result<String> {
    let Bind { account, namespace, service_account, uid, issuer } = wanted;
    ensure!(issuer.as_ref().is_none_or(|name| !name.trim().is_empty()), "--issuer is empty");
    bound(ledger, Binding { account, namespace, service_account, uid, issuer }).await
}

async fn bound(ledger: &Ledger, binding: Binding) -> anyhow::Result<String> {
    let Binding { account, namespace, service_account, .. } = binding.clone();
    let workload = format!("{namespace}/{service_account}");
    let work = ledger.transact(None, move |session, now| {
        Box::pin(async move {
            if accounts::get(session, &binding.account).await?.is_none() {
                return Ok(None);
            }
            accounts::bind(session, &binding, now).await.map(Some)
        })
    });
    match work.await? {
        None => bail!("there is no account {account}; add it with `api-server accounts create`"),
        Some(Added::Other) => bail!(
            "{workload} stands for another account; end that with `api-server accounts unbind`"
        ),
        Some(Added::New | Added::Same) => Ok(format!("{workload} stands for account {account}")),
    }
}

async fn unbind(ledger: &Ledger, wanted: Unbind) -> anyhow::Result<String> {
    let Unbind { account, namespace, service_account } = wanted;
    let named = format!("{namespace}/{service_account}");
    let id = account.clone();
    let work = ledger.transact(None, move |session, _| {
        Box::pin(
            async move { accounts::unbind_one(session, &id, &namespace, &service_account).await },
        )
    });
    ensure!(work.await?, "{named} does not stand for account {account}");
    Ok(format!("{named} stands for no account"))
}
