//! Everything that the cluster shows of one tenant. What the user may not see is left out, and said.

use std::sync::{Mutex, PoisonError};

use futures::future::{join_all, try_join_all};
use serde_json::Value;

use super::{access::Access, access::encoded, failure::Failure, scene::Recorded};
use crate::{kinds::Kind, lease, revision};

/// The address of a tenant, or of all of them.
#[must_use]
pub fn tenants(name: &str) -> String {
    let all = format!("/apis/{}/{}/tenants", crds::GROUP, crds::VERSION);
    if name.is_empty() { all } else { format!("{all}/{name}") }
}

/// The address of a profile, or of all of them.
#[must_use]
pub fn profiles(name: &str) -> String {
    let all = format!("/apis/{}/{}/deploymentprofiles", crds::GROUP, crds::VERSION);
    if name.is_empty() { all } else { format!("{all}/{name}") }
}

/// The address of all revisions of profiles.
#[must_use]
pub fn revisions(system: &str) -> String {
    within("apps", "v1", system, "controllerrevisions")
}

/// The address of all objects of a kind in a namespace.
fn collection(kind: Kind, namespace: &str) -> String {
    let resource = kind.resource();
    within(resource.group, resource.version, namespace, resource.plural)
}

fn within(group: &str, version: &str, namespace: &str, plural: &str) -> String {
    match group {
        "" => format!("/api/{version}/namespaces/{namespace}/{plural}"),
        _ => format!("/apis/{group}/{version}/namespaces/{namespace}/{plural}"),
    }
}

/// Reads one tenant and all that belongs to it; `system` is the operator's namespace.
///
/// # Errors
/// When the tenant is not there or may not be seen, or the cluster does not answer.
pub async fn tenant(access: &Access, name: &str, system: &str) -> Result<Recorded, Failure> {
    let tenant = access.get(&tenants(name)).await?;
    let profile = tenant.pointer("/spec/profileRef/name").and_then(Value::as_str);
    let profile = profile.unwrap_or_default().to_owned();
    let namespace = format!("{}{name}", crds::names::NAMESPACE_PREFIX);
    let eyes = Eyes { access, unseen: Mutex::default() };
    let of_profile = format!("labelSelector={}%3D{profile}", revision::PROFILE_LABEL);
    let about = encoded(&format!("involvedObject.kind=Tenant,involvedObject.name={name}"));
    let about = format!("fieldSelector={about}");
    let (found, kinds, lists) = (
        async {
            let profile = profiles(&profile);
            let space = format!("/api/v1/namespaces/{namespace}");
            let lease = |name: &str| {
                format!("{}/{name}", within("coordination.k8s.io", "v1", system, "leases"))
            };
            let wanted = [profile, space, lease(lease::NAME), lease(crds::API_SERVER)];
            try_join_all(wanted.iter().map(|url| Box::pin(eyes.one(url)))).await
        },
        async {
            let listed = Kind::ALL.into_iter().filter(|kind| is_listed(*kind));
            join_all(listed.map(|kind| Box::pin(eyes.kind(kind, &namespace)))).await
        },
        async {
            let wanted = [
                (within("apps", "v1", system, "controllerrevisions"), of_profile.as_str()),
                (within("", "v1", &namespace, "pods"), ""),
                (within("batch", "v1", &namespace, "jobs"), ""),
                (within("", "v1", &namespace, "events"), ""),
                (within("", "v1", "default", "events"), about.as_str()),
                // Two tenants with one account: who has it is among all of them.
                (tenants(""), if shares_account(&tenant) { "" } else { NOBODY }),
            ];
            try_join_all(wanted.map(|(url, query)| Box::pin(eyes.all(url, query)))).await
        },
    );
    let (found, kinds, lists) = futures::join!(found, kinds, lists);
    let [profile, space, operator, api_server] = four(found?);
    let mut lists = lists?.into_iter();
    let mut next = || lists.next().unwrap_or_default();
    let (revisions, pods, jobs) = (next(), next(), next());
    let (mut events, of_tenant, others) = (next(), next(), next());
    events.extend(of_tenant);
    let mut objects: Vec<Value> =
        space.map(|space| named(space, Kind::Namespace)).into_iter().collect();
    for list in kinds {
        objects.extend(list?);
    }
    let unseen = eyes.unseen.into_inner().unwrap_or_else(PoisonError::into_inner);
    let leases = [operator, api_server].into_iter().flatten().collect();
    Ok(Recorded { tenant, others, profile, revisions, objects, pods, jobs, events, leases, unseen })
}

/// A profile and its revisions.
///
/// # Errors
/// When it is not there or may not be seen.
pub async fn profile(
    access: &Access,
    name: &str,
    system: &str,
) -> Result<(Value, Vec<Value>), Failure> {
    let found = access.get(&profiles(name)).await?;
    let query = format!("labelSelector={}%3D{name}", encoded(revision::PROFILE_LABEL));
    let url = within("apps", "v1", system, "controllerrevisions");
    match access.list(&url, &query).await {
        // The profile as it is stands for its newest revision then.
        Err(Failure::Forbidden(_)) => Ok((found, Vec::new())),
        revisions => Ok((found, revisions?)),
    }
}

/// A selector that nothing matches.
const NOBODY: &str = "labelSelector=tenantry.dev%2Fnobody";

fn shares_account(tenant: &Value) -> bool {
    let conditions = tenant.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|c| c.get("reason").is_some_and(|r| r == "AccountInUse"))
}

/// Secrets are never read: nothing here needs them.
fn is_listed(kind: Kind) -> bool {
    !matches!(kind, Kind::Namespace | Kind::Secret)
}

fn four(found: Vec<Option<Value>>) -> [Option<Value>; 4] {
    <[Option<Value>; 4]>::try_from(found).unwrap_or_default()
}

/// Items of a list do not say what they are.
fn named(mut object: Value, kind: Kind) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.insert("kind".to_owned(), kind.as_str().into());
        members.insert("apiVersion".to_owned(), kind.resource().api_version().into());
    }
    object
}

/// Reads what may be read, and remembers what may not.
struct Eyes<'a> {
    access: &'a Access,
    unseen: Mutex<Vec<String>>,
}

impl Eyes<'_> {
    /// An object, if it is there.
    async fn one(&self, url: &str) -> Result<Option<Value>, Failure> {
        match self.access.get(url).await {
            Ok(found) => Ok(Some(found)),
            Err(Failure::NotFound(_)) => Ok(None),
            Err(Failure::Forbidden(_)) => {
                self.missed(url);
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    async fn kind(&self, kind: Kind, namespace: &str) -> Result<Vec<Value>, Failure> {
        let found = self.all(collection(kind, namespace), "").await?;
        Ok(found.into_iter().map(|object| named(object, kind)).collect())
    }

    async fn all(&self, url: String, query: &str) -> Result<Vec<Value>, Failure> {
        match self.access.list(&url, query).await {
            Err(Failure::NotFound(_)) => Ok(Vec::new()),
            Err(Failure::Forbidden(_)) => {
                self.missed(&url);
                Ok(Vec::new())
            }
            found => found,
        }
    }

    fn missed(&self, url: &str) {
        self.unseen.lock().unwrap_or_else(PoisonError::into_inner).push(place(url));
    }
}

/// What an address shows, in words: `pods in tenant-acme`.
fn place(url: &str) -> String {
    let words: Vec<&str> = url.split('/').collect();
    match words.iter().position(|word| *word == "namespaces") {
        Some(at) => match (words.get(at + 1), words.get(at + 2), words.get(at + 3)) {
            (Some(space), Some(plural), Some(name)) => format!("{plural} {name} in {space}"),
            (Some(space), Some(plural), None) => format!("{plural} in {space}"),
            (space, ..) => format!("namespace {}", space.copied().unwrap_or_default()),
        },
        None => words.get(4..).unwrap_or_default().join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_in_words() {
        for (url, words) in [
            (collection(Kind::Deployment, "tenant-acme"), "deployments in tenant-acme"),
            (within("", "v1", "tenant-acme", "pods"), "pods in tenant-acme"),
            ("/api/v1/namespaces/tenant-acme".to_owned(), "namespace tenant-acme"),
            (
                within("coordination.k8s.io", "v1", "x", "leases/tenantry-operator"),
                "leases tenantry-operator in x",
            ),
            (profiles("prod"), "deploymentprofiles prod"),
            (tenants(""), "tenants"),
        ] {
            assert_eq!(place(&url), words);
        }
    }
}
