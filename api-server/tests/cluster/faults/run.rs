//! Rounds of faults under tenants that send, and what they came to.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    checker::{self, Sums},
    parts::Parts,
    plan::{Kind, Round, Victim, rounds},
    senders::Senders,
};
use crate::lab::{holds, within};

/// Long: a machine that builds meanwhile must not look like a loop that is stuck.
pub const BOUND: Duration = Duration::from_secs(600);

/// Longer than this nobody waits on a machine of one's own: a person wants to know why.
const SLOW: Duration = Duration::from_secs(45);

/// How much.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    pub seed: u64,
    pub rounds: usize,
    pub tenants: usize,
    /// Of so many of them the pods send to their own gateway.
    pub gateways: usize,
    /// Between two batches of a tenant.
    pub pause: Duration,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub faults: BTreeMap<(Victim, Kind), usize>,
    pub sent: usize,
    pub acknowledged: usize,
    pub stored: usize,
    pub took: Duration,
    /// From the end of each fault until all figures of before it stand in status, everybody is
    /// heard, and the operator leads; the shortest first.
    pub recoveries: Vec<Duration>,
    /// Everything that is not as it must be.
    pub differences: Vec<String>,
}

/// Runs it all. Panics where something does not come back.
pub async fn run(extent: Extent) -> Report {
    println!("faults by seed {}: {} rounds", extent.seed, extent.rounds);
    let (mut parts, senders) = Parts::start(extent.tenants, extent.gateways).await;
    let senders = Senders::new(senders, extent.seed, extent.pause);
    senders.are_known().await;
    let (started, tasks) = (Instant::now(), senders.start());
    let mut report = Report::default();
    for (number, round) in rounds(extent.seed, extent.rounds, extent.gateways).iter().enumerate() {
        let recovery = through(&mut parts, &senders, round).await;
        println!("round {}: {round:?}, back after {recovery:?}", number + 1);
        *report.faults.entry((round.victim, round.kind)).or_default() += 1;
        report.recoveries.push(recovery);
    }
    senders.stop();
    for task in tasks {
        task.await.unwrap();
    }
    report.took = started.elapsed();
    report.recoveries.sort_unstable();
    compared(&mut parts, &senders, &mut report).await;
    report
}

/// One round; how long it took until all was well again.
async fn through(parts: &mut Parts, senders: &Senders, round: &Round) -> Duration {
    parts.strike(round);
    // How long a fault goes on is part of the plan, and nothing is waited for.
    tokio::time::sleep(round.lasts).await;
    parts.heal(round);
    let (healed, batches) = (Instant::now(), senders.batches());
    let before = checker::sums(&senders.told());
    let mut told = false;
    within(BOUND, &format!("all is well after {round:?}"), async || {
        parts.supervise();
        let well = is_well(parts, senders, (&batches, &before)).await;
        if let Err(why) = &well
            && healed.elapsed() > SLOW
            && !told
        {
            told = true;
            println!("{round:?} is slow: {why}\n{}", parts.complaints());
        }
        well
    })
    .await;
    healed.elapsed()
}

/// Whether everybody is heard since, the operator leads, and these sums stand in status.
async fn is_well(
    parts: &Parts,
    senders: &Senders,
    (batches, before): (&[usize], &Sums),
) -> Result<(), String> {
    senders.all_went_on(batches)?;
    parts.is_led().await?;
    reached(before, &status(parts).await?)
}

/// What tenants' status says now.
async fn status(parts: &Parts) -> Result<Sums, String> {
    let (tenants, all) = (parts.lab.tenants(), kube::api::ListParams::default());
    let list = tokio::time::timeout(Duration::from_secs(10), tenants.list(&all)).await;
    let list = list.map_err(|_| "no answer to a list")?.map_err(|error| error.to_string())?;
    Ok(checker::shown(&serde_json::to_value(list).unwrap()).0)
}

/// Whether all that was acknowledged then stands there now.
fn reached(then: &Sums, now: &Sums) -> Result<(), String> {
    let behind = then.iter().find(|(key, used)| now.get(key).is_none_or(|now| now < used));
    holds(behind.is_none(), format!("{behind:?} is not in status yet"))
}

/// Everything at rest, and compared.
async fn compared(parts: &mut Parts, senders: &Senders, report: &mut Report) {
    let told = senders.told();
    let sums = checker::sums(&told);
    within(BOUND, "gateways are empty and status is whole", async || {
        parts.handed_over().await?;
        let shown = status(parts).await?;
        holds(shown == sums, format!("acknowledged {sums:?}\nstatus {shown:?}"))
    })
    .await;
    let (shown, tenants) = checker::shown(&parts.kubectl());
    let rows = parts.afterwards(&["export", "--records", "rows"]);
    let rows = checker::rows(&rows, &tenants);
    parts.afterwards(&["verify"]);
    report.differences = checker::differences(&told, &rows, &shown);
    report.differences.extend(senders.wrong());
    report.sent = told.sent.len();
    report.acknowledged = told.acknowledged.len();
    report.stored = rows.len();
}
