//! The operator's two drivers (`tenants.rs`, `tenants/deletion.rs`), one request at a time.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crds::{
    DeploymentProfile, Tenant, TenantStatus,
    conditions::{self, DRAINING, RECONCILING},
    tenant::{DeletionPolicy, Drain, UsageStatus},
};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use operator::{
    cluster::FINALIZER,
    decide::{self, Decision, Seen},
    desired::{RENDERER, meta::DISCARD_SPOOL},
    health::{Cause, Health},
    object::Key,
    plan::{Action, Cleanup, cleanup, spool},
    revision::Revision,
    status::{self, Input, Outcome},
    suspension,
};

use super::server::{Remains, Server};

const DEV: &str = include_str!("../../../examples/profile-dev.yaml");
const PROD: &str = include_str!("../../../examples/profile-prod.yaml");

/// What people ask for, one after the other, each once the one before has settled.
pub struct Script(Vec<&'static str>);

impl Script {
    pub fn new(steps: &[&'static str]) -> Self {
        Self(steps.to_vec())
    }
}

/// One request that is still to be sent.
enum Write {
    Finalizer(bool),
    Status(Box<Decision>, Outcome, Option<Cause>),
    Act(Action),
}

/// Everything that is compared at the end.
pub type World =
    (BTreeMap<(usize, Key), Remains>, BTreeMap<(usize, Key), u32>, Vec<Option<TenantStatus>>);

pub struct Driver {
    server: Server,
    tenants: Vec<Option<Tenant>>,
    pending: Vec<VecDeque<Write>>,
    revisions: BTreeMap<&'static str, Arc<Revision>>,
    writes: usize,
}

impl Driver {
    pub fn new(tenants: usize, broken: bool) -> Self {
        let read = |text| {
            let profile: DeploymentProfile = serde_saphyr::from_str(text).unwrap();
            let (uid, digest) = ("revision".into(), "digest".into());
            Arc::new(Revision { number: 1, uid, digest, spec: profile.spec })
        };
        Self {
            server: Server::new(broken),
            tenants: (0..tenants).map(|n| Some(tenant(n))).collect(),
            pending: (0..tenants).map(|_| VecDeque::new()).collect(),
            revisions: BTreeMap::from([("dev", read(DEV)), ("prod", read(PROD))]),
            writes: 0,
        }
    }

    pub fn writes(&self) -> usize {
        self.writes
    }

    pub fn world(&self) -> World {
        let statuses = self.tenants.iter().map(|t| t.as_ref().and_then(|t| t.status.clone()));
        (self.server.remains(), self.server.created.clone(), statuses.collect())
    }

    /// Plays the script. `choose` gets the number of writes so far and how many may take a turn
    /// (each tenant, and the controllers), and says whose turn it is and whether the operator
    /// crashes first.
    pub fn play(
        &mut self,
        script: &Script,
        mut choose: impl FnMut(usize, usize) -> (usize, bool),
    ) -> Result<(), String> {
        for step in &script.0 {
            self.ask(step);
            self.settle(&mut choose).map_err(|e| format!("{step}: {e}"))?;
        }
        Ok(())
    }

    fn ask(&mut self, step: &str) {
        self.server.may_delete_data = step == "delete";
        for (who, tenant) in self.tenants.iter_mut().enumerate() {
            let Some(tenant) = tenant else { continue };
            let generation = tenant.metadata.generation.unwrap_or(0) + 1;
            tenant.metadata.generation = Some(generation);
            match step {
                "retain" | "delete" => {
                    tenant.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
                    if step == "delete" {
                        tenant.spec.deletion_policy = DeletionPolicy::Delete;
                    }
                }
                "usage" => {
                    tenant.status.get_or_insert_default().usage = Some(UsageStatus::default());
                    self.server.spool(who, 3);
                }
                "discard" => {
                    let annotation = (DISCARD_SPOOL.to_owned(), uid(tenant).to_owned());
                    tenant.metadata.annotations = Some([annotation].into());
                }
                profile => tenant.spec.profile_ref.name = profile.to_owned(),
            }
        }
    }

    /// Until nobody has anything to do.
    fn settle(
        &mut self,
        choose: &mut impl FnMut(usize, usize) -> (usize, bool),
    ) -> Result<(), String> {
        let turns = self.tenants.len() + 1;
        let mut crashed = None;
        for _ in 0..4000 {
            let (turn, crash) = choose(self.writes, turns);
            // Once per write, or a schedule that names a write would crash there for ever.
            if crash && crashed != Some(self.writes) {
                crashed = Some(self.writes);
                self.pending.iter_mut().for_each(VecDeque::clear);
            }
            let mut busy = false;
            for offset in 0..turns {
                let who = (turn + offset) % turns;
                busy = if who == self.tenants.len() {
                    self.server.control() || self.drain()?
                } else {
                    self.step(who)?
                };
                if busy {
                    break;
                }
            }
            if !busy {
                return Ok(());
            }
        }
        Err("it does not come to rest".to_owned())
    }

    /// The API server and a gateway of which it is asked that nothing be held any more: one word
    /// about one event at a time. False when there is nothing to say.
    fn drain(&mut self) -> Result<bool, String> {
        for (who, tenant) in self.tenants.iter_mut().enumerate() {
            let Some(status) = tenant.as_mut().and_then(|t| t.status.as_mut()) else { continue };
            let step = conditions::find(&status.conditions, RECONCILING);
            let draining = step.is_some_and(|step| step.reason == DRAINING);
            let Some(usage) = status.usage.as_mut().filter(|_| draining) else { continue };
            if self.server.sends(who) {
                return Err("BROKEN: it is sealed while services run".to_owned());
            }
            let held = match usage.drain {
                None => self.server.holds(who),
                Some(Drain { held: 0, .. }) => continue,
                Some(_) => self.server.hand_over(who),
            };
            usage.drain = Some(Drain { sealed: true, held });
            return Ok(true);
        }
        Ok(false)
    }

    /// One request for this tenant; false when there is none to send.
    fn step(&mut self, who: usize) -> Result<bool, String> {
        if self.pending[who].is_empty() {
            self.pending[who] = self.think(who);
        }
        while let Some(write) = self.pending[who].pop_front() {
            if self.send(who, write)? {
                self.writes += 1;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn think(&self, who: usize) -> VecDeque<Write> {
        let Some(tenant) = &self.tenants[who] else { return VecDeque::new() };
        let observed = self.server.observed(who);
        if tenant.metadata.deletion_timestamp.is_some() {
            let delete = tenant.spec.deletion_policy == DeletionPolicy::Delete;
            let spool = spool(tenant, None);
            return match cleanup(&observed, uid(tenant), &namespace(tenant), delete, &spool) {
                Cleanup::Done => VecDeque::from([Write::Finalizer(false)]),
                Cleanup::Wait { step, message } => VecDeque::from([say(step, message)]),
                Cleanup::Do { step, actions } => {
                    let first = say(step, format!("{} objects to go", actions.len()));
                    [first].into_iter().chain(actions.into_iter().map(Write::Act)).collect()
                }
            };
        }
        let profile = tenant.spec.profile_ref.name.as_str();
        let seen = Seen {
            observed,
            profile_exists: true,
            unreadable: None,
            revisions: BTreeMap::from([(1, self.revisions[profile].clone())]),
            granted: None,
            rival: None,
            silence: None,
            learned: BTreeMap::new(),
        };
        follow(tenant, decide::decide(tenant, &seen, Timestamp::UNIX_EPOCH))
    }

    /// False when there was nothing to write after all.
    fn send(&mut self, who: usize, write: Write) -> Result<bool, String> {
        let Some(tenant) = self.tenants[who].clone() else { return Ok(false) };
        match write {
            Write::Finalizer(true) => {
                let metadata = &mut self.tenants[who].as_mut().unwrap().metadata;
                metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
            }
            Write::Finalizer(false) => {
                self.tenants[who] = None;
                self.pending[who].clear();
            }
            Write::Status(decision, outcome, cause) => {
                let mut new = self.status(who, &tenant, &decision, &outcome, cause);
                // An apply leaves what others say as it is.
                new.usage = tenant.status.as_ref().and_then(|status| status.usage.clone());
                if tenant.status.as_ref() == Some(&new) {
                    return Ok(false);
                }
                self.tenants[who].as_mut().unwrap().status = Some(new);
            }
            Write::Act(action) => match self.server.run(who, uid(&tenant), &action) {
                Ok(()) => {}
                Err(broken) if broken.starts_with("BROKEN") => return Err(broken),
                // It changed under our hands: think again.
                Err(_) => self.pending[who].clear(),
            },
        }
        Ok(true)
    }

    fn status(
        &self,
        who: usize,
        tenant: &Tenant,
        decision: &Decision,
        outcome: &Outcome,
        cause: Option<Cause>,
    ) -> TenantStatus {
        let observed = self.server.observed(who);
        let mut health = match outcome {
            Outcome::Deleting { .. } => Health::default(),
            _ => decision.health(&observed),
        };
        health.cause = cause.or(health.cause);
        let input = Input {
            previous: tenant.status.as_ref(),
            generation: tenant.metadata.generation,
            uid: uid(tenant),
            namespace: namespace(tenant),
            outcome,
            health: &health,
            observed: &observed,
            account: None,
            silence: None,
            held: false,
            desired_revision: decision.revision.clone(),
            renderer: RENDERER,
            suspension: suspension::suspension(tenant, None, Timestamp::UNIX_EPOCH),
            endpoints: decision.endpoints.clone(),
        };
        status::status(&input, Timestamp::UNIX_EPOCH)
    }
}

/// `prepare`, `act` and `report` of the driver, as a list of requests.
fn follow(tenant: &Tenant, mut decision: Decision) -> VecDeque<Write> {
    let mut writes = VecDeque::new();
    let actions = std::mem::take(&mut decision.actions);
    let outcome = decision.outcome.clone().expect("an outcome");
    let decision = || {
        Box::new(Decision {
            objects: decision.objects.clone(),
            revision: decision.revision.clone(),
            endpoints: decision.endpoints.clone(),
            ..Decision::default()
        })
    };
    if !actions.is_empty() {
        if tenant.metadata.finalizers.is_none() {
            writes.push_back(Write::Finalizer(true));
        }
        if decision().moves(tenant) {
            let cause = Cause { reason: "Applying", message: "objects to write".to_owned() };
            let outcome = Outcome::Applied { wrote: true };
            writes.push_back(Write::Status(decision(), outcome, Some(cause)));
        }
    }
    for action in actions {
        writes.push_back(Write::Act(action));
    }
    writes.push_back(Write::Status(decision(), outcome, None));
    writes
}

fn say(step: &'static str, message: String) -> Write {
    let outcome = Outcome::Deleting { step, message, stalled: None };
    Write::Status(Box::default(), outcome, None)
}

fn tenant(number: usize) -> Tenant {
    let mut tenant = Tenant::default();
    tenant.metadata.name = Some(format!("tenant{number}"));
    tenant.metadata.uid = Some(format!("00000000-0000-4000-8000-00000000000{number}"));
    tenant.spec.display_name = "A customer".to_owned();
    tenant
}

fn uid(tenant: &Tenant) -> &str {
    tenant.metadata.uid.as_deref().unwrap()
}

fn namespace(tenant: &Tenant) -> String {
    format!("tenant-{}", tenant.metadata.name.as_deref().unwrap())
}
