//! The operator's end at every write: it is killed while a write waits before the API server, or
//! after the commit and before the answer; another one is started, and in the end the world must be
//! the one that an undisturbed operator makes.
//!
//! Lives (a tenant with a profile of its own) share nothing but the operator, so one kill serves many
//! of them: each is held at a write of its own, and when all are, the process is killed.

mod life;
mod tally;

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

pub use life::{Phase, Step, Workload};
pub use tally::{Made, Tally};

use super::{
    Lab,
    apifault::{Asked, Gate, Proxy, When},
    audit,
    lab::nonce,
    process::Operator,
    wait,
    whole::{difference, whole},
};
use life::{Life, Snapshot};

/// Long: a machine that builds meanwhile must not look like an operator that is stuck.
const BOUND: Duration = Duration::from_secs(240);

/// What an undisturbed operator does in a phase, and what is there after it.
struct Undisturbed {
    steps: Vec<Step>,
    world: BTreeMap<String, Value>,
    made: Made,
}

/// How much is swept.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// At most so many writes of each phase, spread over it.
    pub steps: usize,
    /// So many lives at once.
    pub at_once: usize,
}

/// A sweep on one ground, and what it has found so far.
pub struct Sweep<'l> {
    lab: &'l Lab,
    pub tally: Tally,
}

impl<'l> Sweep<'l> {
    pub fn new(lab: &'l Lab) -> Self {
        Self { lab, tally: Tally::default() }
    }

    /// Every write of a workload, before and after.
    pub async fn run(&mut self, workload: &Workload, extent: Extent) {
        let undisturbed = self.undisturbed(workload).await;
        let plans: Vec<Vec<(Step, When)>> =
            undisturbed.iter().map(|u| life::plan(&u.steps, extent.steps)).collect();
        let count = plans.iter().map(Vec::len).max().unwrap_or(0);
        self.tally.planned += plans.iter().map(Vec::len).sum::<usize>();
        let lives: Vec<Life> = (0..count)
            .map(|number| Life {
                name: format!("{}-{number:03}", workload.name),
                steps: plans.iter().map(|plan| plan.get(number).cloned()).collect(),
            })
            .collect();
        // Equal shares, so that the last is not a handful.
        let share = count.div_ceil(count.div_ceil(extent.at_once).max(1)).max(1);
        for lives in lives.chunks(share) {
            self.lives(workload, &undisturbed, lives).await;
        }
    }

    /// The life that nothing happens to.
    async fn undisturbed(&mut self, workload: &Workload) -> Vec<Undisturbed> {
        let name = format!("{}-ref", workload.name);
        let proxy = self.lab.proxy();
        let process = self.starts(&proxy).await;
        let mut all = Vec::new();
        for index in 0..workload.phases.len() {
            let (mark, before) = (self.lab.mark(), life::writes(&proxy, &name).len());
            workload.start(self.lab, index, &name).await;
            let settled = wait::by(BOUND, async || {
                let seen = Snapshot::take(self.lab).await;
                wait::holds(workload.is_settled(index, &name, &seen), seen.about(&name))
            });
            settled.await.expect("an undisturbed life settles");
            let world = self.at_rest(&name).await;
            let writes = life::writes(&proxy, &name).split_off(before);
            let made = self.made(mark).remove(&name).unwrap_or_default();
            all.push(Undisturbed { steps: life::steps(writes), world, made });
        }
        self.lab.end(process).await;
        all
    }

    /// What belongs to a life, once it stays as it is.
    async fn at_rest(&self, name: &str) -> BTreeMap<String, Value> {
        let mut last = whole(self.lab, name).await;
        wait::eventually("the world stays as it is", async || {
            let now = whole(self.lab, name).await;
            let change = difference(&last, &now);
            last = now;
            wait::holds(change.is_empty(), change)
        })
        .await;
        last
    }

    /// One batch of lives through all phases; in each the operator is killed once.
    async fn lives(&mut self, workload: &Workload, undisturbed: &[Undisturbed], lives: &[Life]) {
        for (index, expected) in undisturbed.iter().enumerate() {
            let proxy = self.lab.proxy();
            let mortal = self.starts(&proxy).await;
            let gates: Vec<Option<usize>> = lives.iter().map(|l| gate(&proxy, l, index)).collect();
            let mark = self.lab.mark();
            for life in lives {
                workload.start(self.lab, index, &life.name).await;
            }
            self.held(workload, index, lives, (&proxy, &gates)).await;
            self.lab.end(mortal).await;
            drop(proxy);
            self.tally.kills += 1;
            let heir = self.lab.operator(&format!("heir-{}", nonce()));
            self.converged(workload, index, lives, expected).await;
            self.lab.end(heir).await;
            let mut made = self.made(mark);
            for life in lives {
                let made = made.remove(&life.name).unwrap_or_default();
                self.tally.creations(&life.label(workload, index), &made, &expected.made);
            }
        }
        // Whether the last heir left something to write is seen by one more.
        let proxy = self.lab.proxy();
        let witness = self.starts(&proxy).await;
        self.lab.end(witness).await;
    }

    /// Starts an operator and waits until it has looked at everything; with all at rest it must not
    /// have written anything.
    async fn starts(&mut self, proxy: &Proxy) -> Operator {
        let mark = self.lab.mark();
        let settings = [("TENANTRY_CONCURRENCY", "200")];
        let process = self.lab.operator_through(proxy, &format!("mortal-{}", nonce()), &settings);
        process.ready().await;
        let query = "labelSelector=app.kubernetes.io/managed-by=tenantry";
        let count = self.lab.api.list("namespaces", "", query).await.len() as u64;
        wait::eventually("it leads and has looked at everything", async || {
            let leads = process.get("/metrics").await.map_err(|e| e.to_string())?;
            let leads = leads
                .lines()
                .any(|l| l.starts_with("tenantry_operator_leader") && l.ends_with(" 1"));
            let done = process.reconciled().await;
            wait::holds(leads && done >= count, format!("{done} of {count}"))
        })
        .await;
        self.tally.late.extend(self.lab.writes(mark));
        process
    }

    /// Waits until each life is held at its write, or has settled without coming to it.
    async fn held(
        &mut self,
        workload: &Workload,
        index: usize,
        lives: &[Life],
        (proxy, gates): (&Proxy, &[Option<usize>]),
    ) {
        let is_held = |gate: &Option<usize>| gate.is_some_and(|gate| proxy.is_at(gate));
        let outcome = wait::by(BOUND, async || {
            let seen = Snapshot::take(self.lab).await;
            self.tally.look(&seen.secrets);
            let waits = |(life, gate): &(&Life, &Option<usize>)| {
                !is_held(gate) && !workload.is_settled(index, &life.name, &seen)
            };
            let left: Vec<String> = lives
                .iter()
                .zip(gates)
                .filter(waits)
                .map(|(life, _)| {
                    format!("{}: {}", life.label(workload, index), seen.about(&life.name))
                })
                .collect();
            wait::holds(left.is_empty(), left.join("\n"))
        })
        .await;
        self.tally.stuck.extend(outcome.err());
        for (life, gate) in lives.iter().zip(gates).filter(|(_, gate)| gate.is_some()) {
            self.tally.point(&life.label(workload, index), is_held(gate));
        }
    }

    /// Waits until every life is what the undisturbed one is.
    async fn converged(
        &mut self,
        workload: &Workload,
        index: usize,
        lives: &[Life],
        expected: &Undisturbed,
    ) {
        let outcome = wait::by(BOUND, async || {
            let seen = Snapshot::take(self.lab).await;
            self.tally.look(&seen.secrets);
            let waits = |life: &&Life| !workload.is_settled(index, &life.name, &seen);
            let left: Vec<String> =
                lives.iter().filter(waits).map(|l| seen.about(&l.name)).collect();
            wait::holds(left.is_empty(), left.join("\n"))
        })
        .await;
        self.tally.stuck.extend(outcome.err());
        // Controllers may still be busy with what the operator has done.
        let mut worlds = BTreeMap::new();
        let same = wait::by(BOUND, async || {
            for life in lives
                .iter()
                .filter(|l| worlds.get(&l.name) != Some(&String::new()))
                .collect::<Vec<_>>()
            {
                let now = whole(self.lab, &life.name).await;
                worlds.insert(life.name.clone(), difference(&expected.world, &now));
            }
            if worlds.values().all(String::is_empty) { Ok(()) } else { Err(()) }
        })
        .await;
        for life in lives.iter().filter(|_| same.is_err()) {
            let change = worlds.remove(&life.name).filter(|change| !change.is_empty());
            self.tally.world(&life.label(workload, index), change);
        }
    }

    /// What the operator made since then, by life.
    fn made(&self, mark: audit::Mark) -> BTreeMap<String, Made> {
        let mut all: BTreeMap<String, Made> = BTreeMap::new();
        for entry in audit::entries(&self.lab.ground, mark) {
            let about = &entry["objectRef"];
            let text = |name: &str| about[name].as_str().unwrap_or_default();
            let writes = matches!(entry["verb"].as_str(), Some("create" | "patch"))
                && entry["user"]["username"] == audit::OPERATOR
                && text("subresource").is_empty()
                && !matches!(text("resource"), "events" | "leases" | "");
            let Some(life) = life::of(text("namespace"), text("name")).filter(|_| writes) else {
                continue;
            };
            let what = format!("{} {}", text("resource"), text("name")).replace(life, "NAME");
            let code = entry["responseStatus"]["code"].as_u64().unwrap_or_default();
            all.entry(life.to_owned()).or_default().note(what, code);
        }
        all
    }
}

/// Has a life's write of this phase waited for.
fn gate(proxy: &Proxy, life: &Life, phase: usize) -> Option<usize> {
    let (step, when) = life.steps.get(phase)?.clone()?;
    let (name, same) = (life.name.clone(), life.name.clone());
    Some(proxy.gate(Gate {
        life: Box::new(move |asked: &Asked| life::owner(asked) == Some(name.as_str())),
        which: Box::new(move |asked: &Asked| life::what(asked, &same) == step.what),
        nth: step.nth,
        when,
    }))
}
