//! What is answered about a bill.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::corrected::{CorrectedOut, corrected};
use crate::domain::bill::{Cut, FORMULA, Slice};
use crate::domain::meter::Meter;
use crate::domain::money;
use crate::domain::proration::Share;
use crate::domain::rating::{BaseLine, Bound, Line, Part};
use crate::domain::subscription::PlanStretch;
use crate::http::Problem;
use crate::http::query::address;
use crate::routes::wire::{AsOf, MoneyOnWire};
use crate::store::accounts::Account;
use crate::store::bill::Bill;
use crate::store::posted::Posted;

/// What a period costs, or costs so far, and how that comes about.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Explained {
    /// Whose bill.
    #[schema(example = "acme")]
    pub account: String,
    /// For which period.
    pub period: PeriodOut,
    /// What it was read from.
    pub as_of: AsOf,
    /// How it was computed.
    pub formula: FormulaOut,
    /// The plans that were in force, in the order of time.
    pub plans: Vec<PlanOut>,
    /// Their fees.
    pub base: Vec<BaseOut>,
    /// What use is charged, by stretch, then by meter.
    pub lines: Vec<LineOut>,
    /// What was used and is not charged.
    pub uncharged: Vec<UnchargedOut>,
    /// What corrections of closed periods took back, where a plan charges for it.
    #[serde(default)]
    #[schema(required = false)]
    pub corrected: Vec<CorrectedOut>,
    /// The sum of all base fees and lines; null when no plan was in force.
    pub total: Option<MoneyOnWire>,
}

/// A billing period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PeriodOut {
    /// The first instant in it.
    #[schema(value_type = String, format = DateTime)]
    pub start: Timestamp,
    /// The first instant after it.
    #[schema(value_type = String, format = DateTime)]
    pub end: Timestamp,
    /// By whose midnights it runs.
    #[schema(example = "America/Chicago")]
    pub time_zone: String,
    /// Whether its figures can still change.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// When it was closed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<Timestamp>,
    /// The account's newest row then: no later one is in it.
    pub closed_with_row: Option<i64>,
}

/// A formula, and how it reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FormulaOut {
    /// Its name.
    #[schema(example = "rating")]
    pub name: String,
    /// Raised with every change that can change a bill.
    #[schema(minimum = 1)]
    pub version: u32,
    /// In words.
    pub rules: Vec<String>,
}

/// A stretch of the period in which one plan version was in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanOut {
    /// Its number, from 0; lines name it.
    pub stretch: usize,
    /// The plan.
    #[schema(example = "team")]
    pub plan: String,
    /// Its version.
    #[schema(minimum = 1)]
    pub version: u32,
    /// The first instant.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// The first instant after it.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
    /// Which part of the period it is.
    pub share: ShareOut,
}

/// A part of a period: how many milliseconds of how many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShareOut {
    /// Milliseconds of the stretch.
    pub milliseconds: u64,
    /// Milliseconds of the period.
    #[schema(minimum = 1)]
    pub of: u64,
}

/// A plan's fee for its stretch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BaseOut {
    /// Which stretch.
    pub stretch: usize,
    /// The fee of a whole period.
    pub full: MoneyOnWire,
    /// What it comes to.
    pub amount: MoneyOnWire,
}

/// What one meter's use in one stretch costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LineOut {
    /// Which stretch.
    pub stretch: usize,
    /// The meter.
    #[schema(example = "agents")]
    pub meter: String,
    /// What one unit of it is.
    #[schema(example = "runs")]
    pub unit: String,
    /// What was used. Below zero after corrections of earlier periods: that costs nothing, and is taken off
    /// what the next stretch used.
    #[schema(example = "45000")]
    pub used: String,
    /// Included units that earlier stretches left over for this one, with what they have below zero.
    #[schema(example = "40000")]
    pub included: String,
    /// What goes beyond them.
    #[schema(example = "5000")]
    pub billable: String,
    /// The tiers or packages that price it.
    pub parts: Vec<PartOut>,
    /// Their sum, not rounded, in the currency's main unit.
    #[schema(example = "150")]
    pub exact: String,
    /// That sum, rounded.
    pub rated: MoneyOnWire,
    /// What rounding added; below zero when it took away.
    #[schema(example = "0")]
    pub rounding: String,
    /// `minimum` or `maximum`, when that was charged instead.
    pub bound: Option<String>,
    /// What it comes to.
    pub amount: MoneyOnWire,
    /// The rows that `used` is the sum of.
    pub ledger: LedgerOut,
}

/// Units of one line that have one price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PartOut {
    /// How many units, or how many packages were started.
    #[schema(example = "5000")]
    pub count: String,
    /// The units in one package; null when single units are sold.
    pub package: Option<String>,
    /// The price of one.
    #[schema(example = "0.03")]
    pub price: String,
    /// What they cost, not rounded.
    #[schema(example = "150")]
    pub exact: String,
}

/// What was used and is not charged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnchargedOut {
    /// The stretch; null when no plan was in force.
    pub stretch: Option<usize>,
    /// The meter.
    #[schema(example = "signup")]
    pub meter: String,
    /// What one unit of it is.
    pub unit: String,
    /// What was used.
    pub used: String,
    /// `no_plan`: none was in force. `not_in_plan`: the plan has no price for it.
    #[schema(example = "not_in_plan")]
    pub reason: String,
    /// The rows that `used` is the sum of.
    pub ledger: LedgerOut,
}

/// Rows of the ledger behind a figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerOut {
    /// How many.
    #[schema(minimum = 0)]
    pub rows: i64,
    /// The oldest of them.
    pub first: Option<i64>,
    /// The newest of them.
    pub last: Option<i64>,
    /// Those that happened before the period: late use, and corrections of it.
    #[schema(minimum = 0)]
    pub late: i64,
    /// Those that are corrections or voids.
    #[schema(minimum = 0)]
    pub corrections: i64,
    /// The path of the list of them.
    pub events: String,
}

/// How [`crate::domain::rating`] and [`crate::domain::bill`] read.
const RULES: [&str; 6] = [
    "Use is charged by the plan that was in force when it happened; late use of an earlier, closed period by the first plan of this one; use before there was any plan is free.",
    "A base fee is charged for its share of the period, by milliseconds: what is left of it at the start of the stretch less what is left at its end, each rounded, so that the shares add up to the whole fee.",
    "The included units are those of all plans of the period, each for its share; they are used up in the order of time.",
    "billable = used - included, at least 0; exact = the sum of count x price over the parts.",
    "rated = exact, rounded once to the currency's smallest unit, half away from zero; a minimum or maximum is charged for the same share as the fee.",
    "total = the sum of the amounts of all base fees and lines.",
];

/// Behind the rule about included units, by the version of the formula.
const BELOW_ZERO: [&str; 2] = [
    "Use below zero, where corrections of closed periods took back more than was used, costs nothing; a stretch gives none of it to the next.",
    "Use below zero, where corrections of closed periods took back more than was used, costs nothing; it is taken off what the next stretch used, as if so much more were included there.",
];

fn rules(formula: u32) -> Vec<String> {
    let below = if formula == 1 { BELOW_ZERO[0] } else { BELOW_ZERO[1] };
    let (first, rest) = RULES.split_at(3);
    first.iter().chain([&below]).chain(rest).map(|&rule| rule.to_owned()).collect()
}

pub(super) fn explained(account: &Account, bill: &Bill, as_of: AsOf) -> Result<Explained, Problem> {
    let ground = &Ground { account, bill };
    let statement = bill.statement.as_ref();
    let lines = statement.iter().flat_map(|statement| &statement.lines);
    let lines = lines.map(|line| self::line(ground, line)).collect::<Option<_>>();
    Ok(Explained {
        account: account.id.to_string(),
        period: period(ground, as_of.at),
        as_of,
        formula: FormulaOut {
            name: FORMULA.to_owned(),
            version: bill.period.formula,
            rules: rules(bill.period.formula),
        },
        plans: plans(bill),
        base: statement.iter().flat_map(|statement| &statement.base).map(base).collect(),
        lines: lines.ok_or_else(|| Problem::internal("a line of a bill does not fit"))?,
        uncharged: uncharged(ground),
        corrected: corrected(bill).ok_or_else(|| Problem::internal("a correction does not fit"))?,
        total: statement.map(|statement| statement.total.into()),
    })
}

/// Whose bill, and the bill.
struct Ground<'a> {
    account: &'a Account,
    bill: &'a Bill,
}

fn period(Ground { account, bill }: &Ground<'_>, now: Timestamp) -> PeriodOut {
    let (edges, closed) = (bill.period.period, bill.period.closed);
    PeriodOut {
        start: edges.start(),
        end: edges.end(),
        time_zone: account.zone.name().to_owned(),
        is_final: bill.is_final(now),
        closed_at: closed.map(|closed| closed.at),
        closed_with_row: closed.map(|closed| closed.seq),
    }
}

fn plans(bill: &Bill) -> Vec<PlanOut> {
    let plan = |(stretch, of): (usize, &PlanStretch)| PlanOut {
        stretch,
        plan: of.plan.plan.clone(),
        version: of.plan.version,
        from: of.start,
        to: of.end,
        share: share(of.share),
    };
    bill.cut.stretches().iter().enumerate().map(plan).collect()
}

fn share(share: Share) -> ShareOut {
    let (milliseconds, of) = share.of_total();
    ShareOut { milliseconds, of }
}

fn base(line: &BaseLine) -> BaseOut {
    BaseOut { stretch: line.stretch, full: line.full.into(), amount: line.amount.into() }
}

/// `None` when a number does not fit, which rating rules out.
fn line(ground: &Ground<'_>, line: &Line) -> Option<LineOut> {
    let slices = ground.bill.slices.len();
    let slice = (0..slices).find(|slice| Cut::slice(*slice) == Slice::Charged(line.stretch))?;
    let exact = line.parts.iter().try_fold(0_i128, |sum, part| sum.checked_add(part.exact()?))?;
    let rated = money::exact(line.rated)?;
    let bound = line.bound.map(|bound| match bound {
        Bound::Minimum => "minimum".to_owned(),
        Bound::Maximum => "maximum".to_owned(),
    });
    Some(LineOut {
        stretch: line.stretch,
        meter: line.meter.name().to_owned(),
        unit: line.meter.unit().to_owned(),
        used: line.quantity.to_string(),
        included: line.included.to_string(),
        billable: line.billable.to_string(),
        parts: line.parts.iter().map(part).collect::<Option<_>>()?,
        exact: money::format_exact(exact),
        rated: line.rated.into(),
        rounding: money::format_exact(rated.checked_sub(exact)?),
        bound,
        amount: line.amount.into(),
        ledger: ledger(ground, slice, line.meter),
    })
}

fn part(part: &Part) -> Option<PartOut> {
    let exact = money::format_exact(part.exact()?);
    Some(match part {
        Part::Units { quantity, price } => {
            PartOut { count: quantity.to_string(), package: None, price: price.to_string(), exact }
        }
        Part::Packages { count, size, price } => PartOut {
            count: count.to_string(),
            package: Some(size.to_string()),
            price: price.to_string(),
            exact,
        },
    })
}

fn uncharged(ground: &Ground<'_>) -> Vec<UnchargedOut> {
    let lines = ground.bill.statement.iter().flat_map(|statement| &statement.lines);
    let charged: std::collections::BTreeSet<_> =
        lines.map(|line| (line.stretch, line.meter)).collect();
    let mut all = Vec::new();
    for (index, slice) in ground.bill.slices.iter().enumerate() {
        let (stretch, reason) = match Cut::slice(index) {
            Slice::Free => (None, "no_plan"),
            Slice::Charged(stretch) => (Some(stretch), "not_in_plan"),
        };
        for (meter, posted) in slice {
            if stretch.is_some_and(|stretch| charged.contains(&(stretch, *meter))) {
                continue;
            }
            all.push(UnchargedOut {
                stretch,
                meter: meter.name().to_owned(),
                unit: meter.unit().to_owned(),
                used: posted.quantity.to_string(),
                reason: reason.to_owned(),
                ledger: ledger(ground, index, *meter),
            });
        }
    }
    all
}

/// The rows of one meter in one slice, and where they are listed.
fn ledger(ground: &Ground<'_>, slice: usize, meter: Meter) -> LedgerOut {
    let posted = ground.bill.slices.get(slice).and_then(|slice| slice.get(&meter));
    let Posted { rows, first, last, late, corrections, .. } = posted.copied().unwrap_or_default();
    let cuts = ground.bill.cut.instants();
    let start = ground.bill.period.period.start().to_string();
    let mut pairs =
        vec![("filter[meter][eq]", meter.name().to_owned()), ("filter[period][eq]", start)];
    let bound = |cut: Option<&Timestamp>| cut.map(Timestamp::to_string);
    let from = slice.checked_sub(1).and_then(|before| bound(cuts.get(before)));
    pairs.extend(from.map(|from| ("filter[time][gte]", from)));
    pairs.extend(bound(cuts.get(slice)).map(|to| ("filter[time][lt]", to)));
    let route = format!("/billing/usage/{}/events", ground.account.id);
    let known = |row: i64| (row > 0).then_some(row);
    LedgerOut {
        rows,
        first: known(first),
        last: known(last),
        late,
        corrections,
        events: address(&route, &pairs),
    }
}
