//! An API server and its controllers, as far as the operator's requests can tell.

use std::collections::BTreeMap;

use operator::{
    desired::meta,
    fingerprint,
    kinds::Kind,
    object::Key,
    observed::{Facts, Observed, PodRecord, Record, Workload},
    plan::Action,
};
use serde_json::Value;

#[derive(Clone, Debug)]
pub struct Live {
    uid: Box<str>,
    version: u64,
    owner: Option<Box<str>>,
    retained: bool,
    deleting: bool,
    applied: Option<u64>,
    component: Box<str>,
    replicas: i32,
    owns_replicas: bool,
    held: bool,
    parked: Option<i32>,
    settled: bool,
    storage: (i128, Option<Box<str>>),
    secret: Option<u64>,
}

/// What remains of an object when its uid, versions and random values are left out.
pub type Remains = (Option<Box<str>>, bool, Option<u64>, i32, Option<i32>, bool);

#[derive(Default)]
pub struct Server {
    objects: BTreeMap<(usize, Key), Live>,
    pods: BTreeMap<(usize, Box<str>), i32>,
    /// Events that a tenant's gateway holds for the ledger.
    held: BTreeMap<usize, i64>,
    pub created: BTreeMap<(usize, Key), u32>,
    secrets: BTreeMap<(usize, Key), u64>,
    clock: u64,
    pub may_delete_data: bool,
    broken: bool,
}

impl Server {
    pub fn new(broken: bool) -> Self {
        Self { broken, ..Self::default() }
    }

    pub fn run(&mut self, tenant: usize, uid: &str, action: &Action) -> Result<(), String> {
        self.clock += 1;
        let at = (tenant, action.key());
        self.usage_stays(tenant, action)?;
        match action {
            Action::CreateNamespace { body } => {
                if self.objects.contains_key(&at) {
                    return Err("the namespace exists".to_owned());
                }
                self.create(&at, body, false);
                // What one creates is one's own: no apply has to follow.
                self.apply(&at, body);
            }
            Action::Apply { uid: known, body, .. } => {
                if let (Some(known), Some(live)) = (known, self.objects.get(&at))
                    && live.uid != *known
                {
                    return Err("another uid".to_owned());
                }
                if known.is_some() && !self.objects.contains_key(&at) {
                    return Err("gone".to_owned());
                }
                self.may_take(&at, uid)?;
                self.apply(&at, body);
            }
            Action::Generate { body, .. } => {
                self.may_take(&at, uid)?;
                if self.objects.contains_key(&at) {
                    self.apply(&at, body);
                } else {
                    self.create(&at, body, true);
                }
            }
            Action::Retain { uid: known, .. } => {
                let live = self.existing(&at, known)?;
                live.retained = true;
                live.owner = Some(uid.into());
            }
            Action::Reclaim { uid: known, .. } => self.existing(&at, known)?.retained = false,
            Action::HandOver { uid: known, .. } => self.existing(&at, known)?.held = true,
            Action::Park { resource_version, replicas, .. } => {
                self.scale(&at, *resource_version, 0, Some(*replicas))?;
            }
            Action::Unpark { resource_version, replicas, .. } => {
                self.scale(&at, *resource_version, *replicas, None)?;
            }
            Action::Delete { key, uid: known } => {
                self.existing(&at, known)?;
                self.delete(tenant, key)?;
            }
        }
        if let Some(live) = self.objects.get_mut(&at) {
            live.version = self.clock;
        }
        self.secrets_stay()
    }

    /// A tenant's services have sent usage, which its gateway holds.
    pub fn spool(&mut self, tenant: usize, events: i64) {
        self.held.insert(tenant, events);
    }

    /// The gateway hands an event over; answers how many are left.
    pub fn hand_over(&mut self, tenant: usize) -> i64 {
        let held = self.held.entry(tenant).or_default();
        *held = (*held - 1).max(0);
        *held
    }

    pub fn holds(&self, tenant: usize) -> i64 {
        self.held.get(&tenant).copied().unwrap_or(0)
    }

    /// Whether something runs that sends usage to the gateway.
    pub fn sends(&self, tenant: usize) -> bool {
        self.pods.keys().any(|(of, component)| *of == tenant && component.as_ref() != meta::GATEWAY)
    }

    /// While a gateway holds usage, nothing that it needs goes, nor is its claim let go.
    fn usage_stays(&self, tenant: usize, action: &Action) -> Result<(), String> {
        let key = action.key();
        let needed = ["tenantry-gateway", "tenantry-billing"].contains(&&*key.name)
            || key.kind == Kind::Namespace;
        let takes = matches!(action, Action::Delete { .. } | Action::Retain { .. });
        if takes && needed && self.holds(tenant) > 0 {
            return Err(format!("BROKEN: {key} goes while the gateway holds usage"));
        }
        Ok(())
    }

    fn may_take(&self, at: &(usize, Key), uid: &str) -> Result<(), String> {
        match self.objects.get(at) {
            Some(live) if live.owner.as_deref() != Some(uid) => Err("not ours".to_owned()),
            _ => Ok(()),
        }
    }

    fn existing(&mut self, at: &(usize, Key), uid: &str) -> Result<&mut Live, String> {
        self.objects.get_mut(at).filter(|l| l.uid.as_ref() == uid).ok_or("gone".to_owned())
    }

    fn scale(
        &mut self,
        at: &(usize, Key),
        version: u64,
        replicas: i32,
        parked: Option<i32>,
    ) -> Result<(), String> {
        let live = self.objects.get_mut(at).ok_or("gone")?;
        if live.version != version {
            return Err("another version".to_owned());
        }
        (live.replicas, live.parked, live.settled) = (replicas, parked, false);
        Ok(())
    }

    fn delete(&mut self, tenant: usize, key: &Key) -> Result<(), String> {
        if key.kind.holds_data() && !self.may_delete_data {
            return Err(format!("BROKEN: {key} holds data and was deleted"));
        }
        if key.kind == Kind::Namespace {
            self.objects.get_mut(&(tenant, key.clone())).unwrap().deleting = true;
        } else {
            self.objects.remove(&(tenant, key.clone()));
        }
        Ok(())
    }

    /// The first half of making an object: it exists, nothing on it is applied yet where its values
    /// came by another manager.
    fn create(&mut self, at: &(usize, Key), body: &Value, secret: bool) {
        *self.created.entry(at.clone()).or_default() += 1;
        let text = |path: &str| body.pointer(path).and_then(Value::as_str).map(Box::<str>::from);
        let owner = text("/metadata/ownerReferences/0/uid")
            .or_else(|| body["metadata"]["annotations"][meta::TENANT_UID].as_str().map(Into::into));
        let size = text("/spec/resources/requests/storage").and_then(|q| q.parse().ok());
        let live = Live {
            uid: format!("object-{}", self.clock).into(),
            version: self.clock,
            owner,
            retained: false,
            deleting: false,
            applied: None,
            component: body["metadata"]["labels"][meta::COMPONENT_LABEL]
                .as_str()
                .unwrap_or_default()
                .into(),
            replicas: 1,
            owns_replicas: false,
            held: false,
            parked: None,
            settled: false,
            storage: (size.map_or(0, crds::Quantity::milli), text("/spec/storageClassName")),
            secret: secret.then_some(self.clock),
        };
        self.objects.insert(at.clone(), live);
    }

    fn apply(&mut self, at: &(usize, Key), body: &Value) {
        if !self.objects.contains_key(at) {
            self.create(at, body, false);
        }
        let live = self.objects.get_mut(at).unwrap();
        live.applied = Some(fingerprint::of_desired(body));
        if let Some(replicas) = body.pointer("/spec/replicas").and_then(Value::as_i64) {
            live.replicas = i32::try_from(replicas).unwrap();
            live.owns_replicas = true;
        } else if std::mem::take(&mut live.owns_replicas) && !live.held {
            // A field that nobody holds any more falls back to its default.
            live.replicas = 1;
        }
        live.settled = false;
        if self.broken && live.secret.is_some() {
            live.secret = Some(self.clock);
        }
    }

    fn secrets_stay(&mut self) -> Result<(), String> {
        for (at, live) in &self.objects {
            let Some(value) = live.secret else { continue };
            if *self.secrets.entry(at.clone()).or_insert(value) != value {
                return Err(format!("BROKEN: the values of {} were made again", at.1));
            }
        }
        Ok(())
    }

    /// Lets every controller do one thing; false when there was nothing to do.
    pub fn control(&mut self) -> bool {
        let ended: Vec<usize> =
            self.objects.iter().filter(|(_, l)| l.deleting).map(|((t, _), _)| *t).collect();
        let before = self.objects.len();
        self.objects.retain(|(tenant, _), _| !ended.contains(tenant));
        let mut changed = before != self.objects.len();
        let mut pods = BTreeMap::new();
        for ((tenant, key), live) in &mut self.objects {
            changed |= !live.settled;
            live.settled = true;
            if key.kind == Kind::Deployment && live.replicas > 0 {
                pods.insert((*tenant, live.component.clone()), live.replicas);
            }
        }
        changed |= pods != self.pods;
        self.pods = pods;
        changed
    }

    pub fn observed(&self, tenant: usize) -> Observed {
        let mut observed = Observed::default();
        for ((_, key), live) in self.objects.iter().filter(|((t, _), _)| *t == tenant) {
            observed.objects.insert(key.clone(), record(key.kind, live));
        }
        for ((_, component), _) in self.pods.iter().filter(|((t, _), _)| *t == tenant) {
            let pod = PodRecord {
                name: format!("{component}-0").into(),
                uid: "pod".into(),
                resource_version: 1,
                component: component.clone(),
                ready: true,
                finished: false,
                deleting: false,
                problem: None,
            };
            observed.pods.insert(pod.name.clone(), pod);
        }
        observed
    }

    pub fn remains(&self) -> BTreeMap<(usize, Key), Remains> {
        let of = |l: &Live| {
            (l.owner.clone(), l.retained, l.applied, l.replicas, l.parked, l.secret.is_some())
        };
        self.objects.iter().map(|(at, live)| (at.clone(), of(live))).collect()
    }
}

fn record(kind: Kind, live: &Live) -> Record {
    let running = if live.settled { live.replicas } else { 0 };
    Record {
        uid: live.uid.clone(),
        resource_version: live.version,
        tenant_uid: live.owner.clone(),
        fingerprint: live.applied,
        deleting: live.deleting,
        retained: live.retained,
        facts: match kind {
            Kind::Namespace => Facts::Namespace { purge: None, account: None, created: 0 },
            Kind::Deployment => Facts::Workload(Box::new(Workload {
                replicas: live.replicas,
                owns_replicas: live.owns_replicas,
                parked: live.parked,
                observed: live.settled,
                updated: running,
                existing: running,
                available: running,
                ..Workload::default()
            })),
            Kind::PersistentVolumeClaim => Facts::Claim {
                bound: live.settled,
                size_milli: live.storage.0,
                class: live.storage.1.clone(),
            },
            _ => Facts::Plain,
        },
    }
}
