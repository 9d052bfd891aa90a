//! What was measured, and what to do about it, in words.

use super::{Factor, Inputs, Share};
use crate::domain::{
    Ppm,
    prose::{is_beyond, percent, share_of},
};

/// What paces, trends and spent budgets are shares of.
const EVEN_PACE: &str = "the quota's even pace";
const FOUR_WEEKS: &str = "the four weeks before";
const BUDGET: &str = "the error budget";

/// What to do where use outgrows a plan.
pub const OUTGROWN: &str = "offer the next plan before use outgrows this one";

fn days(count: u32) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

fn share(share: Option<Share>, what: &str) -> Option<String> {
    share.map(|Share { part, whole }| format!("{part} of {whole} {what}"))
}

/// What was measured for a factor, with its figures.
pub(super) fn input(factor: Factor, inputs: &Inputs) -> Option<String> {
    match factor {
        Factor::Pace => inputs.pace.map(|pace| format!("use at {}", share_of(pace, EVEN_PACE))),
        Factor::Trend => {
            inputs.trend.map(|trend| format!("last week at {}", share_of(trend, FOUR_WEEKS)))
        }
        Factor::Adoption => share(inputs.adoption, "planned departments active"),
        Factor::Recency => inputs.quiet_days.map(|quiet| format!("quiet for {}", days(quiet))),
        Factor::Support => inputs.support.map(|s| {
            let (in_time, answers) = (s.in_time, s.answers);
            let open =
                format!("open: {} of severity 1, {} of severity 2", s.open_sev1, s.open_sev2);
            format!("{in_time} of {answers} answers in time; {open}")
        }),
        Factor::Success => share(inputs.success, "due criteria met"),
        Factor::Reliability => {
            inputs.budget_used.map(|used| format!("{} used", share_of(used, BUDGET)))
        }
        Factor::Payment => inputs.days_overdue.map(|overdue| match overdue {
            0 => "nothing overdue".to_owned(),
            overdue => format!("{} overdue", days(overdue)),
        }),
    }
}

/// What to do to raise a factor's points.
pub(super) fn advice(factor: Factor, inputs: &Inputs) -> &'static str {
    match factor {
        Factor::Pace if inputs.pace.is_some_and(|pace| pace.0 < 500_000) => {
            "bring more of the plan into use, or offer a smaller one"
        }
        Factor::Pace => OUTGROWN,
        Factor::Trend => "find out why use stopped growing",
        Factor::Adoption => "start the departments that were planned and do not use it yet",
        Factor::Recency => "ask why no events arrive: a broken sender, or nobody uses it",
        Factor::Support => "answer in time, and close the open incidents",
        Factor::Success => "meet the success criteria that are due",
        Factor::Reliability => "bring the service back inside its objective",
        Factor::Payment => "settle the overdue invoice",
    }
}

fn counted(count: impl Into<u64>, one: &str, many: &str) -> String {
    match count.into() {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    }
}

// What has to be different, for `remedy`.

/// Where a share of something should go, and where it is; what it is of is said once.
fn from_to(from: Ppm, to: Ppm, whole: &str) -> String {
    let from = if is_beyond(from) { share_of(from, "that") } else { percent(from) };
    format!("{}, from {from}", share_of(to, whole))
}

pub(super) fn more_use(from: Ppm, to: Ppm) -> String {
    format!("bring use to {}", from_to(from, to, EVEN_PACE))
}

pub(super) fn less_use(from: Ppm, to: Ppm) -> String {
    format!("bring use down to {}, or offer the next plan", from_to(from, to, EVEN_PACE))
}

pub(super) fn growth(from: Ppm, to: Ppm) -> String {
    format!("bring a week's use to {}", from_to(from, to, FOUR_WEEKS))
}

pub(super) fn departments(Share { part, whole }: Share, more: u16) -> String {
    format!("start {}: {part} of {whole}", counted(more, "more department", "more departments"))
}

pub(super) fn criteria(Share { part, whole }: Share, more: u16) -> String {
    format!("meet {}: {part} of {whole}", counted(more, "more due criterion", "more due criteria"))
}

pub(super) fn events_again(quiet: u32) -> String {
    format!("have events arrive again, after {} without any", days(quiet))
}

pub(super) fn close(sev1: u32, sev2: u32) -> String {
    let open = |count, severity: u8| {
        (count > 0)
            .then(|| format!("{} of severity {severity}", counted(count, "incident", "incidents")))
    };
    let open: Vec<String> = [open(sev1, 1), open(sev2, 2)].into_iter().flatten().collect();
    format!("close {}", open.join(" and "))
}

pub(super) fn answer(sev1: u32, sev2: u32, more: Option<u32>) -> String {
    let questions = more.map_or_else(
        || "what is asked in time from now on, for a quarter".to_owned(),
        |more| format!("the next {} in time", counted(more, "question", "questions")),
    );
    match (sev1, sev2) {
        (0, 0) => format!("answer {questions}"),
        _ => format!("{}, and answer {questions}", close(sev1, sev2)),
    }
}

pub(super) fn back_inside(used: Ppm) -> String {
    let used = share_of(used, "its error budget");
    format!("bring the service back inside its objective, from {used}")
}

pub(super) fn settle(overdue: u32) -> String {
    format!("settle the invoice that is {} overdue", days(overdue))
}
