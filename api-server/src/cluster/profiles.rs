//! Profiles as the cluster has them, their revisions, and which tenants run which.
//!
//! It is read alone, to be shown: so each server of several keeps it, whoever has the lease.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crds::{DeploymentProfile, PROFILE, Tenant};
use futures::{StreamExt as _, pin_mut};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::DynamicObject,
    runtime::{watcher, watcher::Event},
};
use serde::de::DeserializeOwned;

pub mod kept;
pub mod shown;

use super::read::{profile_in_part, read, resource, tenant_in_part};
use kept::{Follower, Profile, Revision};

/// The shortest and the longest time until a watch that broke is begun anew.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What is known. A clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Profiles(Arc<Mutex<Known>>);

/// All of it, by name.
#[derive(Debug, Default)]
pub struct Known {
    profiles: Lists<Profile>,
    revisions: Lists<Revision>,
    tenants: Lists<Follower>,
}

/// What a watch keeps up to date.
#[derive(Debug)]
struct Lists<T> {
    all: BTreeMap<Box<str>, T>,
    /// Whether a whole list was seen once.
    listed: bool,
    /// Since when nothing is heard.
    lost: Option<Timestamp>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self { all: BTreeMap::new(), listed: false, lost: None }
    }
}

impl Profiles {
    fn known(&self) -> MutexGuard<'_, Known> {
        // Each change is whole under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks what is known; none until everything was seen once.
    pub fn ask<T>(&self, question: impl FnOnce(&Known) -> T) -> Option<T> {
        let known = self.known();
        let listed = known.profiles.listed && known.revisions.listed && known.tenants.listed;
        listed.then(|| question(&known))
    }

    /// Follows the cluster; goes on for ever. Revisions stand in the operator's namespace.
    pub async fn follow(&self, client: &Client, namespace: &str) {
        // One that cannot be read must not hide the others, so each is read by itself.
        let revisions = resource::<ControllerRevision>();
        let revisions = Api::namespaced_with(client.clone(), namespace, &revisions);
        let profiles = Api::all_with(client.clone(), &resource::<DeploymentProfile>());
        let tenants = Api::all_with(client.clone(), &resource::<Tenant>());
        tokio::join!(
            watch::<DeploymentProfile>(profiles, self),
            watch::<ControllerRevision>(revisions, self),
            watch::<Tenant>(tenants, self),
        );
    }

    /// Takes over whole lists.
    pub fn fill(
        &self,
        profiles: Vec<DeploymentProfile>,
        revisions: Vec<ControllerRevision>,
        tenants: Vec<Tenant>,
    ) {
        self.relist(profiles);
        self.relist(revisions);
        self.relist(tenants);
    }

    fn relist<K: Watched>(&self, objects: Vec<K>) {
        let names =
            objects.iter().filter_map(|object| object.meta().name.as_deref().map(Box::from));
        let names: BTreeSet<Box<str>> = names.collect();
        objects.into_iter().for_each(|object| self.put(object));
        self.listed::<K>(&names);
    }

    fn put<K: Watched>(&self, object: K) {
        let name: Box<str> = object.name_any().into();
        self.keep::<K>(name, object.kept());
    }

    /// Puts what can be read of it.
    fn take<K: Watched>(&self, object: DynamicObject) {
        let name: Box<str> = object.name_any().into();
        let kept = match read::<K>(&object) {
            Ok(object) => object.kept(),
            Err(error) => {
                let kind = K::kind(&());
                tracing::warn!(%kind, name, %error, "an object cannot be read by this version");
                K::in_part(object)
            }
        };
        self.keep::<K>(name, kept);
    }

    fn keep<K: Watched>(&self, name: Box<str>, kept: Option<K::Kept>) {
        let mut known = self.known();
        let all = &mut K::lists(&mut known).all;
        match kept {
            Some(kept) => all.insert(name, kept),
            None => all.remove(&name),
        };
    }

    fn remove<K: Watched>(&self, name: &str) {
        K::lists(&mut self.known()).all.remove(name);
    }

    /// A whole list was seen: others are gone.
    fn listed<K: Watched>(&self, names: &BTreeSet<Box<str>>) {
        let mut known = self.known();
        let lists = K::lists(&mut known);
        lists.all.retain(|name, _| names.contains(name));
        (lists.listed, lists.lost) = (true, None);
    }

    fn lost<K: Watched>(&self, now: Timestamp) {
        K::lists(&mut self.known()).lost.get_or_insert(now);
    }
}

/// A resource of which something is kept.
trait Watched: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static {
    /// What is kept of one.
    type Kept;
    /// Those that are asked for, by label.
    const LABELS: Option<&'static str> = None;
    /// What is kept of it; none of one that is not ours.
    fn kept(self) -> Option<Self::Kept>;
    /// What is kept of one that this version cannot read.
    fn in_part(object: DynamicObject) -> Option<Self::Kept>;
    /// Where all of them are kept.
    fn lists(known: &mut Known) -> &mut Lists<Self::Kept>;
}

impl Watched for DeploymentProfile {
    type Kept = Profile;
    fn kept(self) -> Option<Profile> {
        Some(Profile::of(self))
    }
    fn in_part(object: DynamicObject) -> Option<Profile> {
        Some(Profile::without_content(profile_in_part(object)))
    }
    fn lists(known: &mut Known) -> &mut Lists<Profile> {
        &mut known.profiles
    }
}

impl Watched for ControllerRevision {
    type Kept = Revision;
    const LABELS: Option<&'static str> = Some(PROFILE);
    fn kept(self) -> Option<Revision> {
        Revision::of(self)
    }
    fn in_part(_: DynamicObject) -> Option<Revision> {
        // Whose it is and which cannot be told then.
        None
    }
    fn lists(known: &mut Known) -> &mut Lists<Revision> {
        &mut known.revisions
    }
}

impl Watched for Tenant {
    type Kept = Follower;
    fn kept(self) -> Option<Follower> {
        Some(Follower::of(self))
    }
    fn in_part(object: DynamicObject) -> Option<Follower> {
        Some(Follower::of(tenant_in_part(object)))
    }
    fn lists(known: &mut Known) -> &mut Lists<Follower> {
        &mut known.tenants
    }
}

/// A watch that broke is begun with a new list: only that tells that what is known is all there is.
async fn watch<K: Watched>(api: Api<DynamicObject>, view: &Profiles) {
    let mut pause = PAUSES.0;
    loop {
        if once::<K>(&api, view).await {
            pause = PAUSES.0;
        }
        view.lost::<K>(Timestamp::now());
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Follows until the watch breaks; whether a whole list was seen.
async fn once<K: Watched>(api: &Api<DynamicObject>, view: &Profiles) -> bool {
    // Waiting at most this long keeps a silently dropped connection from hiding changes.
    let config = watcher::Config::default().timeout(240).page_size(100);
    let config = match K::LABELS {
        Some(labels) => config.labels(labels),
        None => config,
    };
    let events = watcher(api.clone(), config);
    pin_mut!(events);
    let (mut seen, mut whole) = (BTreeSet::new(), false);
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => seen.clear(),
            Ok(Event::InitApply(object)) => {
                seen.extend(object.metadata.name.as_deref().map(Box::from));
                view.take::<K>(object);
            }
            Ok(Event::InitDone) => {
                view.listed::<K>(&std::mem::take(&mut seen));
                whole = true;
            }
            Ok(Event::Apply(object)) => view.take::<K>(object),
            Ok(Event::Delete(object)) => view.remove::<K>(&object.name_any()),
            Err(error) => {
                tracing::warn!(%error, "a watch of the cluster's profiles was interrupted");
                break;
            }
        }
    }
    whole
}

#[cfg(test)]
mod tests;
