//! What the plugin changes: one field each, under its own name, and what happens then.

use crds::{DeploymentProfile, DeploymentProfileStatus};
use serde_json::{Value, json};

use super::{
    access::{Access, Form},
    args::{Create, Data, Named, Rollout, RolloutVerb, Suspend, Wait},
    as_json, as_yaml, create,
    failure::Failure,
    gather, object,
    progress::Goal,
    scene::text,
    wait,
    words::{Style, Tone},
};

/// The name under which the plugin sets fields.
pub const FIELD_MANAGER: &str = "kubectl-tenant";

/// Makes a tenant, or lets the cluster check it.
///
/// # Errors
/// When it is there already or refused, or what was waited for does not come.
pub async fn create(access: &Access, asked: &Create) -> Result<String, Failure> {
    let body = create::tenant(asked)?;
    // Client is answered before the cluster is asked for.
    let dry = if asked.dry_run.is_some() { "&dryRun=All" } else { "" };
    let url =
        format!("{}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict{dry}", gather::tenants(""));
    let made = access.send("POST", &url, Form::Json, &body).await?;
    let name = &asked.name;
    if asked.dry_run.is_some() {
        if let Some(text) = object(&made, asked.output)? {
            return Ok(text);
        }
        return Ok(format!("tenant {name} could be made (dry run)\n"));
    }
    // What is made suspended never becomes ready: it is there when its services rest.
    let goal = if asked.suspended { Goal::Suspended } else { Goal::Ready };
    let reached = waited(access, name, &asked.wait, goal).await?;
    if let Some(text) = reread(access, name, made, &asked.wait, asked.output).await? {
        return Ok(text);
    }
    Ok(match (reached, asked.suspended) {
        (Some(text), false) => text,
        (Some(text), true) => format!("{text}→ kubectl tenant resume {name}\n"),
        (None, false) => format!("tenant {name} is made\n→ kubectl tenant status {name}\n"),
        (None, true) => {
            format!("tenant {name} is made, suspended\n→ kubectl tenant resume {name}\n")
        }
    })
}

async fn waited(
    access: &Access,
    name: &str,
    asked: &Wait,
    goal: Goal,
) -> Result<Option<String>, Failure> {
    if !asked.wait {
        return Ok(None);
    }
    Box::pin(wait::until(access, name, goal, asked.timeout)).await.map(Some)
}

/// What programs read of a change: the object as it was answered, or as it is after a wait.
async fn reread(
    access: &Access,
    name: &str,
    answered: Value,
    asked: &Wait,
    output: Named,
) -> Result<Option<String>, Failure> {
    if !asked.wait || output == Named::Table {
        return object(&answered, output);
    }
    object(&access.get(&gather::tenants(name)).await?, output)
}

/// Stops a tenant's services, or starts them again.
///
/// # Errors
/// When the tenant is not there or may not be changed.
pub async fn suspend(access: &Access, asked: &Suspend, stop: bool) -> Result<String, Failure> {
    let url = gather::tenants(&asked.name);
    let before = access.get(&url).await?;
    let name = &asked.name;
    let dry = if asked.dry_run { " (dry run)" } else { "" };
    if before.pointer("/spec/suspend").and_then(Value::as_bool).unwrap_or(false) == stop {
        if let Some(text) = object(&before, asked.output)? {
            return Ok(text);
        }
        let state = if stop { "already suspended" } else { "not suspended by its spec" };
        return Ok(format!("tenant {name} is {state}{}\n", also(&before, stop)));
    }
    let after = patch(access, &url, &json!({ "spec": { "suspend": stop } }), asked.dry_run).await?;
    let goal = if stop { Goal::Suspended } else { Goal::Ready };
    // What was only checked never comes.
    let wait = Wait { wait: asked.wait.wait && !asked.dry_run, ..asked.wait.clone() };
    let reached = waited(access, name, &wait, goal).await?;
    let told = changed(name, stop, dry, &also(&after, stop));
    let read = reread(access, name, after, &wait, asked.output).await?;
    Ok(read.or(reached).unwrap_or(told))
}

/// What a change of spec.suspend is to people.
fn changed(name: &str, stop: bool, dry: &str, also: &str) -> String {
    if stop {
        format!(
            "tenant {name} is suspended{dry}: its services stop; data, usage gateway and backups stay\n\
             → kubectl tenant resume {name}\n"
        )
    } else {
        format!(
            "tenant {name} is resumed{dry}: every service comes back with the replicas that it had{also}\n"
        )
    }
}

/// What else keeps services stopped.
fn also(tenant: &Value, stop: bool) -> String {
    let conditions = tenant.pointer("/status/conditions").and_then(Value::as_array);
    let quota = conditions.into_iter().flatten().find(|condition| {
        text(condition, "/type") == Some(crds::conditions::SUSPENDED)
            && text(condition, "/reason") == Some("QuotaUsedUp")
    });
    match (stop, quota.and_then(|condition| text(condition, "/message"))) {
        (false, Some(message)) => format!("; services stay stopped for another reason: {message}"),
        _ => String::new(),
    }
}

/// How far a profile's rollout is; holds it, or lets it go on.
///
/// # Errors
/// When the profile is not there or may not be changed.
pub async fn rollout(access: &Access, asked: &Rollout, style: Style) -> Result<String, Failure> {
    let (hold, name, dry, output) = match &asked.verb {
        RolloutVerb::Status { name, output } => {
            let found = access.get(&gather::profiles(name)).await?;
            return standing(&found, *output, style);
        }
        RolloutVerb::Pause { name, dry_run, output } => (true, name, *dry_run, *output),
        RolloutVerb::Resume { name, dry_run, output } => (false, name, *dry_run, *output),
    };
    let body = json!({ "spec": { "rollout": { "paused": hold } } });
    let after = patch(access, &gather::profiles(name), &body, dry).await?;
    if let Some(text) = object(&after, output)? {
        return Ok(text);
    }
    let dry = if dry { " (dry run)" } else { "" };
    Ok(if hold {
        format!(
            "the rollout of profile {name} is paused{dry}: no further tenant starts; those that have started go on\n\
             → kubectl tenant rollout resume {name}\n"
        )
    } else {
        format!(
            "the rollout of profile {name} goes on{dry}\n→ kubectl tenant rollout status {name}\n"
        )
    })
}

fn standing(found: &Value, output: Data, style: Style) -> Result<String, Failure> {
    let profile: DeploymentProfile =
        serde_json::from_value(found.clone()).map_err(|error| Failure::Other(error.to_string()))?;
    match output {
        Data::Table => Ok(told(&profile, style)),
        Data::Json => as_json(&as_data(&profile)),
        Data::Yaml => as_yaml(&as_data(&profile)),
    }
}

/// What a program reads of a rollout; null is what nobody has looked at yet.
fn as_data(profile: &DeploymentProfile) -> Value {
    let status = profile.status.as_ref();
    json!({
        "profile": profile.metadata.name,
        "revision": status.and_then(|status| status.revision),
        "rollout": status.and_then(|status| status.rollout),
        "message": status.and_then(|status| status.message.as_deref()),
        "tenants": status.map(|status| &status.tenants),
        "failed": status.map(|status| &status.failed),
    })
}

/// How far a profile's rollout is.
#[must_use]
pub fn told(profile: &DeploymentProfile, style: Style) -> String {
    let name = profile.metadata.name.as_deref().unwrap_or_default();
    let Some(DeploymentProfileStatus {
        revision: Some(revision),
        rollout,
        tenants,
        failed,
        message,
        ..
    }) = &profile.status
    else {
        return format!("profile {name} has not been looked at yet\n");
    };
    let phase = rollout.map(|phase| format!("{phase:?}")).unwrap_or_default();
    let tone = match phase.as_str() {
        "Complete" => Tone::Good,
        "Halted" => Tone::Bad,
        _ => Tone::Warn,
    };
    let mut text = format!(
        "{name}@{revision} {}: {}\n",
        style.paint(tone, &phase),
        message.as_deref().unwrap_or("–")
    );
    text.push_str(&format!(
        "  tenants {} · updated {} · ready {} · failed {}\n",
        tenants.total, tenants.updated, tenants.ready, tenants.failed
    ));
    for tenant in failed {
        text.push_str(&format!("→ kubectl tenant why {tenant}\n"));
    }
    text
}

async fn patch(access: &Access, url: &str, body: &Value, dry_run: bool) -> Result<Value, Failure> {
    let dry = if dry_run { "&dryRun=All" } else { "" };
    let url = format!("{url}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict{dry}");
    access.send("PATCH", &url, Form::Merge, body).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::recording::{golden, whole};

    #[test]
    fn a_rollout_reads_as_committed() {
        let mut found = whole().profile.unwrap();
        let mut texts = vec![standing(&found, Data::Table, Style::default()).unwrap()];
        found["status"]["rollout"] = "Halted".into();
        found["status"]["message"] = "2 of 3 tenants failed".into();
        found["status"]["tenants"] = json!({ "total": 9, "updated": 3, "ready": 7, "failed": 2 });
        found["status"]["failed"] = json!(["acme", "borealis"]);
        texts.push(standing(&found, Data::Table, Style::default()).unwrap());
        found["status"] = Value::Null;
        texts.push(standing(&found, Data::Table, Style::default()).unwrap());
        golden("rollout-status.txt", &texts.join("\n"));
    }

    #[test]
    fn a_rollout_is_told_to_programs_too() {
        let mut found = whole().profile.unwrap();
        let told = standing(&found, Data::Json, Style::default()).unwrap();
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["profile"], found["metadata"]["name"]);
        assert_eq!(told["revision"], found["status"]["revision"]);
        assert_eq!(told["rollout"], found["status"]["rollout"]);
        assert!(told["revision"].is_i64() && told["tenants"]["total"].is_i64(), "{told}");
        let yaml = standing(&found, Data::Yaml, Style::default()).unwrap();
        assert!(yaml.contains("revision: ") && yaml.contains("profile: "), "{yaml}");
        found["status"] = Value::Null;
        let unseen = standing(&found, Data::Json, Style::default()).unwrap();
        assert!(serde_json::from_str::<Value>(&unseen).unwrap()["revision"].is_null(), "{unseen}");
    }
}
