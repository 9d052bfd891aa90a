//! `POST /support/interactions`: when support answered.

use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::events::busy;
use super::wire::Faults;
use super::{App, Routes, route};
use crate::auth::{Caller, rule::SupportWrite};
use crate::domain::account::AccountId;
use crate::domain::facts::{Answers, SUPPORT_DAYS};
use crate::http::problem::{Code, ProblemBody};
use crate::http::{Json, Problem};
use crate::routes::accounts::actor;
use crate::store::support::{self, Interaction, Outcome, Reported};
use crate::store::{accounts, snapshots};

pub(super) fn routes(routes: Routes) -> Routes {
    route!(routes, record)
}

/// The longest promise: a month.
const LONGEST_SLA: u32 = 720;
/// How far another system's clock may be ahead.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// A question that support has answered.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InteractionIn {
    /// Whose question it was.
    #[schema(example = "acme")]
    pub account: String,
    /// Which system reports it.
    #[schema(example = "helpdesk", min_length = 1, max_length = 256)]
    pub source: String,
    /// That system's name for it: sending it again changes nothing.
    #[schema(example = "T-17", min_length = 1, max_length = 256)]
    pub id: String,
    /// When the question came.
    #[schema(format = DateTime)]
    pub opened_at: String,
    /// When it was first answered.
    #[schema(format = DateTime)]
    pub answered_at: String,
    /// Within how many hours the answer was promised; null: what the account's plan promises.
    #[schema(minimum = 1, maximum = 720)]
    pub sla_hours: Option<u32>,
}

/// An answer that is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InteractionOut {
    /// Whether it was recorded before.
    pub duplicate: bool,
    /// Within how many hours the answer was promised.
    pub sla_hours: u32,
    /// Whether it came within them.
    pub met: bool,
    /// The account's answers, this one among them.
    pub support_response_sla_hours: AnswersOut,
}

/// Answers to the questions of the last days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AnswersOut {
    /// How many days back questions count.
    pub days: i64,
    /// Answers within the promised hours.
    pub met: u32,
    /// Later ones.
    pub missed: u32,
}

impl From<Answers> for AnswersOut {
    fn from(Answers { met, missed }: Answers) -> Self {
        Self { days: SUPPORT_DAYS, met, missed }
    }
}

/// Record an answer of support
///
/// It counts for the account's health as met or missed. Source and id together count once.
#[utoipa::path(
    post, path = "/support/interactions", operation_id = "record_support", tag = "accounts",
    request_body = InteractionIn,
    responses(
        (status = 200, description = "It is recorded.", body = InteractionOut),
        (status = 404, description = "No such account.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Another one has this source and id.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Values that cannot be; `errors` has all of them.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn record(
    caller: Caller<SupportWrite>,
    State(app): State<App>,
    Json(given): Json<InteractionIn>,
) -> Result<axum::Json<InteractionOut>, Problem> {
    let new = read(given, actor(&caller), (app.clock)())?;
    caller.may_reach(&new.account)?;
    let work = app.ledger.transact(Some(new.account.clone()), move |session, now| {
        Box::pin(async move {
            if accounts::get(session, &new.account).await?.is_none() {
                return Ok(None);
            }
            let outcome = support::record(session, &new, now).await?;
            if matches!(outcome, Outcome::New(_)) {
                snapshots::outdate(session, &new.account).await?;
            }
            let answers = support::answers(session, &new.account, now, i64::MAX).await?;
            Ok(Some((outcome, answers)))
        })
    });
    let (outcome, answers) = work.await.map_err(busy)?.ok_or_else(Problem::not_found)?;
    if let Outcome::New(interaction) = &outcome {
        app.metrics.support(interaction.met);
    }
    answer(outcome, answers).map(axum::Json)
}

fn answer(outcome: Outcome, answers: Answers) -> Result<InteractionOut, Problem> {
    let out = |duplicate, interaction: Interaction| InteractionOut {
        duplicate,
        sla_hours: interaction.sla_hours,
        met: interaction.met,
        support_response_sla_hours: answers.into(),
    };
    match outcome {
        Outcome::New(interaction) => Ok(out(false, interaction)),
        Outcome::Same(interaction) => Ok(out(true, interaction)),
        Outcome::Other => Err(Problem::new(
            Code::Conflict,
            "Another answer has this source and id. Give this one an id of its own.",
        )),
        Outcome::NoPromise => {
            let mut faults = Faults::default();
            faults.note("/sla_hours", "is needed: the account is on no plan that promises any");
            Err(faults.check().err().unwrap_or_else(Problem::not_found))
        }
    }
}

fn read(given: InteractionIn, actor: String, now: Timestamp) -> Result<Reported, Problem> {
    let InteractionIn { account, source, id, opened_at, answered_at, sla_hours } = given;
    let mut faults = Faults::default();
    for (pointer, text) in [("/source", &source), ("/id", &id)] {
        faults.line(pointer, text);
    }
    let mut instant = |pointer: &str, text: &str| {
        let read = text.parse::<Timestamp>().ok();
        let whole = read.and_then(|at| Timestamp::from_millisecond(at.as_millisecond()).ok());
        if whole.is_none() {
            faults.note(pointer, "is no instant such as 2026-11-22T23:50:16Z");
        }
        whole
    };
    let opened = instant("/opened_at", &opened_at);
    let answered = instant("/answered_at", &answered_at);
    if opened.zip(answered).is_some_and(|(opened, answered)| answered < opened) {
        faults.note("/answered_at", "must not be before opened_at");
    }
    if answered.is_some_and(|answered| answered.duration_since(now) > SKEW) {
        faults.note("/answered_at", "must not be in the future");
    }
    if sla_hours.is_some_and(|hours| !(1..=LONGEST_SLA).contains(&hours)) {
        faults.note("/sla_hours", format!("must be from 1 to {LONGEST_SLA}"));
    }
    let account = account.parse::<AccountId>().map_err(|error| faults.note("/account", error));
    faults.check()?;
    let (Ok(account), Some(opened_at), Some(answered_at)) = (account, opened, answered) else {
        return Err(Problem::not_found());
    };
    Ok(Reported { account, source, id, opened_at, answered_at, sla_hours, actor })
}
