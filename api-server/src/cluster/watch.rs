//! Watches of tenants and profiles, each object reduced to what is kept of it as it arrives. One that this
//! version cannot read hides no other: it stays as it was last read.

use std::collections::BTreeSet;

use crds::{DeploymentProfile, Tenant};
use futures::{StreamExt as _, pin_mut};
use kube::{
    Api, Client,
    api::DynamicObject,
    runtime::{WatchStreamExt as _, watcher, watcher::Event},
};

use super::{
    read::{default_plan, read, resource},
    record::Record,
    world::World,
};

/// What a watch does with what it sees.
trait Sink {
    /// An object is there.
    fn put(&self, object: DynamicObject);
    /// An object is gone.
    fn remove(&self, object: DynamicObject);
    /// A whole list was seen.
    fn listed(&self, names: &BTreeSet<Box<str>>);
}

/// Follows tenants; goes on for ever.
pub(super) async fn tenants(client: &Client, world: &World) {
    watch(Api::all_with(client.clone(), &resource::<Tenant>()), &Tenants(world)).await;
}

/// Follows profiles; goes on for ever.
pub(super) async fn profiles(client: &Client, world: &World) {
    watch(Api::all_with(client.clone(), &resource::<DeploymentProfile>()), &Profiles(world)).await;
}

async fn watch(api: Api<DynamicObject>, sink: &impl Sink) {
    // Waiting at most this long keeps a silently dropped connection from hiding changes.
    let config = watcher::Config::default().timeout(240).page_size(100);
    let events = watcher(api, config).default_backoff();
    pin_mut!(events);
    let mut seen = BTreeSet::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => seen.clear(),
            Ok(Event::InitApply(object)) => {
                seen.extend(object.metadata.name.as_deref().map(Box::from));
                sink.put(object);
            }
            Ok(Event::InitDone) => sink.listed(&std::mem::take(&mut seen)),
            Ok(Event::Apply(object)) => sink.put(object),
            Ok(Event::Delete(object)) => sink.remove(object),
            Err(error) => tracing::warn!(%error, "a watch of the cluster was interrupted"),
        }
    }
}

struct Tenants<'w>(&'w World);

impl Sink for Tenants<'_> {
    fn put(&self, object: DynamicObject) {
        match read::<Tenant>(&object) {
            Ok(tenant) => {
                if let Some(record) = Record::of(tenant) {
                    self.0.put_tenant(record);
                }
            }
            Err(error) => {
                let (Some(name), Some(uid)) = (object.metadata.name, object.metadata.uid) else {
                    return;
                };
                tracing::warn!(tenant = name, %error, "a tenant cannot be read by this version; it stays as it was");
                self.0.put_unreadable(&name, &uid);
            }
        }
    }

    fn remove(&self, object: DynamicObject) {
        if let (Some(name), Some(uid)) = (object.metadata.name, object.metadata.uid) {
            self.0.remove_tenant(&name, &uid);
        }
    }

    fn listed(&self, names: &BTreeSet<Box<str>>) {
        self.0.listed_tenants(names);
    }
}

struct Profiles<'w>(&'w World);

impl Sink for Profiles<'_> {
    fn put(&self, object: DynamicObject) {
        if let Some(name) = &object.metadata.name {
            self.0.put_profile(name, default_plan(&object));
        }
    }

    fn remove(&self, object: DynamicObject) {
        if let Some(name) = object.metadata.name {
            self.0.remove_profile(&name);
        }
    }

    fn listed(&self, names: &BTreeSet<Box<str>>) {
        self.0.listed_profiles(names);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn tenant(name: &str, uid: &str, suspend: &Value) -> DynamicObject {
        let object = json!({
            "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant",
            "metadata": { "name": name, "uid": uid, "resourceVersion": "7", "generation": 1 },
            "spec": { "displayName": name, "profileRef": { "name": "dev" }, "suspend": suspend },
        });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn a_tenant_that_cannot_be_read_is_there_and_hides_no_other() {
        let (world, new) = (World::default(), json!("of tomorrow"));
        let watch = Tenants(&world);
        watch.put(tenant("acme", "u-1", &json!(false)));
        watch.put(tenant("acme", "u-1", &new));
        watch.put(tenant("late", "u-2", &new));
        watch.put(tenant("other", "u-3", &json!(true)));
        let all = ["acme", "late", "other"].map(Box::from);
        watch.listed(&BTreeSet::from(all));
        // Nobody takes its account away.
        assert_eq!(world.uids(), ["u-1", "u-2", "u-3"]);
        let known = ["acme", "late", "other"].map(|name| world.tenant(name).is_some());
        assert_eq!(known, [true, false, true], "what was read once stays");
        watch.put(tenant("late", "u-2", &json!(false)));
        assert!(world.tenant("late").is_some());
        assert_eq!(world.uids(), ["u-1", "u-2", "u-3"], "each once");
        // Another by its name is not the one that was read.
        watch.put(tenant("acme", "u-9", &new));
        assert!(world.tenant("acme").is_none());
        assert_eq!(world.uids(), ["u-2", "u-3", "u-9"]);
        watch.remove(tenant("acme", "u-9", &json!(1)));
        watch.listed(&BTreeSet::from(["other".into()]));
        assert_eq!(world.uids(), ["u-3"]);
    }

    #[test]
    fn the_answer_to_a_write_brings_back_no_tenant_that_is_gone() {
        let world = World::default();
        let of = |uid| tenant("acme", uid, &json!(false));
        let record = |uid| Record::of(read::<Tenant>(&of(uid)).unwrap()).unwrap();
        Tenants(&world).put(of("u-1"));
        Tenants(&world).remove(of("u-1"));
        world.put_own_tenant(record("u-1"));
        assert!(world.tenant("acme").is_none() && world.uids().is_empty());
        Tenants(&world).put(of("u-2"));
        world.put_own_tenant(record("u-1"));
        assert_eq!(world.uids(), ["u-2"], "nor the one before it");
    }

    /// Whether it is there is asked and the answer put in at once: nobody takes it away in between.
    #[test]
    fn no_tenant_that_goes_while_the_answer_to_a_write_comes_is_brought_back() {
        let of = |uid| tenant("acme", uid, &json!(false));
        let record = Record::of(read::<Tenant>(&of("u-1")).unwrap()).unwrap();
        for round in 0..20_000 {
            let world = World::default();
            world.put_tenant(record.clone());
            let both = std::sync::Barrier::new(2);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    both.wait();
                    world.put_own_tenant(record.clone());
                });
                both.wait();
                world.remove_tenant("acme", "u-1");
            });
            assert!(world.tenant("acme").is_none(), "round {round}");
        }
    }

    #[test]
    fn news_that_nobody_asks_for_are_no_more_than_there_are_tenants() {
        let world = World::default();
        let watch = Tenants(&world);
        for n in 0..100 {
            for name in ["b", "a"] {
                watch.put(tenant(name, "u", &json!(n % 2 == 0)));
            }
        }
        assert_eq!(world.take_news(), ["b", "a"].map(Box::from));
        assert!(world.take_news().is_empty());
        watch.put(tenant("a", "u-2", &json!(false)));
        assert_eq!(world.take_news(), ["a"].map(Box::from), "and again when something happens");
    }

    #[test]
    fn a_profile_that_cannot_be_read_says_its_plan() {
        let world = World::default();
        let profile = json!({
            "apiVersion": "tenantry.dev/v1alpha1", "kind": "DeploymentProfile", "metadata": { "name": "dev" },
            "spec": { "defaultPlan": "team", "services": "of tomorrow" },
        });
        Profiles(&world).put(serde_json::from_value(profile).unwrap());
        assert_eq!(world.default_plan("dev"), Some(Some("team".to_owned())));
    }
}
