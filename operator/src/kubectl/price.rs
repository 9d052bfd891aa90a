//! Prices and bills as people read them. Pure.

use serde::Serialize;

use super::{
    table::{Cell, table},
    wire::{
        AccountUsage, CorrectedOut, CostEdgesOut, Explained, LineOut, MoneyOnWire, Plan,
        PlanChangeOut, PlanMeter, PlanPrice, PlanStatus, TakesEffect,
    },
    words::{NONE, Style, Tone, last_day},
};

/// What a change of plan would cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// The plan that was asked about.
    pub plan: String,
    /// What the API server answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<PlanChangeOut>,
    /// The plans concerned, from the price list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub list: Vec<Plan>,
    /// Why there is less than all of this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_shown: Option<String>,
}

/// What an account came to, and will come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bill {
    /// What the API server answers of its use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<AccountUsage>,
    /// And of its bill so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bill: Option<Explained>,
    /// Why there is less than all of this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_shown: Option<String>,
}

impl Price {
    /// Leaves those plans of the list that the change is about.
    pub fn keep_those_concerned(&mut self) {
        let from = self.change.as_ref().and_then(|change| change.from.clone());
        let asked = self.plan.clone();
        self.list.retain(|plan| {
            plan.key == asked || from.as_ref().is_some_and(|from| from.key == plan.key)
        });
    }

    fn listed(&self, key: &str, version: u32) -> Option<&Plan> {
        self.list.iter().find(|plan| plan.key == key && plan.version == version)
    }
}

/// `1234567.5` with its thousands apart.
#[must_use]
pub fn grouped(number: &str) -> String {
    let (sign, rest) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, part) = rest.split_once('.').map_or((rest, None), |(w, p)| (w, Some(p)));
    if !whole.bytes().all(|b| b.is_ascii_digit()) {
        return number.to_owned();
    }
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    match part {
        Some(part) => format!("{sign}{text}.{part}"),
        None => format!("{sign}{text}"),
    }
}

/// `USD 1,049.00`.
#[must_use]
pub fn amount(money: &MoneyOnWire) -> String {
    format!("{} {}", money.currency, grouped(&money.amount))
}

fn day(instant: &str) -> &str {
    instant.split('T').next().unwrap_or(instant)
}

fn hidden(what: &str, why: Option<&String>, style: Style) -> String {
    why.map_or_else(String::new, |why| {
        format!("{}\n", style.paint(Tone::Warn, &format!("{what}: {why}")))
    })
}

/// What a change of plan would cost.
#[must_use]
pub fn price(price: &Price, style: Style) -> String {
    let Some(change) = &price.change else {
        let listed = price.list.iter().find(|plan| plan.key == price.plan);
        let list = listed.map_or_else(String::new, |plan| {
            format!(
                "list price of {}@{}\n{}",
                plan.key,
                plan.version,
                table(&terms(None, Some(plan)), 2, style)
            )
        });
        return list + &hidden("price not shown", price.not_shown.as_ref(), style);
    };
    let version = |key: &str, version: u32| format!("{key}@{version}");
    let to = change.plan.as_ref().map(|to| version(&to.key, to.version));
    let to = to.unwrap_or_else(|| "no plan".to_owned());
    let from = change.from.as_ref().map(|from| version(&from.key, from.version));
    let when = match change.takes_effect {
        TakesEffect::Now => "at once".to_owned(),
        TakesEffect::PeriodEnd => {
            format!("from {} on, when the period ends", day(&change.effective_at))
        }
    };
    let head = match (change.status, change.takes_effect, &from) {
        (PlanStatus::Standing, TakesEffect::Now, _) => {
            format!("price: {to} is agreed already, since {}", day(&change.effective_at))
        }
        (PlanStatus::Standing, TakesEffect::PeriodEnd, _) => {
            format!("price: {to} is agreed already, {when}")
        }
        (_, _, Some(from)) => format!("price: {from} → {to}, {when}"),
        (_, _, None) => format!("price: {to}, {when}"),
    };
    let mut text = format!("{head}\n");
    // What was agreed before was charged then.
    if change.status != PlanStatus::Standing {
        text.push_str(&proration(change));
    }
    let before = change.from.as_ref().and_then(|from| price.listed(&from.key, from.version));
    let after = change.plan.as_ref().and_then(|to| price.listed(&to.key, to.version));
    text.push_str(&table(&terms(before, after), 2, style));
    text
}

/// What is charged and given back for what is left of the period.
fn proration(change: &PlanChangeOut) -> String {
    let until = day(&change.period_ends_at);
    let part = |money: &Option<MoneyOnWire>, what: &str| {
        money.as_ref().map(|money| format!("{} {what}", amount(money)))
    };
    let parts = [part(&change.charge, "charged"), part(&change.credit, "given back")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match &change.net {
        Some(net) => {
            format!("  until {until}: {} ({})\n", amount(net), parts.join(", "))
        }
        None => format!("  until {until}: nothing changes\n"),
    }
}

/// Two plans beside each other; or one, where the other is none or not for sale any more.
fn terms(before: Option<&Plan>, after: Option<&Plan>) -> Vec<Vec<Cell>> {
    let plans: Vec<&Plan> = before.into_iter().chain(after).collect();
    if plans.is_empty() {
        return Vec::new();
    }
    let row = |name: &str, of: &dyn Fn(&Plan) -> String| {
        let cells = plans.iter().map(|plan| of(plan).into());
        std::iter::once(Cell::from(name)).chain(cells).collect::<Vec<Cell>>()
    };
    let mut rows = vec![
        row("", &|plan| format!("{}@{}", plan.key, plan.version)),
        row("base fee a period", &|plan| amount(&plan.base)),
        row("support answers", &|plan| format!("within {} h", plan.support_hours)),
    ];
    let mut meters: Vec<&str> = Vec::new();
    for meter in plans.iter().flat_map(|plan| &plan.meters) {
        if !meters.contains(&meter.name.as_str()) {
            meters.push(&meter.name);
        }
    }
    for name in meters {
        rows.push(row(name, &|plan| {
            let meter = plan.meters.iter().find(|meter| meter.name == name);
            meter.map_or_else(|| NONE.to_owned(), included)
        }));
    }
    rows
}

/// `40,000 runs, then 0.03 each`.
fn included(meter: &PlanMeter) -> String {
    let first = |tiers: &[super::wire::PlanTier]| {
        tiers.first().map_or_else(|| NONE.to_owned(), |tier| tier.price.clone())
    };
    let further = match &meter.price {
        PlanPrice::Flat { price } => format!("{price} each"),
        PlanPrice::Graduated { tiers } => format!("from {} on, by tiers", first(tiers)),
        PlanPrice::Volume { tiers } => format!("from {} on, by volume", first(tiers)),
        PlanPrice::Package { size, price } => format!("{price} for each {}", grouped(size)),
    };
    format!("{} {}, then {further}", grouped(&meter.included), meter.unit)
}

/// What an account came to and will come to.
#[must_use]
pub fn bill(shown: &Bill, style: Style) -> String {
    let mut text = String::new();
    if let Some(bill) = &shown.bill {
        text.push_str(&format!("  bill so far, as of {}\n", bill.as_of.at));
        text.push_str(&table(&lines(bill), 4, style));
    }
    if let Some(usage) = &shown.usage {
        text.push_str(&projected(usage));
    }
    text + &hidden("  prices not shown", shown.not_shown.as_ref(), style)
}

fn lines(bill: &Explained) -> Vec<Vec<Cell>> {
    let plan = |stretch: u64| {
        let found = bill.plans.iter().find(|plan| plan.stretch == stretch);
        found.map_or_else(String::new, |plan| {
            format!("{}@{} from {} to {}", plan.plan, plan.version, day(&plan.from), day(&plan.to))
        })
    };
    let base = bill.base.iter().map(|base| {
        vec!["base fee".into(), plan(base.stretch).into(), amount(&base.amount).into()]
    });
    let used = bill.lines.iter().map(|line| {
        vec![line.meter.clone().into(), use_of(line).into(), amount(&line.amount).into()]
    });
    let free = bill.uncharged.iter().map(|free| {
        let why = match free.reason.as_str() {
            "no_plan" => "no plan was in force",
            "not_in_plan" => "the plan has no price for it",
            other => other,
        };
        let used = format!("{} {}, {why}", grouped(&free.used), free.unit);
        vec![free.meter.clone().into(), used.into(), "not charged".into()]
    });
    let corrected = bill.corrected.iter().map(taken_back);
    let total = bill.total.as_ref().map_or_else(|| "no plan in force".to_owned(), amount);
    let total = vec!["total".into(), Cell::default(), Cell::toned(total, Tone::Head)];
    base.chain(used).chain(free).chain(corrected).chain(std::iter::once(total)).collect()
}

/// What corrections of closed periods took back of a meter, and whether the bill is less for it.
fn taken_back(one: &CorrectedOut) -> Vec<Cell> {
    let what = format!("{} {} taken back by corrections", grouped(&one.taken_back), one.unit);
    let worth = match one.without_worth.as_str() {
        "0" => "in its line".to_owned(),
        all if all == one.taken_back => "nothing given back".to_owned(),
        part => format!("in its line but for {}", grouped(part)),
    };
    vec![one.meter.clone().into(), what.into(), worth.into()]
}

/// `560 GB, 60 beyond 500`.
fn use_of(line: &LineOut) -> String {
    let used = format!("{} {}", grouped(&line.used), line.unit);
    let beyond = match line.billable.as_str() {
        "0" => format!("of {}", grouped(&line.included)),
        billable => format!("{} beyond {}", grouped(billable), grouped(&line.included)),
    };
    let bound = line.bound.as_ref().map_or_else(String::new, |bound| format!(", {bound} charged"));
    format!("{used}, {beyond}{bound}")
}

fn projected(usage: &AccountUsage) -> String {
    let zone = &usage.period.time_zone;
    let end = last_day(&usage.period.end, zone);
    let ends = usage.subscription.as_ref().and_then(|plans| plans.ends_at.as_ref());
    let ends = ends.map(|at| {
        format!(
            "  the subscription ends on {}: nothing is owed of later days\n",
            last_day(at, zone)
        )
    });
    let ends = ends.unwrap_or_default();
    let Some(cost) = &usage.projected_cost else {
        return format!("  by {end}: too early to say, or no plan\n{ends}");
    };
    let range = |edges: &CostEdgesOut| format!("{} to {}", amount(&edges.low), amount(&edges.high));
    let stale = if usage.as_of.stale {
        "; something has changed since, it is computed anew soon"
    } else {
        ""
    };
    format!(
        "  by {end}: {}; likely {} (80 %), nearly certain {} (95 %); as of {}{stale}\n{ends}",
        amount(&cost.mean),
        range(&cost.likely),
        range(&cost.nearly_certain),
        usage.as_of.at,
    )
}

#[cfg(test)]
mod tests;
