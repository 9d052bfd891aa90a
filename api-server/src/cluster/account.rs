//! Which account a tenant is to have, what its spec asks for, and what of that cannot be had.

use crds::tenant::{Billing, Identity};

use super::record::Record;
use crate::{
    domain::{
        account::AccountId,
        calendar::{AnchorDay, Zone},
        money::Currency,
    },
    ledger::tenants::{PlanAsk, Registration},
    store::accounts::Account,
};

/// The plan of a tenant when neither its spec nor its profile names one.
pub const USUAL: &str = "starter";

/// What keeps a tenant from having an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The operator has not said yet which account is its.
    NotSaid,
    /// Its spec asks for an account that cannot be; in words.
    Impossible(String),
}

/// What the ledger is to have of a tenant, in a cluster whose tokens `issuer` signs. Its workloads may send once its status says that the ledger has
/// it: a deletion waits for the usage of those alone of which it stands there.
///
/// # Errors
/// [`Missing`].
pub fn registration(record: &Record, issuer: Option<&str>) -> Result<Registration, Missing> {
    let id = record.account.as_deref().ok_or(Missing::NotSaid)?;
    let impossible = |why: String| Missing::Impossible(why);
    let account: AccountId =
        id.parse().map_err(|error| impossible(format!("status.accountId: {error}")))?;
    let Billing { currency, time_zone, anchor_day } = record.billing.clone().unwrap_or_default();
    if Currency::from_code(&currency).is_none() {
        let why = format!("spec.billing.currency {currency:?} is no ISO 4217 code such as USD");
        return Err(impossible(anew(&why)));
    }
    let zone: Zone = time_zone
        .parse()
        .map_err(|error| impossible(anew(&format!("spec.billing.timeZone: {error}"))))?;
    let anchor = AnchorDay::new(anchor_day.into())
        .map_err(|error| impossible(anew(&format!("spec.billing.anchorDay: {error}"))))?;
    let Identity { namespace, service_accounts } = record.identity.clone().unwrap_or_default();
    Ok(Registration {
        name: record.name.to_string(),
        uid: record.uid.to_string(),
        account,
        display_name: record.display_name.to_string(),
        currency,
        zone,
        anchor,
        namespace,
        workloads: service_accounts.into_iter().map(|one| (one.name, one.uid)).collect(),
        issuer: issuer.map(str::to_owned),
        binds: !record.shown.is_empty(),
    })
}

fn anew(why: &str) -> String {
    format!("{why}; spec.billing never changes: make the tenant anew with a right one")
}

/// What its spec asks for, where `usual` is the plan of tenants of its profile that name none: the
/// outer `None` when there is no such profile yet.
#[must_use]
pub fn ask(record: &Record, account: &AccountId, usual: Option<Option<String>>) -> PlanAsk {
    PlanAsk {
        account: account.clone(),
        name: record.name.to_string(),
        uid: record.uid.to_string(),
        generation: record.generation,
        plan: record.plan.clone(),
        otherwise: usual.map(|plan| plan.unwrap_or_else(|| USUAL.to_owned())),
    }
}

/// In words, what an account has that is other than what the spec says of it.
#[must_use]
pub fn differs(said: Option<&Billing>, account: &Account) -> Option<String> {
    let said = said?;
    let Account { currency, zone, anchor, .. } = account;
    // The database may spell a zone's name otherwise than the spec.
    let same_zone = said.time_zone.parse::<Zone>().is_ok_and(|said| said == *zone);
    let day = i64::from(anchor.day());
    let parts = [
        (said.currency != *currency)
            .then(|| format!("spec.billing.currency {:?} is {currency:?}", said.currency)),
        (!same_zone)
            .then(|| format!("spec.billing.timeZone {:?} is {:?}", said.time_zone, zone.name())),
        (i64::from(said.anchor_day) != day)
            .then(|| format!("spec.billing.anchorDay {} is {day}", said.anchor_day)),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let told = format!("{} in account {}, which never changes", parts.join(", "), account.id);
    (!parts.is_empty()).then_some(told)
}
