//! `PUT /accounts/{account}/facts`: what the ledger cannot know.

use axum::extract::{Path, State};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::{Caller, rule::SuccessWrite};
use crate::domain::facts::{Departments, Incidents, Stated};
use crate::domain::health::{Share, Stage};
use crate::domain::{Ppm, decimal};
use crate::http::problem::ProblemBody;
use crate::http::{Json, Problem};
use crate::routes::App;
use crate::routes::accounts::{actor, reachable};
use crate::routes::events::busy;
use crate::routes::wire::Faults;
use crate::store::accounts;
use crate::store::facts::{self, Version};
use crate::store::snapshots;

/// The most of an error budget that is recorded: a thousandfold.
const MOST_OF_A_BUDGET: i64 = 1_000_000_000;
/// The most days, a century, and the most incidents.
const MOST: u32 = 36_500;

/// What is known of an account. What is null or left out is not known; all of it replaces what was
/// stated before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FactsIn {
    /// Where the account is in its life; null: by `go_live_date`.
    pub stage: Option<StageOnWire>,
    /// The day on which it goes live; null: the one of its onboarding form, else the day on which it
    /// was opened.
    #[schema(value_type = Option<String>, format = Date, example = "2027-01-15")]
    pub go_live_date: Option<String>,
    /// Departments that use it.
    pub departments: Option<DepartmentsOnWire>,
    /// Success criteria.
    pub criteria: Option<CriteriaOnWire>,
    /// The share of the error budget that is used; above 1 the objective is missed.
    #[schema(example = "0.35")]
    pub error_budget_used: Option<String>,
    /// For how many days the oldest open invoice is overdue; 0 when none is.
    #[schema(maximum = 36500)]
    pub days_overdue: Option<u32>,
    /// Incidents that are open.
    pub open_incidents: Option<IncidentsOnWire>,
}

/// Where an account is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageOnWire {
    /// Not in production yet: only success, support and payment count.
    BeforeGoLive,
    /// In production.
    Live,
}

/// Departments that use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DepartmentsOnWire {
    /// Those that do.
    #[schema(maximum = 65535)]
    pub active: u16,
    /// Those that were to; null: as many as the onboarding form named.
    #[schema(minimum = 1, maximum = 65535)]
    pub planned: Option<u16>,
}

/// Success criteria.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CriteriaOnWire {
    /// Those that are met, of those due.
    #[schema(maximum = 65535)]
    pub met: u16,
    /// Those that are due by now.
    #[schema(maximum = 65535)]
    pub due: u16,
}

/// Incidents that are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IncidentsOnWire {
    /// Of severity 1.
    #[schema(maximum = 36500)]
    pub sev1: u32,
    /// Of severity 2.
    #[schema(maximum = 36500)]
    pub sev2: u32,
    /// Of those of severity 1, how many are past the promised answer.
    #[serde(default)]
    #[schema(maximum = 36500)]
    pub sev1_past_sla: u32,
}

/// Facts as they hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FactsOut {
    /// Their version, from 1.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When they were stated.
    #[schema(value_type = String, format = DateTime)]
    pub stated_at: Timestamp,
    /// By whom.
    pub by: String,
    /// What they say.
    pub facts: FactsIn,
}

/// State facts
///
/// All at once, in place of what was stated before; every version is kept with who stated it and
/// when. The same again is no new version.
#[utoipa::path(
    put, path = "/accounts/{account}/facts", operation_id = "state_facts", tag = "accounts",
    params(("account" = String, Path, description = "The account's id.")),
    request_body = FactsIn,
    responses(
        (status = 200, description = "They hold.", body = FactsOut),
        (status = 404, description = "No such account.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Values that cannot be; `errors` has all of them.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(in crate::routes) async fn state(
    caller: Caller<SuccessWrite>,
    State(app): State<App>,
    Path(account): Path<String>,
    Json(given): Json<FactsIn>,
) -> Result<axum::Json<FactsOut>, Problem> {
    let account = reachable(&caller, &account)?;
    let stated = read(&given)?;
    let actor = actor(&caller);
    let work = app.ledger.transact(Some(account.clone()), move |session, now| {
        Box::pin(async move {
            if accounts::get(session, &account).await?.is_none() {
                return Ok(None);
            }
            let (version, new) = facts::put(session, &account, stated, (&actor, now)).await?;
            if new {
                snapshots::outdate(session, &account).await?;
            }
            Ok(Some(version))
        })
    });
    let version = work.await.map_err(busy)?.ok_or_else(Problem::not_found)?;
    Ok(axum::Json(FactsOut::from(&version)))
}

/// What is stated, if it can be.
fn read(given: &FactsIn) -> Result<Stated, Problem> {
    let mut faults = Faults::default();
    let go_live = given.go_live_date.as_ref().map(|day| {
        let day = day.parse::<Date>().map_err(|_| "is no day such as 2027-01-15");
        faults.or_note("/go_live_date", day)
    });
    let budget_used = given.error_budget_used.as_ref().map(|share| {
        let share = faults.or_note("/error_budget_used", decimal::parse(share, 6));
        if !(0..=MOST_OF_A_BUDGET).contains(&share) {
            faults.note("/error_budget_used", "must be from 0 to 1000");
        }
        Ppm(share)
    });
    if given.departments.is_some_and(|departments| departments.planned == Some(0)) {
        faults.note("/departments/planned", "must be 1 or more, or null when it is not known");
    }
    if given.criteria.is_some_and(|criteria| criteria.met > criteria.due) {
        faults.note("/criteria/met", "must not be more than are due");
    }
    if given.days_overdue.is_some_and(|days| days > MOST) {
        faults.note("/days_overdue", format!("must be at most {MOST}"));
    }
    if let Some(IncidentsOnWire { sev1, sev2, sev1_past_sla }) = given.open_incidents {
        for (name, count) in [("sev1", sev1), ("sev2", sev2)] {
            if count > MOST {
                faults.note(format!("/open_incidents/{name}"), format!("must be at most {MOST}"));
            }
        }
        if sev1_past_sla > sev1 {
            faults.note("/open_incidents/sev1_past_sla", "must not be more than sev1");
        }
    }
    faults.check()?;
    Ok(Stated {
        stage: given.stage.map(|stage| match stage {
            StageOnWire::BeforeGoLive => Stage::BeforeGoLive,
            StageOnWire::Live => Stage::Live,
        }),
        go_live,
        departments: given
            .departments
            .map(|DepartmentsOnWire { active, planned }| Departments { active, planned }),
        criteria: given.criteria.map(|CriteriaOnWire { met, due }| Share { part: met, whole: due }),
        budget_used,
        days_overdue: given.days_overdue,
        incidents: given.open_incidents.map(|open| Incidents {
            sev1: open.sev1,
            sev2: open.sev2,
            sev1_past_sla: open.sev1_past_sla,
        }),
    })
}

impl From<Stage> for StageOnWire {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::BeforeGoLive => Self::BeforeGoLive,
            Stage::Live => Self::Live,
        }
    }
}

impl From<&Version> for FactsOut {
    fn from(version: &Version) -> Self {
        let stated = &version.stated;
        Self {
            version: version.n,
            stated_at: version.recorded_at,
            by: version.actor.clone(),
            facts: FactsIn {
                stage: stated.stage.map(StageOnWire::from),
                go_live_date: stated.go_live.map(|day| day.to_string()),
                departments: stated
                    .departments
                    .map(|Departments { active, planned }| DepartmentsOnWire { active, planned }),
                criteria: stated
                    .criteria
                    .map(|Share { part, whole }| CriteriaOnWire { met: part, due: whole }),
                error_budget_used: stated.budget_used.map(|used| used.to_string()),
                days_overdue: stated.days_overdue,
                open_incidents: stated.incidents.map(|open| IncidentsOnWire {
                    sev1: open.sev1,
                    sev2: open.sev2,
                    sev1_past_sla: open.sev1_past_sla,
                }),
            },
        }
    }
}
