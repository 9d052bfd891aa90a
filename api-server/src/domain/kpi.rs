//! Key figures of all customers that name none of them.
//!
//! A figure of a few is a figure of each: whoever knows all but one learns that one. So a group has at
//! least as many accounts as is asked, and at least [`LEAST`]. Smaller groups are put together as
//! *other*, with the smallest of the rest until that is enough. A figure of which fewer than these are
//! known is left out of its group. The whole has it only where subtracting the groups that have it
//! leaves nothing, or enough accounts: else the whole would tell what the group must not.
//!
//! Each account counts the same, in shares of answers too, so that no large one speaks for all. There
//! is one grouping: two that cross would tell who stands where they differ. Means are rounded to
//! hundredths.

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
    /// The highest share of a quota that is used.
    pub usage: Option<Ppm>,
    /// The share of answers in time.
    pub in_time: Option<Ppm>,
}

/// Which accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Group {
    /// All.
    All,
    /// Those on a plan.
    Plan(String),
    /// Those on none.
    NoPlan,
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

/// A figure of an account, in millionths.
type Of = fn(&Member) -> Option<i64>;

const HEALTH: Of = |member| member.health.map(|health| Ppm::from(health).0);
const FLAGGED: Of = |member| member.flagged.map(|flagged| if flagged { Ppm::ONE.0 } else { 0 });
const USAGE: Of = |member| member.usage.map(|ratio| ratio.0);
const IN_TIME: Of = |member| member.in_time.map(|share| share.0);

/// The figures of all, then of each group by plan. None at all where there are too few accounts.
/// `least` is raised to [`LEAST`].
#[must_use]
pub fn figures(members: &[Member], least: usize) -> Vec<Figures> {
    let least = least.max(LEAST);
    if members.len() < least {
        return Vec::new();
    }
    let groups = merged(grouped(members), least);
    let all: Vec<&Member> = members.iter().collect();
    let whole = |of: Of| {
        let kept = groups.iter().map(|(_, group)| known(group, of)).filter(|n| *n < least);
        let rest: usize = kept.sum();
        if rest == 0 || rest >= least { mean(&all, of, least) } else { None }
    };
    let first = row(Group::All, members.len(), &whole);
    let each = groups
        .iter()
        .map(|(group, of)| row(group.clone(), of.len(), &|figure| mean(of, figure, least)));
    // One group that is all says the same twice.
    let each = each.filter(|row| row.accounts < members.len());
    std::iter::once(first).chain(each).collect()
}

fn row(group: Group, accounts: usize, figure: &dyn Fn(Of) -> Option<i64>) -> Figures {
    Figures {
        group,
        accounts,
        health: figure(HEALTH),
        flagged: figure(FLAGGED),
        usage: figure(USAGE),
        in_time: figure(IN_TIME),
    }
}

type Grouped<'a> = Vec<(Group, Vec<&'a Member>)>;

/// By plan, in the order of the plans' names.
fn grouped(members: &[Member]) -> Grouped<'_> {
    let mut groups = std::collections::BTreeMap::<Option<&str>, Vec<&Member>>::new();
    for member in members {
        groups.entry(member.plan.as_deref()).or_default().push(member);
    }
    let named = |(plan, of): (Option<&str>, _)| {
        (plan.map_or(Group::NoPlan, |plan| Group::Plan(plan.to_owned())), of)
    };
    groups.into_iter().map(named).collect()
}

/// Groups with at least `least` accounts each: the smallest are put together until all have.
fn merged(groups: Grouped<'_>, least: usize) -> Grouped<'_> {
    let mut by_size: Vec<usize> = (0..groups.len()).collect();
    by_size.sort_by_key(|index| groups.get(*index).map_or(0, |(_, of)| of.len()));
    let mut other = std::collections::BTreeSet::new();
    let mut accounts = 0;
    for index in by_size {
        let size = groups.get(index).map_or(0, |(_, of)| of.len());
        let enough = size >= least && (other.is_empty() || accounts >= least);
        if enough {
            break;
        }
        other.insert(index);
        accounts += size;
    }
    let mut together = Vec::new();
    let mut rest = Vec::new();
    for (index, (group, of)) in groups.into_iter().enumerate() {
        if other.contains(&index) { together.extend(of) } else { rest.push((group, of)) }
    }
    if !together.is_empty() {
        rest.push((Group::Other, together));
    }
    rest
}

fn known(group: &[&Member], of: Of) -> usize {
    group.iter().filter(|member| of(member).is_some()).count()
}

/// The mean in hundredths, half away from zero; `None` when fewer than `least` are known.
fn mean(group: &[&Member], of: Of, least: usize) -> Option<i64> {
    let values: Vec<i64> = group.iter().filter_map(|member| of(member)).collect();
    if values.len() < least {
        return None;
    }
    let count = i128::try_from(values.len()).ok()?;
    let sum: i128 = values.iter().map(|value| i128::from(*value)).sum();
    let mean = div_round(sum, count.checked_mul(i128::from(Ppm::ONE.0) / 100)?)?;
    i64::try_from(mean).ok()
}

#[cfg(test)]
mod tests;
