use std::collections::VecDeque;

use futures::{FutureExt, StreamExt};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use proptest::prelude::*;

use super::*;
use crate::{
    fixtures,
    kinds::Kind,
    observed::{Facts, Record},
};

fn tenant(version: u64, generation: i64) -> Tenant {
    let mut tenant = fixtures::tenant();
    tenant.metadata.resource_version = Some(version.to_string());
    tenant.metadata.generation = Some(generation);
    tenant
}

fn profile(version: u64, generation: i64) -> DeploymentProfile {
    let mut profile = DeploymentProfile::new("prod", fixtures::profile());
    profile.metadata.resource_version = Some(version.to_string());
    profile.metadata.generation = Some(generation);
    profile
}

fn revision(number: i64) -> Revision {
    Revision { number, uid: "r".into(), digest: "d".into(), spec: fixtures::profile() }
}

/// The names that wait to be looked at; afterwards none does.
fn woken(kicks: &Kicks) -> Vec<Box<str>> {
    let mut names = kicks.stream().boxed();
    std::iter::from_fn(|| names.next().now_or_never().flatten()).collect()
}

/// A world with the tenant `acme` of `prod`, looked at.
fn at_rest() -> World {
    let world = World::default();
    world.put_profile(profile(10, 1));
    world.put_tenant(tenant(11, 1));
    let both = (woken(&world.profile_kicks), woken(&world.tenant_kicks));
    assert_eq!(both, (vec!["prod".into()], vec!["acme".into()]));
    world
}

#[test]
fn a_profiles_edit_that_comes_with_the_answer_to_our_write_wakes_it() {
    let world = at_rest();
    // Edited at 20; our status, which knows nothing of it, was written at 21.
    world.put_own_profile(profile(21, 2));
    // The watch comes late with both, and neither is news any more.
    world.put_profile(profile(20, 2));
    world.put_profile(profile(21, 2));
    assert_eq!(woken(&world.profile_kicks), ["prod".into()]);
    assert_eq!(world.profile("prod").unwrap().metadata.generation, Some(2));
}

#[test]
fn a_tenants_edit_or_deletion_that_comes_with_the_answer_to_our_write_wakes_it() {
    let world = at_rest();
    world.put_own_tenant(tenant(21, 2));
    world.put_tenant(tenant(20, 2));
    world.put_tenant(tenant(21, 2));
    assert_eq!(woken(&world.tenant_kicks), ["acme".into()]);
    let mut deleted = tenant(31, 2);
    deleted.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    world.put_own_tenant(deleted);
    assert_eq!(woken(&world.tenant_kicks), ["acme".into()]);
}

#[test]
fn an_annotation_that_comes_with_the_answer_to_our_write_wakes_too() {
    let world = at_rest();
    let mut annotated = tenant(21, 1);
    annotated.metadata.annotations = Some([("a".to_owned(), "b".to_owned())].into());
    world.put_own_tenant(annotated.clone());
    assert_eq!(woken(&world.tenant_kicks), ["acme".into()]);
    annotated.metadata.resource_version = Some("22".to_owned());
    world.put_own_tenant(annotated);
    assert_eq!(woken(&world.tenant_kicks), [""; 0].map(Box::<str>::from));
}

#[test]
fn what_the_api_server_says_of_usage_meanwhile_wakes_too() {
    let world = at_rest();
    let mut used = tenant(21, 1);
    let status = crds::TenantStatus { usage: Some(UsageStatus::default()), ..Default::default() };
    used.status = Some(status);
    world.put_own_tenant(used.clone());
    assert_eq!(woken(&world.tenant_kicks), ["acme".into()]);
    used.metadata.resource_version = Some("22".to_owned());
    world.put_own_tenant(used);
    assert_eq!(woken(&world.tenant_kicks), Vec::<Box<str>>::new());
}

#[test]
fn our_own_write_wakes_the_profile_that_counts_and_nobody_else() {
    let world = at_rest();
    let mut ready = tenant(21, 1);
    ready.status = Some(crds::TenantStatus { observed_generation: Some(1), ..Default::default() });
    world.put_own_tenant(ready.clone());
    world.put_tenant(ready);
    assert_eq!(woken(&world.tenant_kicks), Vec::<Box<str>>::new());
    assert_eq!(woken(&world.profile_kicks), ["prod".into()]);
    world.put_own_profile(profile(22, 1));
    world.put_profile(profile(22, 1));
    assert_eq!(woken(&world.profile_kicks), Vec::<Box<str>>::new());
}

/// A thousand tenants' figures change all the time, and each look at a profile goes over them all.
#[test]
fn what_a_tenant_uses_wakes_no_profile() {
    let world = at_rest();
    let used = |version| {
        let mut used = tenant(version, 1);
        let usage = UsageStatus { as_of: version.to_string(), ..UsageStatus::default() };
        used.status = Some(crds::TenantStatus { usage: Some(usage), ..Default::default() });
        used
    };
    world.put_tenant(used(21));
    world.put_own_tenant(used(22));
    assert_eq!(woken(&world.tenant_kicks), ["acme".into()]);
    assert_eq!(woken(&world.profile_kicks), Vec::<Box<str>>::new());
    let mut deleted = used(23);
    deleted.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    world.put_tenant(deleted);
    assert_eq!(woken(&world.profile_kicks), ["prod".into()]);
    let mut ready = used(24);
    let new = crds::conditions::NewCondition {
        type_: crds::conditions::READY,
        status: true.into(),
        reason: "AllReady",
        message: String::new(),
    };
    let status = ready.status.as_mut().unwrap();
    status.conditions = crds::conditions::merge(&[], &[new], Some(1), Timestamp::UNIX_EPOCH);
    world.put_tenant(ready);
    assert_eq!(woken(&world.profile_kicks), ["prod".into()]);
}

#[test]
fn a_tenant_that_left_a_profile_by_an_edit_unseen_so_far_wakes_both() {
    let world = at_rest();
    let mut moved = tenant(21, 2);
    moved.spec.profile_ref.name = "dev".to_owned();
    world.put_own_tenant(moved);
    assert_eq!(woken(&world.profile_kicks), ["dev".into(), "prod".into()]);
}

#[test]
fn a_pinned_revision_that_goes_or_comes_back_wakes_who_is_pinned_to_it() {
    let world = at_rest();
    let mut pinned = tenant(12, 2);
    pinned.spec.profile_ref.revision = Some(1);
    world.put_tenant(pinned);
    world.put_revision("prod", revision(1));
    world.put_revision("prod", revision(2));
    assert_eq!(woken(&world.tenant_kicks), ["acme".into()]);
    world.remove_revision("prod", 1);
    assert_eq!(woken(&world.tenant_kicks), ["acme".into()]);
    world.put_revision("prod", revision(1));
    assert_eq!(woken(&world.tenant_kicks), ["acme".into()]);
    // Seen again, as after a list, it is no news.
    world.put_revision("prod", revision(1));
    assert_eq!(woken(&world.tenant_kicks), Vec::<Box<str>>::new());
}

#[test]
fn a_profile_that_cannot_be_read_any_more_wakes_itself_and_its_tenants_and_so_when_it_can_again() {
    let world = at_rest();
    let both = || (woken(&world.profile_kicks), woken(&world.tenant_kicks));
    let unreadable = |version, error: &str| {
        let unreadable = Unreadable { profile: profile(version, 2), error: error.to_owned() };
        world.put_unreadable_profile(unreadable);
    };
    unreadable(20, "no name");
    assert_eq!(both(), (vec!["prod".into()], vec!["acme".into()]));
    assert!(world.profile("prod").is_none() && world.unreadable_profile("prod").is_some());
    assert_eq!(world.all_profile_names(), ["prod".into()], "a list does not take it for gone");
    // Our own word about it comes back.
    unreadable(21, "no name");
    assert_eq!(both(), (vec!["prod".into()], vec![]));
    world.put_profile(profile(22, 3));
    assert_eq!(both(), (vec!["prod".into()], vec!["acme".into()]));
    assert!(world.profile("prod").is_some() && world.unreadable_profile("prod").is_none());
}

#[test]
fn a_revision_that_cannot_be_read_keeps_its_number() {
    let world = at_rest();
    assert_eq!(world.free_number("prod", 2), 2);
    world.take_number("prod", 4);
    world.take_number("prod", 3);
    assert_eq!((world.free_number("prod", 2), world.free_number("prod", 7)), (5, 7));
    assert_eq!(world.free_number("dev", 2), 2, "another profile's");
}

#[test]
fn a_grant_is_of_one_profiles_revision() {
    let world = at_rest();
    world.grant("acme", "prod", 2);
    assert_eq!(world.granted("acme", "prod"), Some(2));
    assert_eq!(world.granted("acme", "dev"), None, "the second revision of another profile");
    assert_eq!(woken(&world.tenant_kicks), ["acme".into()]);
    world.grant("acme", "prod", 2);
    assert_eq!(woken(&world.tenant_kicks), Vec::<Box<str>>::new());
    world.grant("acme", "dev", 2);
    assert_eq!(woken(&world.tenant_kicks), ["acme".into()]);
    world.take_back("acme", "prod");
    assert_eq!(world.granted("acme", "dev"), Some(2), "another profile's word");
    world.take_back("acme", "dev");
    assert_eq!(world.granted("acme", "dev"), None);
}

#[test]
fn an_answer_that_comes_after_the_end_of_an_object_brings_nothing_back() {
    let (world, key) = (at_rest(), Key::new(Kind::ConfigMap, "core"));
    let record = |version| Record {
        uid: "u".into(),
        resource_version: version,
        tenant_uid: Some(fixtures::UID.into()),
        fingerprint: Some(1),
        deleting: false,
        retained: false,
        facts: Facts::Plain,
    };
    let known = || world.observed("acme").objects.contains_key(&key);
    world.put_object("acme", key.clone(), record(10));
    // Written at 11 and deleted at 12; the answer to the write comes last.
    world.remove_object("acme", &key, "u", 12);
    world.put_object("acme", key.clone(), record(11));
    assert!(!known());
    // A label that was taken off and put on again takes it out of the watch and back.
    world.put_object("acme", key.clone(), record(13));
    assert!(known());
    let another = Record { uid: "v".into(), ..record(9) };
    world.remove_object("acme", &key, "u", 14);
    world.put_object("acme", key.clone(), another);
    assert!(known(), "another by the name is not gone");
}

/// What happens to one object, in some order.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Somebody edits the spec.
    Edit,
    /// Our write of a status is committed.
    Commit,
    /// Its answer arrives.
    Answer,
    /// The watch shows what it has not shown yet, one version of it.
    Show,
    /// Whoever was woken looks.
    Look,
}

/// One object on its server, as (version, generation).
#[derive(Default)]
struct Object {
    now: (u64, i64),
    unseen: VecDeque<(u64, i64)>,
    unanswered: VecDeque<(u64, i64)>,
    /// The generation that was looked at last.
    looked: Option<i64>,
}

impl Object {
    fn changes(&mut self, generations: i64) {
        self.now = (self.now.0 + 1, self.now.1 + generations);
        self.unseen.push_back(self.now);
    }

    fn step(&mut self, step: Step, world: &World, subject: &Subject) {
        match step {
            Step::Edit => self.changes(1),
            Step::Commit if self.unanswered.is_empty() => {
                self.changes(0);
                self.unanswered.push_back(self.now);
            }
            Step::Commit => {}
            Step::Answer => {
                if let Some(at) = self.unanswered.pop_front() {
                    (subject.answered)(world, at);
                }
            }
            Step::Show => {
                if let Some(at) = self.unseen.pop_front() {
                    (subject.shown)(world, at);
                }
            }
            Step::Look if !woken((subject.kicks)(world)).is_empty() => {
                self.looked = (subject.generation)(world);
            }
            Step::Look => {}
        }
    }
}

/// A kind of object.
struct Subject {
    shown: fn(&World, (u64, i64)),
    answered: fn(&World, (u64, i64)),
    kicks: fn(&World) -> &Kicks,
    generation: fn(&World) -> Option<i64>,
}

const SUBJECTS: [Subject; 2] = [
    Subject {
        shown: |world, at| world.put_tenant(tenant(at.0, at.1)),
        answered: |world, at| world.put_own_tenant(tenant(at.0, at.1)),
        kicks: |world| &world.tenant_kicks,
        generation: |world| world.tenant("acme")?.metadata.generation,
    },
    Subject {
        shown: |world, at| world.put_profile(profile(at.0, at.1)),
        answered: |world, at| world.put_own_profile(profile(at.0, at.1)),
        kicks: |world| &world.profile_kicks,
        generation: |world| world.profile("prod")?.metadata.generation,
    },
];

proptest! {
    #[test]
    fn whatever_crosses_the_newest_generation_is_looked_at(
        steps in prop::collection::vec(
            prop::sample::select(&[Step::Edit, Step::Commit, Step::Answer, Step::Show, Step::Look][..]),
            0..40,
        ),
    ) {
        for subject in &SUBJECTS {
            let (world, mut object) = (World::default(), Object::default());
            for step in [Step::Edit, Step::Show, Step::Look].into_iter().chain(steps.iter().copied()) {
                object.step(step, &world, subject);
            }
            for _ in 0..steps.len() {
                object.step(Step::Answer, &world, subject);
                object.step(Step::Show, &world, subject);
            }
            object.step(Step::Look, &world, subject);
            prop_assert_eq!(object.looked, Some(object.now.1));
        }
    }
}
