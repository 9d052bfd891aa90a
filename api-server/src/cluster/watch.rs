//! Watches of tenants and profiles, each object reduced to what is kept of it as it arrives.

use std::{collections::BTreeSet, fmt::Debug};

use crds::{DeploymentProfile, Tenant};
use futures::{StreamExt as _, pin_mut};
use kube::{
    Api, Client, Resource,
    runtime::{WatchStreamExt as _, watcher, watcher::Event},
};
use serde::de::DeserializeOwned;

use super::{record::Record, world::World};

/// What a watch does with what it sees.
trait Sink<K> {
    /// An object is there.
    fn put(&self, object: K);
    /// An object is gone.
    fn remove(&self, object: K);
    /// A whole list was seen.
    fn listed(&self, names: &BTreeSet<Box<str>>);
}

/// Follows tenants; goes on for ever.
pub(super) async fn tenants(client: &Client, world: &World) {
    watch(Api::<Tenant>::all(client.clone()), world).await;
}

/// Follows profiles; goes on for ever.
pub(super) async fn profiles(client: &Client, world: &World) {
    watch(Api::<DeploymentProfile>::all(client.clone()), world).await;
}

async fn watch<K>(api: Api<K>, sink: &impl Sink<K>)
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
    K::DynamicType: Clone + Send,
{
    // Waiting at most this long keeps a silently dropped connection from hiding changes.
    let config = watcher::Config::default().timeout(240).page_size(100);
    let events = watcher(api, config).default_backoff();
    pin_mut!(events);
    let mut seen = BTreeSet::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => seen.clear(),
            Ok(Event::InitApply(object)) => {
                seen.extend(object.meta().name.as_deref().map(Box::from));
                sink.put(object);
            }
            Ok(Event::InitDone) => sink.listed(&std::mem::take(&mut seen)),
            Ok(Event::Apply(object)) => sink.put(object),
            Ok(Event::Delete(object)) => sink.remove(object),
            Err(error) => tracing::warn!(%error, "a watch of the cluster was interrupted"),
        }
    }
}

impl Sink<Tenant> for World {
    fn put(&self, object: Tenant) {
        if let Some(record) = Record::of(object) {
            self.put_tenant(record);
        }
    }

    fn remove(&self, object: Tenant) {
        if let (Some(name), Some(uid)) = (object.metadata.name, object.metadata.uid) {
            self.remove_tenant(&name, &uid);
        }
    }

    fn listed(&self, names: &BTreeSet<Box<str>>) {
        self.listed_tenants(names);
    }
}

impl Sink<DeploymentProfile> for World {
    fn put(&self, object: DeploymentProfile) {
        if let Some(name) = object.metadata.name {
            self.put_profile(&name, object.spec.default_plan);
        }
    }

    fn remove(&self, object: DeploymentProfile) {
        if let Some(name) = object.metadata.name {
            self.remove_profile(&name);
        }
    }

    fn listed(&self, names: &BTreeSet<Box<str>>) {
        self.listed_profiles(names);
    }
}
