use proptest::prelude::*;

use super::*;

fn member(plan: &str, health: i64) -> Member {
    Member {
        plan: Some(plan.to_owned()).filter(|plan| !plan.is_empty()),
        health: Some(BasisPoints(health)),
        flagged: Some(health < 7_500),
        usage: Some(Ppm(500_000)),
        in_time: Some(Ppm(900_000)),
    }
}

fn some(plan: &str, count: usize) -> Vec<Member> {
    vec![member(plan, 9_000); count]
}

fn sizes(rows: &[Figures]) -> Vec<(Group, usize)> {
    rows.iter().map(|row| (row.group.clone(), row.accounts)).collect()
}

fn plan(name: &str) -> Group {
    Group::Plan(name.to_owned())
}

#[test]
fn groups_that_are_large_enough_stand_by_themselves() {
    let mut members = some("team", 6);
    members.extend(some("starter", 5));
    members[0].health = Some(BasisPoints(3_000));
    members[0].flagged = Some(true);
    let rows = figures(&members, LEAST);
    assert_eq!(sizes(&rows), [(Group::All, 11), (plan("starter"), 5), (plan("team"), 6)]);
    // (5 × 0.90 + 0.30) ÷ 6 = 0.80, and one of six is flagged.
    assert_eq!((rows[2].health, rows[2].flagged), (Some(80), Some(17)));
    assert_eq!((rows[1].usage, rows[1].in_time), (Some(50), Some(90)));
}

#[test]
fn one_small_group_takes_the_smallest_other_along() {
    let mut members = some("team", 9);
    members.extend(some("starter", 6));
    members.extend(some("scale", 1));
    // All but team and starter would be scale's one account: starter hides it.
    assert_eq!(
        sizes(&figures(&members, 5)),
        [(Group::All, 16), (plan("team"), 9), (Group::Other, 7)]
    );
}

#[test]
fn small_groups_that_are_enough_together_need_no_other() {
    let mut members = some("team", 9);
    members.extend(some("starter", 3));
    members.extend(some("", 2));
    assert_eq!(
        sizes(&figures(&members, 5)),
        [(Group::All, 14), (plan("team"), 9), (Group::Other, 5)]
    );
}

#[test]
fn too_few_accounts_say_nothing_not_even_their_number() {
    assert_eq!(figures(&some("team", 4), 5), []);
    assert_eq!(figures(&some("team", 4), 1), [], "nobody lowers the least");
    let two = [some("team", 4), some("scale", 3)].concat();
    assert_eq!(sizes(&figures(&two, 5)), [(Group::All, 7)], "no group is the whole again");
}

#[test]
fn a_figure_that_subtraction_would_tell_is_left_out_of_the_whole() {
    let mut members = some("team", 8);
    members.extend(some("starter", 6));
    // Of starter, health is known of two alone.
    members.iter_mut().skip(10).for_each(|member| member.health = None);
    let rows = figures(&members, 5);
    let health: Vec<_> = rows.iter().map(|row| row.health).collect();
    assert_eq!(health, [None, None, Some(90)], "all, starter, team");
    assert!(rows.iter().all(|row| row.usage.is_some()));
    // Of none at all: then the whole is team's, and tells nothing more.
    members.iter_mut().skip(8).for_each(|member| member.health = None);
    let health: Vec<_> = figures(&members, 5).iter().map(|row| row.health).collect();
    assert_eq!(health, [Some(90), None, Some(90)]);
}

fn anyone() -> impl Strategy<Value = Member> {
    let figure = || prop::option::of(0..=10_000_i64);
    (0..6_usize, figure(), figure(), figure(), prop::option::of(any::<bool>())).prop_map(
        |(plan, health, usage, in_time, flagged)| Member {
            plan: ["a", "b", "c", "d", "e"].get(plan).map(|&name| name.to_owned()),
            health: health.map(BasisPoints),
            flagged,
            usage: usage.map(|part| Ppm(part * 100)),
            in_time: in_time.map(|part| Ppm(part * 100)),
        },
    )
}

/// The accounts of a group that is shown.
fn of<'a>(row: &Figures, rows: &[Figures], members: &'a [Member]) -> Vec<&'a Member> {
    let shown = |member: &&Member| {
        rows.iter().any(|row| match (&row.group, &member.plan) {
            (Group::Plan(name), Some(plan)) => name == plan,
            (Group::NoPlan, None) => true,
            _ => false,
        })
    };
    let own = |member: &&Member| match (&row.group, &member.plan) {
        (Group::All, _) => true,
        (Group::Plan(name), Some(plan)) => name == plan,
        (Group::NoPlan, None) => true,
        (Group::Other, _) => !shown(member),
        _ => false,
    };
    members.iter().filter(own).collect()
}

proptest! {
    /// Neither a figure nor the difference of the whole and any groups is of fewer than the least.
    #[test]
    fn nothing_that_is_shown_or_follows_is_of_a_few(
        members in prop::collection::vec(anyone(), 0..60), least in 0..12_usize,
    ) {
        let rows = figures(&members, least);
        let least = least.max(LEAST);
        prop_assert_eq!(rows.is_empty(), members.len() < least);
        let Some((all, groups)) = rows.split_first() else { return Ok(()) };
        let counted: usize = groups.iter().map(|row| row.accounts).sum();
        let rest = members.len() - counted;
        prop_assert!(groups.is_empty() || rest == 0);
        type Shown = fn(&Figures) -> Option<i64>;
        let figures: [(Of, Shown); 4] = [
            (HEALTH, |row| row.health), (FLAGGED, |row| row.flagged),
            (USAGE, |row| row.usage), (IN_TIME, |row| row.in_time),
        ];
        for (of_member, shown) in figures {
            let count = |row: &Figures| known(&of(row, &rows, &members), of_member);
            for row in &rows {
                prop_assert!(row.accounts >= least && of(row, &rows, &members).len() == row.accounts);
                prop_assert!(shown(row).is_none() || count(row) >= least);
            }
            if shown(all).is_none() { continue }
            // Every choice of groups that could be subtracted.
            let told: Vec<usize> = groups.iter().filter(|row| shown(row).is_some()).map(count).collect();
            for choice in 0..(1_u32 << told.len()) {
                let part: usize = told.iter().enumerate()
                    .filter(|(bit, _)| choice & (1 << bit) != 0).map(|(_, count)| count).sum();
                let left = count(all) - part;
                prop_assert!(left == 0 || left >= least, "{} of {}", left, count(all));
            }
        }
    }

    /// Asking with different leasts tells no more: each group of the larger is made of whole groups of
    /// the smaller.
    #[test]
    fn a_larger_least_only_puts_groups_together(members in prop::collection::vec(anyone(), 0..60)) {
        let plans = |rows: &[Figures]| -> Vec<String> {
            rows.iter().filter_map(|row| match &row.group {
                Group::Plan(name) => Some(name.clone()),
                Group::NoPlan => Some(String::new()),
                _ => None,
            }).collect()
        };
        let mut before: Option<Vec<String>> = None;
        for least in LEAST..15 {
            let now = plans(&figures(&members, least));
            if let Some(before) = &before {
                prop_assert!(now.iter().all(|name| before.contains(name)), "{:?} {:?}", before, now);
            }
            before = Some(now);
        }
    }
}
