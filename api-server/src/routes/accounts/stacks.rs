//! `GET /accounts/{account}/stacks`: what of an account runs in the cluster.

use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::{Caller, Reach, rule::AccountRead};
use crate::cluster::profiles::kept::{Component, Follower};
use crate::cluster::profiles::shown::Condition;
use crate::http::Problem;
use crate::http::problem::ProblemBody;
use crate::http::query::Parameters;
use crate::routes::App;
use crate::routes::profiles::unread;
use crate::routes::wire::ListMeta;
use crate::store::accounts;

/// What of an account runs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AccountStacks {
    /// Its tenants in the cluster, by name: none when it has none there, mostly one.
    pub data: Vec<AccountStack>,
    /// Whether the server is beside a cluster. Where it is beside none, nothing is known here.
    pub beside_cluster: bool,
    /// Since when the cluster does not answer: this is from before. Null while it does.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub lost_since: Option<Timestamp>,
    /// Always the whole.
    pub meta: ListMeta,
}

/// A tenant's stack.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AccountStack {
    /// The tenant's name.
    #[schema(example = "acme")]
    pub tenant: String,
    /// `made` until the operator has said anything; then `starting`, `ready`, `failing`, `suspended`
    /// or `removed`.
    #[schema(example = "ready")]
    pub state: String,
    /// The profile that it is made of.
    #[schema(example = "prod")]
    pub profile: String,
    /// What it ran healthily last, as `PROFILE@NUMBER`.
    #[schema(example = "prod@7")]
    pub runs: Option<String>,
    /// What it is being brought to.
    #[schema(example = "prod@8")]
    pub wanted: Option<String>,
    /// Why it does not run as it should, in a word; null when it does. For customer success alone.
    #[schema(example = "PodPending")]
    pub reason: Option<String>,
    /// The same in a sentence. For customer success alone.
    pub message: Option<String>,
    /// Since when it is so.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// What it is made of.
    pub components: Vec<ComponentOut>,
}

/// A component of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ComponentOut {
    /// Its name.
    #[schema(example = "core")]
    pub name: String,
    /// Whether all of it runs.
    pub ready: bool,
    /// Which object waits for what; null when none does. For customer success alone.
    pub message: Option<String>,
}

/// List an account's stacks
///
/// What of it runs in the cluster, part by part, as the operator last saw it.
#[utoipa::path(
    get, path = "/accounts/{account}/stacks", operation_id = "list_account_stacks", tag = "accounts",
    params(("account" = String, Path, description = "The account's id.")),
    responses(
        (status = 200, description = "All of them.", body = AccountStacks),
        (status = 404, description = "No account that this caller may see.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    caller: Caller<AccountRead>,
    State(app): State<App>,
    Path(account): Path<String>,
    parameters: Parameters,
) -> Result<axum::Json<AccountStacks>, Problem> {
    parameters.only(&[])?;
    let account = super::reachable(&caller, &account)?;
    let mut session = app.ledger.store().read().await.map_err(Problem::unavailable)?;
    let found = accounts::get(&mut session, &account).await.map_err(Problem::unavailable)?;
    found.ok_or_else(Problem::not_found)?;
    let meta = ListMeta::new(None);
    let Some(profiles) = &app.profiles else {
        let none =
            AccountStacks { data: Vec::new(), beside_cluster: false, lost_since: None, meta };
        return Ok(axum::Json(none));
    };
    let known = profiles.ask(|known| (known.stacks(account.as_str()), known.lost_since()));
    let (all, lost_since) = known.ok_or_else(unread)?;
    let whole = *caller.reach() == Reach::Everyone;
    let data = all.into_iter().map(|(tenant, is)| stack(tenant, is, whole)).collect();
    Ok(axum::Json(AccountStacks { data, beside_cluster: true, lost_since, meta }))
}

/// A stack, with all that customer success alone may see if `whole`.
fn stack(tenant: Box<str>, is: Follower, whole: bool) -> AccountStack {
    let told = whole && !is.ready;
    let said = |text: Box<str>| Some(String::from(text)).filter(|text| told && !text.is_empty());
    let component = |Component { name, ready, message }: Component| ComponentOut {
        name: name.into(),
        ready,
        message: message.filter(|_| whole).map(Into::into),
    };
    AccountStack {
        tenant: tenant.into(),
        state: Condition::of(&is).name().to_owned(),
        profile: is.profile.into(),
        runs: is.runs.map(Into::into),
        wanted: is.wanted.map(Into::into),
        reason: said(is.reason),
        message: said(is.message),
        since: is.since,
        components: is.components.into_iter().map(component).collect(),
    }
}
