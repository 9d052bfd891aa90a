//! `POST /erasures`: personal data goes, figures stay.

use std::time::Duration;

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::events::busy;
use super::wire::Faults;
use super::{App, Routes, route};
use crate::auth::{Caller, rule::PrivacyErase};
use crate::domain::account::AccountId;
use crate::domain::event::{MAX_DIM_NAME_BYTES, MAX_DIM_VALUE_BYTES};
use crate::http::problem::ProblemBody;
use crate::http::{Json, Problem};
use crate::ledger::erasures::{Counts, Request, Subject, erase};

pub(super) fn routes(routes: Routes) -> Routes {
    route!(routes, erase_data)
}

/// For how long to go on: well within what an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What to erase, and why.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ErasureIn {
    /// Whose data.
    pub subject: SubjectIn,
    /// Why. It is kept: name nobody.
    #[schema(min_length = 1, max_length = 256)]
    pub reason: String,
    /// A ticket that asks for it. It is kept: name nobody.
    #[schema(min_length = 1, max_length = 256)]
    pub reference: String,
    /// The row to begin with: `continue_from` of the answer before; the first one without it.
    #[schema(minimum = 1)]
    pub from_row: Option<i64>,
}

/// Whose data.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectIn {
    /// A person whom events of an account name.
    Dimension(DimensionIn),
    /// The contact of a customer's request, by the request's id.
    Intake(String),
    /// Everybody whom an account's data may name, by the account's id.
    Account(String),
}

/// How events name a person.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DimensionIn {
    /// Whose events.
    #[schema(example = "acme")]
    pub account: String,
    /// The attribute that names people.
    #[schema(example = "user", min_length = 1, max_length = 32, pattern = "^[a-z0-9]+$")]
    pub name: String,
    /// How it names this one, letter by letter.
    #[schema(min_length = 1, max_length = 256)]
    pub value: String,
}

/// An erasure that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErasureOut {
    /// Its id in the record of erasures.
    pub erasure: String,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// How much was there to erase.
    pub erased: CountsOut,
    /// The row where it stopped, since there was more than one answer's worth: send the request again
    /// with it as `from_row`. Null when it is done.
    #[schema(minimum = 1)]
    pub continue_from: Option<i64>,
}

/// How much was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CountsOut {
    /// Events whose further attributes went; what they count stays.
    pub events: u64,
    /// Events that had not been taken, and are no longer listed.
    pub rejected_events: u64,
    /// Requests whose contact went.
    pub intakes: u64,
}

/// Erase personal data
///
/// Takes out what may name people: the further attributes of events, events that were not taken, the
/// contact of a request. Figures, and the chain that proves them, stay as they are. Asking again
/// erases what has come since. It goes on for 20 seconds; where there is more, `continue_from` says where
/// to go on. Who asked, why and how much is recorded; of whom is not.
#[utoipa::path(
    post, path = "/erasures", operation_id = "erase_personal_data", tag = "privacy",
    request_body = ErasureIn,
    responses(
        (status = 200, description = "It is done, or as much of it as `continue_from` says.", body = ErasureOut),
        (status = 404, description = "No such account or request.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Values that cannot be worked with.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn erase_data(
    caller: Caller<PrivacyErase>,
    State(app): State<App>,
    Json(given): Json<ErasureIn>,
) -> Result<axum::Json<ErasureOut>, Problem> {
    let actor = caller.identity().map(|identity| identity.subject().to_owned()).unwrap_or_default();
    let request = read(given, actor)?;
    let erased = erase(&app.ledger, &app.rejects, request).await.map_err(busy)?;
    let erased = erased.ok_or_else(Problem::not_found)?;
    let Counts { events, rejected_events, intakes } = erased.counts;
    Ok(axum::Json(ErasureOut {
        erasure: erased.id.to_string(),
        at: erased.at,
        erased: CountsOut { events, rejected_events, intakes },
        continue_from: erased.stopped,
    }))
}

fn read(given: ErasureIn, actor: String) -> Result<Request, Problem> {
    let ErasureIn { subject, reason, reference, from_row } = given;
    let from = from_row.unwrap_or(1);
    let mut faults = Faults::default();
    for (pointer, text) in [("/reason", &reason), ("/reference", &reference)] {
        faults.line(pointer, text);
    }
    if from < 1 {
        faults.note("/from_row", "must be 1 or more".to_owned());
    }
    if let SubjectIn::Dimension(DimensionIn { name, value, .. }) = &subject {
        let (longest_name, longest) = (MAX_DIM_NAME_BYTES, MAX_DIM_VALUE_BYTES);
        let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        // What no event can have would be erased nowhere, and look as if it were.
        if !(1..=longest_name).contains(&name.len()) || !name.bytes().all(letters) {
            let detail = format!("must have 1 to {longest_name} lower-case letters and digits");
            faults.note("/subject/dimension/name", detail);
        }
        if !(1..=longest).contains(&value.len()) || value.chars().any(char::is_control) {
            let detail = format!("must have 1 to {longest} bytes and no control characters");
            faults.note("/subject/dimension/value", detail);
        }
    }
    faults.check()?;
    let account = |id: String| id.parse::<AccountId>().map_err(|_| Problem::not_found());
    let subject = match subject {
        SubjectIn::Dimension(DimensionIn { account: id, name, value }) => {
            Subject::Dimension { account: account(id)?, name, value }
        }
        SubjectIn::Intake(id) => {
            Subject::Intake(id.parse::<Uuid>().map_err(|_| Problem::not_found())?)
        }
        SubjectIn::Account(id) => Subject::Account(account(id)?),
    };
    Ok(Request { subject, actor, reason, reference, from, patience: PATIENCE })
}
