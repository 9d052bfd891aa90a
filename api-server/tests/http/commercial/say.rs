//! How answers are said in a document.

use std::fmt::Write as _;

use api_server::domain::{Quantity, prose};
use serde_json::Value;

use super::Asked;

pub fn block(what: &str, asked: &Asked) -> String {
    let answer = &asked.answer;
    match what {
        "prices" => prices(answer),
        "support" => support(answer),
        "outcome" => outcome(answer),
        "steps" => steps(&asked.request, answer),
        "payback" => payback(&asked.request, answer),
        "fit" => fit(answer),
        "reasons" => reasons(answer),
        _ => panic!("{what}: prices, support, outcome, steps, payback, fit or reasons"),
    }
}

/// `1234567.50` as `1,234,567.50`.
fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |rest| ("−", rest));
    let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut out = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

fn text(value: &Value) -> String {
    match value {
        Value::Object(money) => grouped(money["amount"].as_str().unwrap()),
        Value::Null => "never".to_owned(),
        other => grouped(&other.as_str().map_or_else(|| other.to_string(), str::to_owned)),
    }
}

/// `37.555555556` as `37.56`: nobody is paid less than a cent.
fn cents(value: &Value) -> String {
    grouped(&format!("{:.2}", value["amount"].as_str().unwrap().parse::<f64>().unwrap()))
}

/// A share as a percentage: `0.15` as `15 %`. By moving the point: no figure is computed anew.
fn percent(share: &Value) -> String {
    let share = share.as_str().unwrap();
    let (sign, share) = share.strip_prefix('-').map_or(("", share), |rest| ("−", rest));
    let (whole, rest) = share.split_once('.').unwrap_or((share, ""));
    let digits = format!("{whole}{rest:0<2}");
    let (before, after) = digits.split_at(whole.len() + 2);
    let before = before.trim_start_matches('0');
    let before = if before.is_empty() { "0" } else { before };
    // Down to a tenth of a per cent: more is what nobody reads.
    let after: String = after.chars().take(1).filter(|digit| *digit != '0').collect();
    let point = if after.is_empty() { "" } else { "." };
    format!("{sign}{before}{point}{after} %")
}

fn prices(list: &Value) -> String {
    let plans = list["plans"].as_array().unwrap();
    let mut out = String::from("| per month, USD |");
    for plan in plans {
        write!(out, " {} |", plan["key"].as_str().unwrap()).unwrap();
    }
    out += &format!("\n|---|{}\n| base fee |", "---:|".repeat(plans.len()));
    for plan in plans {
        write!(out, " {} |", text(&plan["base"])).unwrap();
    }
    for (index, meter) in plans[0]["meters"].as_array().unwrap().iter().enumerate() {
        let (name, unit) = (meter["name"].as_str().unwrap(), meter["unit"].as_str().unwrap());
        write!(out, "\n| {name}: {unit} included / each further |").unwrap();
        for plan in plans {
            let meter = &plan["meters"][index];
            assert_eq!(meter["name"], name, "plans list their meters in one order");
            write!(out, " {} / {} |", text(&meter["included"]), text(&meter["price"]["price"]))
                .unwrap();
        }
    }
    out += "\n| support answers within |";
    for plan in plans {
        write!(out, " {} h |", plan["support_hours"]).unwrap();
    }
    out + "\n"
}

fn support(list: &Value) -> String {
    let each = list["plans"].as_array().unwrap().iter();
    each.map(|plan| {
        format!(
            "- **{}**: an answer within {} hours.\n",
            plan["key"].as_str().unwrap(),
            plan["support_hours"]
        )
    })
    .collect()
}

fn outcome(answer: &Value) -> String {
    let rows = [
        ("hours saved in a year", "hours"),
        ("what a full year is worth", "benefit"),
        ("left of it after subscription and running cost", "annual_net"),
        ("months until the one-off cost is back", "payback_months"),
        ("today's value of all benefits", "present_benefit"),
        ("today's value of all costs", "present_cost"),
        ("net present value", "npv"),
    ];
    let mut out = String::from("| | low | likely | high |\n|---|---:|---:|---:|\n");
    for (name, key) in rows {
        let row = &answer[key];
        let [low, base, high] = ["low", "base", "high"].map(|which| text(&row[which]));
        writeln!(out, "| {name} | {low} | **{base}** | {high} |").unwrap();
    }
    let roi = ["low", "base", "high"].map(|which| match &answer["roi"][which] {
        Value::Null => "–".to_owned(),
        share => percent(share),
    });
    writeln!(out, "| return on investment | {} | **{}** | {} |", roi[0], roi[1], roi[2]).unwrap();
    let hours: Quantity = answer["break_even_hours"].as_str().unwrap().parse().unwrap();
    let hours = prose::at_least(hours);
    writeln!(out, "\nIt breaks even when each person saves {hours} hours a week.").unwrap();
    out
}

fn steps(request: &Value, answer: &Value) -> String {
    let department = &request["departments"][0];
    let hours = &answer["hours"]["base"];
    let mut out = String::from("| step | with these assumptions | figure |\n|---|---|---:|\n");
    let mut row = |step: &str, with: String, figure: String| {
        writeln!(out, "| {step} | {with} | {figure} |").unwrap();
    };
    row(
        "hours",
        format!(
            "{} people × {} h × {} weeks",
            department["people"],
            text(&department["hours_per_week"]["base"]),
            department["weeks_per_year"]
        ),
        text(hours),
    );
    row(
        "hourly rate",
        format!(
            "{} × (1 + {}) ÷ {} hours",
            text(&request["salary"]),
            percent(&request["burden"]),
            grouped(&request["productive_hours"].to_string())
        ),
        cents(&answer["hourly_rate"]),
    );
    row(
        "benefit",
        format!(
            "hours × rate × {} × (1 − {})",
            percent(&request["realisation"]["base"]),
            percent(&request["risk"])
        ),
        text(&answer["benefit"]["base"]),
    );
    row(
        "annual net",
        format!("benefit − {} − {}", text(&request["subscription"]), text(&request["run_cost"])),
        text(&answer["annual_net"]["base"]),
    );
    row(
        "payback",
        format!("{} ÷ (annual net ÷ 12)", text(&request["one_off"])),
        format!("{} months", text(&answer["payback_months"]["base"])),
    );
    row(
        "NPV",
        format!(
            "−{} + annual net of {} years at {}",
            text(&request["one_off"]),
            request["years"],
            percent(&request["discount"])
        ),
        text(&answer["npv"]["base"]),
    );
    row(
        "ROI",
        format!(
            "({} − {}) ÷ {}",
            text(&answer["present_benefit"]["base"]),
            text(&answer["present_cost"]["base"]),
            text(&answer["present_cost"]["base"])
        ),
        percent(&answer["roi"]["base"]),
    );
    out
}

/// A number as it stands in JSON's text, in millionths.
fn micros(number: &Value) -> i64 {
    number.as_str().unwrap().parse::<Quantity>().unwrap().micros()
}

/// Hundredths of a currency's unit, as they are shown.
fn hundredths(money: &Value) -> i64 {
    micros(&money["amount"]) / 10_000
}

fn units(hundredths: i64) -> String {
    grouped(&format!("{}.{:02}", hundredths / 100, hundredths % 100))
}

/// The likely payback as one works it out by hand from what the page shows, in whole hundredths. That it comes to what
/// was answered shows that the page's formula is the program's.
fn payback(request: &Value, answer: &Value) -> String {
    let benefit = hundredths(&answer["benefit"]["base"]);
    let yearly = hundredths(&request["subscription"]) + hundredths(&request["run_cost"]);
    let mut left = hundredths(&request["one_off"]);
    let mut out = String::from("| year | its net | left of the one-off cost |\n|---:|---|---:|\n");
    let ramp = request["ramp"].as_array().unwrap();
    for (year, share) in (1..).zip(ramp.iter().map(Some).chain([None])) {
        let tenths = share.map_or(10, |share| micros(share) / 100_000);
        let net = (benefit * tenths + 5) / 10 - yearly;
        let of = share.map_or_else(String::new, |share| format!("{} of ", percent(share)));
        let sum = format!("{of}{} − {} = {}", units(benefit), units(yearly), units(net));
        if share.is_some() && left > net {
            left -= net;
            writeln!(out, "| {year} | {sum} | {} |", units(left)).unwrap();
            continue;
        }
        let tenths = (left * 120 + net / 2) / net;
        let months = format!("{}.{}", tenths / 10, tenths % 10);
        let (before, all) = (12 * (year - 1), tenths + 120 * (year - 1));
        writeln!(
            out,
            "| {year} | {sum} | in {} ÷ ({} ÷ 12) = {months} months |",
            units(left),
            units(net)
        )
        .unwrap();
        let worked = format!("{}.{}", all / 10, all % 10);
        assert_eq!(
            answer["payback_months"]["base"], worked,
            "the page's formula is another\n{out}"
        );
        return format!("{out}\nThat is {before} + {months} = **{worked}** months.\n");
    }
    unreachable!("the year after the ramp is the last")
}

fn fit(answer: &Value) -> String {
    let mut out =
        String::from("| plan | low | likely | high | expected |\n|---|---:|---:|---:|---:|\n");
    for plan in answer["ranking"].as_array().unwrap() {
        let key = plan["plan"]["key"].as_str().unwrap();
        let name =
            if plan["plan"] == answer["plan"] { format!("**{key}**") } else { key.to_owned() };
        let [low, base, high] = ["low", "base", "high"].map(|which| text(&plan["costs"][which]));
        writeln!(out, "| {name} | {low} | {base} | {high} | {} |", text(&plan["expected"]))
            .unwrap();
    }
    for plan in answer["excluded"].as_array().unwrap() {
        let (key, reason) = (&plan["plan"]["key"], plan["reason"].as_str().unwrap());
        writeln!(out, "\n`{}` does not fit: {reason}", key.as_str().unwrap()).unwrap();
    }
    let profile = &answer["profile"];
    let overlays: Vec<_> =
        profile["overlays"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    let with = if overlays.is_empty() {
        String::new()
    } else {
        format!(" with `{}`", overlays.join("`, `"))
    };
    writeln!(out, "\nProfile `{}`{with}.", profile["key"].as_str().unwrap()).unwrap();
    out
}

fn reasons(answer: &Value) -> String {
    let sentences = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    };
    let why = [&answer["reasons"], &answer["profile"]["reasons"]].into_iter().flat_map(sentences);
    let other = sentences(&answer["would_change_if"]);
    let lines = why.chain(other.iter().map(|change| format!("another plan: {change}")));
    lines.map(|line| format!("- {line}\n")).collect()
}
