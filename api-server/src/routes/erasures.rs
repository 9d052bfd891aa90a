//! `POST /erasures`: personal data goes, figures stay.

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

/// How long a reason or reference may be, in bytes.
const LONGEST: usize = 256;

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
    #[schema(example = "user", min_length = 1, max_length = 32)]
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
/// erases what has come since. Who asked, why and how much is recorded; of whom is not.
#[utoipa::path(
    post, path = "/erasures", operation_id = "erase_personal_data", tag = "privacy",
    request_body = ErasureIn,
    responses(
        (status = 200, description = "It is done.", body = ErasureOut),
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
    }))
}

fn read(given: ErasureIn, actor: String) -> Result<Request, Problem> {
    let ErasureIn { subject, reason, reference } = given;
    let mut faults = Faults::default();
    for (pointer, text) in [("/reason", &reason), ("/reference", &reference)] {
        let good = !text.trim().is_empty() && text.len() <= LONGEST;
        if !good || text.chars().any(char::is_control) {
            faults
                .note(pointer, format!("must have 1 to {LONGEST} bytes and no control characters"));
        }
    }
    if let SubjectIn::Dimension(DimensionIn { name, value, .. }) = &subject {
        let (longest_name, longest) = (MAX_DIM_NAME_BYTES, MAX_DIM_VALUE_BYTES);
        if !(1..=longest_name).contains(&name.len()) {
            faults.note("/subject/dimension/name", format!("must have 1 to {longest_name} bytes"));
        }
        if !(1..=longest).contains(&value.len()) {
            faults.note("/subject/dimension/value", format!("must have 1 to {longest} bytes"));
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
    Ok(Request { subject, actor, reason, reference })
}
