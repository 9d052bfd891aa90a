//! What is done about used-up quotas: announced, decided on what the ledger has at that moment, undone,
//! and braked; on both stores.

use api_server::{
    domain::{
        catalogue::Catalogue,
        enforcement::{Action, Rule, Standing},
        meter::Meter,
    },
    ledger::{
        Item,
        enforcement::Look,
        tenants::{PlanAsk, Registered, Registration},
    },
    store::enforcements,
};
use jiff::SignedDuration;

use super::ground::{Ground, account, at, usage};

const RULE: Rule = Rule { suspends: true, at: 100, grace: SignedDuration::from_hours(24) };

struct House {
    ground: Ground,
    tenants: Vec<Registered>,
}

impl House {
    /// Tenants on the plan `team`, of which nobody has used anything.
    async fn of(count: usize) -> Self {
        let ground = Ground::empty().await;
        ground.ledger.import_plans(Catalogue::shipped().unwrap()).await.unwrap();
        let mut house = Self { ground, tenants: Vec::new() };
        for n in 0..count {
            let id = format!("u-{n}");
            let new = Registration {
                name: format!("t-{n}"),
                uid: id.clone(),
                account: account(&id),
                display_name: id.clone(),
                currency: "USD".to_owned(),
                zone: "UTC".parse().unwrap(),
                anchor: api_server::domain::calendar::AnchorDay::new(1).unwrap(),
                namespace: format!("tenant-t-{n}"),
                workloads: Vec::new(),
                issuer: None,
                binds: true,
            };
            house.tenants.push(house.ground.ledger.register(None, new).await.unwrap());
            house.plan(n, "team").await;
        }
        house
    }

    async fn plan(&self, who: usize, plan: &str) {
        let ask = PlanAsk {
            account: self.tenants[who].account.id.clone(),
            name: format!("t-{who}"),
            uid: format!("u-{who}"),
            generation: 1,
            plan: Some(plan.to_owned()),
            otherwise: None,
        };
        assert_eq!(self.ground.ledger.ask_for_plan(None, ask).await.unwrap().refused, None);
    }

    /// More requests than `team` includes, and fewer than `scale` does.
    async fn use_all(&self, who: usize) {
        self.send(who, "e-1", &self.ground.now().to_string(), "1000000").await;
    }

    async fn send(&self, who: usize, event: &str, time: &str, units: &str) {
        let id = format!("u-{who}");
        let requests = usage(&id, event, Meter::Query, time, units);
        self.ground.send(&id, vec![Item::Usage(requests)]).await;
    }

    async fn look(&self, who: usize, rule: Rule, share: u8) -> Option<Standing> {
        let Registered { account, tenant, .. } = self.tenants[who].clone();
        let look = Look { account, uid: tenant.uid, rule, share };
        self.ground.ledger.enforce(None, look).await.unwrap().0
    }

    async fn action(&self, who: usize, share: u8) -> Option<Action> {
        self.look(who, RULE, share).await.map(|stands| stands.action)
    }

    /// Everything that was decided about one.
    async fn history(&self) -> Vec<String> {
        let rows = self
            .ground
            .table("SELECT earlier, action FROM enforcements WHERE uid = 'u-0' ORDER BY n");
        rows.await.into_iter().map(|row| row.join(" → ")).collect()
    }
}

#[tokio::test]
async fn it_is_announced_done_when_due_and_undone_when_the_plan_grows() {
    let mut house = House::of(1).await;
    assert_eq!(house.action(0, 10).await, None);
    house.use_all(0).await;
    let announced = house.look(0, RULE, 10).await.unwrap();
    assert_eq!(announced.action, Action::Announced);
    assert_eq!(announced.not_before, house.ground.now() + RULE.grace);
    house.ground.set_clock("2026-11-24T11:59:59Z");
    // Neither time, more usage nor a restart announces it again.
    house.ground = house.ground.reopen().await;
    house.send(0, "e-2", "2026-11-24T11:00:00Z", "1000").await;
    assert_eq!(house.look(0, RULE, 10).await, Some(announced));
    house.ground.set_clock("2026-11-24T12:00:00Z");
    assert_eq!(house.action(0, 10).await, Some(Action::Suspend));
    assert_eq!(house.action(0, 10).await, Some(Action::Suspend));
    house.plan(0, "scale").await;
    assert_eq!(house.action(0, 10).await, None);
    assert_eq!(
        house.history().await,
        ["none → announced", "announced → suspend", "suspend → none"]
    );
    // Each is told once.
    let Registered { account, tenant, .. } = house.tenants[0].clone();
    for left in [3, 2] {
        let mut session = house.ground.ledger.store().read().await.unwrap();
        let untold = enforcements::untold(&mut session, &account.id, &tenant.uid, 9).await.unwrap();
        assert_eq!(untold.len(), left);
        house.ground.ledger.told_decision(&account, &tenant.uid, untold[0].n).await.unwrap();
    }
}

/// Who used a lot before there was a plan, which is free, is not stopped for it.
#[tokio::test]
async fn what_was_used_before_the_plan_stops_nobody() {
    let house = House::of(1).await;
    house.send(0, "before", "2026-11-23T11:59:59.999Z", "1000000").await;
    let whole = Rule { at: 1, ..RULE };
    assert_eq!(house.look(0, whole, 10).await, None);
    house.send(0, "since", "2026-11-23T12:00:00Z", "249999").await;
    // 1,000,000 for the 7.5 days of 30 that are left are 250,000.
    assert_eq!(house.action(0, 10).await, None);
    house.send(0, "last", "2026-11-23T12:00:00Z", "1").await;
    let announced = house.look(0, RULE, 10).await.unwrap();
    assert_eq!(announced.action, Action::Announced);
    let (used, quota) = (announced.over.used.to_string(), announced.over.quota.to_string());
    assert_eq!((used.as_str(), quota.as_str()), ("250000", "250000"));
}

#[tokio::test]
async fn what_was_announced_is_looked_at_again_right_before() {
    let house = House::of(1).await;
    house.use_all(0).await;
    assert_eq!(house.action(0, 10).await, Some(Action::Announced));
    // Nobody looked since the plan grew.
    house.plan(0, "scale").await;
    house.ground.set_clock("2026-11-25T00:00:00Z");
    assert_eq!(house.action(0, 10).await, None);
    assert_eq!(house.history().await, ["none → announced", "announced → none"]);
}

#[tokio::test]
async fn it_ends_with_its_period_and_when_it_is_not_asked_for() {
    let house = House::of(1).await;
    house.use_all(0).await;
    house.action(0, 10).await;
    house.ground.set_clock("2026-11-25T00:00:00Z");
    assert_eq!(house.action(0, 10).await, Some(Action::Suspend));
    let alert = Rule { suspends: false, ..RULE };
    assert_eq!(house.look(0, alert, 10).await.map(|s| s.action), Some(Action::Alert));
    // Asked for again, it is announced again.
    assert_eq!(house.action(0, 10).await, Some(Action::Announced));
    house.ground.set_clock("2026-11-26T00:00:00Z");
    assert_eq!(house.action(0, 10).await, Some(Action::Suspend));
    house.ground.set_clock("2026-12-01T00:00:00Z");
    assert_eq!(house.action(0, 10).await, None);
}

#[tokio::test]
async fn a_fleet_that_would_stop_within_an_hour_is_held() {
    let house = House::of(10).await;
    for who in 0..10 {
        house.use_all(who).await;
        assert_eq!(house.action(who, 20).await, Some(Action::Announced));
    }
    house.ground.set_clock("2026-11-24T12:00:00Z");
    for who in 0..10 {
        assert_eq!(house.action(who, 20).await, Some(Action::Held), "not even the first");
    }
    assert_eq!(house.action(0, 0).await, Some(Action::Held));
    // As who asks before all is summed up.
    let brakes = async |share| house.ground.ledger.brakes("u-0", share).await.unwrap();
    assert_eq!((brakes(20).await, brakes(100).await), (true, false));
    assert_eq!(house.history().await, ["none → announced", "announced → held"], "told once");
    // Two of them do not count any more; then a person looks and lets the others.
    house.plan(0, "scale").await;
    assert_eq!(house.action(0, 20).await, None);
    house
        .ground
        .ledger
        .end_others(None, &(2..10).map(|n| format!("u-{n}")).collect::<Vec<_>>())
        .await
        .unwrap();
    assert_eq!(house.action(2, 20).await, Some(Action::Held));
    for who in 2..10 {
        assert_eq!(house.action(who, 100).await, Some(Action::Suspend));
    }
}

#[tokio::test]
async fn no_hour_sees_more_than_the_share() {
    let house = House::of(10).await;
    let begins = ["12:00:00Z", "12:50:00Z", "13:10:00Z"];
    for (who, time) in begins.iter().enumerate() {
        house.ground.set_clock(&format!("2026-11-23T{time}"));
        house.use_all(who).await;
        assert_eq!(house.action(who, 10).await, Some(Action::Announced));
    }
    // One of ten may be within an hour; the first sees the second come, and the second the third.
    house.ground.set_clock("2026-11-24T12:00:00Z");
    assert_eq!(house.action(0, 10).await, Some(Action::Held));
    assert_eq!(house.action(0, 20).await, Some(Action::Suspend));
    house.ground.set_clock("2026-11-24T12:50:00Z");
    assert_eq!(house.action(1, 20).await, Some(Action::Suspend));
    house.ground.set_clock("2026-11-24T13:10:00Z");
    assert_eq!(house.action(2, 10).await, Some(Action::Held), "the second was 20 minutes ago");
    house.ground.set_clock("2026-11-24T13:49:59Z");
    assert_eq!(house.action(2, 10).await, Some(Action::Held));
    house.ground.set_clock("2026-11-24T13:50:00Z");
    assert_eq!(house.action(2, 10).await, Some(Action::Suspend));
    assert_eq!(at("2026-11-24T13:50:00Z"), house.ground.now());
}
