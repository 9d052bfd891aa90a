//! `GET /billing/usage/{account}/timeline`: use over time.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{App, Routes, route, wire};
use crate::auth::{Caller, rule::AccountRead};
use crate::domain::Quantity;
use crate::domain::calendar::{Bucket, Granularity};
use crate::domain::meter::Meter;
use crate::http::csv::{self, Cell, Csv};
use crate::http::problem::ProblemBody;
use crate::http::query::Parameters;
use crate::http::{Problem, accept};
use crate::store::accounts::Account;
use crate::store::timeline::{Point, timeline as points};
use crate::store::{Session, audit};

pub(super) fn routes(routes: Routes) -> Routes {
    route!(routes, timeline)
}

/// The most rows of one answer.
const MOST_ROWS: usize = 10_000;
/// The longest time that is asked for, in days: five years.
const LONGEST_DAYS: i64 = 1_830;
/// How many days there are unless asked otherwise.
const USUAL_DAYS: i64 = 30;
const JSON: &str = "application/json";
const COLUMNS: [&str; 7] = ["account", "meter", "unit", "from", "to", "value", "rows"];

/// Use over time.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Timeline {
    /// Whose.
    pub account: String,
    /// By whose clocks hours, days and months run.
    #[schema(example = "America/Chicago")]
    pub time_zone: String,
    /// `PT1H`, `P1D` or `P1M`.
    #[schema(example = "P1D")]
    pub granularity: String,
    /// The first instant in it.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// The first instant after it.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
    /// What it was read from.
    pub as_of: wire::AsOf,
    /// By meter, then by time, without gaps.
    pub data: Vec<UseOut>,
}

/// What one meter counted in an hour, day or month, as far as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UseOut {
    /// The meter.
    #[schema(example = "ingestion")]
    pub meter: String,
    /// What one unit of it is.
    #[schema(example = "GB")]
    pub unit: String,
    /// The first instant.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// The first instant after it.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
    /// A decimal; below zero where corrections took back more than was used.
    #[schema(example = "12.5")]
    pub value: String,
    /// Rows of the ledger that it is the sum of.
    #[schema(minimum = 0)]
    pub rows: i64,
}

/// Show use over time
///
/// In hours, days or months by the clocks of the account's time zone, by when it happened: a day on
/// which clocks change has 23 or 25 hours, and late use and corrections count where the use was.
/// With `Accept: text/csv` the same rows are a table.
#[utoipa::path(
    get, path = "/billing/usage/{account}/timeline", operation_id = "show_timeline", tag = "usage",
    params(
        ("account" = String, Path, description = "The account's id."),
        ("from" = Option<String>, Query, description = "An instant at a full hour of the account's clocks, or a date of its calendar. 30 days before `to` unless given."),
        ("to" = Option<String>, Query, description = "Likewise; not itself in the timeline. The end of today unless given."),
        ("granularity" = Option<String>, Query, pattern = "^(PT1H|P1D|P1M)$", description = "`PT1H`, `P1D` (the default) or `P1M`."),
        ("meter" = Option<String>, Query, pattern = "^(ingestion|query|timeline|agents|signup)$", description = "One meter; all unless given."),
    ),
    responses(
        (status = 200, description = "At most 10,000 rows.", content(
            (Timeline = "application/json"),
            (String = "text/csv"),
        )),
        (status = 404, description = "No account that this caller may see.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 406, description = "Neither JSON nor CSV will do.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn timeline(
    caller: Caller<AccountRead>,
    State(app): State<App>,
    Path(account): Path<String>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let media_type = accept::choose(&headers, &[JSON, csv::MEDIA_TYPE])?;
    let (mut session, account) = super::account(&app, &caller, &account).await?;
    let now = (app.clock)();
    let asked = Asked::read(parameters, &account, now)?;
    let buckets = asked.buckets(&account)?;
    let data = asked.rows(&mut session, &account, &buckets).await?;
    if media_type == csv::MEDIA_TYPE {
        return Ok(table(&account, &data).answer(&format!("{}-usage.csv", account.id)));
    }
    let row = audit::head(&mut session, &account.id).await.map_err(Problem::unavailable)?.seq;
    let answer = Timeline {
        account: account.id.to_string(),
        time_zone: account.zone.name().to_owned(),
        granularity: asked.granularity.name().to_owned(),
        from: asked.from,
        to: asked.to,
        as_of: wire::AsOf { row, at: now },
        data,
    };
    Ok(axum::Json(answer).into_response())
}

/// What is asked for.
struct Asked {
    from: Timestamp,
    to: Timestamp,
    granularity: Granularity,
    meters: Vec<Meter>,
}

impl Asked {
    fn read(parameters: Parameters, account: &Account, now: Timestamp) -> Result<Self, Problem> {
        let mut given = parameters.only(&["from", "to", "granularity", "meter"])?;
        let granularity = match given.remove("granularity") {
            None => Granularity::Day,
            Some(name) => {
                Granularity::ALL.into_iter().find(|g| g.name() == name).ok_or_else(|| {
                    Problem::field("granularity", "invalid_value", "Give PT1H, P1D or P1M.")
                })?
            }
        };
        let meters = match given.remove("meter") {
            None => Meter::ALL.to_vec(),
            Some(name) => {
                vec![name.parse().map_err(|error: crate::domain::meter::UnknownMeter| {
                    Problem::field("meter", "invalid_value", error.to_string())
                })?]
            }
        };
        let zone = &account.zone;
        let to = match given.remove("to") {
            Some(text) => edge("to", &text, account)?,
            None => zone.next_day(now),
        };
        let from = match given.remove("from") {
            Some(text) => edge("from", &text, account)?,
            None => {
                let day = zone.date(to).checked_sub(USUAL_DAYS.days()).ok();
                day.and_then(|day| zone.first_instant(day)).ok_or_else(|| too_long("to"))?
            }
        };
        if from >= to {
            return Err(Problem::field("to", "invalid_value", "Give an end that is after `from`."));
        }
        if to.duration_since(from).as_hours() > LONGEST_DAYS * 24 {
            return Err(too_long("from"));
        }
        Ok(Self { from, to, granularity, meters })
    }

    /// The points, unless they are too many.
    fn buckets(&self, account: &Account) -> Result<Vec<Bucket>, Problem> {
        let most = MOST_ROWS / self.meters.len();
        let buckets = account.zone.buckets(self.granularity, (self.from, self.to));
        let buckets: Vec<_> = buckets.take(most + 1).collect();
        if buckets.len() <= most {
            return Ok(buckets);
        }
        let detail = format!(
            "These are more than {MOST_ROWS} rows. Ask for a shorter time, one meter, or a longer \
             granularity."
        );
        Err(Problem::field("granularity", "too_many_rows", detail))
    }

    async fn rows(
        &self,
        session: &mut Session,
        account: &Account,
        buckets: &[Bucket],
    ) -> Result<Vec<UseOut>, Problem> {
        let mut rows = Vec::with_capacity(buckets.len() * self.meters.len());
        for meter in &self.meters {
            let range = (self.from, self.to);
            let found = points(session, account, *meter, range, self.granularity).await;
            let mut found = found.map_err(Problem::unavailable)?.into_iter().peekable();
            for bucket in buckets {
                let point = found.next_if(|point| point.start == bucket.of);
                rows.push(row(*meter, bucket, point));
            }
            if let Some(lost) = found.next() {
                return Err(Problem::internal(format!("no row for the use at {}", lost.start)));
            }
        }
        Ok(rows)
    }
}

fn row(meter: Meter, bucket: &Bucket, point: Option<Point>) -> UseOut {
    let (rows, value) = point.map_or((0, Quantity::ZERO), |point| (point.count, point.quantity));
    UseOut {
        meter: meter.name().to_owned(),
        unit: meter.unit().to_owned(),
        from: bucket.within.start(),
        to: bucket.within.end(),
        value: value.to_string(),
        rows,
    }
}

/// An instant, or the start of a day, at which an hour of the account's begins: figures are kept by
/// the hour.
fn edge(name: &str, text: &str, account: &Account) -> Result<Timestamp, Problem> {
    let wrong = |detail: String| Problem::field(name, "invalid_value", detail);
    let zone = &account.zone;
    let instant = match (text.parse::<Timestamp>(), text.parse::<Date>()) {
        (Ok(instant), _) => instant,
        (_, Ok(date)) => zone.first_instant(date).ok_or_else(|| too_long(name))?,
        _ => {
            let detail = "Give a time such as 2026-11-22T23:00:00Z, or a date such as 2026-11-22.";
            return Err(wrong(detail.to_owned()));
        }
    };
    let hour = zone.hour(instant);
    if hour != instant {
        let next = Granularity::Hour.next(zone, hour);
        return Err(wrong(format!(
            "Figures are kept by the hour of {}: give {hour} or {next}.",
            zone.name()
        )));
    }
    Ok(instant)
}

fn too_long(name: &str) -> Problem {
    let detail = format!("Ask for at most {LONGEST_DAYS} days at once.");
    Problem::field(name, "invalid_value", detail)
}

fn table(account: &Account, rows: &[UseOut]) -> Csv {
    let mut table = Csv::new(&COLUMNS);
    for row in rows {
        let (from, to) = (row.from.to_string(), row.to.to_string());
        table.row([
            Cell::Text(account.id.as_str()),
            Cell::Text(&row.meter),
            Cell::Text(&row.unit),
            Cell::Text(&from),
            Cell::Text(&to),
            Cell::Number(row.value.clone()),
            Cell::Number(row.rows.to_string()),
        ]);
    }
    table
}
