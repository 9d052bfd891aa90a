//! Accounts that a file lists, for installations without a cluster: `serve --accounts`.
//!
//! A ledger in a folder has one writer, so `api-server accounts` cannot add them while the server
//! works; what starts the server again and again needs them to be there by themselves.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use super::{bound, fits, plan};
use crate::{
    domain::{
        account::AccountId,
        calendar::{AnchorDay, Zone},
        catalogue::PlanId,
        money::Currency,
        subscription::Agreement,
    },
    ledger::Ledger,
    store::{
        accounts::{Account, Added, Binding},
        plans,
    },
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    accounts: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    id: String,
    name: Option<String>,
    #[serde(default = "utc")]
    zone: String,
    #[serde(default = "first")]
    anchor_day: i64,
    #[serde(default = "dollars")]
    currency: String,
    plan: Option<String>,
    #[serde(default)]
    workloads: Vec<Workload>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Workload {
    namespace: String,
    service_account: String,
    uid: String,
    issuer: Option<String>,
}

fn utc() -> String {
    "UTC".to_owned()
}

fn first() -> i64 {
    1
}

fn dollars() -> String {
    "USD".to_owned()
}

/// Accounts that shall be there.
pub struct Listed(Vec<Wanted>);

struct Wanted {
    id: AccountId,
    name: String,
    zone: Zone,
    anchor: AnchorDay,
    currency: String,
    plan: Option<PlanId>,
    workloads: Vec<Binding>,
}

impl Listed {
    /// Those of the file; none without one. Nothing is looked up yet.
    ///
    /// # Errors
    /// What cannot be read, with the account and the field.
    pub fn read(file: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = file else { return Ok(Self(Vec::new())) };
        let named = || format!("accounts file {}", path.display());
        let text = std::fs::read_to_string(path).with_context(named)?;
        let file: File =
            serde_saphyr::from_str(&text).map_err(anyhow::Error::msg).with_context(named)?;
        let each = file.accounts.into_iter().map(|entry| {
            let account = format!("account {:?}", entry.id);
            Wanted::of(entry).context(account)
        });
        Ok(Self(each.collect::<anyhow::Result<_>>().with_context(named)?))
    }

    /// Adds what is not there yet. An account that is there stays as it is, also on the plan that it
    /// has been changed to since.
    ///
    /// # Errors
    /// When one is there with other terms, its plan was not published or is in another currency, or a workload
    /// stands for another.
    pub async fn enter(&self, ledger: &Ledger) -> anyhow::Result<()> {
        for wanted in &self.0 {
            let id = &wanted.id;
            wanted.enter(ledger).await.with_context(|| format!("accounts file: account {id}"))?;
        }
        Ok(())
    }
}

impl Wanted {
    fn of(entry: Entry) -> anyhow::Result<Self> {
        let id: AccountId = entry.id.parse().context("id")?;
        let currency = Currency::from_code(&entry.currency);
        let unknown = || format!("currency {:?} is no ISO 4217 code such as USD", entry.currency);
        let workloads = entry.workloads.into_iter().map(|workload| {
            let Workload { namespace, service_account, uid, issuer } = workload;
            let named = [&namespace, &service_account, &uid].iter().all(|name| !name.is_empty());
            ensure!(
                named && issuer.as_deref() != Some(""),
                "workloads: namespace, serviceAccount, uid and issuer must not be empty"
            );
            Ok(Binding { account: id.clone(), namespace, service_account, uid, issuer })
        });
        Ok(Self {
            name: entry.name.unwrap_or_else(|| id.to_string()),
            zone: entry.zone.parse().context("zone")?,
            anchor: AnchorDay::new(entry.anchor_day).context("anchorDay")?,
            currency: currency.with_context(unknown)?.code().to_owned(),
            plan: entry.plan.as_deref().map(plan).transpose()?,
            workloads: workloads.collect::<anyhow::Result<_>>()?,
            id,
        })
    }

    async fn enter(&self, ledger: &Ledger) -> anyhow::Result<()> {
        let agreement = self.agreement(ledger).await.context("plan")?;
        let account = Account {
            id: self.id.clone(),
            name: self.name.clone(),
            zone: self.zone.clone(),
            anchor: self.anchor,
            currency: self.currency.clone(),
            created_at: ledger.now(),
        };
        match ledger.enter(account, agreement).await?.added {
            Added::Other => bail!(
                "it is there with another name, zone, anchorDay or currency, which never change: \
                 write what it has, or another id"
            ),
            Added::New => tracing::info!(account = %self.id, "account added"),
            Added::Same => {}
        }
        for workload in &self.workloads {
            bound(ledger, workload.clone()).await?;
        }
        Ok(())
    }

    /// What it is to agree to: nothing once it has agreed to anything.
    async fn agreement(&self, ledger: &Ledger) -> anyhow::Result<Option<Agreement>> {
        let Some(plan) = &self.plan else { return Ok(None) };
        let mut session = ledger.store().read().await?;
        let agreed = plans::of_account(&mut session, &self.id).await?;
        drop(session);
        if !agreed.is_empty() {
            return Ok(None);
        }
        fits(ledger, plan, &self.currency).await?;
        let now = ledger.now();
        Ok(Some(Agreement { plan: plan.clone(), effective_at: now, agreed_at: now }))
    }
}
