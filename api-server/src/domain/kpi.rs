//! Key figures of all customers that name none of them.
//!
//! A figure of a few is a figure of each: whoever knows all but one learns that one. So a group has at
//! least as many accounts as is asked, and at least [`LEAST`]. Smaller groups are put together as
//! *other*, with the smallest of the rest until that is enough.
//!
//! A share of none or of all is a figure of each, too, and so is a mean at the end of its range. So figures
//! are coded there: none counts as one account and all as all but one, and means stay a hundredth away from
//! 0 and from 1, those of use from 2. Leaving such figures out would say the same as showing them.
//!
//! What is shown can be asked for with other sizes of groups, and subtracted. So all of it adds up the same
//! units, each coded by itself and of [`LEAST`] accounts or more: the groups as they are at [`LEAST`]. A figure
//! of which fewer are known in a unit is none there; the whole takes what is known of all such units
//! together as one more, if that is enough.
//!
//! Each account counts the same, in shares of answers too, so that no large one speaks for all. There
//! is one grouping: two that cross would tell who stands where they differ. Means are rounded to
//! hundredths.

use std::collections::{BTreeMap, BTreeSet};

use super::{BasisPoints, Ppm, decimal::div_round};

/// The fewest accounts of a group.
pub const LEAST: usize = 5;

/// What an account adds; `None` is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The plan that it is on.
    pub plan: Option<String>,
    /// Health.
    pub health: Option<BasisPoints>,
    /// Whether it is flagged.
    pub flagged: Option<bool>,
    /// The highest share of a quota that is used; above 2 it counts as 2.
    pub usage: Option<Ppm>,
    /// The share of answers in time.
    pub in_time: Option<Ppm>,
}

/// Which accounts, in the order in which they are shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// All.
    All,
    /// Those on none.
    NoPlan,
    /// Those on a plan.
    Plan(String),
    /// Those whose groups are too small, together.
    Other,
}

/// Figures of a group; `None` where too few are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Which.
    pub group: Group,
    /// How many accounts.
    pub accounts: usize,
    /// Mean health, in hundredths.
    pub health: Option<i64>,
    /// The share that is flagged, in hundredths.
    pub flagged: Option<i64>,
    /// The mean of the highest shares of quotas, in hundredths.
    pub usage: Option<i64>,
    /// The mean share of answers in time, in hundredths.
    pub in_time: Option<i64>,
}

/// A figure: what it is of an account, in millionths, and where its ends are coded.
#[derive(Clone, Copy)]
struct Figure {
    of: fn(&Member) -> Option<i64>,
    ends: Ends,
}

#[derive(Clone, Copy)]
enum Ends {
    /// Yes or no: one account more or fewer.
    Share,
    /// From 0 to this: a hundredth of one away from both.
    Bounded(i64),
}

const ONE: i64 = Ppm::ONE.0;
/// A hundredth.
const STEP: i64 = ONE / 100;
/// More use than this of a quota counts as this: any use of an empty quota has the largest ratio that there is,
/// and would speak for all.
const MOST_USAGE: i64 = 2 * ONE;

const HEALTH: Figure = Figure {
    of: |member| member.health.map(|health| Ppm::from(health).0),
    ends: Ends::Bounded(ONE),
};
const FLAGGED: Figure = Figure {
    of: |member| member.flagged.map(|flagged| if flagged { ONE } else { 0 }),
    ends: Ends::Share,
};
const USAGE: Figure = Figure {
    of: |member| member.usage.map(|ratio| ratio.0.min(MOST_USAGE)),
    ends: Ends::Bounded(MOST_USAGE),
};
const IN_TIME: Figure =
    Figure { of: |member| member.in_time.map(|share| share.0), ends: Ends::Bounded(ONE) };

/// A sum of values, and of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    total: i128,
    known: usize,
}

impl Sum {
    fn and(self, other: Self) -> Self {
        Self {
            total: self.total.saturating_add(other.total),
            known: self.known.saturating_add(other.known),
        }
    }
}

/// The figures of all, then of each group by plan. None at all where there are too few accounts.
/// `least` is raised to [`LEAST`].
#[must_use]
pub fn figures(members: &[Member], least: usize) -> Vec<Figures> {
    let least = least.max(LEAST);
    if members.len() < least {
        return Vec::new();
    }
    let plans = grouped(members);
    let others = small(&plans, least);
    let units = merged(plans, LEAST);
    let mut groups = BTreeMap::<Group, Vec<&[&Member]>>::new();
    for (group, of) in &units {
        let shown = if others.contains(group) { Group::Other } else { group.clone() };
        groups.entry(shown).or_default().push(of);
    }
    let all: Vec<&[&Member]> = units.values().map(|of| of.as_slice()).collect();
    let whole = |figure| mean(added(&all, figure).and(apart(&all, figure)), least);
    let first = row(Group::All, members.len(), &whole);
    let each = groups.iter().map(|(group, of)| {
        let accounts = of.iter().map(|unit| unit.len()).sum();
        row(group.clone(), accounts, &|figure| mean(added(of, figure), least))
    });
    // One group that is all says the same twice.
    let each = each.filter(|row| row.accounts < members.len());
    std::iter::once(first).chain(each).collect()
}

fn row(group: Group, accounts: usize, figure: &dyn Fn(Figure) -> Option<i64>) -> Figures {
    Figures {
        group,
        accounts,
        health: figure(HEALTH),
        flagged: figure(FLAGGED),
        usage: figure(USAGE),
        in_time: figure(IN_TIME),
    }
}

type Grouped<'a> = BTreeMap<Group, Vec<&'a Member>>;

/// By plan.
fn grouped(members: &[Member]) -> Grouped<'_> {
    let mut groups = Grouped::new();
    for member in members {
        let plan = member.plan.clone().map_or(Group::NoPlan, Group::Plan);
        groups.entry(plan).or_default().push(member);
    }
    groups
}

/// The groups that are put together, the smallest, so that all have `least` accounts. Of a larger least
/// they are the same and more.
fn small(groups: &Grouped<'_>, least: usize) -> BTreeSet<Group> {
    let mut by_size: Vec<(usize, &Group)> =
        groups.iter().map(|(group, of)| (of.len(), group)).collect();
    by_size.sort_unstable();
    let mut small = BTreeSet::new();
    let mut accounts = 0;
    for (size, group) in by_size {
        if size >= least && (small.is_empty() || accounts >= least) {
            break;
        }
        small.insert(group.clone());
        accounts += size;
    }
    if !small.is_empty() {
        small.insert(Group::Other);
    }
    small
}

fn merged(groups: Grouped<'_>, least: usize) -> Grouped<'_> {
    let small = small(&groups, least);
    let mut merged = Grouped::new();
    for (group, of) in groups {
        let group = if small.contains(&group) { Group::Other } else { group };
        merged.entry(group).or_default().extend(of);
    }
    merged
}

fn known(group: &[&Member], figure: Figure) -> usize {
    group.iter().filter(|member| (figure.of)(member).is_some()).count()
}

/// What units show together.
fn added(units: &[&[&Member]], figure: Figure) -> Sum {
    let enough = units.iter().filter(|of| known(of, figure) >= LEAST);
    enough.fold(Sum::default(), |sum, of| sum.and(coded(of, figure)))
}

/// What units do not show by themselves, as one.
fn apart(units: &[&[&Member]], figure: Figure) -> Sum {
    let few = units.iter().filter(|of| known(of, figure) < LEAST);
    let few: Vec<&Member> = few.flat_map(|of| of.iter().copied()).collect();
    if known(&few, figure) < LEAST { Sum::default() } else { coded(&few, figure) }
}

/// What is known of a unit, away from the ends at which it would be known of each.
fn coded(group: &[&Member], figure: Figure) -> Sum {
    let values = group.iter().filter_map(|member| (figure.of)(member));
    let (total, known) = values
        .fold((0_i128, 0_usize), |(total, known), value| (total + i128::from(value), known + 1));
    let of_each =
        |value: i64| i128::try_from(known).unwrap_or(i128::MAX).saturating_mul(value.into());
    let (low, high) = match figure.ends {
        Ends::Share => (i128::from(ONE), of_each(ONE).saturating_sub(i128::from(ONE))),
        Ends::Bounded(top) => (of_each(STEP), of_each(top - STEP)),
    };
    // Of two accounts or fewer nothing is between these; units have more.
    Sum { total: total.min(high).max(low), known }
}

/// The mean in hundredths, half away from zero; `None` when fewer than `least` are known.
fn mean(sum: Sum, least: usize) -> Option<i64> {
    if sum.known < least {
        return None;
    }
    let count = i128::try_from(sum.known).ok()?;
    let mean = div_round(sum.total, count.checked_mul(i128::from(STEP))?)?;
    i64::try_from(mean).ok()
}

#[cfg(test)]
mod tests;
