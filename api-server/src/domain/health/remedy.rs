//! What would bring a score up to a line: the counterfactual "what would have to be different".
//!
//! Each factor has changes that people can bring about, the smaller first. Of the changes that reach
//! the line alone, the one that moves the score least is taken: the smallest that does. Where none
//! does, the one that helps most is made whole first, and the search goes on from there. A change is
//! judged by the score itself, caps included, so what is promised here is what the next snapshot says.

use super::{Factor, Inputs, Share, Support, cap, cap::Cap, known, rounded_mean, weight, words};
use crate::domain::{BasisPoints, Ppm};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Of which factor.
    pub factor: Factor,
    /// What has to be different, in words.
    pub what: String,
}

/// Changes that bring a score up to a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// All of them are needed. Mostly it is one.
    pub steps: Vec<Step>,
    /// The score then.
    pub score: BasisPoints,
}

/// A factor of which something is different.
struct Changed {
    factor: Factor,
    to: Inputs,
    what: String,
    scores: Scores,
}

/// Before and after caps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Scores {
    held: BasisPoints,
    uncapped: BasisPoints,
}

fn scores(inputs: &Inputs) -> Option<Scores> {
    let known = known(inputs);
    let present = weight(known.iter().map(|&(factor, _)| factor));
    let uncapped = rounded_mean(&known, present)?;
    Some(Scores { held: cap::held(&Cap::of(inputs), uncapped), uncapped })
}

/// The smallest change that brings the score to `line` or above; `None` when it is there already, or
/// nothing is known.
#[must_use]
pub fn remedy(inputs: &Inputs, line: BasisPoints) -> Option<Remedy> {
    let mut now = *inputs;
    let mut steps = Vec::new();
    let mut before = scores(&now)?;
    if before.held >= line {
        return None;
    }
    // Each time round one factor becomes whole, and there are eight.
    for _ in Factor::ALL {
        let changes: Vec<Changed> = Factor::ALL
            .into_iter()
            .filter(|factor| factor.applies(now.stage))
            .flat_map(|factor| changes(factor, &now))
            .collect();
        let reaching = changes.iter().filter(|change| change.scores.held >= line);
        let smallest = reaching.min_by_key(|change| change.scores.uncapped);
        let best = smallest.or_else(|| most(&changes))?;
        steps.push(Step { factor: best.factor, what: best.what.clone() });
        if best.scores.held >= line {
            return Some(Remedy { steps, score: best.scores.held });
        }
        if best.scores == before && best.to == now {
            return None;
        }
        (now, before) = (best.to, best.scores);
    }
    None
}

/// The first of those that raise the score most.
fn most(changes: &[Changed]) -> Option<&Changed> {
    changes.iter().reduce(|best, next| if next.scores > best.scores { next } else { best })
}

/// Changes of one factor from `now` on, the smaller first.
fn changes(factor: Factor, now: &Inputs) -> Vec<Changed> {
    let made = |(to, what)| {
        let scores = scores(&to)?;
        Some(Changed { factor, to, what, scores })
    };
    options(factor, now).into_iter().filter_map(made).collect()
}

type Way = (Inputs, String);

fn options(factor: Factor, now: &Inputs) -> Vec<Way> {
    match factor {
        Factor::Pace => now.pace.map_or_else(Vec::new, |pace| paces(now, pace)),
        Factor::Trend => now.trend.map_or_else(Vec::new, |trend| trends(now, trend)),
        Factor::Adoption => shares(now.adoption, |share, more| {
            (Inputs { adoption: Some(share), ..*now }, words::departments(share, more))
        }),
        Factor::Success => shares(now.success, |share, more| {
            (Inputs { success: Some(share), ..*now }, words::criteria(share, more))
        }),
        Factor::Recency => one(now.quiet_days.filter(|quiet| *quiet > 0), |quiet| {
            (Inputs { quiet_days: Some(0), ..*now }, words::events_again(quiet))
        }),
        Factor::Support => supports(now),
        Factor::Reliability => one(now.budget_used.filter(|used| *used > Ppm::ONE), |used| {
            (Inputs { budget_used: Some(Ppm::ONE), ..*now }, words::back_inside(used))
        }),
        Factor::Payment => one(now.days_overdue.filter(|days| *days > 0), |days| {
            (Inputs { days_overdue: Some(0), ..*now }, words::settle(days))
        }),
    }
}

fn one<T>(from: Option<T>, make: impl Fn(T) -> Way) -> Vec<Way> {
    from.map(make).into_iter().collect()
}

/// Ratios are changed by twentieths.
const TWENTIETH: i64 = 50_000;

/// Towards the stretch where neither too little is used nor the plan outgrown.
fn paces(now: &Inputs, from: Ppm) -> Vec<Way> {
    let to = |pace: i64, what: String| (Inputs { pace: Some(Ppm(pace)), ..*now }, what);
    if from.0 < 500_000 {
        let first = from.0 / TWENTIETH + 1;
        let up = (first..=10).map(|n| n * TWENTIETH);
        return up.map(|pace| to(pace, words::more_use(from, Ppm(pace)))).collect();
    }
    // Above one and a half it is all the same.
    let first = (from.0.min(1_500_000) - 1) / TWENTIETH;
    let down = (19..=first).rev().map(|n| n * TWENTIETH);
    down.map(|pace| to(pace, words::less_use(from, Ppm(pace)))).collect()
}

fn trends(now: &Inputs, from: Ppm) -> Vec<Way> {
    let first = from.0.max(500_000) / TWENTIETH + 1;
    let up = (first..=22).map(|n| Ppm(n * TWENTIETH));
    up.map(|trend| (Inputs { trend: Some(trend), ..*now }, words::growth(from, trend))).collect()
}

/// More of a share, in at most fifty steps.
fn shares(from: Option<Share>, make: impl Fn(Share, u16) -> Way) -> Vec<Way> {
    let Some(Share { part, whole }) = from else { return Vec::new() };
    let missing = whole.saturating_sub(part);
    let steps = missing.min(50);
    let more = |n: u16| {
        let more = u32::from(missing) * u32::from(n) / u32::from(steps.max(1));
        u16::try_from(more).unwrap_or(missing)
    };
    (1..=steps)
        .map(more)
        .map(|more| make(Share { part: part.saturating_add(more), whole }, more))
        .collect()
}

/// Close incidents of severity 1, those past their promise first, then of severity 2; then answer in
/// time what comes next.
fn supports(now: &Inputs) -> Vec<Way> {
    let Some(from) = now.support else { return Vec::new() };
    // One that is past its promise is open, whatever was counted.
    let from = Support { open_sev1: from.open_sev1.max(from.sev1_past_sla), ..from };
    let mut all = Vec::new();
    let mut push = |to, what| all.push((Inputs { support: Some(to), ..*now }, what));
    let mut to = from;
    for closed in few(from.open_sev1) {
        to.open_sev1 = from.open_sev1 - closed;
        to.sev1_past_sla = from.sev1_past_sla.saturating_sub(closed).min(to.open_sev1);
        push(to, words::close(closed, 0));
    }
    to.sev1_past_sla = 0;
    for closed in few(from.open_sev2) {
        to.open_sev2 = from.open_sev2 - closed;
        push(to, words::close(from.open_sev1, closed));
    }
    let late = from.answers.saturating_sub(from.in_time);
    if late > 0 {
        for more in [1, 2, 5, 10, 20, 50, 100] {
            to.in_time = from.in_time.saturating_add(more);
            to.answers = from.answers.saturating_add(more);
            push(to, words::answer(from.open_sev1, from.open_sev2, Some(more)));
        }
        to.in_time = to.answers;
        push(to, words::answer(from.open_sev1, from.open_sev2, None));
    }
    all
}

/// 1, 2, 3 … and all of them, at most 21 numbers.
fn few(count: u32) -> impl Iterator<Item = u32> {
    (1..=count.min(20)).chain((count > 20).then_some(count))
}
