//! The limits of each field.

use std::collections::BTreeSet;

use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};

use super::{Intake, SuccessCriterion};
use crate::domain::{
    Quantity,
    calendar::{AnchorDay, Zone},
    roi::{self, Invalid, Range},
};

/// The longest tenant name: with `tenant-` before it, it is a namespace.
const TENANT: usize = 40;
const NAME: usize = 100;
const EMAIL: usize = 254;
const USE_CASE: usize = 1_000;
/// Units of a meter in a month.
const USAGE: i64 = 1_000_000_000_000;
const VOICE_MINUTES: u64 = 100_000_000;
const SUPPORT_HOURS: u32 = 720;
const YEARS_AHEAD: i64 = 3;
const CRITERIA: usize = 20;
const CRITERION: usize = 200;
/// As far as a business case may look ahead.
const CRITERION_YEARS: i64 = 10;

struct Problems(Vec<Invalid>);

impl Problems {
    fn add(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.0.push(Invalid { pointer: pointer.into(), message: message.into() });
    }

    /// A text that a person can read; of several lines if `lines`.
    fn text(&mut self, pointer: &str, text: &str, longest: usize, lines: bool) {
        let length = text.chars().count();
        if text.trim().is_empty() || length > longest {
            self.add(pointer, format!("must have 1 to {longest} characters"));
        }
        if text.chars().any(|c| is_unseen(c) && !(lines && c == '\n')) {
            self.add(pointer, "has characters that nobody can see: leave them out");
        }
        if looks_secret(text) {
            self.add(
                pointer,
                "looks like a key or token: leave it out, others read this, and renew it",
            );
        }
    }
}

/// All that is wrong with a form at an instant, in the order of its fields.
#[must_use]
pub fn check(intake: &Intake, now: Timestamp) -> Vec<Invalid> {
    let mut problems = Problems(Vec::new());
    check_names(&mut problems, intake);
    check_go_live(&mut problems, intake.go_live, now);
    check_criteria(&mut problems, &intake.success_criteria, now);
    check_departments(&mut problems, &intake.departments);
    for (meter, range) in &intake.usage {
        check_usage(&mut problems, &format!("/usage/{meter}"), range);
        if !meter.billed() {
            problems.add(format!("/usage/{meter}"), "is recorded, not billed: leave it out");
        }
    }
    if intake.voice_minutes > VOICE_MINUTES {
        problems.add("/voice_minutes", format!("must be from 0 to {VOICE_MINUTES}"));
    }
    if intake.support_hours.is_some_and(|hours| !(1..=SUPPORT_HOURS).contains(&hours)) {
        problems.add("/support_hours", format!("must be from 1 to {SUPPORT_HOURS}"));
    }
    if let Err(error) = intake.time_zone.parse::<Zone>() {
        problems.add("/time_zone", error.to_string());
    }
    if let Err(error) = AnchorDay::new(intake.anchor_day) {
        problems.add("/anchor_day", error.to_string());
    }
    if intake.roi.salary.currency() != intake.currency {
        let message = format!("must be in {}, like the bills", intake.currency.code());
        problems.add("/roi/salary/currency", message);
    }
    let invalid = roi::calculate(&intake.roi).err().unwrap_or_default();
    problems.0.extend(invalid.into_iter().map(in_form));
    problems.0
}

/// The same problem of the business case, with its place in the form.
pub(super) fn in_form(invalid: Invalid) -> Invalid {
    let Invalid { pointer, message } = invalid;
    let pointer = match pointer.as_str() {
        // What follows from expected use is no field of the form.
        at if at.starts_with("/subscription") => "/usage".to_owned(),
        at if at.starts_with("/departments") => pointer,
        _ => format!("/roi{pointer}"),
    };
    Invalid { pointer, message }
}

fn check_names(problems: &mut Problems, intake: &Intake) {
    problems.text("/display_name", &intake.display_name, NAME, false);
    if !is_label(&intake.tenant) {
        problems.add(
            "/tenant",
            format!(
                "must be 1 to {TENANT} of a-z, 0-9 and '-', with a letter or digit at both ends"
            ),
        );
    }
    problems.text("/contact/name", &intake.contact.name, NAME, false);
    if !is_address(&intake.contact.email) {
        problems.add("/contact/email", "must be a mail address such as ops@acme.example");
    }
    problems.text("/use_case", &intake.use_case, USE_CASE, true);
}

fn check_go_live(problems: &mut Problems, day: Date, now: Timestamp) {
    check_day(problems, "/go_live_date", day, now, YEARS_AHEAD);
}

/// A day from today on, so many years ahead.
fn check_day(problems: &mut Problems, at: &str, day: Date, now: Timestamp, years: i64) {
    let today = TimeZone::UTC.to_datetime(now).date();
    // Somewhere it is still yesterday.
    let first = today.checked_sub(Span::new().days(1)).unwrap_or(Date::MIN);
    let last = today.checked_add(Span::new().years(years)).unwrap_or(Date::MAX);
    if !(first..=last).contains(&day) {
        problems.add(at, format!("must be from {today} to {last}"));
    }
}

fn check_criteria(problems: &mut Problems, criteria: &[SuccessCriterion], now: Timestamp) {
    if criteria.len() > CRITERIA {
        problems.add("/success_criteria", format!("must be at most {CRITERIA}"));
    }
    for (index, criterion) in criteria.iter().enumerate().take(CRITERIA) {
        let at = format!("/success_criteria/{index}");
        problems.text(&format!("{at}/text"), &criterion.text, CRITERION, false);
        if let Some(day) = criterion.by {
            check_day(problems, &format!("{at}/by"), day, now, CRITERION_YEARS);
        }
    }
}

fn check_departments(problems: &mut Problems, names: &[String]) {
    let mut seen = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        let pointer = format!("/departments/{index}/name");
        problems.text(&pointer, name, NAME, false);
        if !seen.insert(name) {
            problems.add(pointer, "is there twice: put its people together");
        }
    }
}

fn check_usage(problems: &mut Problems, at: &str, range: &Range<Quantity>) {
    let most = Quantity::from_units(USAGE).unwrap_or(Quantity::ZERO);
    for (name, value) in [("low", range.low), ("base", range.base), ("high", range.high)] {
        if !(Quantity::ZERO..=most).contains(&value) {
            problems.add(format!("{at}/{name}"), format!("must be from 0 to {USAGE}"));
        }
    }
    if range.low > range.base {
        problems.add(format!("{at}/low"), "must not be above base");
    }
    if range.high < range.base {
        problems.add(format!("{at}/high"), "must not be below base");
    }
}

fn is_label(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=TENANT).contains(&text.len())
        && text.bytes().all(|b| plain(b) || b == b'-')
        && [text.bytes().next(), text.bytes().last()].into_iter().flatten().all(plain)
}

/// Good enough to write to; only a letter that arrives shows more.
fn is_address(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || is_unseen(c) || "<>(),;:\"\\[]".contains(c);
    let Some((local, domain)) = text.split_once('@') else { return false };
    let named = domain.contains('.') && domain.split('.').all(|part| !part.is_empty());
    text.len() <= EMAIL
        && !local.is_empty()
        && named
        && !domain.contains('@')
        && !text.contains(odd)
}

/// Control characters, and those that reorder or hide text.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A private key, or a JSON web token: nobody should send them, and we should not keep them.
fn looks_secret(text: &str) -> bool {
    let is_token = |word: &str| word.starts_with("eyJ") && word.matches('.').count() >= 2;
    text.contains("PRIVATE KEY-----") || text.split_whitespace().any(is_token)
}
