//! One account on the wire.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Found;
use super::meters::{self, CostOut, MeterOut};
use crate::domain::health::{Cap, Health, Line};
use crate::domain::quota::KnownTerms;
use crate::domain::snapshot::Snapshot;
use crate::domain::subscription::Subscription;
use crate::routes::accounts::facts::FactsOut;
use crate::routes::accounts::plan::PlanVersionOut;
use crate::routes::support::AnswersOut;
use crate::routes::usage::list::{FiguresOut, HighestOut, share};
use crate::store::StoreError;
use crate::store::snapshots::Day;

/// What an account came to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AccountUsage {
    /// Its id.
    #[schema(example = "acme")]
    pub account: String,
    /// The customer's name.
    pub name: String,
    /// When and from what it was computed.
    pub as_of: FiguresOut,
    /// The billing period.
    pub period: UsagePeriodOut,
    /// The plans that the account is on and will be on; null when it is on none.
    pub subscription: Option<SubscriptionOut>,
    /// Whether somebody should call: health below 0.75, or more than 95 % of a quota used.
    pub flagged: bool,
    /// `healthy`, `flagged`, or `insufficient_data` when too little is known to say.
    pub standing: String,
    /// Why it is flagged, in one sentence.
    pub reason: Option<String>,
    /// What would help, while it is flagged.
    pub helps_most: Option<String>,
    /// Health with all that it is made of.
    pub health: HealthOut,
    /// Every meter.
    pub meters: Vec<MeterOut>,
    /// The highest share of a quota that is used; null without any quota.
    pub highest: Option<HighestOut>,
    /// What the period will cost; null while it is too early to say, or without a plan.
    pub projected_cost: Option<CostOut>,
    /// The facts that hold; null when none were stated. For customer success alone.
    pub facts: Option<FactsOut>,
    /// Answers of support.
    pub support_response_sla_hours: AnswersOut,
    /// Where the request is with which it came; null when it came another way. For customer success
    /// alone.
    #[schema(example = "/onboarding/8c1f6f0e-3a58-4f0c-9d0e-6d2c1b7a4e55")]
    pub request: Option<String>,
    /// The last twelve weeks, a point a day.
    pub line: Vec<PointOut>,
}

/// A billing period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsagePeriodOut {
    /// Its first instant.
    #[schema(value_type = String, format = DateTime)]
    pub start: Timestamp,
    /// The first instant after it.
    #[schema(value_type = String, format = DateTime)]
    pub end: Timestamp,
    /// The zone by whose midnights its days begin.
    #[schema(example = "America/Chicago")]
    pub time_zone: String,
    /// When its figures became final; null while they may change.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub final_at: Option<Timestamp>,
}

/// The plans of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubscriptionOut {
    /// The plan in force; null before the first takes effect, and after the subscription ended.
    pub plan: Option<PlanVersionOut>,
    /// Since when.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Within how many hours it promises an answer of support.
    pub support_hours: Option<u32>,
    /// The plan that comes next, if one was agreed.
    pub next: Option<PlanVersionOut>,
    /// From when.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_from: Option<Timestamp>,
    /// When the subscription ends, or ended; null while it goes on.
    #[serde(default)]
    #[schema(required = false, value_type = Option<String>, format = DateTime)]
    pub ends_at: Option<Timestamp>,
}

/// Health and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthOut {
    /// From 0 to 1, caps counted in; null when nothing is known.
    #[schema(example = "0.927")]
    pub score: Option<String>,
    /// Before caps.
    pub before_caps: Option<String>,
    /// The share of what applies that is known.
    pub coverage: String,
    /// What is weighed, at the account's stage.
    pub factors: Vec<FactorOut>,
    /// What holds the score down, whether or not it comes so far.
    pub caps: Vec<CapOut>,
    /// The factor that would raise the score most at full points; null when all points are had.
    pub best: Option<BestOut>,
    /// What would have to be different for a flag to be taken back.
    pub remedy: Option<RemedyOut>,
}

/// One factor of health. Contributions add up to the score before caps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FactorOut {
    /// Its name.
    #[schema(example = "adoption")]
    pub name: String,
    /// Its weight; the weights of all factors there are add up to 1.
    pub weight: String,
    /// What was measured; null when nothing is known.
    #[schema(example = "2 of 5 planned departments active")]
    pub input: Option<String>,
    /// From 0 to 1.
    pub points: Option<String>,
    /// Its part of the score.
    pub contribution: Option<String>,
}

/// What holds a score down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CapOut {
    /// Its name.
    #[schema(example = "long_overdue")]
    pub name: String,
    /// Why it holds.
    pub reason: String,
    /// The highest score it allows.
    pub limit: String,
}

/// The factor that would help most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BestOut {
    /// Which.
    #[schema(example = "adoption")]
    pub factor: String,
    /// By how much the score before caps would rise.
    pub gain: String,
    /// What to do.
    pub advice: String,
}

/// The smallest change that takes a flag back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RemedyOut {
    /// All of it is needed.
    pub steps: Vec<StepOut>,
    /// The score then.
    pub score: String,
}

/// A part of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepOut {
    /// Of which factor.
    #[schema(example = "adoption")]
    pub factor: String,
    /// What has to be different.
    #[schema(example = "start 2 more departments: 4 of 5")]
    pub what: String,
}

/// A day's last summary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PointOut {
    /// When it was computed.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Health.
    pub health: Option<String>,
    /// The highest share of a quota.
    pub ratio: Option<String>,
    /// Whether the account was flagged.
    pub flagged: bool,
    /// Whether something came to be known later of what had happened by then.
    pub stale: bool,
}

/// An account on the wire; with the facts that customer success stated, if `whole`.
pub(super) fn out(found: &Found, whole: bool) -> Result<AccountUsage, StoreError> {
    let Found { gathered, as_of, final_at, line, request } = found;
    let snapshot = gathered.snapshot()?;
    let period = gathered.period()?;
    let account = &gathered.account;
    Ok(AccountUsage {
        account: account.id.to_string(),
        name: account.name.clone(),
        as_of: as_of.clone(),
        period: UsagePeriodOut {
            start: period.start(),
            end: period.end(),
            time_zone: account.zone.name().to_owned(),
            final_at: *final_at,
        },
        subscription: gathered
            .subscription
            .as_ref()
            .map(|plans| subscription(plans, &gathered.terms, snapshot.computed_at)),
        flagged: snapshot.flagged,
        standing: snapshot.standing.name().to_owned(),
        reason: snapshot.reason(),
        helps_most: snapshot.helps_most(),
        health: health(&snapshot),
        meters: snapshot.meters.iter().map(|(name, of)| meters::meter(*name, of)).collect(),
        highest: snapshot.highest.map(|(meter, ratio)| HighestOut {
            meter: meter.name().to_owned(),
            ratio: ratio.to_string(),
        }),
        projected_cost: snapshot.projected_cost.map(meters::cost),
        facts: gathered.facts.as_ref().filter(|_| whole).map(FactsOut::from),
        support_response_sla_hours: gathered.known().answers.into(),
        request: request.filter(|_| whole).map(|id| format!("/onboarding/{id}")),
        line: line.iter().map(point).collect(),
    })
}

fn subscription(plans: &Subscription, terms: &KnownTerms, at: Timestamp) -> SubscriptionOut {
    let (current, next) = (plans.at(at), plans.pending(at));
    SubscriptionOut {
        plan: current.map(|agreement| (&agreement.plan).into()),
        since: current.map(|agreement| agreement.effective_at),
        support_hours: current.and_then(|a| terms.get(&a.plan)).map(|terms| terms.support_hours),
        next: next.map(|agreement| (&agreement.plan).into()),
        next_from: next.map(|agreement| agreement.effective_at),
        ends_at: plans.end(at).map(|end| end.effective_at),
    }
}

fn health(snapshot: &Snapshot) -> HealthOut {
    let Health { score, uncapped, coverage, lines, caps, best } = &snapshot.health;
    HealthOut {
        score: score.map(share),
        before_caps: uncapped.map(share),
        coverage: share(*coverage),
        factors: lines.iter().map(factor).collect(),
        caps: caps.iter().map(|cap| held(*cap)).collect(),
        best: best.map(|best| BestOut {
            factor: best.factor.name().to_owned(),
            gain: share(best.gain),
            advice: best.advice.to_owned(),
        }),
        remedy: snapshot.remedy.as_ref().map(|remedy| RemedyOut {
            steps: remedy
                .steps
                .iter()
                .map(|step| StepOut {
                    factor: step.factor.name().to_owned(),
                    what: step.what.clone(),
                })
                .collect(),
            score: share(remedy.score),
        }),
    }
}

fn factor(line: &Line) -> FactorOut {
    FactorOut {
        name: line.factor.name().to_owned(),
        weight: share(line.weight),
        input: line.input.clone(),
        points: line.points.map(|points| points.to_string()),
        contribution: line.contribution.map(share),
    }
}

fn held(cap: Cap) -> CapOut {
    CapOut {
        name: cap.name().to_owned(),
        reason: cap.words().to_owned(),
        limit: share(cap.limit()),
    }
}

fn point(day: &Day) -> PointOut {
    PointOut {
        at: day.computed_at,
        health: day.health.map(share),
        ratio: day.ratio.map(|ratio| ratio.to_string()),
        flagged: day.flagged,
        stale: day.stale,
    }
}
