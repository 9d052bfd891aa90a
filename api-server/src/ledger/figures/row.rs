//! A summary as it is listed.

use jiff::Timestamp;

use super::Gathered;
use crate::{
    domain::{Ppm, facts::Answers, snapshot::Snapshot, threshold::Level},
    store::snapshots::SnapshotRow,
};

/// The row of a summary; whether it is stale is for who stores it to say.
pub(super) fn row(gathered: &Gathered, snapshot: &Snapshot, valid_until: Timestamp) -> SnapshotRow {
    let plans = gathered.subscription.as_ref();
    let level: Option<Level> = snapshot.meters.values().filter_map(|meter| meter.level).max();
    SnapshotRow {
        account: gathered.account.id.clone(),
        computed_at: snapshot.computed_at,
        valid_until,
        ledger_seq: snapshot.ledger_seq,
        formula_version: snapshot.formula_version,
        stale: false,
        plan: plans.and_then(|plans| plans.at(snapshot.computed_at)).map(|a| a.plan.clone()),
        health: snapshot.health.score,
        coverage: snapshot.health.coverage,
        standing: snapshot.standing,
        flagged: snapshot.flagged,
        level,
        highest: snapshot.highest,
        cost: snapshot.projected_cost.map(|cost| (cost.units, cost.likely.0, cost.likely.1)),
        support: in_time(gathered.kept.answers()),
        reason: snapshot.reason(),
        costs: snapshot.costs_most().map(|(factor, input)| format!("{}: {input}", factor.name())),
        helps: snapshot.helps_most(),
    }
}

/// The share of answers that came in time; none of none.
fn in_time(Answers { met, missed }: Answers) -> Option<Ppm> {
    Ppm::of(met.into(), i128::from(met) + i128::from(missed))
}
