//! What goes wrong in each round, by a seed alone: the same seed is the same run.

use std::{collections::BTreeMap, time::Duration};

/// What is hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Victim {
    ApiServer,
    Gateway,
    Operator,
    Kubernetes,
    Etcd,
}

/// How.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// SIGKILL, and started again.
    Killed,
    /// SIGTERM, and started again.
    Stopped,
    /// SIGSTOP, and SIGCONT.
    Frozen,
    /// Its connections end, and new ones do, until they do not.
    Cut,
}

/// One round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    pub victim: Victim,
    pub kind: Kind,
    /// Which gateway, where it is one.
    pub gateway: usize,
    /// How long it goes on.
    pub lasts: Duration,
}

/// The store of a control plane has nobody else's connections, and its API server ends by SIGTERM
/// only once every watch has ended by itself.
const VICTIMS: [(Victim, &[Kind]); 5] = [
    (Victim::ApiServer, &[Kind::Killed, Kind::Stopped, Kind::Frozen, Kind::Cut]),
    (Victim::Gateway, &[Kind::Killed, Kind::Stopped, Kind::Frozen, Kind::Cut]),
    (Victim::Operator, &[Kind::Killed, Kind::Stopped, Kind::Frozen, Kind::Cut]),
    (Victim::Kubernetes, &[Kind::Killed, Kind::Frozen, Kind::Cut]),
    (Victim::Etcd, &[Kind::Killed, Kind::Frozen]),
];

/// A small generator of its own.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % limit as u64).unwrap()
    }

    fn shuffled<T: Clone>(&mut self, all: &[T]) -> Vec<T> {
        let mut all = all.to_vec();
        for last in (1..all.len()).rev() {
            all.swap(last, self.below(last + 1));
        }
        all
    }
}

/// So many rounds. Of five in a row, each hits another victim; each is hit in all its ways before one comes
/// again. As far as that allows, and always among the first five, everything happens that can.
pub fn rounds(seed: u64, count: usize, gateways: usize) -> Vec<Round> {
    let mut random = Random::new(seed);
    let mut piles = BTreeMap::<Victim, Vec<Kind>>::new();
    let mut rounds = Vec::new();
    while rounds.len() < count {
        let dealt = dealt(&mut random, &mut piles);
        for (victim, kind) in random.shuffled(&dealt) {
            let lasts = Duration::from_millis(500 + 100 * random.below(35) as u64);
            rounds.push(Round { victim, kind, gateway: random.below(gateways), lasts });
        }
    }
    rounds.truncate(count);
    rounds
}

/// A way for each victim, from what is left of its pile: rather one that no other has. Who can fail in few ways
/// chooses first.
fn dealt(random: &mut Random, piles: &mut BTreeMap<Victim, Vec<Kind>>) -> Vec<(Victim, Kind)> {
    let mut victims = VICTIMS;
    victims.sort_by_key(|(_, ways)| ways.len());
    let mut hand: Vec<(Victim, Kind)> = Vec::new();
    for (victim, ways) in victims {
        let left = piles.entry(victim).or_default();
        if left.is_empty() {
            *left = random.shuffled(ways);
        }
        let is_new = |kind: &Kind| hand.iter().all(|(_, dealt)| dealt != kind);
        let place = left.iter().position(is_new).unwrap_or_default();
        hand.push((victim, left.remove(place)));
    }
    hand
}

#[test]
fn a_seed_is_a_run_and_everything_is_hit_in_every_way() {
    let all = rounds(7, 40, 3);
    assert_eq!(all, rounds(7, 40, 3));
    assert_ne!(all, rounds(8, 40, 3));
    assert_eq!(all[..10], rounds(7, 10, 3));
    for seed in 0..200 {
        let kinds: std::collections::BTreeSet<Kind> =
            rounds(seed, 5, 3).iter().map(|round| round.kind).collect();
        assert_eq!(kinds.len(), 4, "seed {seed}: {kinds:?}");
    }
    for five in all.chunks(5) {
        let mut hit: Vec<Victim> = five.iter().map(|round| round.victim).collect();
        hit.sort_unstable();
        assert_eq!(hit, VICTIMS.map(|(victim, _)| victim));
    }
    for (victim, ways) in VICTIMS {
        for kind in ways {
            let same = |round: &&Round| (round.victim, round.kind) == (victim, *kind);
            assert!(all.iter().filter(same).count() >= 2, "{victim:?} {kind:?}");
        }
    }
}
