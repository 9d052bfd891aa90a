//! What a change of a tenant would do, rendered by the operator's own code and compared with what it
//! renders now. Pure.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    price::{self, Price},
    scene::{Recorded, Scene, kind_of, name_of},
    words::{Style, Tone, count},
};
use crate::{kinds::Kind, object::Key, status::Outcome};

/// What is to be different.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The profile to follow.
    pub profile: Option<String>,
    /// The revision to pin.
    pub revision: Option<i64>,
    /// Overlays to add.
    pub add: Vec<String>,
    /// Overlays to take away.
    pub remove: Vec<String>,
    /// Whether services are to be stopped.
    pub suspend: Option<bool>,
    /// The plan to ask for.
    pub plan: Option<String>,
}

/// What a change would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The tenant.
    pub tenant: String,
    /// The revision that it is brought to now.
    pub from: String,
    /// The revision that it would be brought to.
    pub to: String,
    /// Why it cannot be, if it cannot.
    pub problems: Vec<String>,
    /// What would be done, object by object.
    pub steps: Vec<Step>,
    /// What the namespace's quota holds now.
    pub quota: Vec<Used>,
    /// What the change of plan would cost, where one is asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

/// What would be done with one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// `create`, `change`, `delete` or `retain`.
    pub verb: &'static str,
    /// Its kind and name.
    pub object: String,
    /// The fields that would change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// How many pods would be replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restarts: Option<i64>,
    /// Whether they stop before others start.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub interrupts: bool,
}

/// One line of the namespace's quota.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Used {
    /// What is counted, such as `requests.cpu`.
    pub resource: String,
    /// How much is used.
    pub used: String,
    /// How much is allowed.
    pub hard: String,
}

/// What was read, with the tenant changed; the profile and its revisions are the caller's to replace.
#[must_use]
pub fn changed(recorded: &Recorded, change: &Change) -> Recorded {
    let mut then = recorded.clone();
    let spec = &mut then.tenant["spec"];
    if let Some(profile) = &change.profile {
        spec["profileRef"] = serde_json::json!({ "name": profile });
    }
    if let Some(revision) = change.revision {
        spec["profileRef"]["revision"] = revision.into();
    }
    let kept = spec["overlays"].as_array().cloned().unwrap_or_default();
    let mut overlays: Vec<Value> =
        kept.into_iter().filter(|name| !change.remove.iter().any(|gone| *name == **gone)).collect();
    for name in &change.add {
        if !overlays.iter().any(|known| *known == **name) {
            overlays.push(name.as_str().into());
        }
    }
    spec["overlays"] = overlays.into();
    if let Some(suspend) = change.suspend {
        spec["suspend"] = suspend.into();
    }
    if let Some(plan) = &change.plan {
        spec["plan"] = plan.as_str().into();
    }
    // What it was told to follow does not hold it to that: the newest revision is what comes of it.
    if let Some(status) = then.tenant.get_mut("status").and_then(Value::as_object_mut) {
        status.remove("profileRevision");
    }
    then
}

/// What it takes to come from one to the other.
#[must_use]
pub fn plan(now: &Scene, then: &Scene) -> Plan {
    let before: BTreeMap<&Key, &Value> =
        now.rendered.iter().map(|object| (&object.key, &object.body)).collect();
    let after: BTreeMap<&Key, &Value> =
        then.rendered.iter().map(|object| (&object.key, &object.body)).collect();
    let problems: Vec<String> = match &then.decision.outcome {
        Some(Outcome::Invalid(problems)) => problems.iter().map(|p| p.message.clone()).collect(),
        Some(Outcome::ProfileMissing { profile }) => vec![format!("no such profile: {profile}")],
        Some(Outcome::ProfileUnreadable { profile, error }) => {
            vec![format!("profile {profile} cannot be read, it may be of a newer version: {error}")]
        }
        Some(Outcome::RevisionMissing { revision, known }) => {
            vec![format!("{revision} does not exist; known revisions: {known}")]
        }
        _ => Vec::new(),
    };
    let mut steps = Vec::new();
    if problems.is_empty() {
        for (key, body) in &after {
            match before.get(key) {
                None => steps.push(step("create", key)),
                Some(old) if old != body => steps.push(change(now, key, old, body)),
                Some(_) => {}
            }
        }
        let gone = before.keys().rev().filter(|key| !after.contains_key(**key));
        steps.extend(
            gone.map(|key| step(if key.kind.holds_data() { "retain" } else { "delete" }, key)),
        );
    }
    Plan {
        tenant: now.name().to_owned(),
        from: now.profile_label(),
        to: then.profile_label(),
        problems,
        steps,
        quota: quota(now),
        price: None,
    }
}

fn step(verb: &'static str, key: &Key) -> Step {
    Step { verb, object: key.to_string(), fields: Vec::new(), restarts: None, interrupts: false }
}

fn change(now: &Scene, key: &Key, old: &Value, new: &Value) -> Step {
    let mut fields = Vec::new();
    differences(old, new, &mut Vec::new(), &mut fields);
    let template = "/spec/template";
    let rolls = key.kind == Kind::Deployment && old.pointer(template) != new.pointer(template);
    let live = now.object(key);
    let pods = live.and_then(|live| live.pointer("/spec/replicas")).and_then(Value::as_i64);
    // Nothing comes beside the old pods: they go first.
    let strategy = |part: &str| new.pointer(&format!("/spec/strategy/{part}"));
    let first = strategy("type").is_some_and(|type_| type_ == "Recreate")
        || strategy("rollingUpdate/maxSurge").is_some_and(|surge| surge == 0);
    Step {
        fields,
        restarts: rolls.then(|| pods.unwrap_or(1)),
        interrupts: rolls && first,
        ..step("change", key)
    }
}

/// The paths at which two values differ.
fn differences(old: &Value, new: &Value, here: &mut Vec<String>, found: &mut Vec<String>) {
    let none = Value::Null;
    let mut below = |name: String, old: &Value, new: &Value| {
        here.push(name);
        differences(old, new, here, found);
        here.pop();
    };
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for name in members(old, new) {
                let of = |map: &Map<String, Value>| map.get(&name).cloned().unwrap_or_default();
                below(name.clone(), &of(old), &of(new));
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            for index in 0..old.len().max(new.len()) {
                let (old, new) = (old.get(index).unwrap_or(&none), new.get(index).unwrap_or(&none));
                let name = new.get("name").or_else(|| old.get("name")).and_then(Value::as_str);
                let name = name.map_or_else(|| index.to_string(), ToOwned::to_owned);
                below(format!("[{name}]"), old, new);
            }
        }
        (old, new) if old != new => found.push(here.join(".").replace(".[", "[")),
        _ => {}
    }
}

fn members(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<String> {
    let mut names: Vec<String> = old.keys().chain(new.keys()).cloned().collect();
    names.sort();
    names.dedup();
    names
}

fn quota(scene: &Scene) -> Vec<Used> {
    let quotas = scene.recorded.objects.iter().filter(|o| kind_of(o) == Some(Kind::ResourceQuota));
    let mut all = Vec::new();
    for quota in quotas.filter(|quota| !name_of(quota).is_empty()) {
        let hard = quota.pointer("/status/hard").and_then(Value::as_object);
        for (resource, hard) in hard.into_iter().flatten() {
            let used = quota.pointer("/status/used").and_then(|used| used.get(resource));
            let text =
                |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("?").to_owned();
            all.push(Used { resource: resource.clone(), used: text(used), hard: text(Some(hard)) });
        }
    }
    all
}

/// The most fields of one object that are named.
const FIELDS: usize = 6;

/// The plan as people read it.
#[must_use]
pub fn render(plan: &Plan, style: Style) -> String {
    let head = format!("{}: {} → {}", plan.tenant, plan.from, plan.to);
    let mut text = format!("{}\n", style.paint(Tone::Head, &head));
    for problem in &plan.problems {
        text.push_str(&format!("  {} {problem}\n", style.paint(Tone::Bad, "cannot be:")));
    }
    for step in &plan.steps {
        let tone = match step.verb {
            "create" => Tone::Good,
            "change" => Tone::Warn,
            _ => Tone::Bad,
        };
        text.push_str(&format!("  {} {}", style.paint(tone, step.verb), step.object));
        if let Some(pods) = step.restarts {
            let pods = count(usize::try_from(pods).unwrap_or_default(), "pod");
            let how = if step.interrupts { ", stopped before the new ones start" } else { "" };
            text.push_str(&format!(": replaces {pods}{how}"));
        }
        text.push('\n');
        for field in step.fields.iter().take(FIELDS) {
            text.push_str(&format!("      {field}\n"));
        }
        if step.fields.len() > FIELDS {
            let more = count(step.fields.len() - FIELDS, "field");
            text.push_str(&format!("      and {more} more\n"));
        }
    }
    if plan.problems.is_empty() {
        text.push_str(&summary(plan));
    }
    if !plan.quota.is_empty() {
        let used = plan.quota.iter().map(|q| format!("{} {} of {}", q.resource, q.used, q.hard));
        text.push_str(&format!("quota now: {}\n", used.collect::<Vec<_>>().join(" · ")));
    }
    if let Some(asked) = &plan.price {
        text.push_str(&price::price(asked, style));
    }
    text
}

fn summary(plan: &Plan) -> String {
    if plan.steps.is_empty() {
        return "nothing would change\n".to_owned();
    }
    let of = |verb: &str| plan.steps.iter().filter(|step| step.verb == verb).count();
    let restarts: i64 = plan.steps.iter().filter_map(|step| step.restarts).sum();
    format!(
        "{} to create, {} to change, {} to delete, {} to retain; {} replaced\n",
        of("create"),
        of("change"),
        of("delete"),
        of("retain"),
        count(usize::try_from(restarts).unwrap_or_default(), "pod"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::recording::{golden, whole};

    fn of(change: &Change) -> Plan {
        let recorded = whole();
        let then = changed(&recorded, change);
        plan(&recorded.scene(), &then.scene())
    }

    #[test]
    fn nothing_to_change_is_said() {
        let text = render(&of(&Change::default()), Style::default());
        assert_eq!(text, "acme: prod@7 → prod@7\nnothing would change\n");
    }

    #[test]
    fn an_overlay_replaces_the_pods_that_it_changes_and_no_other() {
        let plan = of(&Change { add: vec!["gpu".to_owned()], ..Change::default() });
        let restarts: Vec<_> = plan.steps.iter().filter(|s| s.restarts.is_some()).collect();
        assert_eq!(restarts.len(), 1, "{plan:#?}");
        assert_eq!(restarts[0].object, "Deployment transcribe");
        assert!(restarts[0].interrupts, "there is no second GPU for a moment");
        golden("plan.txt", &render(&plan, Style::default()));
    }

    #[test]
    fn what_cannot_be_is_said_and_nothing_else() {
        let plan = of(&Change { add: vec!["tpu".to_owned()], ..Change::default() });
        assert!(plan.problems[0].contains("profile prod has gpu"), "{plan:#?}");
        assert!(plan.steps.is_empty());
        let plan = of(&Change { revision: Some(77), ..Change::default() });
        assert!(plan.problems[0].contains("prod@77 does not exist"), "{plan:#?}");
    }

    #[test]
    fn a_smaller_profile_deletes_and_retains_what_holds_data() {
        let recorded = whole();
        let mut then = changed(&recorded, &Change::default());
        let mut spec = crate::fixtures::profile();
        spec.telemetry = crds::deployment_profile::Telemetry::default();
        let mut revision = crate::revision::object("prod", 8, "tenantry-system", &spec);
        revision["metadata"]["uid"] = "r8".into();
        then.revisions.push(revision);
        let plan = plan(&recorded.scene(), &then.scene());
        let of = |verb: &str| -> Vec<&str> {
            plan.steps.iter().filter(|s| s.verb == verb).map(|s| s.object.as_str()).collect()
        };
        assert_eq!(plan.to, "prod@8");
        assert_eq!(
            of("retain"),
            ["PersistentVolumeClaim tenantry-metrics-data", "Secret tenantry-grafana"]
        );
        assert!(of("delete").contains(&"Deployment tenantry-grafana"), "{plan:#?}");
    }

    #[test]
    fn a_suspension_scales_and_replaces_nothing() {
        let plan = of(&Change { suspend: Some(true), ..Change::default() });
        let core = plan.steps.iter().find(|s| s.object == "Deployment core").unwrap();
        assert_eq!(core.fields, ["spec.replicas"]);
        assert!(plan.steps.iter().all(|s| s.restarts.is_none()), "{plan:#?}");
    }
}
