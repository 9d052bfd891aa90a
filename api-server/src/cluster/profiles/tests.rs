use serde_json::{Value, json};

use super::{
    shown::{Condition, Stage, Wanted},
    *,
};

fn read<T: DeserializeOwned>(object: Value) -> T {
    serde_json::from_value(object).unwrap()
}

fn profile(name: &str, revision: Option<i64>) -> DeploymentProfile {
    read(json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "DeploymentProfile",
        "metadata": { "name": name, "generation": 2 },
        "spec": {
            "tier": "prod", "quota": { "cpu": "2", "memory": "4Gi", "storage": "20Gi", "pods": 40 },
            "services": [{ "name": "core", "feature": "core", "image": "sample:1",
                "resources": { "limits": { "memory": "64Mi" } } }],
            "billing": { "storage": { "size": "1Gi" }, "gateway": { "image": "tenantry:1",
                "resources": { "limits": { "memory": "64Mi" } } } },
        },
        "status": { "observedGeneration": 2, "revision": revision },
    }))
}

fn revision(profile: &str, number: i64) -> ControllerRevision {
    read(json!({
        "metadata": { "name": format!("profile.{profile}.{number}"),
            "creationTimestamp": "2026-11-10T12:00:00Z", "labels": { PROFILE: profile } },
        "revision": number, "data": { "spec": {} },
    }))
}

/// A tenant that names `profile`, is brought to `wanted` and runs `runs`.
fn tenant(name: &str, wanted: Option<&str>, runs: Option<&str>, ready: &str) -> Tenant {
    let condition = |type_: &str, status: &str, reason: &str| {
        json!({ "type": type_, "status": status, "reason": reason, "message": "why",
            "lastTransitionTime": "2026-11-10T12:00:00Z" })
    };
    let (is, reason) = if ready == "True" { ("True", "Ready") } else { ("False", ready) };
    read(json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": "Tenant", "metadata": { "name": name },
        "spec": { "displayName": name, "profileRef": { "name": "prod" } },
        "status": { "conditions": [condition("Ready", is, reason)],
            "profileRevision": { "desired": wanted, "current": runs } },
    }))
}

fn view(tenants: Vec<Tenant>) -> Profiles {
    let view = Profiles::default();
    view.fill(
        vec![profile("prod", Some(2))],
        vec![revision("prod", 1), revision("prod", 2)],
        tenants,
    );
    view
}

fn stages(view: &Profiles, wanted: Wanted<'_>) -> Vec<(String, Stage)> {
    let rows = view.ask(|known| known.followers("prod", wanted)).unwrap();
    rows.into_iter().map(|(name, _, stage)| (name.to_string(), stage)).collect()
}

const ALL: Wanted<'_> = Wanted { after: None, revision: None, stage: None, limit: 100 };

#[test]
fn nothing_is_said_before_all_of_it_was_seen_once() {
    let view = Profiles::default();
    view.relist(vec![profile("prod", None)]);
    view.relist(Vec::<Tenant>::new());
    assert!(view.ask(Known::summaries).is_none());
    view.relist(Vec::<ControllerRevision>::new());
    assert_eq!(view.ask(Known::summaries).unwrap().len(), 1);
}

#[test]
fn each_tenant_stands_where_its_status_says() {
    let (old, new) = (Some("prod@1"), Some("prod@2"));
    let mut pinned = tenant("pinned", old, old, "True");
    pinned.spec.profile_ref.revision = Some(1);
    let mut gone = tenant("removed", new, new, "True");
    gone.metadata.deletion_timestamp = Some(read(json!("2026-11-10T12:00:00Z")));
    let mut stalled = tenant("stalled", new, old, "SpecNotApplied");
    let status = stalled.status.as_mut().unwrap();
    let mut said = status.conditions[0].clone();
    (said.type_, said.status) = ("Stalled".to_owned(), "True".to_owned());
    status.conditions.push(said);
    let view = view(vec![
        tenant("done", new, new, "True"),
        tenant("crashes", new, old, "CrashLoop"),
        tenant("moves", new, old, "WaitingForPods"),
        tenant("new", None, None, "WaitingForObjects"),
        tenant("old", old, old, "True"),
        // It broke before its turn: the rollout has not failed on it.
        tenant("old-broken", old, old, "CrashLoop"),
        tenant("suspended", new, new, "Suspended"),
        pinned,
        gone,
        stalled,
    ]);
    let named = [
        ("crashes", Stage::Failed),
        ("done", Stage::Updated),
        ("moves", Stage::Moving),
        ("new", Stage::Waiting),
        ("old", Stage::Waiting),
        ("old-broken", Stage::Waiting),
        ("pinned", Stage::Updated),
        ("removed", Stage::Removed),
        ("stalled", Stage::Failed),
        ("suspended", Stage::Updated),
    ];
    assert_eq!(stages(&view, ALL), named.map(|(name, stage)| (name.to_owned(), stage)));
    let all = view.ask(Known::summaries).unwrap();
    let counts = all[0].tenants;
    assert_eq!((all.len(), counts.total, counts.ready, counts.pinned), (1, 10, 4, 1));
    assert_eq!(Stage::ALL.map(|stage| counts.at(stage)), [3, 1, 3, 2, 1]);
}

#[test]
fn revisions_say_who_runs_them_also_those_that_are_gone() {
    let mut pinned = tenant("pinned", Some("prod@1"), Some("prod@1"), "True");
    pinned.spec.profile_ref.revision = Some(1);
    let mut left = tenant("left", Some("dev@9"), Some("prod@2"), "WaitingForPods");
    left.spec.profile_ref.name = "dev".to_owned();
    let view = view(vec![
        tenant("a", Some("prod@2"), Some("prod@2"), "True"),
        tenant("b", Some("prod@2"), Some("prod@0"), "WaitingForPods"),
        pinned,
        left,
    ]);
    let runs = view.ask(|known| known.runs("prod")).unwrap().unwrap();
    let said: Vec<_> = runs
        .iter()
        .map(|run| (run.number, run.made_at.is_some(), run.running, run.coming, run.pinned))
        .collect();
    assert_eq!(said, [(2, true, 2, 1, 0), (1, true, 1, 0, 1), (0, false, 1, 0, 0)]);
    assert_eq!(view.ask(|known| known.runs("none")).unwrap(), None);
    // Named by a tenant alone: it is gone, and still something to look at.
    assert_eq!(view.ask(|known| known.runs("dev")).unwrap().unwrap()[0].coming, 1);
    let summaries = view.ask(Known::summaries).unwrap();
    let missing: Vec<_> = summaries.iter().map(|one| (&*one.name, one.is.is_none())).collect();
    assert_eq!(missing, [("dev", true), ("prod", false)]);
    let two = Wanted { revision: Some(2), ..ALL };
    assert_eq!(stages(&view, two).len(), 2, "one that leaves runs it still");
}

#[test]
fn a_page_goes_on_behind_a_name_and_filters_are_kept() {
    let done = |name: &str| tenant(name, Some("prod@2"), Some("prod@2"), "True");
    let view = view(vec![done("a"), tenant("b", Some("prod@1"), None, "x"), done("c"), done("d")]);
    let updated = Wanted { stage: Some(Stage::Updated), limit: 2, ..ALL };
    let names =
        |wanted| stages(&view, wanted).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(updated), ["a", "c"]);
    assert_eq!(names(Wanted { after: Some("c"), ..updated }), ["d"]);
}

#[test]
fn what_goes_is_forgotten_and_silence_is_remembered() {
    let view = view(vec![tenant("a", None, None, "x")]);
    assert_eq!(view.ask(Known::lost_since).unwrap(), None);
    let (first, later) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
    view.lost::<Tenant>(first);
    view.lost::<Tenant>(later);
    assert_eq!(view.ask(Known::lost_since).unwrap(), Some(first), "since it was first missed");
    view.relist(Vec::<Tenant>::new());
    assert_eq!(view.ask(Known::lost_since).unwrap(), None);
    assert_eq!(view.ask(Known::summaries).unwrap()[0].tenants.total, 0);
    view.remove::<DeploymentProfile>("prod");
    assert!(view.ask(Known::summaries).unwrap().is_empty());
}

#[test]
fn the_stacks_of_an_account_say_how_each_does() {
    let new = Some("prod@2");
    let of = |name: &str, reason: &str| {
        let mut tenant = tenant(name, new, new, reason);
        let status = tenant.status.as_mut().unwrap();
        status.account_id = Some("acme".to_owned());
        status.components = read(json!([{ "name": "core", "ready": reason == "True" }]));
        tenant
    };
    let mut silent = of("silent", "True");
    silent.status.as_mut().unwrap().conditions.clear();
    let mut gone = of("removed", "True");
    gone.metadata.deletion_timestamp = Some(read(json!("2026-11-10T12:00:00Z")));
    let mut others = of("others", "True");
    others.status.as_mut().unwrap().account_id = Some("globex".to_owned());
    let view = view(vec![
        of("crashes", "CrashLoop"),
        of("done", "True"),
        of("moves", "WaitingForPods"),
        of("stopped", "Suspended"),
        tenant("unknown", new, new, "True"),
        silent,
        gone,
        others,
    ]);
    let all = view.ask(|known| known.stacks("acme")).unwrap();
    let named = [
        ("crashes", Condition::Failing),
        ("done", Condition::Ready),
        ("moves", Condition::Starting),
        ("removed", Condition::Removed),
        ("silent", Condition::Made),
        ("stopped", Condition::Suspended),
    ];
    let said: Vec<_> = all.iter().map(|(name, one)| (&**name, Condition::of(one))).collect();
    assert_eq!(said, named);
    assert_eq!(all[1].1.components.len(), 1);
    assert!(view.ask(|known| known.stacks("none")).unwrap().is_empty());
}

#[test]
fn what_cannot_be_read_hides_nothing_and_is_told_of_in_part() {
    let view = view(vec![tenant("a", Some("prod@2"), Some("prod@2"), "True")]);
    let dynamic = |object: Value| -> DynamicObject { read(object) };
    let mut late = json!(profile("late", Some(7)));
    late["spec"]["services"] = json!("of tomorrow");
    late["spec"]["rollout"] = json!({ "paused": true });
    late["status"]["message"] = json!("this version of the operator cannot read the profile");
    view.take::<DeploymentProfile>(dynamic(late));
    view.take::<DeploymentProfile>(dynamic(json!(profile("good", Some(1)))));
    let mut odd = json!(tenant("odd", Some("late@7"), Some("late@7"), "True"));
    odd["spec"]["profileRef"]["name"] = json!("late");
    odd["spec"]["suspend"] = json!("of tomorrow");
    odd["status"]["accountId"] = json!("a-1");
    view.take::<Tenant>(dynamic(odd));
    let all = view.ask(Known::summaries).unwrap();
    let said: Vec<_> = all
        .iter()
        .map(|one| (&*one.name, one.is.as_ref().is_some_and(|is| is.content.is_some())))
        .collect();
    assert_eq!(said, [("good", true), ("late", false), ("prod", true)]);
    let late = all[1].is.clone().unwrap();
    assert!(late.rollout.paused && late.observed);
    assert!(late.status.message.unwrap().contains("cannot read"));
    assert_eq!((all[1].tenants.total, all[1].tenants.at(Stage::Updated)), (1, 1));
    assert_eq!(view.ask(|known| known.stacks("a-1").len()), Some(1));
}

#[test]
fn accounts_have_the_profiles_that_their_tenants_name() {
    let of = |name: &str, account: Option<&str>, profile: &str| {
        let mut tenant = tenant(name, None, None, "x");
        tenant.spec.profile_ref.name = profile.to_owned();
        tenant.status.as_mut().unwrap().account_id = account.map(ToOwned::to_owned);
        tenant
    };
    let view = view(vec![
        of("a", Some("one"), "dev"),
        of("b", Some("both"), "prod"),
        of("c", Some("both"), "dev"),
        of("d", Some("both"), "dev"),
        of("young", None, "dev"),
    ]);
    let known = view.ask(Known::by_account).unwrap();
    let mut said: Vec<_> = known.iter().map(|(account, named)| (&**account, &**named)).collect();
    said.sort_unstable();
    assert_eq!(said, [("both", "dev,prod"), ("one", "dev")]);
}
