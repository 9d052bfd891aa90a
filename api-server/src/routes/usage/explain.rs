//! `GET /billing/usage/{account}/explain`: how what a period costs comes about.

use axum::extract::{Path, State};
use jiff::Timestamp;
use jiff::civil::Date;

use super::super::{App, Routes, route, wire};
use crate::auth::{Caller, rule::AccountRead};
use crate::http::Problem;
use crate::http::problem::ProblemBody;
use crate::http::query::Parameters;
use crate::store::accounts::Account;
use crate::store::{audit, bill};

mod answer;
mod corrected;

pub use answer::Explained;

pub(super) fn routes(routes: Routes) -> Routes {
    route!(routes, explain)
}

/// Explain a bill
///
/// How what a period costs, or costs so far, comes about: which plan was in force when, what was
/// used in each of these stretches, how it is priced, and which rows of the ledger each line is the
/// sum of. The lines and base fees add up to the total.
#[utoipa::path(
    get, path = "/billing/usage/{account}/explain", operation_id = "explain_bill", tag = "usage",
    params(
        ("account" = String, Path, description = "The account's id."),
        ("period" = Option<String>, Query, description = "A date of the account's calendar, or an instant: the period in which it lies. The running one unless given."),
    ),
    responses(
        (status = 200, description = "The bill, line by line.", body = Explained),
        (status = 404, description = "No account that this caller may see.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn explain(
    caller: Caller<AccountRead>,
    State(app): State<App>,
    Path(account): Path<String>,
    parameters: Parameters,
) -> Result<axum::Json<Explained>, Problem> {
    let (mut session, account) = super::account(&app, &caller, &account).await?;
    let now = (app.clock)();
    let period = asked(parameters, &account, now)?;
    let bill = bill::of_period(&mut session, &account, period).await;
    let bill = bill.map_err(Problem::unavailable)?;
    let row = audit::head(&mut session, &account.id).await.map_err(Problem::unavailable)?.seq;
    let as_of = wire::AsOf { row, at: now };
    Ok(axum::Json(answer::explained(&account, &bill, as_of)?))
}

/// An instant in the period that is asked for.
fn asked(parameters: Parameters, account: &Account, now: Timestamp) -> Result<Timestamp, Problem> {
    let Some(text) = parameters.only(&["period"])?.remove("period") else { return Ok(now) };
    let instant = match (text.parse::<Timestamp>(), text.parse::<Date>()) {
        (Ok(instant), _) => Some(instant),
        (_, Ok(date)) => account.zone.first_instant(date),
        _ => None,
    };
    let wrong = |detail| Problem::field("period", "invalid_value", detail);
    let instant = instant.ok_or_else(|| {
        wrong("Give a date such as 2026-11-22, or a time such as 2026-11-22T23:00:00Z.")
    })?;
    // At the very ends of the calendar there is no period.
    let years = 1..=9_990;
    let far = !years.contains(&account.zone.date(instant).year());
    if far { Err(wrong("Give a date of the years 1 to 9990.")) } else { Ok(instant) }
}
