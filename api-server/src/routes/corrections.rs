//! `POST /billing/corrections`: changes of what was recorded, as rows of their own.

use std::collections::BTreeMap;

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::events::busy;
use super::wire::Faults;
use super::{App, Routes, route};
use crate::auth::{Caller, rule::BillingCorrect};
use crate::domain::Quantity;
use crate::domain::account::AccountId;
use crate::domain::event::CORRECTIONS;
use crate::http::problem::{Code, ProblemBody};
use crate::http::{Json, Problem};
use crate::ledger::{Append, Change, Correction, Item, Outcome, Reason};

pub(super) fn routes(routes: Routes) -> Routes {
    route!(routes, correct)
}

/// A change of one row.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CorrectionIn {
    /// Whose row.
    #[schema(example = "acme")]
    pub account: String,
    /// The caller's name for this correction: sending it again changes nothing.
    #[schema(min_length = 1, max_length = 256)]
    pub id: String,
    /// The usage row to change.
    #[schema(minimum = 1)]
    pub row: i64,
    /// What to do.
    pub change: ChangeIn,
    /// Why.
    #[schema(min_length = 1, max_length = 256)]
    pub reason: String,
    /// A ticket or contract that says so.
    #[schema(min_length = 1, max_length = 256)]
    pub reference: String,
}

/// What to do with a row.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeIn {
    /// Add this many units; a negative decimal takes back.
    By(String),
    /// Take the row, with its corrections, back to nothing.
    Void,
}

/// A correction that is in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CorrectionOut {
    /// Its own row.
    #[schema(minimum = 1)]
    pub row: i64,
    /// Whether it was there already.
    pub duplicate: bool,
    /// When it, or the one that it repeats, arrived.
    #[schema(value_type = String, format = DateTime)]
    pub arrived_at: Timestamp,
}

/// Correct a row
///
/// Adds a row that changes an earlier one; nothing is overwritten. The caller's name, the reason and
/// the reference are stored with it.
#[utoipa::path(
    post, path = "/billing/corrections", operation_id = "correct_usage", tag = "usage",
    request_body = CorrectionIn,
    responses(
        (status = 200, description = "It is in the ledger, durably.", body = CorrectionOut),
        (status = 404, description = "No such account.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Another correction has this id.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The row cannot be changed so.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn correct(
    caller: Caller<BillingCorrect>,
    State(app): State<App>,
    Json(given): Json<CorrectionIn>,
) -> Result<axum::Json<CorrectionOut>, Problem> {
    let arrived = (app.clock)();
    let actor = caller.identity().map(|identity| identity.subject().to_owned()).unwrap_or_default();
    let (account, correction) = read(given, actor)?;
    caller.may_reach(&account)?;
    let items = vec![Item::Correction(correction)];
    let append = Append { account, arrived, atomic: true, items };
    let receipt = app.ledger.append(append).await.map_err(busy)?;
    let Some(outcome) = receipt.outcomes.first() else {
        return Err(Problem::internal("the ledger said nothing of a correction"));
    };
    answer(outcome, arrived).map(axum::Json)
}

fn read(given: CorrectionIn, actor: String) -> Result<(AccountId, Correction), Problem> {
    let CorrectionIn { account, id, row, change, reason, reference } = given;
    let mut faults = Faults::default();
    for (pointer, text) in [("/id", &id), ("/reason", &reason), ("/reference", &reference)] {
        faults.line(pointer, text);
    }
    if row < 1 {
        faults.note("/row", "must be the number of a row, from 1");
    }
    let change = match change {
        ChangeIn::Void => Change::Void,
        ChangeIn::By(text) => {
            let quantity = faults.or_note("/change/by", text.parse::<Quantity>());
            if quantity == Quantity::ZERO {
                faults.note("/change/by", "must not be zero");
            }
            Change::By(quantity)
        }
    };
    let account = account.parse::<AccountId>().map_err(|error| faults.note("/account", error));
    faults.check()?;
    let notes = [("actor", actor), ("reason", reason), ("reference", reference)];
    let notes: BTreeMap<String, String> =
        notes.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
    let account = account.map_err(|()| Problem::not_found())?;
    Ok((account, Correction { source: CORRECTIONS.to_owned(), id, ref_seq: row, change, notes }))
}

fn answer(outcome: &Outcome, arrived_at: Timestamp) -> Result<CorrectionOut, Problem> {
    match *outcome {
        Outcome::Accepted { seq } => Ok(CorrectionOut { row: seq, duplicate: false, arrived_at }),
        Outcome::Duplicate { seq, first_seen_at } => {
            Ok(CorrectionOut { row: seq, duplicate: true, arrived_at: first_seen_at })
        }
        Outcome::Conflict { .. } => Err(Problem::new(
            Code::Conflict,
            "Another correction has this id. Give this one an id of its own.",
        )),
        Outcome::Refused(Reason::UnknownAccount) => Err(Problem::not_found()),
        Outcome::Refused(reason) => Err(Problem::new(
            Code::NotCorrected,
            "Nothing was changed; see errors.",
        )
        .with_error(at(reason), reason.code(), reason.detail())),
    }
}

/// Which field a refusal is about.
fn at(reason: Reason) -> &'static str {
    match reason {
        Reason::UnknownRow | Reason::AlreadyVoid => "/row",
        Reason::TakesBackTooMuch | Reason::TotalOverflow => "/change/by",
        Reason::UnknownAccount => "/account",
        Reason::NotApplied => "",
    }
}
