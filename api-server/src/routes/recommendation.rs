//! `POST /recommendation`: which plan and which profile to take, and why.

use std::collections::BTreeMap;

use axum::extract::State;
use iso_currency::Currency;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::wire::{Faults, MoneyOnWire, RangeOnWire};
use super::{App, Routes, route};
use crate::auth::{Caller, rule::Public};
use crate::domain::catalogue::PlanId;
use crate::domain::event::MAX_QUANTITY;
use crate::domain::meter::Meter;
use crate::domain::recommendation::{
    self, BreakEven, Needs, ProfileNeeds, ProfileRecommendation, Purpose, Ranked, Recommendation,
};
use crate::domain::roi::Range;
use crate::domain::{Money, Quantity};
use crate::http::problem::ProblemBody;
use crate::http::{Json, Problem};

pub(super) fn routes(routes: Routes) -> Routes {
    route!(routes, recommend)
}

/// Slowest support that can be asked for, in hours: a year.
const SLOWEST_SUPPORT: u32 = 8_760;
/// Voice minutes a month that nobody has.
const MOST_VOICE: u64 = 1_000_000_000;

/// What a customer expects and needs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NeedsIn {
    /// Use in a month, by meter: `agents`, `ingestion`, `query`, `timeline`.
    pub usage: BTreeMap<String, UseIn>,
    /// Support must answer within so many hours; any will do unless given.
    #[schema(minimum = 1, maximum = 8760)]
    pub support_hours: Option<u32>,
    /// What is paid in (ISO 4217); USD unless given.
    #[schema(example = "USD")]
    pub currency: Option<String>,
    /// What the stack is for.
    pub purpose: PurposeIn,
    /// Minutes of speech a month; none unless given.
    #[serde(default)]
    #[schema(maximum = 1_000_000_000)]
    pub voice_minutes: u64,
}

/// Expected use in the meter's unit.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UseIn {
    /// The likely estimate.
    #[schema(example = "12000")]
    pub base: String,
    /// The cautious one; × 0.73 unless given. Give both or none.
    pub low: Option<String>,
    /// The hopeful one; × 1.5 unless given.
    pub high: Option<String>,
}

/// What a stack is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PurposeIn {
    /// To try it.
    Evaluation,
    /// To work with it.
    Production,
}

/// The answer.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecommendationOut {
    /// The plan to take; null when none fits.
    pub plan: Option<PlanRef>,
    /// Why, in words.
    pub reasons: Vec<String>,
    /// What would lead to another plan, in words.
    pub would_change_if: Vec<String>,
    /// The plans that fit, the least expected cost first.
    pub ranking: Vec<RankedOut>,
    /// The plans that do not fit.
    pub excluded: Vec<ExcludedOut>,
    /// From how much use each plan is cheaper than the one below it.
    pub break_even: Vec<BreakEvenOut>,
    /// The profile to run on.
    pub profile: ProfileOut,
}

/// A version of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanRef {
    /// The plan's key.
    #[schema(example = "team")]
    pub key: String,
    /// The version.
    #[schema(minimum = 1)]
    pub version: u32,
}

/// A plan that fits.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RankedOut {
    /// Which.
    pub plan: PlanRef,
    /// What it costs in a month, for each estimate.
    pub costs: RangeOnWire<MoneyOnWire>,
    /// A quarter low, half base, a quarter high.
    pub expected: MoneyOnWire,
    /// What of the high estimate goes beyond what is included, by meter.
    pub overage: BTreeMap<String, String>,
}

/// A plan that does not fit.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ExcludedOut {
    /// Which.
    pub plan: PlanRef,
    /// Why, in words.
    pub reason: String,
}

/// From how much use a plan is cheaper.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BreakEvenOut {
    /// The plan with the lower base fee.
    pub below: PlanRef,
    /// The plan with the next higher one.
    pub above: PlanRef,
    /// Of which meter.
    pub meter: String,
    /// From how many units a month on, the rest as estimated.
    pub units: String,
}

/// The profile to run on.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProfileOut {
    /// `dev` or `prod`.
    #[schema(example = "prod")]
    pub key: String,
    /// Overlays to put on it.
    pub overlays: Vec<String>,
    /// Why, in words.
    pub reasons: Vec<String>,
}

/// Which plan and profile
///
/// The plan with the least expected cost among those on sale, and the profile, each with its
/// reasons. Nothing is stored.
#[utoipa::path(
    post, path = "/recommendation", operation_id = "recommend", tag = "plans", request_body = NeedsIn,
    responses(
        (status = 200, description = "What to take, and why.", body = RecommendationOut),
        (status = 422, description = "Needs outside their limits.", body = ProblemBody,
            content_type = "application/problem+json"),
    )
)]
async fn recommend(
    _: Caller<Public>,
    State(app): State<App>,
    Json(given): Json<NeedsIn>,
) -> Result<axum::Json<RecommendationOut>, Problem> {
    let mut faults = Faults::default();
    let (needs, profile) = needs(given, &mut faults);
    faults.check()?;
    let plans = app.catalogue.live_plans((app.clock)());
    let plan = recommendation::recommend(&plans, &needs).map_err(|error| {
        let mut faults = Faults::default();
        faults.note("/usage", error);
        faults.check().err().unwrap_or_else(Problem::not_found)
    })?;
    Ok(axum::Json(out(plan, recommendation::recommend_profile(&profile))))
}

fn needs(given: NeedsIn, faults: &mut Faults) -> (Needs, ProfileNeeds) {
    let NeedsIn { usage, support_hours, currency, purpose, voice_minutes } = given;
    let code = currency.as_deref().unwrap_or("USD");
    let currency = Currency::from_code(code).unwrap_or_else(|| {
        faults.note("/currency", "is no ISO 4217 currency such as USD");
        Currency::USD
    });
    if support_hours.is_some_and(|hours| !(1..=SLOWEST_SUPPORT).contains(&hours)) {
        faults.note("/support_hours", format!("must be from 1 to {SLOWEST_SUPPORT}"));
    }
    if voice_minutes > MOST_VOICE {
        faults.note("/voice_minutes", format!("must be at most {MOST_VOICE}"));
    }
    let mut uses = BTreeMap::new();
    for (name, given) in usage {
        let pointer = format!("/usage/{}", crate::http::json::token(&name));
        match name.parse::<Meter>() {
            Ok(meter) => {
                uses.insert(meter, range(&pointer, &given, faults));
            }
            Err(error) => faults.note(pointer, error),
        }
    }
    let purpose = match purpose {
        PurposeIn::Evaluation => Purpose::Evaluation,
        PurposeIn::Production => Purpose::Production,
    };
    let profile = ProfileNeeds { purpose, voice_minutes, support_hours };
    (Needs { usage: uses, support_hours, currency }, profile)
}

fn range(pointer: &str, given: &UseIn, faults: &mut Faults) -> Range<Quantity> {
    let UseIn { base, low, high } = given;
    let mut read = |name: &str, text: &str| {
        let pointer = format!("{pointer}/{name}");
        let quantity = faults.or_note(&pointer, text.parse::<Quantity>());
        if quantity.is_negative() || quantity > MAX_QUANTITY {
            faults.note(pointer, format!("must be from 0 to {MAX_QUANTITY}"));
            return Quantity::ZERO;
        }
        quantity
    };
    let base = read("base", base);
    let range = match (low, high) {
        (Some(low), Some(high)) => Range { low: read("low", low), base, high: read("high", high) },
        (None, None) => recommendation::usual_range(base).unwrap_or(Range::all(base)),
        _ => {
            faults.note(pointer, "must have low and high, or neither");
            Range::all(base)
        }
    };
    if range.low > range.base || range.base > range.high {
        faults.note(pointer, "must rise from low over base to high");
    }
    range
}

fn out(plan: Recommendation, profile: ProfileRecommendation) -> RecommendationOut {
    let Recommendation { plan, ranking, excluded, reasons, break_even, would_change_if } = plan;
    let ProfileRecommendation { profile: key, overlays, reasons: because } = profile;
    let excluded = excluded
        .into_iter()
        .map(|one| ExcludedOut { plan: reference(one.plan), reason: one.reason });
    let overlays = overlays.into_iter().map(str::to_owned).collect();
    RecommendationOut {
        plan: plan.map(reference),
        reasons,
        would_change_if,
        ranking: ranking.into_iter().map(ranked).collect(),
        excluded: excluded.collect(),
        break_even: break_even.into_iter().map(break_even_out).collect(),
        profile: ProfileOut { key: key.to_owned(), overlays, reasons: because },
    }
}

fn reference(PlanId { plan, version }: PlanId) -> PlanRef {
    PlanRef { key: plan, version }
}

fn ranked(Ranked { plan, costs, expected, overage }: Ranked) -> RankedOut {
    let cost = |money: Money| MoneyOnWire::from(money);
    let overage =
        overage.into_iter().map(|(meter, over)| (meter.name().to_owned(), over.to_string()));
    RankedOut {
        plan: reference(plan),
        costs: RangeOnWire { low: cost(costs.low), base: cost(costs.base), high: cost(costs.high) },
        expected: expected.into(),
        overage: overage.collect(),
    }
}

fn break_even_out(BreakEven { below, above, meter, units }: BreakEven) -> BreakEvenOut {
    let (below, above) = (reference(below), reference(above));
    BreakEvenOut { below, above, meter: meter.name().to_owned(), units: units.to_string() }
}
