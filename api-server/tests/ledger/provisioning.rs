//! Tenants of approved requests: queued with the approval, delivered until they are there.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use api_server::{
    domain::{
        calendar::AnchorDay,
        catalogue::{Catalogue, PlanId},
        onboarding::{Actor, Decision, State, Verdict},
    },
    ledger::{
        erasures::{Request, Subject, erase},
        rejects::Rejects,
        tenants::Registration,
    },
    provision::{Destination, Done, Folder, Provisioner},
    store::{
        onboarding::{self, Decided, Intake},
        provisions::{self, Outcome, Phase, Provision, Stack},
    },
};
use serde_json::json;
use uuid::Uuid;

use super::ground::{Ground, NOW, account, at};

const MADE: Done = Done { made: 1, conflicts: 0, failed: 0 };
const CONFLICT: Done = Done { made: 0, conflicts: 1, failed: 0 };
const FAILED: Done = Done { made: 0, conflicts: 0, failed: 1 };

fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x018f_0000_0000_7000_8000_0000_0000_0000 + n)
}

/// A request of number `n`.
pub fn intake(n: u128, tenant: &str) -> Intake {
    let form = json!({
        "contact": {"name": "Ada", "email": "ada@initech.example"}, "use_case": "Read",
        "go_live_date": "2027-01-15", "departments": [{"name": "Litigation", "people": 12}],
    });
    Intake {
        id: id(n),
        tenant: tenant.to_owned(),
        display_name: tenant.to_uppercase(),
        form: form.to_string(),
        answer: json!({"profile": {"overlays": ["gpu"]}}).to_string(),
        plan: Some(PlanId { plan: "team".to_owned(), version: 1 }),
        profile: "prod".to_owned(),
        currency: "USD".to_owned(),
        zone: "America/Chicago".to_owned(),
        anchor_day: 15,
        receipt: [1; 32],
        scope: None,
        salt: [3; 32],
        submitted_at: at(NOW),
        state: State::AwaitingApproval,
        provision: None,
    }
}

/// A ledger with plans, and a folder for manifests.
async fn ground() -> (Ground, PathBuf, Provisioner) {
    let ground = Ground::empty().await;
    ground.ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
    let manifests = ground.folder.path().join("manifests");
    let provisioner = Provisioner::new(Destination::Folder(Folder::open(&manifests).unwrap()));
    (ground, manifests, provisioner)
}

pub async fn decide(ground: &Ground, new: Intake, verdict: Verdict, provide: bool) {
    let decision = Decision { verdict, by: Actor::Manager("cora".to_owned()), at: ground.now() };
    let work = ground.ledger.transact(None, move |session, _| {
        Box::pin(async move {
            onboarding::add(session, &new).await?;
            onboarding::decide(session, new.id, decision, provide).await
        })
    });
    let decided = work.await.unwrap();
    assert!(matches!(decided, Decided::Stands(_)), "{decided:?}");
}

async fn approve(ground: &Ground, n: u128, tenant: &str) {
    decide(ground, intake(n, tenant), Verdict::Approved, true).await;
}

async fn provision(ground: &Ground, n: u128) -> Option<Provision> {
    let mut session = ground.ledger.store().read().await.unwrap();
    onboarding::get(&mut session, id(n)).await.unwrap().unwrap().provision
}

async fn waiting(ground: &Ground) -> i64 {
    let mut session = ground.ledger.store().read().await.unwrap();
    provisions::waiting(&mut session).await.unwrap().0
}

/// Has everything that waits tried again now.
async fn all_due(ground: &Ground) {
    let sql = "UPDATE provisions SET next_at = 0 WHERE next_at IS NOT NULL";
    let work = ground.ledger.transact(None, move |session, _| Box::pin(session.run(sql, vec![])));
    work.await.unwrap();
}

fn file(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(format!("{name}.yaml"))).unwrap()
}

#[tokio::test]
async fn only_an_approval_has_a_tenant_made() {
    let (ground, manifests, provisioner) = ground().await;
    let rejected = Verdict::Rejected { reason: "no".to_owned() };
    decide(&ground, intake(1, "one"), rejected, true).await;
    decide(&ground, intake(2, "two"), Verdict::Withdrawn, true).await;
    decide(&ground, intake(3, "three"), Verdict::Approved, false).await;
    assert_eq!(provisioner.round(&ground.ledger).await, Ok(Done::default()));
    approve(&ground, 4, "four").await;
    assert_eq!(provision(&ground, 4).await.unwrap().outcome, Outcome::Queued);
    assert_eq!(provisioner.round(&ground.ledger).await, Ok(MADE));
    let names: Vec<_> =
        std::fs::read_dir(&manifests).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["four.yaml"]);
    for (n, made) in [(1, false), (2, false), (3, false), (4, true)] {
        assert_eq!(provision(&ground, n).await.is_some(), made, "{n}");
    }
}

#[tokio::test]
async fn what_was_made_is_never_made_or_written_again() {
    let (ground, manifests, provisioner) = ground().await;
    approve(&ground, 1, "acme").await;
    assert_eq!(provisioner.round(&ground.ledger).await, Ok(MADE));
    let made = provision(&ground, 1).await.unwrap();
    assert_eq!((made.outcome, made.attempts, made.made_at), (Outcome::Made, 1, Some(at(NOW))));
    let text = file(&manifests, "acme");
    assert_eq!(text, include_str!("provisioned.yaml"));
    assert_eq!(provisioner.round(&ground.ledger).await, Ok(Done::default()));
    // As when the answer was lost, after somebody edited the file.
    let edited = text.replace("plan: team", "plan: scale");
    std::fs::write(manifests.join("acme.yaml"), &edited).unwrap();
    let sql = "UPDATE provisions SET next_at = 0, outcome = 'queued', made_at = NULL";
    let work = ground.ledger.transact(None, move |session, _| Box::pin(session.run(sql, vec![])));
    assert_eq!(work.await, Ok(1));
    assert_eq!(provisioner.round(&ground.ledger).await, Ok(MADE));
    assert_eq!(file(&manifests, "acme"), edited);
}

#[tokio::test]
async fn a_taken_name_waits_until_somebody_frees_it() {
    let (ground, manifests, provisioner) = ground().await;
    for (content, why) in [
        ("kind: ConfigMap\n".to_owned(), "of no request"),
        (
            format!(
                "apiVersion: tenantry.dev/v1alpha1\nkind: Tenant\nmetadata:\n  name: acme\n  annotations:\n    tenantry.dev/intake: {}\nspec:\n  displayName: Other\n  profileRef:\n    name: dev\n",
                id(9)
            ),
            "of request",
        ),
    ] {
        let (n, name) = if why == "of no request" { (1, "acme") } else { (2, "borealis") };
        let taken = manifests.join(format!("{name}.yaml"));
        std::fs::write(&taken, &content).unwrap();
        approve(&ground, n, name).await;
        assert_eq!(provisioner.round(&ground.ledger).await, Ok(CONFLICT));
        assert_eq!(std::fs::read_to_string(&taken).unwrap(), content);
        let told = provision(&ground, n).await.unwrap();
        assert_eq!(told.outcome, Outcome::Conflict);
        assert!(told.detail.unwrap().contains(why));
        assert_eq!(provisioner.round(&ground.ledger).await, Ok(Done::default()), "not at once");
        std::fs::remove_file(&taken).unwrap();
        all_due(&ground).await;
        assert_eq!(provisioner.round(&ground.ledger).await, Ok(MADE));
        assert_eq!(provision(&ground, n).await.unwrap().detail, None);
    }
}

#[tokio::test]
async fn a_place_that_is_away_for_a_day_changes_nothing_but_the_delay() {
    let (ground, manifests, provisioner) = ground().await;
    for (n, name) in [(1, "one"), (2, "two"), (3, "three")] {
        approve(&ground, n, name).await;
    }
    std::fs::remove_dir(&manifests).unwrap();
    // Of what nobody answers, one is tried, not each.
    assert_eq!(provisioner.round(&ground.ledger).await, Ok(FAILED));
    let told = provision(&ground, 1).await.unwrap();
    assert_eq!((told.outcome, told.attempts), (Outcome::Queued, 1));
    assert!(told.detail.unwrap().contains("one.yaml"));
    ground.set_clock("2026-11-24T12:00:00Z");
    assert_eq!(provisioner.round(&ground.ledger).await, Ok(FAILED));
    assert_eq!(waiting(&ground).await, 3);
    // What waits outlives the server.
    let ground = ground.reopen().await;
    std::fs::create_dir(&manifests).unwrap();
    all_due(&ground).await;
    assert_eq!(provisioner.round(&ground.ledger).await, Ok(Done { made: 3, ..Done::default() }));
    assert_eq!(waiting(&ground).await, 0);
    let made = provision(&ground, 1).await.unwrap().made_at;
    assert_eq!(made, Some(at("2026-11-24T12:00:00Z")));
}

#[tokio::test]
async fn a_request_that_cannot_be_read_keeps_no_other_from_being_made() {
    let (ground, manifests, provisioner) = ground().await;
    approve(&ground, 1, "acme").await;
    approve(&ground, 2, "borealis").await;
    let answer = async |text: &'static str| {
        let sql = "UPDATE intakes SET answer = $1 WHERE tenant = 'acme'";
        let work = ground
            .ledger
            .transact(None, move |session, _| Box::pin(session.run(sql, vec![text.into()])));
        assert_eq!(work.await, Ok(1));
    };
    answer("{}").await;
    let both = Done { made: 1, failed: 1, ..Done::default() };
    assert_eq!(provisioner.round(&ground.ledger).await, Ok(both));
    assert!(file(&manifests, "borealis").contains("BOREALIS"));
    let told = provision(&ground, 1).await.unwrap();
    assert_eq!((told.outcome, told.attempts), (Outcome::Queued, 1));
    let detail = told.detail.unwrap();
    assert!(detail.contains("cannot be read") && detail.contains("intakes.answer"), "{detail}");
    // Once it can be, it is made like any other.
    answer(r#"{"profile": {"overlays": []}}"#).await;
    all_due(&ground).await;
    assert_eq!(provisioner.round(&ground.ledger).await, Ok(MADE));
}

#[tokio::test]
async fn a_contact_erased_while_it_waited_is_not_in_the_tenant() {
    let (ground, manifests, provisioner) = ground().await;
    approve(&ground, 1, "acme").await;
    approve(&ground, 2, "borealis").await;
    let request = Request {
        subject: Subject::Intake(id(1)),
        actor: "dana".to_owned(),
        reason: "asked".to_owned(),
        reference: "T-1".to_owned(),
        from: 1,
        patience: Duration::ZERO,
    };
    let erased = erase(&ground.ledger, &Rejects::default(), request).await.unwrap().unwrap();
    assert_eq!(erased.counts.intakes, 1);
    assert_eq!(provisioner.round(&ground.ledger).await, Ok(Done { made: 2, ..Done::default() }));
    assert!(file(&manifests, "borealis").contains("ada@initech.example"));
    let text = file(&manifests, "acme");
    assert!(!text.contains("ada@") && !text.contains("contact"), "{text}");
}

#[tokio::test]
async fn a_stack_is_followed_by_the_request_that_its_tenant_was_made_of() {
    let (ground, _, provisioner) = ground().await;
    approve(&ground, 1, "acme").await;
    assert_eq!(provisioner.round(&ground.ledger).await, Ok(MADE));
    assert_eq!(provision(&ground, 1).await.unwrap().stack, None);
    let follow = async |tenant: &str, stack: &Stack| {
        ground.ledger.follow_stack(None, id(1), tenant, stack.clone()).await.unwrap();
        provision(&ground, 1).await.unwrap().stack.unwrap()
    };
    let waits = |for_: &str| Some(for_.to_owned());
    let starts = Stack { phase: Phase::Starting, ready: 1, parts: 3, waits: waits("core") };
    assert_eq!(follow("acme", &starts).await, (starts.clone(), at(NOW)));
    // It starts since then, whatever it waits for; and is no other tenant's.
    let later = at("2026-11-24T12:00:00Z");
    ground.set_clock("2026-11-24T12:00:00Z");
    let further = Stack { ready: 2, waits: waits("gateway"), ..starts };
    assert_eq!(follow("acme", &further).await, (further.clone(), at(NOW)));
    let ready = Stack { phase: Phase::Ready, ready: 3, parts: 3, waits: None };
    assert_eq!(follow("globex", &ready).await, (further, at(NOW)));
    assert_eq!(follow("acme", &ready).await, (ready.clone(), later));
    // What is gone while nobody looked is gone, unless another has the name.
    let tenant = |uid: &str| Registration {
        name: "acme".to_owned(),
        uid: uid.to_owned(),
        account: account("acme"),
        display_name: "ACME".to_owned(),
        currency: "USD".to_owned(),
        zone: "UTC".parse().unwrap(),
        anchor: AnchorDay::new(15).unwrap(),
        namespace: "tenant-acme".to_owned(),
        workloads: Vec::new(),
        issuer: None,
        binds: true,
    };
    for uid in ["u-1", "u-2"] {
        ground.ledger.register(None, tenant(uid)).await.unwrap();
    }
    ground.ledger.end_others(None, &["u-2".to_owned()]).await.unwrap();
    assert_eq!(provision(&ground, 1).await.unwrap().stack, Some((ready, later)));
    let last = at("2026-11-25T12:00:00Z");
    ground.set_clock("2026-11-25T12:00:00Z");
    ground.ledger.end_others(None, &[]).await.unwrap();
    let gone = Stack { phase: Phase::Removed, ready: 0, parts: 3, waits: None };
    assert_eq!(provision(&ground, 1).await.unwrap().stack, Some((gone, last)));
}
