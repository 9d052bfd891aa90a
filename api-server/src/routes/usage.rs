//! `/billing/usage`: what accounts used, and what follows from it.

use super::{App, Routes};
use crate::auth::Caller;
use crate::domain::account::AccountId;
use crate::http::Problem;
use crate::store::Session;
use crate::store::accounts::{self, Account};

pub mod account;
pub mod alerts;
pub mod explain;
pub mod list;
pub mod timeline;
pub mod triage;

pub(super) fn routes(routes: Routes) -> Routes {
    let groups = [
        list::routes,
        triage::routes,
        account::routes,
        timeline::routes,
        alerts::routes,
        explain::routes,
    ];
    groups.into_iter().fold(routes, |routes, group| group(routes))
}

/// An account that the caller may see, and a snapshot to read it from.
///
/// # Errors
/// 404, also for an account that is there and another's.
async fn account<R>(
    app: &App,
    caller: &Caller<R>,
    id: &str,
) -> Result<(Session, Account), Problem> {
    let id: AccountId = id.parse().map_err(|_| Problem::not_found())?;
    caller.may_reach(&id)?;
    let mut session = app.ledger.store().read().await.map_err(Problem::unavailable)?;
    let account = accounts::get(&mut session, &id).await.map_err(Problem::unavailable)?;
    Ok((session, account.ok_or_else(Problem::not_found)?))
}
