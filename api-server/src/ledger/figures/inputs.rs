//! What a summary was computed from, as it is kept with it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        facts::{Answers, Promised},
        health::Watch,
        meter::Meter,
    },
    store::{StoreError, snapshots::Counts},
};

/// The inputs of a summary, but for what is known by number: plans, facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Now.
    pub(super) computed_at: Timestamp,
    /// When the turn began that it belongs to.
    pub(super) turn: Timestamp,
    /// Whether the flag, if there is one, was raised in this turn.
    pub(super) raised: bool,
    /// The newest row that it counts.
    pub(super) ledger_seq: i64,
    /// How many agreements it knows.
    pub(super) agreements: i64,
    /// Which version of the facts.
    pub(super) facts: i64,
    /// How many answers of support.
    pub(super) interactions: i64,
    /// The running period.
    pub(super) period: (Timestamp, Timestamp),
    /// Its first day.
    pub(super) first_day: Date,
    /// How many days it has.
    pub(super) days: u16,
    /// The share of the running day that has passed, in millionths.
    pub(super) running: Option<i64>,
    /// The last event, to the start of its hour.
    pub(super) last_event: Option<Timestamp>,
    /// What the account's form promised: the day of go-live, departments.
    pub(super) promised: Option<(Date, u16)>,
    /// Answers of support in time, and not.
    pub(super) answers: (u32, u32),
    /// What was remembered before it, and after it.
    pub(super) watch: (Memory, Memory),
    /// Use, by meter.
    pub(super) meters: BTreeMap<String, KeptUse>,
    /// What was used before the first plan of all, and before each start of a plan within the period, from
    /// the start before on.
    pub(super) earlier: Vec<BTreeMap<String, i64>>,
}

/// A meter's use in millionths of its unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptUse {
    /// Each day before the period.
    pub(super) past: Vec<i64>,
    /// Each full day of it.
    pub(super) full: Vec<i64>,
    /// The running day.
    pub(super) today: i64,
    /// On none of these days.
    pub(super) apart: i64,
}

/// What summaries are made in: a stretch of time within which an account is summed up anew from the
/// same memory, so that "two good ones running" are two turns and not two events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Since when.
    pub(super) begun: Timestamp,
    /// Whether the flag was raised in it.
    pub(super) raised: bool,
    /// What is remembered.
    pub(super) watch: Watch,
}

impl Turn {
    /// The first of an account.
    #[must_use]
    pub fn first(now: Timestamp) -> Self {
        Self { begun: now, raised: false, watch: Watch::default() }
    }
}

/// [`Watch`], to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    flagged: bool,
    good_running: u8,
}

impl From<Watch> for Memory {
    fn from(Watch { flagged, good_running }: Watch) -> Self {
        Self { flagged, good_running }
    }
}

impl From<Memory> for Watch {
    fn from(Memory { flagged, good_running }: Memory) -> Self {
        Self { flagged, good_running }
    }
}

/// What the last summary of a day knew beside the ledger's rows, as it is kept with the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Knew {
    agreements: i64,
    facts: i64,
    interactions: i64,
    promised: Option<(Date, u16)>,
    watch: Memory,
}

impl Knew {
    /// Reads what is kept with a day.
    pub(super) fn read(text: &str) -> Result<Self, StoreError> {
        serde_json::from_str(text)
            .map_err(|error| StoreError::Unreadable(format!("snapshot_days: {error}")))
    }

    /// How much of each kind it knew, with rows up to `ledger_seq`.
    pub(super) const fn counts(&self, ledger_seq: i64) -> Counts {
        let Self { agreements, facts, interactions, .. } = *self;
        Counts { ledger_seq, agreements, facts, interactions }
    }

    /// What the account's form promised.
    pub(super) const fn promised(&self) -> Option<(Date, u16)> {
        self.promised
    }

    /// A turn that begins with what was remembered then.
    pub(super) fn turn(&self, now: Timestamp) -> Turn {
        Turn { watch: self.watch.into(), ..Turn::first(now) }
    }
}

impl Kept {
    /// What its day needs of it.
    pub(super) fn knew(&self) -> Result<String, StoreError> {
        let Self { agreements, facts, interactions, promised, watch, .. } = *self;
        serde_json::to_string(&Knew { agreements, facts, interactions, promised, watch: watch.0 })
            .map_err(|error| StoreError::Unreadable(format!("snapshot_days: {error}")))
    }

    /// Reads what is kept.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn read(text: &str) -> Result<Self, StoreError> {
        serde_json::from_str(text)
            .map_err(|error| StoreError::Unreadable(format!("snapshot_inputs: {error}")))
    }

    /// Answers of support in what is kept, and nothing else of it: for lists, which are long.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn answers_in(text: &str) -> Result<Answers, StoreError> {
        #[derive(Deserialize)]
        struct Part {
            answers: (u32, u32),
        }
        let Part { answers: (met, missed) } = serde_json::from_str(text)
            .map_err(|error| StoreError::Unreadable(format!("snapshot_inputs: {error}")))?;
        Ok(Answers { met, missed })
    }

    /// As it is kept.
    pub(super) fn text(&self) -> Result<String, StoreError> {
        serde_json::to_string(self)
            .map_err(|error| StoreError::Unreadable(format!("snapshot_inputs: {error}")))
    }

    pub(super) fn begins_a_turn(&self) -> bool {
        self.turn == self.computed_at
    }

    /// Whether health holds the flag up in its turn: since before it, for a while in it, or now. So a
    /// flag that is taken back and raised again within a turn is one flag.
    pub(super) const fn is_flagged(&self) -> bool {
        self.watch.0.flagged || self.raised || self.watch.1.flagged
    }

    /// The turn that it belongs to.
    pub(super) fn turn(&self) -> Turn {
        Turn { begun: self.turn, raised: self.raised, watch: self.watch.0.into() }
    }

    /// The turn of the summary after it, at `now`, where turns last `every`.
    pub(super) fn next_turn(&self, now: Timestamp, every: SignedDuration) -> Turn {
        let (turn, after) = (self.turn(), Watch::from(self.watch.1));
        let raised = after.flagged && (turn.raised || !turn.watch.flagged);
        // A flag that was raised in a turn stays in it, and its good turns count from the next one.
        let flag = Watch { flagged: true, good_running: 0 };
        // Either way: also of one that began by a clock that was set back since.
        if now.duration_since(turn.begun).abs() >= every {
            let watch = if raised { flag } else { after };
            return Turn { begun: now, raised: false, watch };
        }
        if raised { Turn { raised, watch: flag, ..turn } } else { turn }
    }

    /// Keeps what is remembered for the next turn.
    pub(super) fn remember(&mut self, watch: Watch) {
        self.watch.1 = watch.into();
    }

    /// How much of each kind it knows.
    pub(super) const fn counts(&self) -> Counts {
        Counts {
            ledger_seq: self.ledger_seq,
            agreements: self.agreements,
            facts: self.facts,
            interactions: self.interactions,
        }
    }

    pub(super) fn promised(&self) -> Option<Promised> {
        self.promised.map(|(go_live, departments)| Promised { go_live, departments })
    }

    pub(super) const fn answers(&self) -> Answers {
        Answers { met: self.answers.0, missed: self.answers.1 }
    }

    pub(super) fn used(&self, meter: Meter) -> KeptUse {
        self.meters.get(meter.name()).cloned().unwrap_or_default()
    }
}
