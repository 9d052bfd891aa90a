//! `GET /exports/support`: how well support kept what plans promise.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::wire::ListMeta;
use super::super::{App, Routes, route};
use super::Asked;
use crate::auth::{Caller, rule::BillingExport};
use crate::domain::adherence::{Adherence, Tally, hundredths_of_hours};
use crate::domain::{Ppm, decimal};
use crate::http::Problem;
use crate::http::csv::{Cell, Csv};
use crate::http::problem::ProblemBody;
use crate::http::query::Parameters;
use crate::http::sheet;
use crate::store::accounts::Account;
use crate::store::support;

pub(in crate::routes) fn routes(routes: Routes) -> Routes {
    route!(routes, export_support)
}

const ROUTE: &str = "/exports/support";
const WEEK: &str = "week";

/// A page of accounts with the answers that they had.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SupportExport {
    /// By the accounts' ids.
    pub data: Vec<SupportRow>,
    /// About the page.
    pub meta: ListMeta,
}

/// Answers that an account had in a week, as `support_response_sla_hours` counts them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SupportRow {
    /// Whose questions.
    #[schema(example = "acme")]
    pub account: String,
    /// The customer's name.
    pub name: String,
    /// The week's first instant, a Monday's (UTC).
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// The first instant after it.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
    /// Answers within the promised hours, of those that were given in this week.
    pub met: u32,
    /// Later ones.
    pub missed: u32,
    /// The share in time, from 0 to 1, rounded down; null without any answer.
    #[schema(example = "0.95")]
    pub adherence: Option<String>,
    /// How many hours the slowest answer took, to a hundredth, rounded up.
    #[schema(example = "9.25")]
    pub slowest_hours: Option<String>,
    /// The same by what was promised.
    pub promises: Vec<PromiseOut>,
}

/// Answers that were promised within the same hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PromiseOut {
    /// Within how many hours.
    pub sla_hours: u32,
    /// Answers within them.
    pub met: u32,
    /// Later ones.
    pub missed: u32,
}

/// Export how support kept its promises
///
/// Of each account the answers that were given in one week, so that each is in exactly one: how many came
/// within the hours that its plan promised, and how long the slowest took. Questions without an answer yet
/// are not known here.
#[utoipa::path(
    get, path = "/exports/support", operation_id = "export_support", tag = "exports",
    params(
        ("week" = Option<String>, Query, description = "A date such as 2026-11-22: the week (Monday to Sunday, UTC) in which it lies. The last week that is over unless given."),
        ("format" = Option<String>, Query, pattern = "^(json|csv)$", description = "`json` or `csv`; as `Accept` says unless given."),
        ("page[size]" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "1 to 1000; 100 unless given."),
        ("filter[account][gt]" = Option<String>, Query, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description = "Only accounts whose ids come after this one: the last one of the page before."),
    ),
    responses(
        (status = 200, description = "A page of them. In CSV, `Link` has the next one.", content(
            (SupportExport = "application/json"),
            (String = "text/csv"),
        )),
        (status = 304, description = "`If-None-Match` has the page's `ETag`."),
        (status = 406, description = "Neither JSON nor CSV will do.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn export_support(
    _: Caller<BillingExport>,
    State(app): State<App>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let asked = Asked::read(ROUTE, &headers, parameters, Some(WEEK))?;
    let week = week(asked.own(), (app.clock)())?;
    let mut session = app.ledger.store().read().await.map_err(Problem::unavailable)?;
    let page = asked.page(&mut session).await.map_err(Problem::unavailable)?;
    let mut data = Vec::with_capacity(page.rows.len());
    for (account, _) in &page.rows {
        let tallies = support::tallies(&mut session, &account.id, week).await;
        data.push(row(account, week, &tallies.map_err(Problem::unavailable)?));
    }
    let document = SupportExport { data, meta: ListMeta::new(page.next.clone()) };
    let file = ("support.csv", page.next.as_deref());
    sheet::answer(&headers, asked.form, file, &document, |document| table(&document.data))
}

/// The week of a date, or the last one that was over by now.
fn week(text: Option<&str>, now: Timestamp) -> Result<(Timestamp, Timestamp), Problem> {
    let wrong = || {
        Problem::field(
            WEEK,
            "invalid_value",
            "Give a date such as 2026-11-22, of the years 1 to 9990.",
        )
    };
    let day = match text {
        Some(text) => text.parse::<Date>().map_err(|_| wrong())?,
        None => {
            let today = now.to_zoned(TimeZone::UTC).date();
            today.checked_sub(7.days()).map_err(|_| wrong())?
        }
    };
    if !(1..=9_990).contains(&day.year()) {
        return Err(wrong());
    }
    let since_monday = i64::from(day.weekday().to_monday_zero_offset());
    let monday = day.checked_sub(since_monday.days()).map_err(|_| wrong())?;
    let start =
        |day: Date| day.to_zoned(TimeZone::UTC).map(|at| at.timestamp()).map_err(|_| wrong());
    Ok((start(monday)?, start(monday.checked_add(7.days()).map_err(|_| wrong())?)?))
}

fn row(account: &Account, (from, to): (Timestamp, Timestamp), tallies: &[Tally]) -> SupportRow {
    let sum = Adherence::of(tallies);
    let promise = |tally: &Tally| PromiseOut {
        sla_hours: tally.promised_hours,
        met: tally.met,
        missed: tally.missed,
    };
    SupportRow {
        account: account.id.to_string(),
        name: account.name.clone(),
        from,
        to,
        met: sum.met,
        missed: sum.missed,
        adherence: sum.share().as_ref().map(Ppm::to_string),
        slowest_hours: sum.slowest.map(|time| decimal::format(hundredths_of_hours(time), 2, 0)),
        promises: tallies.iter().map(promise).collect(),
    }
}

const COLUMNS: [&str; 9] = [
    "account",
    "name",
    "from",
    "to",
    "met",
    "missed",
    "adherence",
    "slowest_hours",
    "promised_hours",
];

fn table(rows: &[SupportRow]) -> Csv {
    let mut table = Csv::new(&COLUMNS);
    for row in rows {
        let (from, to) = (row.from.to_string(), row.to.to_string());
        let promised: Vec<String> =
            row.promises.iter().map(|promise| promise.sla_hours.to_string()).collect();
        let promised = promised.join(" ");
        table.row([
            Cell::Text(&row.account),
            Cell::Text(&row.name),
            Cell::Text(&from),
            Cell::Text(&to),
            Cell::Number(row.met.to_string()),
            Cell::Number(row.missed.to_string()),
            Cell::Number(row.adherence.clone().unwrap_or_default()),
            Cell::Number(row.slowest_hours.clone().unwrap_or_default()),
            Cell::Text(&promised),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: Option<&str>, now: &str) -> String {
        let (from, to) = week(text, now.parse().unwrap()).unwrap();
        format!("{from} {to}")
    }

    #[test]
    fn weeks_run_from_monday_to_monday() {
        let week = "2026-11-16T00:00:00Z 2026-11-23T00:00:00Z";
        for day in ["2026-11-16", "2026-11-19", "2026-11-22"] {
            assert_eq!(of(Some(day), "2026-12-24T00:00:00Z"), week, "{day}");
        }
        for now in ["2026-11-23T00:00:00Z", "2026-11-29T23:59:59Z"] {
            assert_eq!(of(None, now), week, "{now}: the last that is over");
        }
    }
}
