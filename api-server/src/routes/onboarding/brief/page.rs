//! The brief as a page to print. Every text in it goes through [`escaped`].

use std::fmt::{Display, Write as _};

use super::{BriefOut, ComparedOut};
use crate::domain::prose::{self, grouped};
use crate::domain::{Ppm, decimal};
use crate::routes::onboarding::assumptions::AssumptionsOut;
use crate::routes::roi::RoiOut;
use crate::routes::wire::{MoneyOnWire, RangeOnWire};

pub(super) const STYLE: &str = "\
body{font:15px/1.5 'Seravek','Gill Sans Nova',Ubuntu,Calibri,sans-serif;max-width:46rem;\
margin:3rem auto 3rem max(8vw,2rem);color:#1b1a17;background:#fbfaf6;font-variant-numeric:tabular-nums}\
h1{font-size:1.6rem;margin:0}h2{font-size:1rem;margin:2rem 0 .5rem}h3{font-size:1rem;font-weight:400;margin:1rem 0 .5rem}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25rem 1rem .25rem 0;\
border-top:1px solid #cfccc2;vertical-align:top}td.n,th.n{text-align:right}\
tr.own td{font-weight:600}p.what{white-space:pre-wrap}small{color:#5d5a52}\
@media print{body{margin:0;background:none}h2{break-after:avoid}tr{break-inside:avoid}}";

/// Text that cannot end an element or attribute.
fn escaped(text: impl Display) -> String {
    let text = text.to_string();
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn money(money: &MoneyOnWire) -> String {
    escaped(format!("{} {}", money.currency, grouped(&money.amount)))
}

fn range(range: &RangeOnWire<MoneyOnWire>) -> String {
    let (low, high) = (grouped(&range.low.amount), grouped(&range.high.amount));
    let (low, high) = (escaped(low), escaped(high));
    format!("{} <small>({low} to {high})</small>", money(&range.base))
}

/// The page. Writing into a text cannot fail.
pub(super) fn page(brief: &BriefOut) -> String {
    let mut out = String::new();
    let (name, tenant) = (escaped(&brief.display_name), escaped(&brief.tenant));
    let _ = write!(
        out,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Brief: {name}</title>\
         <style>{STYLE}</style></head><body><h1>{name}</h1>"
    );
    let submitted = escaped(brief.submitted_at.strftime("%Y-%m-%d %H:%M UTC"));
    let status = escaped(brief.status.replace('_', " "));
    let _ = write!(out, "<p>Tenant {tenant} · {status} · asked on {submitted}</p>");
    let (contact, email) = (escaped(&brief.contact.name), escaped(&brief.contact.email));
    let _ = write!(
        out,
        "<p>{contact}, {email}</p><h2>What it is for</h2><p class=\"what\">{}</p>\
         <p>Work begins on {} ({}).</p>",
        escaped(&brief.use_case),
        escaped(&brief.go_live_date),
        escaped(&brief.time_zone),
    );
    plans(&mut out, brief);
    profile(&mut out, brief);
    if let Some(roi) = &brief.evaluated.roi {
        business(&mut out, roi);
        assumed(&mut out, &brief.assumptions);
    }
    criteria(&mut out, brief);
    out.push_str("</body></html>\n");
    out
}

fn list(out: &mut String, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    out.push_str("<ul>");
    for line in lines {
        let _ = write!(out, "<li>{}</li>", escaped(line));
    }
    out.push_str("</ul>");
}

fn plans(out: &mut String, brief: &BriefOut) {
    out.push_str(
        "<h2>Plans</h2><table><tr><th>Plan</th><th class=\"n\">Fee a month</th>\
         <th>Included</th><th class=\"n\">Support</th><th>By the estimates of use, a month</th></tr>",
    );
    for plan in &brief.comparison {
        self::plan(out, plan);
    }
    out.push_str("</table>");
    list(out, &brief.evaluated.plan.reasons);
    list(out, &brief.evaluated.plan.would_change_if);
}

fn plan(out: &mut String, plan: &ComparedOut) {
    let included: Vec<String> = plan
        .included
        .iter()
        .map(|one| escaped(format!("{} {} of {}", grouped(&one.quantity), one.unit, one.meter)))
        .collect();
    let class = if plan.recommended { " class=\"own\"" } else { "" };
    let mark = if plan.recommended { " · recommended" } else { "" };
    let cost = match (&plan.monthly, &plan.excluded) {
        (Some(costs), _) => range(costs),
        (None, Some(why)) => escaped(why),
        (None, None) => "–".to_owned(),
    };
    let _ = write!(
        out,
        "<tr{class}><td>{}{mark}</td><td class=\"n\">{}</td><td>{}</td><td class=\"n\">{} h</td><td>{cost}</td></tr>",
        escaped(&plan.plan.key),
        money(&plan.base),
        included.join("<br>"),
        plan.support_hours,
    );
}

fn profile(out: &mut String, brief: &BriefOut) {
    let profile = &brief.evaluated.profile;
    let overlays: Vec<String> =
        profile.overlays.iter().map(|name| format!(" + {}", escaped(name))).collect();
    let _ = write!(out, "<h2>Profile</h2><p>{}{}</p>", escaped(&profile.key), overlays.concat());
    list(out, &profile.reasons);
}

fn business(out: &mut String, roi: &RoiOut) {
    out.push_str(
        "<h2>Business case</h2><table><tr><th></th><th>Likely (cautious to hopeful)</th></tr>",
    );
    let rows = [
        ("What a full year is worth", &roi.benefit),
        ("Left of it after subscription and running cost", &roi.annual_net),
        ("Today's value of all of it", &roi.npv),
    ];
    for (name, amounts) in rows {
        let _ = write!(out, "<tr><td>{}</td><td>{}</td></tr>", escaped(name), range(amounts));
    }
    let months = |text: &Option<String>| {
        text.as_ref()
            .map_or_else(|| "never".to_owned(), |months| format!("{} months", grouped(months)))
    };
    let paid = &roi.payback_months;
    let _ = write!(
        out,
        "<tr><td>Paid back after</td><td>{} <small>({} to {})</small></td></tr>",
        escaped(months(&paid.base)),
        escaped(months(&paid.low)),
        escaped(months(&paid.high)),
    );
    out.push_str("</table>");
}

/// A share of one as a percentage: `0.30` is `30 %`.
fn percent(share: &str) -> String {
    decimal::parse(share, 6).map_or_else(|_| share.to_owned(), |ppm| prose::percent(Ppm(ppm)))
}

/// What the business case was worked out from.
fn assumed(out: &mut String, given: &AssumptionsOut) {
    out.push_str(
        "<h3>Worked out from</h3><table><tr><th></th><th>Likely (cautious to hopeful)</th></tr>",
    );
    let mut row = |name: &str, value: String| {
        let _ = write!(out, "<tr><td>{}</td><td>{value}</td></tr>", escaped(name));
    };
    for one in &given.departments {
        let RangeOnWire { low, base, high } = &one.hours_per_week;
        let [low, base, high] = [low, base, high].map(escaped);
        let people = prose::count(one.people.into());
        let hours = format!("{people} × {base} h a week <small>({low} to {high})</small>");
        row(&one.name, format!("{hours}, {} weeks a year", one.weeks_per_year));
    }
    row("Salary a year", money(&given.salary));
    row("On top of the salary", escaped(percent(&given.burden)));
    row("Hours that one works a year", prose::count(given.productive_hours.into()));
    let [low, base, high] =
        [&given.realisation.low, &given.realisation.base, &given.realisation.high]
            .map(|share| escaped(percent(share)));
    row("Becomes other work", format!("{base} <small>({low} to {high})</small>"));
    row("Written off as too hopeful", escaped(percent(&given.risk)));
    let ramp: Vec<String> = given.ramp.iter().map(|share| percent(share)).collect();
    if !ramp.is_empty() {
        row("Of the benefit in the first years", escaped(ramp.join(", ")));
    }
    row("Errors avoided a year", money(&given.error_cost_avoided));
    if let Some(subscription) = &given.subscription {
        row("Subscription a year", money(subscription));
    }
    row("Costs a year to run", money(&given.run_cost));
    row("Costs once", money(&given.one_off));
    row("Discount rate", escaped(percent(&given.discount)));
    row("Years to look ahead", given.years.to_string());
    out.push_str("</table>");
}

fn criteria(out: &mut String, brief: &BriefOut) {
    out.push_str("<h2>How it will be seen that it goes well</h2><table><tr><th>What</th><th>Where it shows</th></tr>");
    for one in &brief.criteria {
        let (what, by) = (escaped(&one.what), escaped(shows(&one.measured_by)));
        let _ = write!(out, "<tr><td>{what}</td><td>{by}</td></tr>");
    }
    out.push_str("</table>");
}

/// Where a sign of success shows, for who reads it and not the API. What a newer server wrote stands as it is.
fn shows(measured_by: &str) -> &str {
    match measured_by {
        "facts: go_live_date" => "the day of going live, as stated",
        "facts: criteria" => "the signs of success, as stated",
        "facts: departments, criteria" => "the departments and signs of success, as stated",
        "support_response_sla_hours" => "how support answers",
        "usage: flagged" => "health and quotas",
        "usage: meters" => "use by meter",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let hostile = "<script>'\"&</script>";
        assert_eq!(escaped(hostile), "&lt;script&gt;&#39;&quot;&amp;&lt;/script&gt;");
    }
}
