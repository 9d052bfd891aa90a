//! What was measured, and what to do about it, in words.

use super::{Factor, Inputs, Share};

fn days(count: u32) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

fn share(share: Option<Share>, what: &str) -> Option<String> {
    share.map(|Share { part, whole }| format!("{part} of {whole} {what}"))
}

/// What was measured for a factor, with its figures.
pub(super) fn input(factor: Factor, inputs: &Inputs) -> Option<String> {
    match factor {
        Factor::Pace => inputs.pace.map(|pace| format!("use at {pace} of the quota's even pace")),
        Factor::Trend => {
            inputs.trend.map(|trend| format!("last week at {trend} of the four weeks before"))
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
            inputs.budget_used.map(|used| format!("{used} of the error budget used"))
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
        Factor::Pace => "offer the next plan before use outgrows this one",
        Factor::Trend => "find out why use stopped growing",
        Factor::Adoption => "start the departments that were planned and do not use it yet",
        Factor::Recency => "ask why no events arrive: a broken sender, or nobody uses it",
        Factor::Support => "answer in time, and close the open incidents",
        Factor::Success => "meet the success criteria that are due",
        Factor::Reliability => "bring the service back inside its objective",
        Factor::Payment => "settle the overdue invoice",
    }
}
