//! What the conditions say, with the field that it comes from and who set that. Pure.

use crds::{
    conditions::{self, READY, RECONCILING, STALLED},
    deployment_profile::RolloutPhase,
};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};

use super::{Cause, Link, ago, origin};
use crate::{
    drift::{self, Writer},
    kubectl::{
        event::Event,
        scene::{Scene, text},
        words,
    },
    object::Key,
    plan::Refusal,
    rollout,
    status::{Outcome, ROLLOUT_WAITING},
    suspension::Suspension,
};

/// What keeps the stack from being what the spec asks for, and what the spec asks for that stops it.
pub(super) fn causes(scene: &Scene, now: Timestamp) -> Vec<Cause> {
    let status = scene.status();
    let stalled = conditions::find(&status.conditions, STALLED).filter(|c| c.status == "True");
    let mut all = Vec::new();
    match (stalled, &scene.decision.outcome) {
        (Some(told), _) => all.push(stall(scene, told, now)),
        // Nobody has said so yet, and it will be said.
        (None, Some(Outcome::Invalid(problems))) => {
            let reason = problems.first().map_or("Invalid", |problem| problem.reason);
            all.push(invalid(scene, reason, None, now));
        }
        _ => {}
    }
    all.extend(suspended(scene, now));
    all.extend(paused(scene, now));
    all
}

fn stall(scene: &Scene, told: &Condition, now: Timestamp) -> Cause {
    let by = Some(ago("operator", Some(told.last_transition_time.0), now));
    let link = Link::new(told.message.clone()).by(by.clone());
    let reason = told.reason.as_str();
    match reason {
        "ProfileMissing" => {
            let name = &scene.tenant.spec.profile_ref.name;
            let mut link = Link::new(format!("DeploymentProfile {name} does not exist")).by(by);
            link = origin::noted(link, scene, "spec.profileRef", now);
            let still =
                runs(scene).map(|label| link.clone().note(format!("{label} still runs, frozen")));
            let remedy =
                format!("create the profile {name}, or name another in spec.profileRef.name");
            Cause::new(reason, vec![still.unwrap_or(link)], vec![remedy])
        }
        "ProfileUnreadable" => {
            let name = &scene.tenant.spec.profile_ref.name;
            let remedy = format!(
                "upgrade definitions and operator, or take out of the profile what they do not know: kubectl edit dprof {name}"
            );
            Cause::new(reason, vec![link], vec![remedy])
        }
        "RevisionMissing" => {
            let link = origin::noted(link, scene, "spec.profileRef", now);
            let remedy =
                "pin a revision that exists, or remove spec.profileRef.revision".to_owned();
            Cause::new(reason, vec![link], vec![remedy])
        }
        "NamespaceNotOwned" => foreign_namespace(scene, link),
        "ObjectNotOwned" => foreign_object(scene, link, now),
        "AccountInUse" => {
            let link = origin::noted(link, scene, "spec.accountId", now);
            let remedy =
                "make the tenant anew with another spec.accountId or none, or delete the other one";
            Cause::new(reason, vec![link], vec![remedy.to_owned()])
        }
        "Forbidden" => Cause::new(reason, vec![link], vec![right(scene)]),
        "QuotaExceeded" => {
            let place = format!("spec.quota of profile {}", scene.profile_label());
            let remedy = format!("raise {place}, or ask for less in spec.overrides");
            Cause::new(reason, vec![link], vec![remedy])
        }
        "Rejected" => {
            let remedy = format!(
                "mend the field that the message names, in profile {}",
                scene.profile_label()
            );
            Cause::new(reason, vec![link], vec![remedy])
        }
        _ => invalid(scene, reason, Some(told), now),
    }
}

/// Tenant and profile do not render together: every problem, with who set the field.
fn invalid(scene: &Scene, reason: &str, told: Option<&Condition>, now: Timestamp) -> Cause {
    let messages: Vec<String> = match &scene.decision.outcome {
        Some(Outcome::Invalid(problems)) => problems.iter().map(|p| p.message.clone()).collect(),
        _ => told.map(|told| told.message.clone()).into_iter().collect(),
    };
    let by = told.map(|told| ago("operator", Some(told.last_transition_time.0), now));
    let links = messages.iter().map(|message| {
        let link = Link::new(message.clone()).by(by.clone());
        match message.split([' ', '[', ':']).next() {
            Some(field) if field.starts_with("spec.") => origin::noted(link, scene, field, now),
            _ => link,
        }
    });
    let mut chain: Vec<Link> = links.collect();
    if let (Some(label), Some(last)) = (runs(scene), chain.last_mut()) {
        last.notes.push(format!("{label} still runs"));
    }
    let remedy = match reason {
        "OverrideUnknown" => "name a service that the profile has, or remove the override",
        "OverlayUnknown" => "name an overlay that the profile has, or remove it from spec.overlays",
        "OverrideInvalid" | "ResourcesInvalid" => "set what the message allows",
        "QuotaTooSmall" => "raise the profile's spec.quota, or ask for less in spec.overrides",
        "StorageImmutable" => "set size and class back to what the claim has: a claim only grows",
        "ComponentUnknown" => "name a component that the profile has in spec.scheduling",
        "CidrInvalid" => "write the range as ADDRESS/BITS",
        "AnnotationInvalid" => "write the annotation's name as DOMAIN/NAME",
        "NameInvalid" => "make the tenant anew under another name",
        "PausedUntilInvalid" => "write spec.pausedUntil in RFC 3339",
        _ => "mend the field that the message names",
    };
    Cause::new(reason, chain, vec![remedy.to_owned()])
}

fn runs(scene: &Scene) -> Option<String> {
    scene.status().profile_revision.and_then(|revision| revision.current)
}

fn foreign_namespace(scene: &Scene, link: Link) -> Cause {
    let namespace = scene.namespace();
    let (retained, remedies) = match &scene.decision.outcome {
        Some(Outcome::Refused(Refusal::NamespaceRetained { uid, .. })) => (
            true,
            vec![
                format!(
                    "take it over: kubectl patch tenant {} --type merge -p '{{\"spec\":{{\"adopt\":{{\"previousUid\":\"{uid}\"}}}}}}'",
                    scene.name()
                ),
                format!(
                    "or remove it with its data: kubectl annotate namespace {namespace} {}={uid}",
                    crate::desired::meta::PURGE
                ),
            ],
        ),
        _ => (
            false,
            vec![format!(
                "make the tenant anew under another name, or delete the namespace {namespace}"
            )],
        ),
    };
    let key = Key::new(crate::kinds::Kind::Namespace, &namespace);
    let made = scene.object(&key).and_then(|space| first_writer(space, "metadata"));
    let link = match made {
        Some(writer) if !retained => link.note(format!("it was made by {}", writer.manager)),
        _ => link,
    };
    Cause::new("NamespaceNotOwned", vec![link], remedies)
}

fn foreign_object(scene: &Scene, link: Link, now: Timestamp) -> Cause {
    let Some(Outcome::Refused(Refusal::ObjectForeign { key })) = &scene.decision.outcome else {
        let remedy = "delete or rename the object that the message names".to_owned();
        return Cause::new("ObjectNotOwned", vec![link], vec![remedy]);
    };
    let object = scene.object(key);
    let made = object.and_then(|object| text(object, "/metadata/creationTimestamp"));
    let writer = object.and_then(|object| first_writer(object, "metadata"));
    let by = writer.map_or_else(|| "somebody".to_owned(), |writer| writer.manager);
    let link = link.note(format!("it was made by {by} {} ago", words::age_of(made, now)));
    let remedy = format!(
        "delete or rename it: kubectl -n {} delete {} {}",
        scene.namespace(),
        key.kind.as_str().to_lowercase(),
        key.name
    );
    Cause::new("ObjectNotOwned", vec![link], vec![remedy])
}

/// Who wrote an object, as far as its fields tell.
fn first_writer(object: &serde_json::Value, field: &str) -> Option<Writer> {
    drift::holder(object, field)
        .or_else(|| drift::holder(object, "spec"))
        .or_else(|| drift::holder(object, "data"))
}

/// How the operator gets back a right that it lost.
pub(super) fn right(_: &Scene) -> String {
    "apply the operator's rights again, as they are shipped: helm upgrade, or kubectl apply --server-side -f \
     operator/generated/manifests.yaml"
        .to_owned()
}

fn suspended(scene: &Scene, now: Timestamp) -> Option<Cause> {
    let tenant = &scene.tenant;
    match &scene.decision.suspension {
        Suspension::No => None,
        Suspension::Spec => {
            let link = Link::new("services are stopped as asked; data, gateway and backups stay");
            let link = origin::noted(link, scene, "spec.suspend", now);
            let remedy = format!("kubectl tenant resume {}", scene.name());
            Some(Cause::new("Suspended", vec![link], vec![remedy]))
        }
        quota @ Suspension::Quota(_) => {
            let link = Link::new(quota.condition().message);
            let link = origin::noted(link, scene, "spec.quotaAction", now);
            let remedies = vec![
                "agree a larger plan: spec.plan".to_owned(),
                format!(
                    "or start them at once: kubectl patch tenant {} --type merge -p '{{\"spec\":{{\"quotaAction\":{{\"policy\":\"Alert\"}}}}}}'",
                    tenant.metadata.name.as_deref().unwrap_or_default()
                ),
            ];
            Some(Cause::new("QuotaUsedUp", vec![link], remedies))
        }
    }
}

fn paused(scene: &Scene, now: Timestamp) -> Option<Cause> {
    let Ok(Some(until)) = crate::decide::paused_until(&scene.tenant, now) else { return None };
    let link = Link::new(format!("nothing is written until {until} (spec.pausedUntil)"));
    let link = origin::noted(link, scene, "spec.pausedUntil", now);
    let mut chain = vec![link];
    // What is not as it should be meanwhile: the operator would put it right.
    // Unless another version drew it: then it differs by nobody's doing.
    let objects = scene.decision.revision.iter().flat_map(|_| &scene.decision.objects);
    let drifted = objects.filter_map(|object| {
        let live = scene.object(&object.key)?;
        let change = drift::describe(&object.body, live)?;
        Some(Link::new(format!("{}: {change}", object.key)))
    });
    chain.extend(drifted.take(1));
    let remedy = format!(
        "go on now: kubectl patch tenant {} --type merge -p '{{\"spec\":{{\"pausedUntil\":null}}}}'",
        scene.name()
    );
    Some(Cause::new("Paused", chain, vec![remedy]))
}

/// What the stack waits for that is no fault: the operator's next try, its profile's rollout.
pub(super) fn waiting(scene: &Scene, now: Timestamp, alone: bool) -> Vec<Cause> {
    let status = scene.status();
    let mut all = Vec::new();
    let retrying = conditions::find(&status.conditions, RECONCILING);
    if let Some(told) = retrying.filter(|c| c.status == "True" && c.reason == "Retrying") {
        let link = Link::new(told.message.clone()).by(Some(ago(
            "operator",
            Some(told.last_transition_time.0),
            now,
        )));
        let remedy =
            "the operator tries again by itself; if it stays so, look at the cluster's API server";
        all.push(Cause::new("Retrying", vec![link], vec![remedy.to_owned()]));
    }
    if let Some(told) = retrying.filter(|c| c.status == "True" && c.reason == ROLLOUT_WAITING) {
        let profile = &scene.tenant.spec.profile_ref.name;
        let remedy =
            format!("wait for its turn; how far it is: kubectl tenant rollout status {profile}");
        all.push(Cause::new("RolloutWaiting", vec![Link::new(told.message.clone())], vec![remedy]));
    }
    let terminating = conditions::find(&status.conditions, READY);
    if let Some(told) = terminating.filter(|c| c.reason == "NamespaceTerminating" && alone) {
        let command = format!("kubectl get namespace {} -o yaml", scene.namespace());
        let remedy = format!("wait; what holds it up stands in its conditions: {command}");
        all.push(Cause::new(
            "NamespaceTerminating",
            vec![Link::new(told.message.clone())],
            vec![remedy],
        ));
    }
    all.extend(behind(scene));
    all
}

/// A newer revision of the profile that has not been this tenant's turn.
fn behind(scene: &Scene) -> Option<Cause> {
    let profile = scene.profile.as_ref()?;
    let told = profile.status.as_ref()?;
    let name = &scene.tenant.spec.profile_ref.name;
    let desired = scene.status().profile_revision.and_then(|revision| revision.desired)?;
    let (_, number) = rollout::parse(&desired).filter(|(profile, _)| profile == name)?;
    let newest = told.revision.filter(|newest| *newest > number)?;
    if scene.tenant.spec.profile_ref.revision.is_some() {
        return None;
    }
    let (cause, remedy) = match told.rollout? {
        RolloutPhase::Paused => ("RolloutPaused", format!("kubectl tenant rollout resume {name}")),
        RolloutPhase::Halted => (
            "RolloutHalted",
            format!("mend the failed tenants ({}), or change the profile", told.failed.join(", ")),
        ),
        RolloutPhase::Progressing => ("RolloutProgressing", "wait for its turn".to_owned()),
        RolloutPhase::Complete => return None,
    };
    let link = Link::new(format!("it runs {desired}; {name}@{newest} has not reached it"));
    let message = told.message.clone().unwrap_or_default();
    let chain = vec![link, Link::new(format!("DeploymentProfile {name}: {message}"))];
    Some(Cause::new(cause, chain, vec![remedy]))
}

/// So many corrections of one field, the last of them not long ago, are no accident.
const FIGHT: i64 = 3;
const LATELY: i64 = 3600;

/// Somebody who writes a field of ours again and again.
pub(super) fn fights(scene: &Scene, now: Timestamp) -> Vec<Cause> {
    let lately =
        |event: &&Event| event.last.is_some_and(|last| now.as_second() - last.as_second() < LATELY);
    let fights = scene.events.iter().filter(|event| {
        event.is_about("Tenant", scene.name())
            && event.reason == "DriftCorrected"
            && event.count >= FIGHT
    });
    fights.filter(lately).map(|event| fight(event, now)).collect()
}

fn fight(event: &Event, now: Timestamp) -> Cause {
    let undone = format!("undone {} times", event.count);
    let link = Link::new(event.message.replace("undone", &undone))
        .by(Some(ago(&event.by, event.last, now)));
    let who = event.message.split("changed by ").nth(1).and_then(|rest| rest.split(" (").next());
    let remedy = match who {
        Some(who) => format!(
            "keep {who} from writing that field; what the stack should be is changed in the profile or in spec.overrides"
        ),
        None => "find who writes that field; what the stack should be is changed in the profile or in spec.overrides".to_owned(),
    };
    Cause::new("Drift", vec![link], vec![remedy])
}
