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
fn what_too_few_are_known_of_is_no_part_of_the_whole() {
    let mut members = some("team", 8);
    members.extend(some("starter", 6));
    // Of starter, health is known of two alone: the whole has team's.
    members.iter_mut().skip(8).for_each(|member| member.health = Some(BasisPoints(1_000)));
    members.iter_mut().skip(10).for_each(|member| member.health = None);
    let health = |members: &[Member]| -> Vec<Option<i64>> {
        figures(members, 5).iter().map(|row| row.health).collect()
    };
    assert_eq!(health(&members), [Some(90), None, Some(90)], "all, starter, team");
    assert!(figures(&members, 5).iter().all(|row| row.usage.is_some()));
    // Of team three more: together they are enough for the whole, and for nothing else.
    members.iter_mut().take(5).for_each(|member| member.health = None);
    assert_eq!(health(&members), [Some(58), None, None]);
    members.iter_mut().take(6).for_each(|member| member.health = None);
    assert_eq!(health(&members), [None, None, None]);
}

#[test]
fn asking_for_larger_groups_tells_nothing_of_a_smaller_one() {
    // With five, scale is shown and starter's health is not known of enough. Asked with six these are one
    // group: its figure must not be starter's two and scale's five, of which five are known.
    let mut members = [some("team", 9), some("starter", 5), some("scale", 5)].concat();
    members.iter_mut().skip(9).take(2).for_each(|member| member.health = Some(BasisPoints(1_000)));
    members.iter_mut().skip(11).take(3).for_each(|member| member.health = None);
    let six = figures(&members, 6);
    assert_eq!(sizes(&six), [(Group::All, 19), (plan("team"), 9), (Group::Other, 10)]);
    assert_eq!(six[2].health, None, "five of scale are fewer than six");
    let five = figures(&members, 5);
    assert_eq!(five[0].health, Some(90));
    assert_eq!(six[0].health, five[0].health);
}

fn flags(plan: &str, flags: &[bool]) -> Vec<Member> {
    let one = |flagged: &bool| Member { flagged: Some(*flagged), ..member(plan, 9_000) };
    flags.iter().map(one).collect()
}

#[test]
fn a_share_of_none_or_all_cannot_be_told_from_one_beside_it() {
    let shown = |a: &[bool], b: &[bool]| -> Vec<Option<i64>> {
        let members = [flags("a", a), flags("b", b)].concat();
        figures(&members, LEAST).iter().map(|row| row.flagged).collect()
    };
    let (none, one) = ([false; 5], [true, false, false, false, false]);
    let (all, but_one) = ([true; 5], [true, true, true, true, false]);
    let two = [true, true, false, false, false];
    assert_eq!(shown(&none, &two), [Some(30), Some(20), Some(40)]);
    assert_eq!(shown(&none, &two), shown(&one, &two));
    assert_eq!(shown(&all, &two), shown(&but_one, &two));
    assert_eq!(shown(&all, &none), shown(&but_one, &one));
}

#[test]
fn means_stay_away_from_their_ends() {
    let at = |value: i64| Member {
        health: Some(BasisPoints(value)),
        usage: Some(Ppm(value * 100)),
        in_time: Some(Ppm(value * 100)),
        ..member("team", value)
    };
    let of = |member: Member| figures(&vec![member; 6], LEAST)[0].clone();
    let (full, empty) = (of(at(10_000)), of(at(0)));
    assert_eq!((full.health, full.in_time, full.usage), (Some(99), Some(99), Some(100)));
    assert_eq!((empty.health, empty.in_time, empty.usage), (Some(1), Some(1), Some(1)));
    assert_eq!(of(at(5_000)).health, Some(50));
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
        let figures: [(Figure, Shown); 4] = [
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
            // What the whole has: units that are told, and the others if together they are enough.
            let units = merged(grouped(&members), LEAST);
            let (enough, few): (Vec<usize>, Vec<usize>) =
                units.values().map(|unit| known(unit, of_member)).partition(|known| *known >= LEAST);
            let few: usize = few.iter().sum();
            let whole = enough.iter().sum::<usize>() + if few >= LEAST { few } else { 0 };
            prop_assert!(whole >= least);
            // Every choice of groups that could be subtracted.
            let count = |row: &Figures| {
                let own = of(row, &rows, &members);
                let inside = units.values().filter(|unit| own.iter().any(|m| std::ptr::eq(*m, unit[0])));
                inside.map(|unit| known(unit, of_member)).filter(|known| *known >= LEAST).sum()
            };
            let told: Vec<usize> = groups.iter().filter(|row| shown(row).is_some()).map(count).collect();
            for choice in 0..(1_u32 << told.len()) {
                let part: usize = told.iter().enumerate()
                    .filter(|(bit, _)| choice & (1 << bit) != 0).map(|(_, count)| count).sum();
                let left = whole - part;
                prop_assert!(left == 0 || left >= LEAST, "{} of {}", left, whole);
            }
        }
    }

    /// Nobody's flag follows from anybody's figures, whatever sizes were asked for: of a unit whose flags are
    /// alike, any other way of one account shows the same everywhere. No mean is at an end.
    #[test]
    fn no_figure_tells_what_each_is(
        members in prop::collection::vec(anyone(), 0..60), which in any::<prop::sample::Index>(),
    ) {
        let asked = |members: &[Member]| (LEAST..20).map(|least| figures(members, least)).collect::<Vec<_>>();
        let before = asked(&members);
        for row in before.iter().flatten() {
            for shown in [row.health, row.in_time].into_iter().flatten() {
                prop_assert!((1..=99).contains(&shown), "{row:?}");
            }
            prop_assert!(row.usage.is_none_or(|usage| usage > 0), "{row:?}");
        }
        for unit in merged(grouped(&members), LEAST).values() {
            let at: Vec<usize> = (0..members.len())
                .filter(|n| unit.iter().any(|member| std::ptr::eq(*member, &members[*n])))
                .filter(|n| members[*n].flagged.is_some())
                .collect();
            let flags: BTreeSet<bool> = at.iter().filter_map(|n| members[*n].flagged).collect();
            if at.len() < LEAST || flags.len() != 1 { continue }
            let mut other = members.clone();
            let one = &mut other[*which.get(&at)];
            one.flagged = one.flagged.map(|flag| !flag);
            prop_assert_eq!(&asked(&other), &before);
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
