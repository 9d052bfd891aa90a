use proptest::prelude::*;

use super::*;
use crate::domain::{Ppm, projection::Projection};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn noon() -> Timestamp {
    at("2026-11-20T12:00:00Z")
}

fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

fn period(month: u8) -> Period {
    let edge = |month| at(&format!("2026-{month:02}-01T00:00:00Z"));
    Period::from_edges(edge(month), edge(month + 1)).unwrap()
}

fn november() -> Period {
    period(11)
}

const RULE: Rule = Rule { suspends: true, at: 100, grace: SignedDuration::from_hours(24) };
const ALERT: Rule = Rule { suspends: false, ..RULE };

fn full() -> Over {
    let quota = Quantity::from_micros(500);
    Over { meter: Meter::Ingestion, used: Quantity::from_micros(505), quota }
}

/// What stands after deciding at an instant; a suspension that is due is done, unless it is held.
fn after_step(stands: Option<Standing>, step: Step, held: bool) -> Option<Standing> {
    match step {
        Step::Keep => stands,
        Step::End => None,
        Step::Take(next) => Some(next),
        Step::Due(next) if held => Some(Standing { action: Action::Held, ..next }),
        Step::Due(next) => Some(next),
    }
}

fn announced() -> Standing {
    let step = decide(RULE, None, november(), Some(full()), noon());
    let Step::Take(standing) = step else { panic!("{step:?}") };
    standing
}

fn suspended() -> Standing {
    let due = decide(RULE, Some(&announced()), november(), Some(full()), noon() + hours(24));
    let Step::Due(standing) = due else { panic!("{due:?}") };
    standing
}

#[test]
fn it_is_announced_and_comes_no_earlier_than_that() {
    let first = announced();
    assert_eq!((first.action, first.not_before), (Action::Announced, noon() + hours(24)));
    let step = |now| decide(RULE, Some(&first), november(), Some(full()), now);
    assert_eq!(step(noon() + hours(1)), Step::Keep);
    assert_eq!(step(noon() + hours(24) - SignedDuration::from_millis(1)), Step::Keep);
    let done = suspended();
    assert_eq!((done.action, done.since), (Action::Suspend, noon() + hours(24)));
    assert_eq!((done.announced, done.not_before), (noon(), noon() + hours(24)));
    let later = decide(RULE, Some(&done), november(), Some(full()), noon() + hours(30));
    assert_eq!(later, Step::Keep);
}

#[test]
fn it_ends_when_the_cause_is_gone() {
    for stands in [announced(), suspended()] {
        let now = noon() + hours(25);
        let step = |rule, period, over| decide(rule, Some(&stands), period, over, now);
        assert_eq!(step(RULE, november(), None), Step::End, "it is below");
        assert_eq!(step(RULE, period(10), None), Step::End, "the period has turned");
        let Step::Take(told) = step(ALERT, november(), Some(full())) else { panic!("no alert") };
        assert_eq!(told.action, Action::Alert);
        // All used at once in the new period: announced anew.
        let Step::Take(anew) = step(RULE, period(10), Some(full())) else { panic!("not anew") };
        assert_eq!((anew.action, anew.not_before), (Action::Announced, now + hours(24)));
    }
}

#[test]
fn people_are_told_once_and_nothing_is_stopped() {
    let step = decide(ALERT, None, november(), Some(full()), noon());
    let Step::Take(told) = step else { panic!("{step:?}") };
    assert_eq!(told.action, Action::Alert);
    let again = |rule, now| decide(rule, Some(&told), november(), Some(full()), now);
    assert_eq!(again(ALERT, noon() + hours(100)), Step::Keep);
    // Asked for more later, the grace begins then.
    let Step::Take(announced) = again(RULE, noon() + hours(100)) else { panic!("not announced") };
    assert_eq!(announced.action, Action::Announced);
    assert_eq!(announced.not_before, noon() + hours(124));
    assert_eq!(decide(ALERT, None, november(), None, noon()), Step::Keep);
}

#[test]
fn a_longer_grace_puts_it_off_and_a_shorter_one_does_not_bring_it_forward() {
    let first = announced();
    let step = |grace, now| {
        let rule = Rule { grace: hours(grace), ..RULE };
        decide(rule, Some(&first), november(), Some(full()), now)
    };
    assert_eq!(step(0, noon() + hours(1)), Step::Keep);
    assert!(matches!(step(0, noon() + hours(24)), Step::Due(_)));
    let Step::Take(later) = step(48, noon() + hours(30)) else { panic!("not put off") };
    assert_eq!((later.action, later.not_before), (Action::Announced, noon() + hours(48)));
    assert_eq!(later.announced, noon());
    // One that is held is not due any more either.
    let held = Standing { action: Action::Held, ..first };
    let rule = Rule { grace: hours(48), ..RULE };
    let step = decide(rule, Some(&held), november(), Some(full()), noon() + hours(30));
    assert_eq!(step, Step::Take(Standing { action: Action::Announced, ..later }));
}

#[test]
fn the_furthest_meter_at_its_mark_calls_for_it() {
    let of = |used: i64, quota: Option<i64>| {
        let (used, quota) = (Quantity::from_micros(used), quota.map(Quantity::from_micros));
        MeterSnapshot {
            used,
            quota,
            ratio: threshold::ratio(used, quota),
            level: None,
            projection: Projection::TooEarly,
        }
    };
    let meters = [
        (Meter::Ingestion, of(1_000, Some(1_000))),
        (Meter::Query, of(1_200, Some(1_000))),
        (Meter::Timeline, of(1_000_000, None)),
        (Meter::Agents, of(0, Some(0))),
    ];
    let over_at = |percent| over(meters.iter().map(|(meter, of)| (*meter, of)), percent);
    assert_eq!(over_at(100).map(|over| over.meter), Some(Meter::Query));
    assert_eq!(over_at(120).map(|over| over.meter), Some(Meter::Query));
    assert_eq!(over_at(121), None);
    let exact = [(Meter::Ingestion, of(1_000, Some(1_000)))];
    let alone = |percent| over(exact.iter().map(|(meter, of)| (*meter, of)), percent);
    assert!(alone(100).is_some() && alone(101).is_none());
    assert_eq!(exact[0].1.ratio, Some(Ppm::ONE));
}

#[test]
fn a_brake_lets_a_share_through_and_one_at_least() {
    let cases = [(0, 10, 1), (1, 10, 1), (19, 10, 1), (20, 10, 2), (1_000, 10, 100), (50, 0, 0)];
    for (tenants, percent, allows) in cases {
        assert_eq!(allowed(tenants, percent), allows, "{percent} % of {tenants}");
    }
    let brakes = |done, due, coming| brakes(Traffic { tenants: 50, done, due, coming }, 10);
    assert!(!brakes(0, 0, 0) && !brakes(4, 0, 0) && brakes(5, 0, 0), "the hour before");
    assert!(!brakes(0, 4, 0) && brakes(0, 5, 0), "others that are due");
    assert!(!brakes(0, 0, 4) && brakes(0, 0, 5), "the hour that comes");
    assert!(!brakes(2, 2, 2) && brakes(3, 2, 0) && brakes(0, 2, 3));
}

/// What happens to one of some tenants.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// It uses all, or less again.
    Uses(bool),
    /// Its spec asks for suspension after so many minutes, or for being told.
    Asks(Option<u16>),
    /// Nothing, for so many minutes, to all.
    Passes(u16),
}

fn event() -> impl Strategy<Value = (usize, Event)> {
    let what = prop_oneof![
        any::<bool>().prop_map(Event::Uses),
        prop::option::of(0_u16..300).prop_map(Event::Asks),
        (1_u16..200).prop_map(Event::Passes),
        (1_u16..200).prop_map(Event::Passes),
    ];
    (0..TENANTS, what)
}

const TENANTS: usize = 24;

#[derive(Clone, Debug)]
struct One {
    rule: Rule,
    over: bool,
    stands: Option<Standing>,
    /// When it was suspended.
    hit: Vec<Timestamp>,
}

/// The fleet as the ledger keeps it, with the brake's counts by their definition.
struct Fleet {
    all: Vec<One>,
    now: Timestamp,
    percent: u8,
}

impl Fleet {
    fn period(&self) -> Period {
        let all = [8, 9, 10, 11].map(period);
        all.into_iter().find(|period| period.contains(self.now)).unwrap()
    }

    fn traffic(&self, who: usize) -> Traffic {
        let others = || self.all.iter().enumerate().filter(move |(n, _)| *n != who);
        let waits = |one: &One| {
            let waits = |s: &&Standing| matches!(s.action, Action::Announced | Action::Held);
            let stands = one.stands.as_ref().filter(waits);
            stands.filter(|s| s.period.end() > self.now).map(|s| s.not_before)
        };
        let count =
            |holds: &dyn Fn(&One) -> bool| others().filter(|(_, one)| holds(one)).count() as u64;
        Traffic {
            tenants: TENANTS as u64,
            done: count(&|one| one.hit.iter().any(|at| *at > self.now - WINDOW)),
            due: count(&|one| waits(one).is_some_and(|from| from <= self.now)),
            coming: count(&|one| {
                waits(one).is_some_and(|from| from > self.now && from <= self.now + WINDOW)
            }),
        }
    }

    /// One's turn, and what must hold of it whatever happened before.
    fn turn(&mut self, who: usize) {
        let (now, period, traffic) = (self.now, self.period(), self.traffic(who));
        let one = &self.all[who];
        let (before, over) = (one.stands, one.over.then(full));
        let step = decide(one.rule, before.as_ref(), period, over, now);
        let next = after_step(before, step, brakes(traffic, self.percent));
        assert_eq!(next.is_some(), one.over, "something stands as long as there is a cause");
        let stands = |action| next.is_some_and(|next| next.action == action);
        if let Some(next) = next {
            assert_eq!(next.period, period);
            assert_eq!(next.action == Action::Alert, !one.rule.suspends);
        }
        if let (Some(before), Some(next)) = (before, next)
            && before.announced == next.announced
            && next.action != Action::Alert
        {
            assert!(next.not_before >= before.not_before, "nothing is brought forward");
        }
        let same = before.filter(|before| before.period == period && one.rule.suspends);
        if let Some(before) = same.filter(|before| before.action != Action::Alert) {
            assert_eq!(next.map(|n| n.announced), over.map(|_| before.announced), "one grace");
        }
        if stands(Action::Suspend) && before.is_none_or(|b| b.action != Action::Suspend) {
            let before = before.unwrap();
            assert_eq!(before.period, period, "it was announced in this period");
            assert!(before.not_before <= now);
            self.all[who].hit.push(now);
        }
        self.all[who].stands = next;
    }

    /// No hour saw more of them stopped than the brake allows.
    fn is_braked(&self) {
        let mut hits: Vec<Timestamp> = self.all.iter().flat_map(|one| one.hit.clone()).collect();
        hits.sort_unstable();
        for end in &hits {
            let within = self
                .all
                .iter()
                .filter(|one| one.hit.iter().any(|at| *at <= *end && *at > *end - WINDOW));
            assert!(within.count() as u64 <= allowed(TENANTS as u64, self.percent));
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_it_is_announced_undone_and_braked(
        events in prop::collection::vec(event(), 1..200),
        percent in 0_u8..=30,
    ) {
        let one = One { rule: RULE, over: false, stands: None, hit: Vec::new() };
        let now = at("2026-09-29T20:00:00Z");
        let mut fleet = Fleet { all: vec![one; TENANTS], now, percent };
        for (who, event) in events {
            match event {
                Event::Uses(all) => fleet.all[who].over = all,
                Event::Asks(minutes) => {
                    let grace = SignedDuration::from_mins(minutes.unwrap_or(60).into());
                    fleet.all[who].rule = Rule { suspends: minutes.is_some(), at: 100, grace };
                }
                Event::Passes(minutes) => fleet.now += SignedDuration::from_mins(minutes.into()),
            }
            for who in 0..TENANTS {
                fleet.turn(who);
            }
        }
        fleet.is_braked();
    }
}
