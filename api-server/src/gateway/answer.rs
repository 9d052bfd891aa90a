//! What the control plane's answer to a batch means for the events in it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::http::problem::{ProblemBody, TYPES};
use crate::routes::events::Taken;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Its status.
    pub status: u16,
    /// When it asks to come back.
    pub retry_after: Option<Duration>,
    /// Its body.
    pub body: Vec<u8>,
}

/// An event of the batch that the ledger does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Its place in the batch, from 0.
    pub place: usize,
    /// The ledger's code.
    pub code: String,
    /// The ledger's words.
    pub detail: String,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every event has its outcome, durably. Those that are not listed are in the ledger.
    Settled(Vec<Reject>),
    /// The request as a whole was not taken, and a smaller one may be.
    Smaller(Reject),
    /// Nothing is known of the events; send them again later.
    Later {
        /// What is wrong.
        why: String,
        /// How long the other side asks to wait.
        asked: Option<Duration>,
    },
}

/// Codes of refusals that say nothing about the event: the ledger will take it another time.
const NOT_THE_EVENTS: [&str; 2] = ["unknown_account", "not_applied"];

/// Judges the answer to a batch of `count` events.
#[must_use]
pub fn judge(answered: &Answered, count: usize) -> Verdict {
    let problem = serde_json::from_slice::<ProblemBody>(&answered.body).ok();
    match answered.status {
        200 | 207 => settled(&answered.body, count),
        422 => refused(problem, count),
        400 | 413 => {
            let (code, detail) = problem.map(said).unwrap_or_default();
            let code = if code.is_empty() { answered.status.to_string() } else { code };
            Verdict::Smaller(Reject { place: 0, code, detail })
        }
        status => later(status, problem, answered.retry_after),
    }
}

fn settled(body: &[u8], count: usize) -> Verdict {
    let Ok(taken) = serde_json::from_slice::<Taken>(body) else {
        return unexplained("its answer cannot be read");
    };
    let rejects: BTreeMap<usize, (String, String)> =
        taken.rejected.into_iter().map(|r| (r.index, (r.code, r.detail))).collect();
    let told = taken.accepted + taken.duplicates + rejects.len();
    if told != count || rejects.keys().any(|place| *place >= count) {
        return unexplained(&format!("it answered for {told} of {count} events"));
    }
    verdict(rejects)
}

/// A 422 says of every event why it was not taken; its pointers begin with the event's place.
fn refused(problem: Option<ProblemBody>, count: usize) -> Verdict {
    let none_taken = |problem: &ProblemBody| problem.kind == format!("{TYPES}no-event-taken");
    let Some(problem) = problem.filter(none_taken) else {
        return unexplained("it answered 422 without saying which events it means");
    };
    let mut rejects = BTreeMap::new();
    for error in problem.errors {
        let place = error.pointer.split('/').nth(1).and_then(|place| place.parse().ok());
        if let Some(place) = place.filter(|place: &usize| *place < count) {
            rejects.entry(place).or_insert((error.code, error.detail));
        }
    }
    match rejects.len() == count {
        true => verdict(rejects),
        false => unexplained(&format!("it answered for {} of {count} events", rejects.len())),
    }
}

fn verdict(rejects: BTreeMap<usize, (String, String)>) -> Verdict {
    let other = |(code, _): &&(String, String)| NOT_THE_EVENTS.contains(&code.as_str());
    if let Some((code, detail)) = rejects.values().find(other) {
        return unexplained(&format!("{code}: {detail}"));
    }
    let rejects = rejects.into_iter();
    Verdict::Settled(
        rejects.map(|(place, (code, detail))| Reject { place, code, detail }).collect(),
    )
}

fn later(status: u16, problem: Option<ProblemBody>, asked: Option<Duration>) -> Verdict {
    let remedy = match status {
        401 => ": is the ServiceAccount of this gateway bound? See `api-server accounts bind`",
        403 | 404 => ": is the address of the control plane right?",
        _ => "",
    };
    let detail = problem.map(|problem| said(problem).1).unwrap_or_default();
    let why = format!("the control plane answered {status}{remedy} {detail}");
    Verdict::Later { why: why.trim_end().to_owned(), asked }
}

fn unexplained(why: &str) -> Verdict {
    Verdict::Later { why: format!("the control plane: {why}"), asked: None }
}

/// An answer's status, code and words, for people.
#[must_use]
pub fn words(answered: &Answered) -> String {
    let problem = serde_json::from_slice::<ProblemBody>(&answered.body).ok();
    let (code, detail) = problem.map(said).unwrap_or_default();
    format!("{} {code}: {detail}", answered.status).trim_end_matches([' ', ':']).to_owned()
}

/// The code and words of a problem.
fn said(problem: ProblemBody) -> (String, String) {
    let code = problem.kind.strip_prefix(TYPES).unwrap_or_default().to_owned();
    (code, problem.detail)
}

#[cfg(test)]
mod tests;
