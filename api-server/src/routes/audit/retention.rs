//! `GET /audit/retention`: what is kept longer than it may be.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::wire::ListMeta;
use super::super::{App, Routes, route};
use crate::auth::{Caller, rule::BillingAudit};
use crate::domain::account::AccountId;
use crate::http::Problem;
use crate::http::csv::{Cell, Csv};
use crate::http::problem::ProblemBody;
use crate::http::query::Parameters;
use crate::http::sheet::{self, Form};
use crate::ledger::dedup;
use crate::store::retention::{self, Contact};
use crate::store::snapshots::KEPT_DAYS;
use crate::store::{Session, StoreError};

pub(in crate::routes) fn routes(routes: Routes) -> Routes {
    route!(routes, audit_retention)
}

const CONTACTS: &str = "contact_days";
const ATTRIBUTES: &str = "attribute_days";
/// Days that contacts of requests are kept that nobody took on, where nothing else is asked.
const USUAL_DAYS: i64 = 180;
/// The longest time that is asked for: ten years.
const LONGEST_DAYS: i64 = 3_650;
/// Findings of each kind in one answer, the oldest.
const MOST: u32 = 500;
/// Rounds drop what has aged; nothing is amiss until they had time for it.
const SLACK_DAYS: i64 = 2;

/// What is kept longer than it may be.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RetentionAudit {
    /// How long things may be kept, as it was asked and as the server keeps them.
    pub rules: Vec<RuleOut>,
    /// By rule, the oldest first, at most 500 of each.
    pub data: Vec<Overdue>,
    /// Always the whole.
    pub meta: ListMeta,
}

/// How long something may be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleOut {
    /// `request_contact`, `event_attributes`, `daily_summary` or `repeat_key`.
    #[schema(example = "request_contact")]
    pub kind: String,
    /// For how many days; null: not looked at.
    pub days: Option<i64>,
    /// What it is about.
    pub what: String,
}

/// Something that is kept longer than it may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Overdue {
    /// The rule.
    #[schema(example = "request_contact")]
    pub kind: String,
    /// The request whose contact it is.
    pub request: Option<String>,
    /// The account whose data it is.
    pub account: Option<String>,
    /// Since when it is kept.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// What to do about it.
    pub remedy: String,
}

/// Audit what is kept
///
/// Contacts of requests that were rejected, withdrawn or never decided; further attributes of events,
/// which may name people; and what the server should have dropped by itself. Nothing is erased by
/// looking: `POST /erasures` does that.
#[utoipa::path(
    get, path = "/audit/retention", operation_id = "audit_retention", tag = "audit",
    params(
        ("contact_days" = Option<i64>, Query, minimum = 1, maximum = 3650, description = "For how many days contacts of requests may be kept that nobody took on; 180 unless given."),
        ("attribute_days" = Option<i64>, Query, minimum = 1, maximum = 3650, description = "For how many days further attributes of events may be kept; not looked at unless given."),
        ("format" = Option<String>, Query, pattern = "^(json|csv)$", description = "`json` or `csv`; as `Accept` says unless given."),
    ),
    responses(
        (status = 200, description = "What is overdue.", content(
            (RetentionAudit = "application/json"),
            (String = "text/csv"),
        )),
        (status = 304, description = "`If-None-Match` has their `ETag`."),
        (status = 406, description = "Neither JSON nor CSV will do.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn audit_retention(
    _: Caller<BillingAudit>,
    State(app): State<App>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let mut given = parameters.only(&[CONTACTS, ATTRIBUTES, "format"])?;
    let form = Form::chosen(given.remove("format").as_deref(), &headers)?;
    let mut days = |name| given.remove(name).map(|text| days(name, &text)).transpose();
    let limits =
        Limits { contacts: days(CONTACTS)?.unwrap_or(USUAL_DAYS), attributes: days(ATTRIBUTES)? };
    let mut session = app.ledger.store().read().await.map_err(Problem::unavailable)?;
    let data = overdue(&mut session, limits, (app.clock)()).await.map_err(Problem::unavailable)?;
    let document = RetentionAudit { rules: limits.rules(), data, meta: ListMeta::new(None) };
    let file = ("retention.csv", None);
    sheet::answer(&headers, form, file, &document, |document| table(&document.data))
}

fn days(name: &str, text: &str) -> Result<i64, Problem> {
    let days = text.parse().ok().filter(|days| (1..=LONGEST_DAYS).contains(days));
    days.ok_or_else(|| {
        Problem::field(name, "invalid_value", format!("Give a number from 1 to {LONGEST_DAYS}."))
    })
}

#[derive(Clone, Copy)]
struct Limits {
    contacts: i64,
    attributes: Option<i64>,
}

impl Limits {
    fn rules(self) -> Vec<RuleOut> {
        let rule = |kind: &str, days, what: &str| RuleOut {
            kind: kind.to_owned(),
            days,
            what: what.to_owned(),
        };
        vec![
            rule(
                "request_contact",
                Some(self.contacts),
                "The contact of a request that was rejected, withdrawn or never decided.",
            ),
            rule(
                "event_attributes",
                self.attributes,
                "Further attributes of events, which may name people.",
            ),
            rule("daily_summary", Some(KEPT_DAYS), "What an account came to, a line a day."),
            rule(
                "repeat_key",
                None,
                "By what repeated events are known: this month's and the one before.",
            ),
        ]
    }
}

async fn overdue(
    session: &mut Session,
    limits: Limits,
    now: Timestamp,
) -> Result<Vec<Overdue>, StoreError> {
    let before = |days: i64| {
        now.checked_sub(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MIN)
    };
    let contacts = retention::contacts(session, before(limits.contacts), MOST).await?;
    let mut all: Vec<Overdue> = contacts.into_iter().map(contact).collect();
    if let Some(days) = limits.attributes {
        let found = retention::attributes(session, before(days), MOST).await?;
        let remedy = "Erase what names a person (POST /erasures, dimension), or all of the account's \
                      (account); quantities stay.";
        all.extend(found.into_iter().map(|found| of_account("event_attributes", found, remedy)));
    }
    let remedy = "The server drops these by itself: look in its log for what keeps it from it.";
    let today = now.as_millisecond().div_euclid(86_400_000);
    let found = retention::days(session, today - KEPT_DAYS - SLACK_DAYS, MOST).await?;
    all.extend(found.into_iter().map(|found| of_account("daily_summary", found, remedy)));
    let (_, previous) = dedup::months(before(SLACK_DAYS));
    let found = retention::keys(session, previous, MOST).await?;
    all.extend(found.into_iter().map(|found| of_account("repeat_key", found, remedy)));
    Ok(all)
}

fn contact(Contact { request, status, since }: Contact) -> Overdue {
    let remedy = match status.as_str() {
        "awaiting_approval" => "Decide, or erase the contact (POST /erasures, intake).",
        _ => "Erase the contact (POST /erasures, intake).",
    };
    Overdue {
        kind: "request_contact".to_owned(),
        request: Some(request),
        account: None,
        since,
        remedy: remedy.to_owned(),
    }
}

fn of_account(kind: &str, (account, since): (AccountId, Timestamp), remedy: &str) -> Overdue {
    Overdue {
        kind: kind.to_owned(),
        request: None,
        account: Some(account.to_string()),
        since,
        remedy: remedy.to_owned(),
    }
}

const COLUMNS: [&str; 5] = ["kind", "request", "account", "since", "remedy"];

fn table(rows: &[Overdue]) -> Csv {
    let mut table = Csv::new(&COLUMNS);
    for row in rows {
        let since = row.since.to_string();
        table.row([
            Cell::Text(&row.kind),
            Cell::Text(row.request.as_deref().unwrap_or_default()),
            Cell::Text(row.account.as_deref().unwrap_or_default()),
            Cell::Text(&since),
            Cell::Text(&row.remedy),
        ]);
    }
    table
}
