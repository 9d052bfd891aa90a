//! Watches: one per kind, each reduced to compact records as it arrives.
//!
//! Objects are found by our label, Secrets one by one by name (so that no right to read all Secrets
//! is needed). A watch that is not in sync makes `/readyz` say so.

use std::{collections::BTreeSet, time::Duration};

use crds::{DeploymentProfile, Tenant, names};
use futures::{StreamExt, stream::BoxStream};
use k8s_openapi::api::{apps::v1::ControllerRevision, batch::v1::Job, core::v1::Pod};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ApiResource, DynamicObject},
    core::GroupVersionKind,
    runtime::{WatchStreamExt, watcher},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use telemetry::health::{Check, Checks};

use crate::{
    desired::meta,
    kinds::Kind,
    object::Key,
    reduce, revision,
    world::{Part, Unreadable, World, version_of},
};

/// The Secrets that a stack may have, by name; RBAC and watches know no others.
pub const SECRETS: [&str; 1] = ["tenantry-grafana"];

/// A task that only ends when the process must.
pub type Task = BoxStream<'static, ()>;

/// Every watch, not yet started. Each stream yields when something arrived and never ends.
#[must_use]
pub fn all(client: &Client, namespace: &str, world: &World, checks: &Checks) -> Vec<Task> {
    let mut tasks = vec![
        tenants(client, world, checks),
        profiles(client, world, checks),
        revisions(client, namespace, world, checks),
        pods(client, world, checks),
        jobs(client, world, checks),
    ];
    for kind in Kind::ALL.into_iter().filter(|k| *k != Kind::Secret) {
        let config = watcher::Config::default().labels(&ours());
        tasks.push(objects(client, kind, config, kind.resource().plural, None, world, checks));
    }
    for name in SECRETS {
        let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let label = format!("secrets {name}");
        tasks.push(objects(client, Kind::Secret, config, &label, Some(name), world, checks));
    }
    tasks
}

fn ours() -> String {
    format!("{}={}", meta::MANAGED_BY_LABEL, meta::MANAGED_BY)
}

/// What a watch does with what it sees.
trait Sink<K>: Send + 'static {
    /// An object is there. Returns what names it, for the list at a restart of the watch.
    fn put(&self, object: K) -> Option<(Box<str>, Box<str>)>;
    /// An object is gone.
    fn remove(&self, object: K);
    /// A full list was seen.
    fn seen(&self, names: &BTreeSet<(Box<str>, Box<str>)>);
}

fn watch<K>(api: Api<K>, config: watcher::Config, check: Check, sink: impl Sink<K>) -> Task
where
    K: Resource + Clone + std::fmt::Debug + DeserializeOwned + Send + 'static,
    K::DynamicType: Clone + Send,
{
    // Waiting at most this long keeps a silently dropped connection from hiding drift. Pages bound
    // what a list holds in memory: many kinds are listed at once.
    let config = config.timeout(240).page_size(100);
    let begin = move || watcher(api.clone(), config.clone()).default_backoff().boxed();
    let state = (begin(), begin, sink, BTreeSet::new(), check);
    futures::stream::unfold(state, |(mut events, begin, sink, mut seen, check)| async move {
        match events.next().await {
            Some(Ok(event)) => take(event, &sink, &mut seen, &check),
            Some(Err(error)) => {
                tracing::warn!(%error, "a watch was interrupted");
                if let Some(problem) = problem(&error) {
                    check.failing(problem);
                }
                if is_refused(&error) {
                    // Nothing may happen for long once the right is back: a list tells of it.
                    tokio::time::sleep(REFUSED).await;
                    events = begin();
                }
            }
            None => {
                check.failing("the watch ended");
                return None;
            }
        }
        Some(((), (events, begin, sink, seen, check)))
    })
    .boxed()
}

/// How long a watch that we may not make is left alone.
const REFUSED: Duration = Duration::from_secs(5);

fn is_refused(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchStartFailed(kube::Error::Api(s)) if s.is_forbidden())
}

/// Why what is known may be wrong, if this error means that.
fn problem(error: &watcher::Error) -> Option<String> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
            if status.is_forbidden() =>
        {
            Some(format!("not in sync: {}", status.message))
        }
        watcher::Error::InitialListFailed(_) | watcher::Error::NoResourceVersion => {
            Some("not in sync: the list was refused".to_owned())
        }
        _ => None,
    }
}

fn take<K>(
    event: watcher::Event<K>,
    sink: &impl Sink<K>,
    seen: &mut BTreeSet<(Box<str>, Box<str>)>,
    check: &Check,
) {
    match event {
        watcher::Event::Init => seen.clear(),
        watcher::Event::InitApply(object) => seen.extend(sink.put(object)),
        watcher::Event::InitDone => {
            sink.seen(seen);
            seen.clear();
            check.ok();
        }
        watcher::Event::Apply(object) => {
            sink.put(object);
        }
        watcher::Event::Delete(object) => sink.remove(object),
    }
}

struct Objects {
    world: World,
    kind: Kind,
    /// For a watch of one name, that name.
    only: Option<&'static str>,
}

fn objects(
    client: &Client,
    kind: Kind,
    config: watcher::Config,
    label: &str,
    only: Option<&'static str>,
    world: &World,
    checks: &Checks,
) -> Task {
    let resource = kind.resource();
    let gvk = GroupVersionKind::gvk(resource.group, resource.version, kind.as_str());
    let api = Api::<DynamicObject>::all_with(
        client.clone(),
        &ApiResource::from_gvk_with_plural(&gvk, resource.plural),
    );
    let check = checks.ready(format!("watch {label}"));
    watch(api, config, check, Objects { world: world.clone(), kind, only })
}

impl Objects {
    fn tenant_of<'o>(&self, object: &'o DynamicObject) -> Option<&'o str> {
        let namespace = match self.kind {
            Kind::Namespace => object.metadata.name.as_deref(),
            _ => object.metadata.namespace.as_deref(),
        };
        namespace.and_then(names::tenant_of_namespace)
    }
}

impl Sink<DynamicObject> for Objects {
    fn put(&self, object: DynamicObject) -> Option<(Box<str>, Box<str>)> {
        let tenant: Box<str> = self.tenant_of(&object)?.into();
        let key = Key::new(self.kind, object.metadata.name.as_deref()?);
        let live = serde_json::to_value(&object).ok()?;
        self.world.put_object(&tenant, key.clone(), reduce::record(self.kind, &live)?);
        Some((tenant, key.name))
    }

    fn remove(&self, object: DynamicObject) {
        if let (Some(tenant), Some(name)) =
            (self.tenant_of(&object), object.metadata.name.as_deref())
        {
            let key = Key::new(self.kind, name);
            let uid = object.metadata.uid.as_deref().unwrap_or_default();
            let version = version_of(object.metadata.resource_version.as_deref());
            self.world.remove_object(tenant, &key, uid, version);
        }
    }

    fn seen(&self, names: &BTreeSet<(Box<str>, Box<str>)>) {
        let ours = |part: &Part<'_>| {
            matches!(part, Part::Object(key)
                if key.kind == self.kind && self.only.is_none_or(|only| key.name.as_ref() == only))
        };
        self.world.retain_seen(ours, names);
    }
}

struct Pods(World);

fn pods(client: &Client, world: &World, checks: &Checks) -> Task {
    let config = watcher::Config::default().labels(&ours());
    watch(Api::<Pod>::all(client.clone()), config, checks.ready("watch pods"), Pods(world.clone()))
}

fn place<K: Resource>(object: &K) -> Option<(Box<str>, Box<str>)> {
    let tenant = object.meta().namespace.as_deref().and_then(names::tenant_of_namespace)?;
    Some((tenant.into(), object.meta().name.as_deref()?.into()))
}

fn json(object: &impl serde::Serialize) -> Option<Value> {
    serde_json::to_value(object).ok()
}

impl Sink<Pod> for Pods {
    fn put(&self, object: Pod) -> Option<(Box<str>, Box<str>)> {
        let place = place(&object)?;
        self.0.put_pod(&place.0, reduce::pod(&json(&object)?)?);
        Some(place)
    }

    fn remove(&self, object: Pod) {
        if let Some((tenant, name)) = place(&object) {
            self.0.remove(&tenant, Part::Pod(&name), object.metadata.uid.as_deref());
        }
    }

    fn seen(&self, names: &BTreeSet<(Box<str>, Box<str>)>) {
        self.0.retain_seen(|part| matches!(part, Part::Pod(_)), names);
    }
}

struct Jobs(World);

fn jobs(client: &Client, world: &World, checks: &Checks) -> Task {
    let config = watcher::Config::default().labels(&ours());
    watch(Api::<Job>::all(client.clone()), config, checks.ready("watch jobs"), Jobs(world.clone()))
}

impl Sink<Job> for Jobs {
    fn put(&self, object: Job) -> Option<(Box<str>, Box<str>)> {
        let place = place(&object)?;
        self.0.put_job(&place.0, reduce::job(&json(&object)?)?);
        Some(place)
    }

    fn remove(&self, object: Job) {
        if let Some((tenant, name)) = place(&object) {
            self.0.remove(&tenant, Part::Job(&name), object.metadata.uid.as_deref());
        }
    }

    fn seen(&self, names: &BTreeSet<(Box<str>, Box<str>)>) {
        self.0.retain_seen(|part| matches!(part, Part::Job(_)), names);
    }
}

struct Tenants(World);

fn tenants(client: &Client, world: &World, checks: &Checks) -> Task {
    let check = checks.ready("watch tenants");
    watch(
        Api::<Tenant>::all(client.clone()),
        watcher::Config::default(),
        check,
        Tenants(world.clone()),
    )
}

fn named<K: ResourceExt>(object: &K) -> (Box<str>, Box<str>) {
    (object.name_any().into(), Box::default())
}

impl Sink<Tenant> for Tenants {
    fn put(&self, object: Tenant) -> Option<(Box<str>, Box<str>)> {
        let name = named(&object);
        self.0.put_tenant(object);
        Some(name)
    }

    fn remove(&self, object: Tenant) {
        self.0.remove_tenant(&object.name_any(), object.metadata.uid.as_deref());
    }

    fn seen(&self, names: &BTreeSet<(Box<str>, Box<str>)>) {
        for name in self.0.tenant_names() {
            if !names.contains(&(name.clone(), Box::default())) {
                self.0.remove_tenant(&name, None);
            }
        }
    }
}

struct Profiles(World);

fn profiles(client: &Client, world: &World, checks: &Checks) -> Task {
    let check = checks.ready("watch deploymentprofiles");
    // One that cannot be read must not hide the others, so each is read by itself.
    let resource = ApiResource::erase::<DeploymentProfile>(&());
    let api = Api::<DynamicObject>::all_with(client.clone(), &resource);
    watch(api, watcher::Config::default(), check, Profiles(world.clone()))
}

impl Sink<DynamicObject> for Profiles {
    fn put(&self, mut object: DynamicObject) -> Option<(Box<str>, Box<str>)> {
        object.managed_fields_mut().clear();
        let name = named(&object);
        match Unreadable::or_profile(object) {
            Ok(profile) => self.0.put_profile(profile),
            Err(unreadable) => {
                let (profile, error) = (&name.0, &unreadable.error);
                tracing::warn!(%profile, error, "a profile cannot be read by this version");
                self.0.put_unreadable_profile(*unreadable);
            }
        }
        Some(name)
    }

    fn remove(&self, object: DynamicObject) {
        self.0.remove_profile(&object.name_any());
    }

    fn seen(&self, names: &BTreeSet<(Box<str>, Box<str>)>) {
        for name in self.0.all_profile_names() {
            if !names.contains(&(name.clone(), Box::default())) {
                self.0.remove_profile(&name);
            }
        }
    }
}

struct Revisions(World);

fn revisions(client: &Client, namespace: &str, world: &World, checks: &Checks) -> Task {
    let config = watcher::Config::default().labels(revision::PROFILE_LABEL);
    let api = Api::<ControllerRevision>::namespaced(client.clone(), namespace);
    watch(api, config, checks.ready("watch controllerrevisions"), Revisions(world.clone()))
}

impl Sink<ControllerRevision> for Revisions {
    fn put(&self, object: ControllerRevision) -> Option<(Box<str>, Box<str>)> {
        let live = json(&object)?;
        let Some((profile, revision)) = revision::read(&live) else {
            let (profile, number) = revision::place(&live)?;
            tracing::warn!(profile, number, "a revision cannot be read by this version");
            self.0.take_number(&profile, number);
            return None;
        };
        let place = (profile.as_str().into(), revision.number.to_string().into());
        self.0.put_revision(&profile, revision);
        Some(place)
    }

    fn remove(&self, object: ControllerRevision) {
        if let Some((profile, revision)) = json(&object).as_ref().and_then(revision::read) {
            self.0.remove_revision(&profile, revision.number);
        }
    }

    fn seen(&self, names: &BTreeSet<(Box<str>, Box<str>)>) {
        for (profile, number) in self.0.revision_keys() {
            if !names.contains(&(profile.clone(), number.to_string().into())) {
                self.0.remove_revision(&profile, number);
            }
        }
    }
}
