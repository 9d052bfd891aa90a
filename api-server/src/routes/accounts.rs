//! `/accounts/{account}`: what is agreed with an account, and what is known of it beside its use.

use super::{Routes, route};
use crate::auth::Caller;
use crate::domain::account::AccountId;
use crate::http::Problem;

pub mod facts;
pub mod plan;
pub mod stacks;

pub(super) fn routes(routes: Routes) -> Routes {
    route!(route!(route!(routes, plan::change), facts::state), stacks::list)
}

/// The account of a path, if the caller may reach it.
pub(super) fn reachable<R>(caller: &Caller<R>, account: &str) -> Result<AccountId, Problem> {
    let account = account.parse().map_err(|_| Problem::not_found())?;
    caller.may_reach(&account)?;
    Ok(account)
}

/// Who a caller is, for the record.
pub(super) fn actor<R>(caller: &Caller<R>) -> String {
    caller.identity().map(|identity| identity.subject().to_owned()).unwrap_or_default()
}
