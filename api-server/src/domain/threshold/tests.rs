use proptest::prelude::*;

use super::*;
use Kind::{Reached, Recovered};
use Level::{Hard, Soft};

fn units(n: i64) -> Quantity {
    Quantity::from_units(n).unwrap()
}

fn micros(n: i64) -> Quantity {
    Quantity::from_micros(n)
}

/// The changes of going through these uses with one quota, each as (kind, level, arming).
fn walk(uses: &[i64], quota: i64) -> Vec<Vec<(Kind, Level, u32)>> {
    let mut state = State::default();
    let mut all = Vec::new();
    for &used in uses {
        let (next, changes) = step(state, units(used), Some(units(quota)));
        state = next;
        all.push(changes.into_iter().map(|c| (c.kind, c.level, c.arming)).collect());
    }
    all
}

#[test]
fn levels_begin_at_exactly_80_and_95_percent() {
    let cases = [
        (0, None),
        (7_999, None),
        (8_000, Some(Soft)),
        (8_001, Some(Soft)),
        (9_499, Some(Soft)),
        (9_500, Some(Hard)),
        (10_000, Some(Hard)),
        (25_000, Some(Hard)),
        (-1, None),
    ];
    for (used, want) in cases {
        assert_eq!(level(units(used), Some(units(10_000))), want, "{used}");
    }
}

#[test]
fn a_millionth_of_a_unit_decides() {
    let quota = Some(micros(10_000));
    assert_eq!(level(micros(7_999), quota), None);
    assert_eq!(level(micros(8_000), quota), Some(Soft));
    // A quota of which 80 % and 95 % are no whole number of millionths.
    let odd = Some(micros(33));
    let reached = |used| level(micros(used), odd);
    assert_eq!(
        [reached(26), reached(27), reached(31), reached(32)],
        [None, Some(Soft), Some(Soft), Some(Hard)]
    );
}

#[test]
fn any_use_of_an_empty_quota_is_hard() {
    let empty = Some(Quantity::ZERO);
    assert_eq!(level(micros(1), empty), Some(Hard));
    assert_eq!(level(Quantity::ZERO, empty), None);
    assert_eq!(level(micros(-1), empty), None);
    assert_eq!(level(micros(1), Some(micros(-5))), Some(Hard));
    assert_eq!(ratio(micros(1), empty), Some(LARGEST_RATIO));
    assert_eq!(ratio(Quantity::ZERO, empty), Some(Ppm(0)));
}

#[test]
fn above_a_share_is_more_than_it() {
    let above = |used, quota| above(units(used), Some(units(quota)), 95);
    assert!(!above(9_499, 10_000) && !above(9_500, 10_000) && above(9_501, 10_000));
    assert!(!above(0, 0) && above(1, 0) && above(1, -1) && !above(-1, 0));
    assert!(!super::above(units(1), None, 95));
}

#[test]
fn without_a_quota_there_is_neither_level_nor_ratio() {
    assert_eq!(level(micros(i64::MAX), None), None);
    assert_eq!(ratio(micros(i64::MAX), None), None);
    assert_eq!(step(State::default(), micros(i64::MAX), None), (State::default(), vec![]));
}

#[test]
fn the_largest_numbers_do_not_overflow() {
    let most = micros(i64::MAX);
    assert_eq!(level(most, Some(most)), Some(Hard));
    assert_eq!(level(micros(i64::MIN), Some(most)), None);
    assert_eq!(ratio(most, Some(micros(1))), Some(LARGEST_RATIO));
    assert_eq!(ratio(most, Some(most)), Some(Ppm::ONE));
}

#[test]
fn the_ratio_is_in_millionths() {
    let of = |used, quota| ratio(units(used), Some(units(quota))).unwrap();
    assert_eq!(of(8_300, 10_000), Ppm(830_000));
    assert_eq!(of(2, 3), Ppm(666_667));
    assert_eq!(of(11_250, 10_000), Ppm(1_125_000));
    assert_eq!(of(-50, 100), Ppm(-500_000));
    assert_eq!(of(1_000_000, 1_000), LARGEST_RATIO);
    assert_eq!(of(1_000_001, 1_000), LARGEST_RATIO);
}

#[test]
fn a_jump_over_both_levels_reports_both_in_order() {
    assert_eq!(
        walk(&[7_000, 9_700], 10_000),
        [vec![], vec![(Reached, Soft, 1), (Reached, Hard, 1)]]
    );
}

#[test]
fn a_level_fires_once() {
    assert_eq!(
        walk(&[8_000, 8_000, 9_000, 9_500, 9_500, 12_000], 10_000),
        [vec![(Reached, Soft, 1)], vec![], vec![], vec![(Reached, Hard, 1)], vec![], vec![],]
    );
}

#[test]
fn a_level_recovers_below_two_points_under_it_and_is_armed_again() {
    assert_eq!(
        walk(&[8_000, 7_999, 7_800, 7_799, 7_999, 8_000], 10_000),
        [
            vec![(Reached, Soft, 1)],
            vec![],
            vec![],
            vec![(Recovered, Soft, 1)],
            vec![],
            vec![(Reached, Soft, 2)],
        ]
    );
    assert_eq!(
        walk(&[9_500, 9_300, 9_299, 9_499, 9_500], 10_000),
        [
            vec![(Reached, Soft, 1), (Reached, Hard, 1)],
            vec![],
            vec![(Recovered, Hard, 1)],
            vec![],
            vec![(Reached, Hard, 2)],
        ]
    );
}

#[test]
fn a_drop_through_both_levels_recovers_both_the_higher_first() {
    let changes = walk(&[10_000, 0], 10_000);
    assert_eq!(changes[1], [(Recovered, Hard, 1), (Recovered, Soft, 1)]);
}

#[test]
fn a_new_period_is_armed_for_the_first_time() {
    let quota = Some(units(10_000));
    let (closing, _) = step(State::default(), units(9_000), quota);
    let (_, again) = step(closing, units(9_100), quota);
    assert_eq!(again, []);
    let (_, fresh) = step(State::default(), units(8_500), quota);
    assert_eq!(fresh, [Change { kind: Reached, level: Soft, arming: 1 }]);
}

#[test]
fn a_changed_quota_counts_like_changed_use() {
    let used = units(9_600);
    let (state, _) = step(State::default(), used, Some(units(10_000)));
    let (state, raised) = step(state, used, Some(units(12_100)));
    assert_eq!(raised, [Change { kind: Recovered, level: Hard, arming: 1 }]);
    let (state, lifted) = step(state, used, None);
    assert_eq!(lifted, [Change { kind: Recovered, level: Soft, arming: 1 }]);
    let (_, cut) = step(state, used, Some(units(1_000)));
    assert_eq!(cut.iter().map(|c| (c.level, c.arming)).collect::<Vec<_>>(), [(Soft, 2), (Hard, 2)]);
}

#[test]
fn an_empty_quota_recovers_when_its_use_is_taken_back() {
    let empty = Some(Quantity::ZERO);
    let (state, up) = step(State::default(), micros(1), empty);
    assert_eq!(up.len(), 2);
    let (_, down) = step(state, Quantity::ZERO, empty);
    assert_eq!(
        down.iter().map(|c| (c.kind, c.level)).collect::<Vec<_>>(),
        [(Recovered, Hard), (Recovered, Soft)]
    );
}

#[test]
fn names_read_back() {
    for level in Level::ALL {
        assert_eq!(Level::from_name(level.name()), Some(level));
    }
    assert_eq!(Level::from_name("Soft"), None);
    assert_eq!([Reached.name(), Recovered.name()], ["threshold_reached", "threshold_recovered"]);
}

fn quotas() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![Just(None), Just(Some(0)), (1_i64..300).prop_map(Some)]
}

proptest! {
    /// Whatever use and quota do: a level is reached and recovers in turns, and every alert that was
    /// raised has an arming number of its own.
    #[test]
    fn reached_and_recovered_take_turns(path in prop::collection::vec((-20_i64..400, quotas()), 1..60)) {
        let mut state = State::default();
        let mut last = [(Recovered, 0); 2];
        for (used, quota) in path {
            let (next, changes) = step(state, micros(used), quota.map(micros));
            for change in changes {
                let last = &mut last[usize::from(change.level == Hard)];
                let want = match last.0 {
                    Recovered => (Reached, last.1 + 1),
                    Reached => (Recovered, last.1),
                };
                prop_assert_eq!((change.kind, change.arming), want);
                *last = want;
            }
            state = next;
            for level in Level::ALL {
                prop_assert_eq!(state.of(level).fired, last[usize::from(level == Hard)].0 == Reached);
            }
        }
    }

    /// What has been reached by now has fired; what has fired is not far below.
    #[test]
    fn the_state_follows_the_level(path in prop::collection::vec((0_i64..400, quotas()), 1..60)) {
        let mut state = State::default();
        for (used, quota) in path {
            let (used, quota) = (micros(used), quota.map(micros));
            state = step(state, used, quota).0;
            prop_assert_eq!(step(state, used, quota), (state, vec![]), "a step is not repeated");
            for level in Level::ALL {
                let now = super::level(used, quota) >= Some(level);
                prop_assert!(!now || state.of(level).fired);
                prop_assert!(!state.of(level).fired || at_least(used, quota, level.percent() - 2));
            }
        }
    }

    /// The order in which increments arrive changes neither the end nor what was reached on the way.
    #[test]
    fn the_order_of_increments_does_not_matter(
        (steps, shuffled) in prop::collection::vec(0_i64..60, 1..20)
            .prop_flat_map(|steps| (Just(steps.clone()), Just(steps).prop_shuffle())),
        quota in quotas(),
    ) {
        let run = |steps: &[i64]| {
            let (mut state, mut used, mut all) = (State::default(), 0, Vec::new());
            for step_by in steps {
                used += step_by;
                let (next, changes) = step(state, micros(used), quota.map(micros));
                state = next;
                all.extend(changes);
            }
            (state, level(micros(used), quota.map(micros)), all)
        };
        prop_assert_eq!(run(&steps), run(&shuffled));
    }

    /// More use is never a lower level; scaling use and quota alike changes nothing.
    #[test]
    fn levels_are_monotone_and_scale(used in 0_i64..2_000, more in 0_i64..500, quota in 0_i64..1_500, by in 1_i64..1_000_000) {
        let at = |used, quota| level(micros(used), Some(micros(quota)));
        prop_assert!(at(used, quota) <= at(used + more, quota));
        prop_assert!(at(used, quota + more) <= at(used, quota));
        prop_assert_eq!(at(used, quota), at(used * by, quota * by));
        prop_assert_eq!(
            ratio(micros(used), Some(micros(quota))),
            ratio(micros(used * by), Some(micros(quota * by)))
        );
    }
}
