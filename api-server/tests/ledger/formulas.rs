//! Periods that were opened by an earlier version of the formula keep it: what was billed and told by it
//! is still verified by it.

use std::collections::BTreeMap;

use api_server::{
    domain::{Quantity, meter::Meter, threshold::Kind},
    ledger::{Change, Correction, Item, settle::settle, verify::What},
    store::{accounts, bill},
};

use super::ground::{Ground, account, at, check, tamper, usage};

fn runs(id: &str, time: &str, units: &str) -> Item {
    Item::Usage(usage("acme", id, Meter::Agents, time, units))
}

fn less(ref_seq: i64, units: i64) -> Item {
    Item::Correction(Correction {
        source: "/corrections".to_owned(),
        id: format!("less-{ref_seq}"),
        ref_seq,
        change: Change::By(Quantity::from_units(-units).unwrap()),
        notes: BTreeMap::new(),
    })
}

async fn empty() -> Ground {
    let ground = Ground::empty().await;
    ground.add("acme", "UTC", 1).await;
    ground
}

/// As an earlier program opened its periods.
async fn by_the_first(ground: Ground) -> Ground {
    ground.ledger.close().await;
    tamper(ground.folder.path(), &["UPDATE periods SET formula = 1"]).await;
    ground.reopen().await
}

async fn total(ground: &Ground, time: &str) -> String {
    let mut session = ground.ledger.store().read().await.unwrap();
    let acme = accounts::get(&mut session, &account("acme")).await.unwrap().unwrap();
    let bill = bill::of_period(&mut session, &acme, at(time)).await.unwrap();
    bill.statement.unwrap().total.to_string()
}

/// October: 15,000 runs on Starter, 5,000 of them by mistake, which is found in November. November: 2,000
/// on Starter, and from the 16th on 30,000 on Team.
async fn corrected() -> Ground {
    let ground = empty().await;
    ground.set_clock("2026-10-10T12:00:00Z");
    ground.agree("acme", "starter", "2026-01-01T00:00:00Z").await;
    ground.send("acme", vec![runs("a", "2026-10-10T11:00:00Z", "15000")]).await;
    ground.set_clock("2026-11-10T12:00:00Z");
    assert_eq!(ground.ledger.close_due().await, Ok(1));
    ground.send("acme", vec![runs("b", "2026-11-10T11:00:00Z", "2000"), less(1, 5_000)]).await;
    ground.set_clock("2026-11-18T12:00:00Z");
    ground.agree("acme", "team", "2026-11-16T00:00:00Z").await;
    ground.send("acme", vec![runs("c", "2026-11-18T11:00:00Z", "30000")]).await;
    ground
}

#[tokio::test]
async fn what_corrections_took_back_is_carried_over_a_change_of_plan_in_new_periods_only() {
    // 149.50 and 449.50, and 2,000 or 5,000 runs of 0.03 beyond the 25,000 that are included.
    for (first, november) in [(false, "USD 659.00"), (true, "USD 749.00")] {
        let mut ground = corrected().await;
        if first {
            ground = by_the_first(ground).await;
        }
        assert_eq!(total(&ground, "2026-10-10T00:00:00Z").await, "USD 549.00");
        assert_eq!(total(&ground, "2026-11-18T00:00:00Z").await, november);
        ground.set_clock("2026-12-05T12:00:00Z");
        assert_eq!(ground.ledger.close_due().await, Ok(1));
        assert_eq!(settle(&ground.ledger, None).await.unwrap().len(), 2);
        assert_eq!(total(&ground, "2026-11-18T00:00:00Z").await, november);
        ground.ledger.close().await;
        assert_eq!(check(ground.folder.path()).await.findings, []);
        let other =
            if first { "UPDATE periods SET formula = 2" } else { "UPDATE periods SET formula = 1" };
        tamper(ground.folder.path(), &[other]).await;
        let found: Vec<_> =
            check(ground.folder.path()).await.findings.iter().map(|f| f.what).collect();
        assert_eq!(found, [What::Settlement]);
    }
}

/// A month after which a sender's mistake is found below the included units: nothing comes back.
#[tokio::test]
async fn what_corrections_take_back_within_the_included_units_is_worth_nothing() {
    let ground = empty().await;
    ground.set_clock("2026-06-10T12:00:00Z");
    ground.agree("acme", "starter", "2026-01-01T00:00:00Z").await;
    ground.send("acme", vec![runs("a", "2026-06-10T11:00:00Z", "10000")]).await;
    ground.send("acme", vec![runs("twice", "2026-06-10T11:00:00Z", "5000")]).await;
    ground.set_clock("2026-07-10T12:00:00Z");
    assert_eq!(ground.ledger.close_due().await, Ok(1));
    ground.send("acme", vec![less(2, 5_000), runs("b", "2026-07-10T11:00:00Z", "8000")]).await;
    assert_eq!(total(&ground, "2026-06-10T00:00:00Z").await, "USD 549.00");
    assert_eq!(total(&ground, "2026-07-10T00:00:00Z").await, "USD 299.00");
    // With 20,000 in July all of it comes back: 15,000 count, 5,000 of them beyond.
    ground.send("acme", vec![runs("c", "2026-07-10T11:30:00Z", "12000")]).await;
    assert_eq!(total(&ground, "2026-07-10T00:00:00Z").await, "USD 549.00");
}

/// Levels that were told by the first formula, by which all use counted, are verified by it.
#[tokio::test]
async fn levels_of_earlier_periods_are_followed_by_their_formula() {
    for (first, alerts) in [(true, 2), (false, 0)] {
        let mut ground = empty().await;
        ground.set_clock("2026-11-16T12:00:00Z");
        ground.send("acme", vec![runs("a", "2026-11-10T11:00:00Z", "30000")]).await;
        if first {
            ground = by_the_first(ground).await;
        }
        ground.agree("acme", "team", "2026-11-16T00:00:00Z").await;
        ground.send("acme", vec![runs("b", "2026-11-16T11:00:00Z", "1")]).await;
        let told = ground.table("SELECT kind, used_micro FROM alerts ORDER BY level").await;
        assert_eq!(told.len(), alerts, "{told:?}");
        let all = [Kind::Reached.name().to_owned(), "30000000000".to_owned()];
        assert!(told.iter().all(|alert| *alert == all), "{told:?}");
        assert_eq!(total(&ground, "2026-11-16T00:00:00Z").await, "USD 449.50");
        ground.ledger.close().await;
        assert_eq!(check(ground.folder.path()).await.findings, []);
        let other =
            if first { "UPDATE periods SET formula = 2" } else { "UPDATE periods SET formula = 1" };
        tamper(ground.folder.path(), &[other]).await;
        let found = check(ground.folder.path()).await.findings;
        assert!(!found.is_empty() && found.iter().all(|f| f.what == What::Alert), "{found:?}");
    }
}
