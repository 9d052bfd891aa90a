//! The verbs that only look: what is read, what is made of it, in which form it is printed.

use crds::{DeploymentProfile, Tenant, tenant::UsageStatus};
use k8s_openapi::jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    Answer,
    access::{Access, encoded},
    args::{self, Bundle, Data, Named, Output, Reach},
    as_json, as_yaml, complete, done, export,
    failure::Failure,
    gather, list, money, named, not_ready, page, plan, price, profiles, report, restore, retained,
    scene::{Recorded, Scene, name_of, text},
    why,
    words::Style,
};
use crate::desired::meta;

/// Reads one tenant and understands it.
///
/// # Errors
/// When it is not there, may not be seen, or is of another version.
pub async fn scene(
    access: &Access,
    reach: &Reach,
    name: &str,
    now: Timestamp,
) -> Result<Scene, Failure> {
    let recorded = Box::pin(gather::tenant(access, name, &reach.namespace)).await?;
    Scene::new(recorded, now).map_err(Failure::Other)
}

/// All that are there, or those named.
async fn found(
    access: &Access,
    names: &[String],
    url: fn(&str) -> String,
    query: &str,
) -> Result<Vec<Value>, Failure> {
    if names.is_empty() {
        return access.list(&url(""), query).await;
    }
    let mut all = Vec::new();
    for name in names {
        all.push(access.get(&url(name)).await?);
    }
    Ok(all)
}

fn read<T: DeserializeOwned>(all: &[Value]) -> Vec<T> {
    all.iter().filter_map(|value| serde_json::from_value(value.clone()).ok()).collect()
}

/// Tenants, one line each.
///
/// # Errors
/// When they may not be seen, or one that is named is not there.
pub async fn list(access: &Access, asked: &args::List, now: Timestamp, style: Style) -> Answer {
    let selector = asked.selector.as_deref().map(|s| format!("labelSelector={}", encoded(s)));
    let mut raw =
        found(access, &asked.names, gather::tenants, &selector.unwrap_or_default()).await?;
    raw.retain(|value| {
        serde_json::from_value::<Tenant>(value.clone()).is_ok_and(|tenant| {
            let other = |profile: &String| tenant.spec.profile_ref.name != *profile;
            let ready = asked.not_ready && list::is_ready(&tenant);
            !(ready || asked.profile.as_ref().is_some_and(other))
        })
    });
    let tenants: Vec<Tenant> = read(&raw);
    let text = match asked.output {
        Output::Table | Output::Wide if tenants.is_empty() => "no tenants found\n".to_owned(),
        Output::Table => list::render(&tenants, false, now, style),
        Output::Wide => list::render(&tenants, true, now, style),
        Output::Json => as_json(&items(raw, "Tenant"))?,
        Output::Yaml => as_yaml(&items(raw, "Tenant"))?,
        Output::Name => names_of(&raw).iter().map(|name| named("tenant", name)).collect(),
    };
    let waits = tenants.iter().any(|tenant| !list::is_ready(tenant));
    Ok((text, not_ready(asked.exit_code && waits)))
}

fn names_of(all: &[Value]) -> Vec<String> {
    all.iter().filter_map(|value| text(value, "/metadata/name")).map(ToOwned::to_owned).collect()
}

/// A list as kubectl prints it, without the managed fields, as kubectl does.
fn items(mut raw: Vec<Value>, kind: &str) -> Value {
    for object in &mut raw {
        if let Some(metadata) = object.pointer_mut("/metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        if let Some(members) = object.as_object_mut() {
            let version = format!("{}/{}", crds::GROUP, crds::VERSION);
            members.insert("apiVersion".to_owned(), version.into());
            members.insert("kind".to_owned(), kind.into());
        }
    }
    json!({ "apiVersion": "v1", "kind": "List", "items": raw })
}

/// How a tenant's backup is put back.
///
/// # Errors
/// When the tenant or its gateway may not be seen or is not there, or it has no account yet.
pub async fn restore(
    access: &Access,
    reach: &Reach,
    asked: &args::Restore,
    now: Timestamp,
) -> Answer {
    let name = &asked.name;
    let tenant = access.get(&gather::tenants(name)).await?;
    let account = restore::account(&tenant).ok_or_else(|| {
        Failure::Other(format!("tenant {name} has no account yet: there can be no backup of it"))
    })?;
    let namespace = format!("{}{name}", crds::names::NAMESPACE_PREFIX);
    let url = format!(
        "/apis/apps/v1/namespaces/{namespace}/deployments/{}",
        meta::child_name(meta::GATEWAY)
    );
    let gateway = access.get(&url).await?;
    let pod = restore::pod(&gateway, &namespace).ok_or_else(|| {
        Failure::Other(format!(
            "deployment {namespace}/{} has no volume to restore into",
            meta::child_name(meta::GATEWAY)
        ))
    })?;
    let about = restore::About {
        tenant: name,
        account,
        namespace: &namespace,
        system: &reach.namespace,
        flags: &restore::flags(reach),
        id: asked.id.as_deref(),
    };
    Ok(done(match asked.output {
        Data::Table => restore::Page(&about, now).to_string(),
        Data::Json => as_json(&pod)?,
        Data::Yaml => as_yaml(&pod)?,
    }))
}

/// Profiles, one line each.
///
/// # Errors
/// When they may not be seen, or one that is named is not there.
pub async fn profiles(
    access: &Access,
    asked: &args::Profiles,
    now: Timestamp,
    style: Style,
) -> Answer {
    let raw = found(access, &asked.names, gather::profiles, "").await?;
    let all: Vec<DeploymentProfile> = read(&raw);
    Ok(done(match asked.output {
        Output::Table | Output::Wide if all.is_empty() => "no profiles found\n".to_owned(),
        Output::Table => profiles::render(&all, false, now, style),
        Output::Wide => profiles::render(&all, true, now, style),
        Output::Json => as_json(&items(raw, "DeploymentProfile"))?,
        Output::Yaml => as_yaml(&items(raw, "DeploymentProfile"))?,
        Output::Name => {
            names_of(&raw).iter().map(|name| named("deploymentprofile", name)).collect()
        }
    }))
}

/// What is kept although no stack uses it.
///
/// # Errors
/// When namespaces or tenants may not be seen.
pub async fn retained(access: &Access, asked: &args::Retained, style: Style) -> Answer {
    let query = format!("labelSelector={}", encoded(meta::RETAINED_LABEL));
    let namespaces = access.list("/api/v1/namespaces", &query).await?;
    let tenants = access.list(&gather::tenants(""), "").await?;
    let all = retained::kept(&namespaces, &tenants);
    Ok(done(match asked.output {
        Named::Table => retained::render(&all, style),
        Named::Json => as_json(&all)?,
        Named::Yaml => as_yaml(&all)?,
        Named::Name => retained::names(&all),
    }))
}

/// What a tenant used, and with a token what that costs.
///
/// # Errors
/// When it is not there or may not be seen.
pub async fn usage(
    access: &Access,
    reach: &Reach,
    asked: &args::Usage,
    now: Timestamp,
    style: Style,
) -> Answer {
    let tenant = access.get(&gather::tenants(&asked.name)).await?;
    let scene = Scene::new(Recorded { tenant, ..Recorded::default() }, now);
    let page = page::page(&scene.map_err(Failure::Other)?, 0);
    let account = page.identity.account.as_deref();
    let (bill, failure) = Box::pin(money::billed(access, reach, &asked.prices, account)).await;
    let used = Used { usage: page.usage.as_ref(), money: &bill };
    let text = match asked.output {
        Data::Table => page::usage(&page, now, style) + &price::bill(&bill, style),
        Data::Json => as_json(&used)?,
        Data::Yaml => as_yaml(&used)?,
    };
    Ok((text, failure))
}

/// What a program reads of use and bill.
#[derive(Serialize)]
struct Used<'a> {
    #[serde(flatten)]
    usage: Option<&'a UsageStatus>,
    money: &'a price::Bill,
}

/// What a change would do.
///
/// # Errors
/// When the tenant or the profile is not there or may not be seen, or the change cannot be.
pub async fn plan(
    access: &Access,
    reach: &Reach,
    asked: &args::Plan,
    now: Timestamp,
    style: Style,
) -> Answer {
    let recorded = Box::pin(gather::tenant(access, &asked.name, &reach.namespace)).await?;
    let change = plan::Change {
        profile: asked.profile.clone(),
        revision: asked.revision,
        add: asked.overlay.clone(),
        remove: asked.without_overlay.clone(),
        suspend: (asked.suspend || asked.resume).then_some(asked.suspend),
        plan: asked.plan.clone(),
    };
    let mut then = plan::changed(&recorded, &change);
    if let Some(profile) = &asked.profile {
        let (found, revisions) = gather::profile(access, profile, &reach.namespace).await?;
        (then.profile, then.revisions) = (Some(found), revisions);
    }
    let (before, after) = (Scene::new(recorded, now), Scene::new(then, now));
    let before = before.map_err(Failure::Other)?;
    let mut made = plan::plan(&before, &after.map_err(Failure::Other)?);
    let mut failure = None;
    if let Some(key) = &asked.plan {
        let account = before.status().account_id;
        let told = money::price(access, reach, &asked.prices, account.as_deref(), key);
        let (price, unpriced) = Box::pin(told).await;
        (made.price, failure) = (Some(price), unpriced);
    }
    let text = match asked.output {
        Data::Table => plan::render(&made, style),
        Data::Json => as_json(&made)?,
        Data::Yaml => as_yaml(&made)?,
    };
    let cannot = (!made.problems.is_empty()).then(|| Failure::Other("this cannot be".to_owned()));
    Ok((text, cannot.or(failure)))
}

/// Tenants and profiles, or the profiles' revisions, for a cluster that has none.
///
/// # Errors
/// When one that is named is not there, or they may not be seen.
pub async fn export(access: &Access, reach: &Reach, asked: &args::Export) -> Answer {
    let raw = found(access, &asked.names, gather::tenants, "").await?;
    let named = export::profiles_of(&raw);
    let of = (!asked.names.is_empty()).then_some(&named);
    let items = if asked.revisions {
        let query = format!("labelSelector={}", encoded(crds::PROFILE));
        let all = access.list(&gather::revisions(&reach.namespace), &query).await?;
        export::revisions(&all, of)
    } else {
        let mut profiles = access.list(&gather::profiles(""), "").await?;
        profiles.retain(|one| of.is_none_or(|of| of.contains(name_of(one))));
        [export::profiles(&profiles), export::tenants(&raw)].concat()
    };
    let list = export::list(&items);
    Ok(done(match asked.output {
        Bundle::Json => as_json(&list)?,
        Bundle::Yaml => as_yaml(&list)?,
    }))
}

/// All that support needs.
///
/// # Errors
/// When the tenant is not there or may not be seen.
pub async fn report(
    access: &Access,
    reach: &Reach,
    asked: &args::Report,
    now: Timestamp,
) -> Answer {
    let scene = scene(access, reach, &asked.name, now).await?;
    let why = why::why(&scene, now);
    let version = env!("CARGO_PKG_VERSION");
    let bundle = report::bundle(&scene.recorded, &why, version, &now.to_string());
    Ok(done(match asked.output {
        Bundle::Json => as_json(&bundle)?,
        Bundle::Yaml => as_yaml(&bundle)?,
    }))
}

/// The answer to kubectl's question what may stand here. Where the cluster does not answer there are
/// no names, and no complaint: somebody is typing.
pub async fn complete(words: &[String]) -> String {
    let url = match complete::wanted(words) {
        complete::Wanted::Tenant => Some(gather::tenants("")),
        complete::Wanted::Profile => Some(gather::profiles("")),
        complete::Wanted::Nothing => None,
    };
    let names = match url {
        None => Vec::new(),
        Some(url) => {
            let reach = complete::reach(words);
            let listed = async { Access::open(&reach).await?.list(&url, "").await };
            names_of(&Box::pin(listed).await.unwrap_or_default())
        }
    };
    complete::answer(words, &names)
}
