//! `GET /billing/usage/{account}`: everything that one account came to.

use axum::extract::{Path, State};
use jiff::Timestamp;
use uuid::Uuid;

use super::super::{App, Routes, route};
use super::list::FiguresOut;
use crate::auth::{Caller, Reach, rule::AccountRead};
use crate::http::Problem;
use crate::http::problem::ProblemBody;
use crate::http::query::Parameters;
use crate::ledger::figures::{Gathered, Kept, Turn};
use crate::store::snapshots;
use crate::store::{Session, StoreError, accounts::Account, audit, onboarding, periods};

mod meters;
mod out;

pub use out::AccountUsage;

pub(super) fn routes(routes: Routes) -> Routes {
    route!(routes, show)
}

/// For how many days back a line over time goes: twelve weeks.
const LINE_DAYS: i64 = 84;

/// Show what an account came to
///
/// Every meter against its quota and where it will end, health with all that it is made of, what the
/// period will cost, the plan, and the facts that were stated. All of it is of the moment that `as_of`
/// tells. An account that was not summed up yet is summed up for this answer.
#[utoipa::path(
    get, path = "/billing/usage/{account}", operation_id = "show_usage", tag = "usage",
    params(("account" = String, Path, description = "The account's id.")),
    responses(
        (status = 200, description = "The account.", body = AccountUsage),
        (status = 404, description = "No account that this caller may see.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn show(
    caller: Caller<AccountRead>,
    State(app): State<App>,
    Path(account): Path<String>,
    parameters: Parameters,
) -> Result<axum::Json<AccountUsage>, Problem> {
    parameters.only(&[])?;
    let (mut session, account) = super::account(&app, &caller, &account).await?;
    let found = find(&mut session, &account, app.ledger.now()).await;
    let found = found.map_err(Problem::unavailable)?;
    let whole = *caller.reach() == Reach::Everyone;
    out::out(&found, whole).map(axum::Json).map_err(Problem::internal)
}

/// All that is answered about an account.
struct Found {
    gathered: Gathered,
    as_of: FiguresOut,
    final_at: Option<Timestamp>,
    line: Vec<snapshots::Day>,
    request: Option<Uuid>,
}

async fn find(
    session: &mut Session,
    account: &Account,
    now: Timestamp,
) -> Result<Found, StoreError> {
    let newest = audit::head(session, &account.id).await?.seq;
    let stored = snapshots::get(session, &account.id).await?;
    let (gathered, as_of) = match stored {
        Some((row, document)) => {
            let gathered = Gathered::of(session, account, Kept::read(&document)?).await?;
            let behind = newest.saturating_sub(row.ledger_seq).max(0);
            (gathered, FiguresOut::of(&row, behind))
        }
        None => {
            let gathered = Gathered::now(session, account, Turn::first(now), now).await?;
            (gathered, fresh(newest, now))
        }
    };
    let period = periods::at(session, account, gathered.period()?.start()).await?;
    let since = now.as_millisecond().div_euclid(86_400_000) - LINE_DAYS;
    let line = snapshots::days(session, &account.id, since).await?;
    let request = onboarding::ids_of_account(session, &account.id).await?.into_iter().next();
    Ok(Found { gathered, as_of, final_at: period.closed.map(|closed| closed.at), line, request })
}

/// What was computed for this answer alone.
fn fresh(row: i64, at: Timestamp) -> FiguresOut {
    FiguresOut {
        at,
        valid_until: at,
        row,
        behind: 0,
        stale: false,
        formula_version: crate::domain::snapshot::FORMULA_VERSION,
    }
}
