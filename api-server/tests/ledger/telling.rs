//! What webhooks are told: each thing that happens, once, in the transaction in which it does.

use api_server::{
    domain::{
        Ppm,
        catalogue::{Catalogue, PlanId},
        facts::{Departments, Incidents, Stated},
        health::Share,
        meter::Meter,
        onboarding::{Actor, Decision, State, Verdict},
        subscription::Agreement,
        webhook::Kind,
    },
    ledger::{
        Change, Correction, Item,
        figures::{Figures, Rhythm},
    },
    store::{
        facts,
        onboarding::{self, Intake},
    },
};
use jiff::SignedDuration;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    ground::{Ground, account, at, query, usage},
    webhooks::{deliveries, endpoint},
};

/// A ground with an endpoint that is told everything; the accounts are on starter, which includes
/// 100,000 queries.
async fn listening() -> (Ground, Uuid) {
    let ground = Ground::with(&["acme"]).await;
    ground.ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
    agree(&ground, "starter").await;
    let hook = endpoint(&ground, 1, "https://a.example/", &[]).await;
    (ground, hook)
}

async fn agree(ground: &Ground, plan: &str) {
    let plan = PlanId { plan: plan.to_owned(), version: 1 };
    let from = at("2026-01-01T00:00:00Z");
    let agreement = Agreement { plan, effective_at: from, agreed_at: from };
    ground.ledger.agree(&account("acme"), agreement).await.unwrap();
}

/// What was queued: type and data, by type, then by what it says.
async fn told(ground: &Ground, hook: Uuid) -> Vec<(Kind, Value)> {
    let mut all: Vec<_> = deliveries(ground, hook)
        .await
        .into_iter()
        .map(|one| {
            let body: Value = serde_json::from_str(&one.body).unwrap();
            assert_eq!(body["type"], one.kind.name());
            (one.kind, body["data"].clone())
        })
        .collect();
    all.sort_by_key(|(kind, data)| (*kind, data.to_string()));
    all
}

fn correction(id: &str, by: &str) -> Item {
    Item::Correction(Correction {
        source: "/desk".to_owned(),
        id: id.to_owned(),
        ref_seq: 1,
        change: Change::By(by.parse().unwrap()),
        notes: [("reason".to_owned(), "twice".to_owned())].into(),
    })
}

#[tokio::test]
async fn a_level_is_told_once_each_time_that_it_was_armed() {
    let (ground, hook) = listening().await;
    for _ in 0..2 {
        ground.send("acme", vec![query("acme", "e-1", "96000")]).await;
    }
    ground.send("acme", vec![query("acme", "e-2", "1")]).await;
    let crossed = |level: &str, percent: u8, arming: u32, used: &str, row: i64| {
        let data = json!({"account": "acme", "meter": "query", "unit": "requests", "level": level,
            "percent": percent, "arming": arming, "period": "2026-10-31T23:00:00Z", "used": used,
            "quota": "100000", "row": row});
        (Kind::ThresholdCrossed, data)
    };
    let first = [crossed("hard", 95, 1, "96000", 1), crossed("soft", 80, 1, "96000", 1)];
    assert_eq!(told(&ground, hook).await, first, "one jump over both tells both");
    // It falls below both, by hysteresis, and reaches them anew.
    ground.send("acme", vec![correction("c-1", "-50000")]).await;
    ground.send("acme", vec![query("acme", "e-3", "50000")]).await;
    let all = told(&ground, hook).await;
    let by = |kind| all.iter().filter(move |(of, _)| *of == kind);
    let armings: Vec<_> = by(Kind::ThresholdCrossed)
        .map(|(_, data)| (data["level"].as_str().unwrap(), data["arming"].as_i64().unwrap()))
        .collect();
    assert_eq!(armings, [("hard", 1), ("soft", 1), ("hard", 2), ("soft", 2)]);
    assert_eq!(by(Kind::ThresholdRecovered).count(), 2);
    assert_eq!(all.len(), 6);
}

#[tokio::test]
async fn a_larger_plan_recovers_what_a_smaller_one_had_reached() {
    let (ground, hook) = listening().await;
    ground.send("acme", vec![query("acme", "e-1", "85000")]).await;
    agree(&ground, "team").await;
    let kinds: Vec<_> = told(&ground, hook).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [Kind::ThresholdCrossed, Kind::ThresholdRecovered]);
}

#[tokio::test]
async fn usage_that_reaches_nothing_tells_nothing() {
    let (ground, hook) = listening().await;
    let free = usage("acme", "s-1", Meter::Signup, "2026-11-23T11:00:00Z", "1000000");
    ground.send("acme", vec![query("acme", "e-1", "79999"), Item::Usage(free)]).await;
    assert_eq!(told(&ground, hook).await, []);
}

fn intake(n: u128, tenant: &str) -> Intake {
    let form = json!({"contact": {"name": "Ada", "email": "ada@initech.example"}});
    Intake {
        id: Uuid::from_u128(n),
        tenant: tenant.to_owned(),
        display_name: tenant.to_uppercase(),
        form: form.to_string(),
        answer: "{}".to_owned(),
        plan: Some(PlanId { plan: "team".to_owned(), version: 1 }),
        profile: "prod".to_owned(),
        currency: "USD".to_owned(),
        zone: "America/Chicago".to_owned(),
        anchor_day: 15,
        receipt: [1; 32],
        scope: Some([u8::try_from(n).unwrap(); 32]),
        salt: [3; 32],
        submitted_at: at("2026-11-23T11:00:00Z"),
        state: State::AwaitingApproval,
        provision: None,
    }
}

#[tokio::test]
async fn each_step_of_a_request_is_told_once_and_without_whom_it_names() {
    let (ground, hook) = listening().await;
    let rejected = Verdict::Rejected { reason: "Ada asked twice".to_owned() };
    for (n, tenant, verdict, expected) in [
        (1, "one", Verdict::Approved, Kind::OnboardingApproved),
        (2, "two", rejected, Kind::OnboardingRejected),
        (3, "three", Verdict::Withdrawn, Kind::OnboardingWithdrawn),
    ] {
        for _ in 0..2 {
            let by = Actor::Manager("cora".to_owned());
            let decision = Decision { verdict: verdict.clone(), by, at: ground.now() };
            let new = intake(n, tenant);
            let work = ground.ledger.transact(None, move |session, _| {
                Box::pin(async move {
                    onboarding::add(session, &new).await?;
                    onboarding::decide(session, new.id, decision, false).await
                })
            });
            work.await.unwrap();
        }
        let all = told(&ground, hook).await;
        let last = all.iter().filter(|(kind, _)| *kind == expected).collect::<Vec<_>>();
        assert_eq!(
            last[0].1,
            json!({"request": Uuid::from_u128(n), "tenant": tenant, "display_name": tenant.to_uppercase(),
                "plan": {"key": "team", "version": 1}, "profile": "prod",
                "submitted_at": "2026-11-23T11:00:00Z"})
        );
        assert_eq!(last.len(), 1);
    }
    let all = told(&ground, hook).await;
    assert_eq!(all.iter().filter(|(kind, _)| *kind == Kind::OnboardingSubmitted).count(), 3);
    assert_eq!(all.len(), 6);
    for one in deliveries(&ground, hook).await {
        assert!(!one.body.contains("ada@") && !one.body.contains("Ada"), "{}", one.body);
    }
}

#[tokio::test]
async fn a_flag_is_told_when_it_is_raised_and_when_its_last_turn_is_over() {
    let ground = Ground::with(&["acme"]).await;
    let hook = endpoint(&ground, 1, "https://a.example/", &[]).await;
    let mut figures = Figures::new(Rhythm::every(SignedDuration::from_mins(5)));
    let good = Stated {
        departments: Some(Departments { active: 5, planned: Some(5) }),
        criteria: Some(Share { part: 4, whole: 4 }),
        budget_used: Some(Ppm(0)),
        days_overdue: Some(0),
        incidents: Some(Incidents { sev1: 0, sev2: 0, sev1_past_sla: 0 }),
        ..Stated::default()
    };
    let poor = Stated {
        departments: Some(Departments { active: 0, planned: Some(5) }),
        days_overdue: Some(90),
        ..good
    };
    let mut counts = Vec::new();
    // Turns begin at minutes 0, 5, 10 and 15. At 11 it is bad again within a turn that had cleared it.
    for (minute, stated) in [
        (0, poor),
        (1, good),
        (5, good),
        (10, good),
        (11, poor),
        (12, good),
        (15, good),
        (20, good),
        (25, good),
    ] {
        ground.set_clock(&format!("2026-11-23T12:{minute:02}:00Z"));
        let work = ground.ledger.transact(Some(account("acme")), move |session, now| {
            Box::pin(async move {
                facts::put(session, &account("acme"), stated, ("ada", now)).await.map(drop)
            })
        });
        work.await.unwrap();
        ground.send("acme", vec![query("acme", &format!("e-{minute}"), "1")]).await;
        figures.round(&ground.ledger).await.unwrap();
        let all = told(&ground, hook).await;
        let of = |kind| all.iter().filter(|(of, _)| *of == kind).count();
        counts.push((minute, of(Kind::HealthFlagged), of(Kind::HealthRecovered)));
    }
    let flagged: Vec<_> = counts.iter().map(|(_, flagged, _)| *flagged).collect();
    assert!(flagged.iter().all(|count| *count == 1), "raised once: {counts:?}");
    let recovered: Vec<_> = counts.iter().map(|(_, _, recovered)| *recovered).collect();
    assert!(recovered[..6].iter().all(|count| *count == 0), "{counts:?}");
    assert_eq!(recovered.last(), Some(&1), "{counts:?}");
    let (_, data) = told(&ground, hook).await.into_iter().next().unwrap();
    assert_eq!(data["account"], "acme");
    assert!(data["health_basis_points"].as_i64().unwrap() < 7_500, "{data}");
    assert!(data["costs_most"].as_str().unwrap().contains("planned departments"), "{data}");
}
