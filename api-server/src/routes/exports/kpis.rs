//! `GET /exports/kpis`: key figures of all customers that name none of them.

use std::collections::BTreeMap;

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
use super::known;
use crate::auth::{Caller, rule::BillingExport};
use crate::domain::decimal;
use crate::domain::kpi::{self, Figures, Group, LEAST, Member};
use crate::domain::{Ppm, account::AccountId};
use crate::http::Problem;
use crate::http::csv::{Cell, Csv};
use crate::http::problem::ProblemBody;
use crate::http::query::Parameters;
use crate::http::sheet::{self, Form};
use crate::store::{Session, StoreError, kpis};

pub(in crate::routes) fn routes(routes: Routes) -> Routes {
    route!(routes, export_kpis)
}

const MONTH: &str = "month";
const SMALLEST: &str = "min_group_size";
/// The largest group that can be asked for.
const LARGEST: usize = 1_000;
/// Accounts whose plans are looked up at a time.
const AT_ONCE: usize = 500;

/// Key figures of a month.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct KpiExport {
    /// All accounts, then groups of them; empty when there are fewer than `min_group_size`.
    pub data: Vec<KpiRow>,
    /// Always the whole.
    pub meta: ListMeta,
}

/// Figures of a group of accounts. None is of fewer than `min_group_size`, and none can be had of fewer than five by
/// subtracting. What too few are known of is null, and no part of the whole. Figures that would be those of each account are coded: of
/// each group, `flagged` counts none as one and all as all but one; means are at least 0.01, `health` and
/// `sla_adherence` at most 0.99, `usage_ratio` at most 1.99. Only of months that are over: two files of a
/// running one would tell who came between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KpiRow {
    /// Of which month, UTC.
    #[schema(example = "2026-10")]
    pub month: String,
    /// `all`; `plan`; `no_plan`; or `other`: the plans that too few are on, together.
    #[schema(example = "plan")]
    pub group: String,
    /// Which plan, of a group by plan.
    #[schema(example = "team")]
    pub plan: Option<String>,
    /// How many accounts.
    pub accounts: usize,
    /// The smallest group that is shown.
    pub min_group_size: usize,
    /// Mean health at the end of the month, to a hundredth, of those of whom enough was known.
    #[schema(example = "0.87")]
    pub health: Option<String>,
    /// The share that was flagged; one in a group may be none.
    #[schema(example = "0.12")]
    pub flagged: Option<String>,
    /// The mean of the highest shares of quotas that were used, each counted up to 2.
    #[schema(example = "0.64")]
    pub usage_ratio: Option<String>,
    /// The mean share of answers of support in time, each account counted once.
    #[schema(example = "0.96")]
    pub sla_adherence: Option<String>,
}

/// Export key figures that name nobody
///
/// Of one month: health, flags, use and answers of support, of all accounts and by plan. Groups of few
/// accounts are put together, and what could be found by subtracting is left out.
#[utoipa::path(
    get, path = "/exports/kpis", operation_id = "export_kpis", tag = "exports",
    params(
        ("month" = Option<String>, Query, description = "A month that is over, such as 2026-10, UTC, of the last 400 days. The last one unless given."),
        ("min_group_size" = Option<u32>, Query, minimum = 5, maximum = 1000, description = "5 to 1000; 5 unless given."),
        ("format" = Option<String>, Query, pattern = "^(json|csv)$", description = "`json` or `csv`; as `Accept` says unless given."),
    ),
    responses(
        (status = 200, description = "The figures.", content(
            (KpiExport = "application/json"),
            (String = "text/csv"),
        )),
        (status = 304, description = "`If-None-Match` has their `ETag`."),
        (status = 406, description = "Neither JSON nor CSV will do.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn export_kpis(
    _: Caller<BillingExport>,
    State(app): State<App>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let mut given = parameters.only(&[MONTH, SMALLEST, "format"])?;
    let form = Form::chosen(given.remove("format").as_deref(), &headers)?;
    let least = given.remove(SMALLEST).map_or(Ok(LEAST), |text| smallest(&text))?;
    let month = Month::read(given.remove(MONTH).as_deref(), (app.clock)())?;
    let mut session = app.ledger.store().read().await.map_err(Problem::unavailable)?;
    let members = members(&mut session, &month).await.map_err(Problem::unavailable)?;
    let rows = kpi::figures(&members, least).into_iter().map(|row| out(row, &month, least));
    let document = KpiExport { data: rows.collect(), meta: ListMeta::new(None) };
    let file = ("kpis.csv", None);
    sheet::answer(&headers, form, file, &document, |document| table(&document.data))
}

fn smallest(text: &str) -> Result<usize, Problem> {
    let size = text.parse().ok().filter(|size| (LEAST..=LARGEST).contains(size));
    size.ok_or_else(|| {
        let detail = format!("Give a number from {LEAST} to {LARGEST}.");
        Problem::field(SMALLEST, "invalid_value", detail)
    })
}

/// A calendar month, UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Month {
    name: String,
    from: Timestamp,
    to: Timestamp,
}

impl Month {
    fn read(text: Option<&str>, now: Timestamp) -> Result<Self, Problem> {
        let wrong = || Problem::field(MONTH, "invalid_value", "Give a month such as 2026-10.");
        let first = match text {
            Some(text) if text.len() == 7 => {
                format!("{text}-01").parse::<Date>().map_err(|_| wrong())?
            }
            Some(_) => return Err(wrong()),
            None => {
                let this = now.to_zoned(TimeZone::UTC).date().first_of_month();
                this.checked_sub(1.month()).map_err(|_| wrong())?
            }
        };
        let next = first.checked_add(1.month()).map_err(|_| wrong())?;
        let start = |day: Date| day.to_zoned(TimeZone::UTC).map(|at| at.timestamp());
        let (from, to) = (start(first).map_err(|_| wrong())?, start(next).map_err(|_| wrong())?);
        if to > now {
            // Two files of a month that still goes on would tell who came between them.
            let detail = "Give a month that is over, UTC, such as 2026-10.";
            return Err(Problem::field(MONTH, "invalid_value", detail));
        }
        Ok(Self { name: first.strftime("%Y-%m").to_string(), from, to })
    }

    /// Whole days since 1970.
    fn days(&self) -> (i64, i64) {
        const DAY: i64 = 86_400;
        (self.from.as_second().div_euclid(DAY), self.to.as_second().div_euclid(DAY))
    }
}

async fn members(session: &mut Session, month: &Month) -> Result<Vec<Member>, StoreError> {
    let last = kpis::last(session, month.days()).await?;
    let answers = kpis::answers(session, (month.from, month.to)).await?;
    let mut plans = BTreeMap::new();
    let instants: Vec<(AccountId, Timestamp)> =
        last.iter().map(|last| (last.account.clone(), last.computed_at)).collect();
    for some in instants.chunks(AT_ONCE) {
        plans.extend(kpis::plans_at(session, some).await?);
    }
    let member = |last: &kpis::Last| {
        let answers = answers.get(&last.account);
        Member {
            plan: plans.get(&last.account).map(|id| id.plan.clone()),
            health: last.health,
            flagged: Some(last.flagged),
            usage: last.ratio,
            in_time: answers.and_then(|(met, all)| Ppm::of(i128::from(*met), i128::from(*all))),
        }
    };
    Ok(last.iter().map(member).collect())
}

fn out(figures: Figures, month: &Month, min_group_size: usize) -> KpiRow {
    let (group, plan) = match figures.group {
        Group::All => ("all", None),
        Group::Plan(plan) => ("plan", Some(plan)),
        Group::NoPlan => ("no_plan", None),
        Group::Other => ("other", None),
    };
    let hundredths = |value: Option<i64>| value.map(|value| decimal::format(value, 2, 2));
    KpiRow {
        month: month.name.clone(),
        group: group.to_owned(),
        plan,
        accounts: figures.accounts,
        min_group_size,
        health: hundredths(figures.health),
        flagged: hundredths(figures.flagged),
        usage_ratio: hundredths(figures.usage),
        sla_adherence: hundredths(figures.in_time),
    }
}

const COLUMNS: [&str; 9] = [
    "month",
    "group",
    "plan",
    "accounts",
    "min_group_size",
    "health",
    "flagged",
    "usage_ratio",
    "sla_adherence",
];

fn table(rows: &[KpiRow]) -> Csv {
    let mut table = Csv::new(&COLUMNS);
    for row in rows {
        let number = |text: &Option<String>| Cell::Number(text.clone().unwrap_or_default());
        table.row([
            Cell::Text(&row.month),
            Cell::Text(&row.group),
            Cell::Text(known(row.plan.as_ref())),
            Cell::Number(row.accounts.to_string()),
            Cell::Number(row.min_group_size.to_string()),
            number(&row.health),
            number(&row.flagged),
            number(&row.usage_ratio),
            number(&row.sla_adherence),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_month_that_is_over_is_the_last_one() {
        let of = |text, now: &str| Month::read(text, now.parse().unwrap()).map(|month| month.name);
        assert_eq!(of(None, "2026-12-01T00:00:00Z").unwrap(), "2026-11");
        assert_eq!(of(None, "2027-01-31T23:59:59Z").unwrap(), "2026-12");
        assert_eq!(of(Some("2026-02"), "2026-12-01T00:00:00Z").unwrap(), "2026-02");
        for text in ["2026", "2026-13", "2026-1", "2026-10-01", "x", "2026-12", "2027-01"] {
            assert!(of(Some(text), "2026-12-01T00:00:00Z").is_err(), "{text}");
        }
        let june = Month::read(Some("2026-06"), "2026-12-01T00:00:00Z".parse().unwrap()).unwrap();
        assert_eq!(june.days().1 - june.days().0, 30);
    }
}
