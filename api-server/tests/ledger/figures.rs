//! Summaries of accounts: what they count, when they are made, that they can be made again.

use std::{fs, time::Duration};

use api_server::{
    domain::{
        BasisPoints, Ppm, Quantity,
        facts::{Departments, Incidents, Stated},
        health::{Share, Standing},
        meter::Meter,
        threshold::Level,
    },
    ledger::{
        Change, Correction, Item, PlanWish,
        figures::{Done, Figures, Rhythm, export},
        lease::Lease,
        verify::What,
    },
    store::{accounts, facts, snapshots, usage as store_usage},
};
use jiff::{SignedDuration, civil::date};
use serde_json::{Value, json};

use super::ground::{Ground, account, check, query, tamper, usage};

fn figures() -> Figures {
    Figures::new(Rhythm::every(SignedDuration::from_mins(5)))
}

async fn sum_up(ground: &Ground) -> Done {
    figures().round(&ground.ledger).await.unwrap()
}

/// The newest summary, and what it was computed from.
async fn summary(ground: &Ground, id: &str) -> (snapshots::SnapshotRow, Value) {
    let mut session = ground.ledger.store().read().await.unwrap();
    let (row, text) = snapshots::get(&mut session, &account(id)).await.unwrap().unwrap();
    (row, serde_json::from_str(&text).unwrap())
}

async fn state(ground: &Ground, id: &str, stated: Stated) {
    let id = account(id);
    let work = ground.ledger.transact(Some(id.clone()), move |session, now| {
        Box::pin(async move { facts::put(session, &id, stated, ("ada", now)).await.map(drop) })
    });
    work.await.unwrap();
}

/// Everything but use at full points.
fn good() -> Stated {
    Stated {
        departments: Some(Departments { active: 5, planned: Some(5) }),
        criteria: Some(Share { part: 4, whole: 4 }),
        budget_used: Some(Ppm(0)),
        days_overdue: Some(0),
        incidents: Some(Incidents { sev1: 0, sev2: 0, sev1_past_sla: 0 }),
        ..Stated::default()
    }
}

fn agents(id: &str, time: &str, quantity: &str) -> Item {
    Item::Usage(usage("acme", id, Meter::Agents, time, quantity))
}

/// On team since July, with 1 000 agent runs at noon of each day (UTC) from 1 September to
/// 22 November, each sent on its day.
async fn steady() -> Ground {
    let ground = Ground::with(&["acme"]).await;
    ground.set_clock("2026-09-01T00:00:00Z");
    ground.agree("acme", "team", "2026-07-01T00:00:00Z").await;
    let mut day = date(2026, 9, 1);
    while day < date(2026, 11, 23) {
        let noon = format!("{day}T12:00:00Z");
        ground.set_clock(&noon);
        ground.send("acme", vec![agents(&noon, &noon, "1000")]).await;
        day = day.tomorrow().unwrap();
    }
    ground.set_clock(super::ground::NOW);
    ground
}

#[tokio::test]
async fn a_summary_counts_what_the_ledger_counts() {
    let ground = steady().await;
    assert_eq!(sum_up(&ground).await, Done { computed: 1, failed: 0 });
    let (row, inputs) = summary(&ground, "acme").await;
    // 22 days of 1 000 of 40 000.
    assert_eq!(row.highest, Some((Meter::Agents, Ppm(550_000))));
    assert_eq!((row.level, row.plan.unwrap().plan.as_str()), (None, "team"));
    assert_eq!((row.ledger_seq, row.stale, row.computed_at), (83, false, ground.now()));
    let of_agents = &inputs["meters"]["agents"];
    let thousand = |days| vec![json!(1_000_000_000_i64); days];
    assert_eq!(of_agents["past"], json!(thousand(56)));
    assert_eq!(of_agents["full"], json!(thousand(22)));
    assert_eq!((&of_agents["today"], &of_agents["apart"]), (&json!(0), &json!(0)));
    assert_eq!((&inputs["days"], &inputs["first_day"]), (&json!(30), &json!("2026-11-01")));
    // Berlin's 23 November is 13 hours old.
    assert_eq!(inputs["running"], json!(541_666));
    // A flat 1 000 a day makes 30 000 in the month, give or take the running day: no overage.
    let (mean, low, high) = row.cost.unwrap();
    assert_eq!(
        (mean.amount(), low.amount(), high.amount()),
        ("899.00".into(), "899.00".into(), "899.00".into())
    );
}

/// Days before an account was there say nothing: it did not use nothing on them.
#[tokio::test]
async fn an_account_is_projected_from_the_first_whole_day_that_it_is_there() {
    let ground = Ground::empty().await;
    ground.set_clock("2026-11-10T12:00:00Z");
    ground.add("acme", "Europe/Berlin", 1).await;
    for day in 10..15 {
        let noon = format!("2026-11-{day}T12:00:00Z");
        ground.set_clock(&noon);
        ground.send("acme", vec![agents(&noon, &noon, "100")]).await;
    }
    ground.set_clock("2026-11-14T23:00:00Z");
    sum_up(&ground).await;
    let (_, inputs) = summary(&ground, "acme").await;
    assert_eq!((&inputs["first_day"], &inputs["days"]), (&json!("2026-11-11"), &json!(20)));
    let of_agents = &inputs["meters"]["agents"];
    assert_eq!(of_agents["full"], json!(vec![100_000_000; 4]));
    // Of the day on which it was opened a half is not known: what was used then is used, and no day's.
    assert_eq!(of_agents["apart"], json!(100_000_000));
    assert_eq!((&of_agents["past"], &inputs["running"]), (&json!([]), &Value::Null));
}

#[tokio::test]
async fn days_begin_at_local_midnight_also_when_clocks_change() {
    let ground = Ground::with(&["acme"]).await;
    // Berlin's 25 October 2026 has 25 hours: from 24 October 22:00Z to 25 October 23:00Z.
    let days = [
        ("2026-10-24T21:59:00Z", "2026-10-24T22:00:00Z", 24),
        ("2026-10-24T22:00:00Z", "2026-10-25T22:59:00Z", 25),
        ("2026-10-25T23:00:00Z", "2026-10-26T22:59:00Z", 26),
    ];
    ground.set_clock("2026-10-27T00:00:00Z");
    for (first, last, day) in days {
        let quantity = day.to_string();
        ground.send("acme", vec![agents(first, first, &quantity)]).await;
        if day > 24 {
            ground.send("acme", vec![agents(last, last, &quantity)]).await;
        }
    }
    ground.set_clock("2026-10-27T12:00:00Z");
    sum_up(&ground).await;
    let (_, inputs) = summary(&ground, "acme").await;
    let full = inputs["meters"]["agents"]["full"].as_array().unwrap();
    let units: Vec<i64> = full.iter().map(|n| n.as_i64().unwrap() / 1_000_000).collect();
    assert_eq!(units, [24, 50, 52]);
    assert_eq!((&inputs["first_day"], &inputs["days"]), (&json!("2026-10-24"), &json!(8)));
    assert_eq!(inputs["last_event"], "2026-10-26T22:00:00Z");
}

#[tokio::test]
async fn what_came_too_late_for_its_own_period_is_used_in_this_one_and_apart_from_its_days() {
    let ground = steady().await;
    // October is closed: it is charged in November, and happened in October.
    ground.send("acme", vec![agents("late", "2026-10-05T12:00:00Z", "500")]).await;
    // A clock that is ahead: it is charged, but on no day that has begun.
    ground.send("acme", vec![agents("ahead", "2026-11-24T11:00:00Z", "7")]).await;
    sum_up(&ground).await;
    let (row, inputs) = summary(&ground, "acme").await;
    let of_agents = &inputs["meters"]["agents"];
    assert_eq!(of_agents["apart"], json!(507_000_000));
    // 5 October is the 30th of the 56 days before November.
    assert_eq!(of_agents["past"][29], json!(1_500_000_000));
    let mut session = ground.ledger.store().read().await.unwrap();
    let known = accounts::get(&mut session, &account("acme")).await.unwrap().unwrap();
    let period = store_usage::of_period(&mut session, &known, ground.now()).await.unwrap();
    let used = period.meters.iter().find(|m| m.meter == Meter::Agents).unwrap().total.used;
    assert_eq!(used.to_string(), "22507");
    assert_eq!(row.highest.unwrap().1, Ppm(562_675));
}

/// 18,750 runs before the plan and 10,000 since: half of what it includes, and priced as the bill is.
#[tokio::test]
async fn what_was_used_before_the_plan_is_no_share_of_its_quota() {
    let ground = Ground::empty().await;
    ground.add("acme", "UTC", 1).await;
    for day in 1..=23 {
        let noon = format!("2026-11-{day:02}T11:00:00Z");
        ground.set_clock(&noon);
        ground.send("acme", vec![agents(&noon, &noon, "1250")]).await;
    }
    ground.set_clock("2026-11-24T00:00:00Z");
    ground.agree("acme", "team", "2026-11-16T00:00:00Z").await;
    sum_up(&ground).await;
    let (row, inputs) = summary(&ground, "acme").await;
    assert_eq!(row.highest, Some((Meter::Agents, Ppm(500_000))));
    assert_eq!((row.level, row.flagged), (None, false));
    assert_eq!(inputs["earlier"][0]["agents"], json!(18_750_000_000_i64));
    // Seven more days like these make 18,750 of 20,000.
    assert_eq!(row.cost.map(|cost| cost.0.amount()), Some("449.50".to_owned()));
    ground.ledger.close().await;
    assert_eq!(check(ground.folder.path()).await.findings, []);
}

/// A quota has a pace after three days; of the days before its period those with a plan count with them, whole
/// ones alone.
#[tokio::test]
async fn days_without_a_plan_are_no_part_of_a_quotas_pace() {
    let mut known = Vec::new();
    for from in [
        "2026-10-31T23:00:00Z",
        "2026-10-28T23:00:00.001Z",
        "2026-10-28T23:00:00Z",
        "2026-10-01T00:00:00Z",
    ] {
        let ground = Ground::empty().await;
        ground.set_clock("2026-10-19T12:00:00Z");
        ground.add("acme", "Europe/Berlin", 1).await;
        for day in 20..=31 {
            let noon = format!("2026-10-{day}T11:00:00Z");
            ground.set_clock(&noon);
            ground.send("acme", vec![agents(&noon, &noon, "1250")]).await;
        }
        ground.set_clock("2026-11-01T11:00:00Z");
        ground.agree("acme", "team", from).await;
        state(&ground, "acme", good()).await;
        sum_up(&ground).await;
        known.push(summary(&ground, "acme").await.0.coverage.0);
        ground.ledger.close().await;
        assert_eq!(check(ground.folder.path()).await.findings, [], "{from}");
    }
    let pace = 2_500;
    assert_eq!(known, [known[0], known[0], known[0] + pace, known[0] + pace]);
}

#[tokio::test]
async fn only_what_is_due_is_summed_up() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    let mut figures = figures();
    let computed = |done: Done| done.computed;
    assert_eq!(computed(figures.round(&ground.ledger).await.unwrap()), 2);
    assert_eq!(computed(figures.round(&ground.ledger).await.unwrap()), 0);
    ground.send("acme", vec![query("acme", "e-1", "1")]).await;
    assert_eq!(computed(figures.round(&ground.ledger).await.unwrap()), 0, "not at every event");
    ground.set_clock("2026-11-23T12:00:15Z");
    assert_eq!(computed(figures.round(&ground.ledger).await.unwrap()), 1);
    ground.set_clock("2026-11-23T12:05:00Z");
    assert_eq!(
        computed(figures.round(&ground.ledger).await.unwrap()),
        1,
        "borealis is five minutes old"
    );
    state(&ground, "borealis", good()).await;
    ground.set_clock("2026-11-23T12:05:16Z");
    assert_eq!(
        computed(figures.round(&ground.ledger).await.unwrap()),
        1,
        "only acme is five minutes old"
    );
}

#[tokio::test]
async fn more_accounts_than_a_page_are_all_summed_up() {
    let ground = Ground::empty().await;
    for n in 0..150 {
        ground.add(&format!("a-{n}"), "UTC", 1).await;
    }
    assert_eq!(sum_up(&ground).await, Done { computed: 150, failed: 0 });
    assert_eq!(ground.table("SELECT account FROM snapshots").await.len(), 150);
    assert_eq!(ground.table("SELECT account FROM snapshot_days").await.len(), 150);
}

const STALE: &str = "SELECT stale FROM snapshots UNION ALL SELECT stale FROM snapshot_days";

#[tokio::test]
async fn what_happened_before_a_summary_makes_it_stale_and_what_happened_after_does_not() {
    let ground = Ground::with(&["acme", "borealis"]).await;
    sum_up(&ground).await;
    ground.send("acme", vec![agents("after", "2026-11-23T12:00:00Z", "1")]).await;
    let fresh = [["0"], ["0"], ["0"], ["0"]];
    assert_eq!(ground.table(STALE).await, fresh, "it happened at the instant of the summary");
    ground.send("acme", vec![agents("before", "2026-11-23T11:59:59.999Z", "1")]).await;
    let of_acme = "SELECT account FROM snapshots WHERE stale = 1
         UNION ALL SELECT account FROM snapshot_days WHERE stale = 1";
    assert_eq!(ground.table(of_acme).await, [["acme"], ["acme"]]);
}

#[tokio::test]
async fn only_days_after_a_back_dated_event_are_stale() {
    let ground = Ground::with(&["acme"]).await;
    for day in ["2026-11-20", "2026-11-21", "2026-11-22"] {
        ground.set_clock(&format!("{day}T12:00:00Z"));
        sum_up(&ground).await;
    }
    ground.set_clock("2026-11-23T12:00:00Z");
    ground.send("acme", vec![agents("e", "2026-11-21T11:00:00Z", "1")]).await;
    let days = "SELECT stale FROM snapshot_days ORDER BY day";
    assert_eq!(ground.table(days).await, [["0"], ["1"], ["1"]]);
}

#[tokio::test]
async fn a_correction_makes_what_counted_its_row_stale() {
    let ground = Ground::with(&["acme"]).await;
    ground.send("acme", vec![agents("e-1", "2026-11-21T11:00:00Z", "5")]).await;
    sum_up(&ground).await;
    ground.send("acme", vec![correction("c-1", 1, "-2")]).await;
    assert_eq!(ground.table(STALE).await, [["1"], ["1"]]);
    ground.set_clock("2026-11-23T12:01:00Z");
    sum_up(&ground).await;
    assert_eq!(ground.table("SELECT stale, ledger_seq FROM snapshots").await, [["0", "2"]]);
}

fn correction(id: &str, ref_seq: i64, by: &str) -> Item {
    Item::Correction(Correction {
        source: "/corrections".to_owned(),
        id: id.to_owned(),
        ref_seq,
        change: Change::By(by.parse::<Quantity>().unwrap()),
        notes: std::collections::BTreeMap::new(),
    })
}

#[tokio::test]
async fn a_new_plan_makes_a_summary_stale() {
    let ground = Ground::with(&["acme"]).await;
    sum_up(&ground).await;
    ground.agree("acme", "team", "2026-11-01T00:00:00Z").await;
    assert_eq!(ground.table("SELECT stale FROM snapshots").await, [["1"]]);
}

/// Whatever comes after a summary, it is computed again from the rows that it counted.
#[tokio::test]
async fn an_older_summary_is_computed_again_as_it_was() {
    let ground = steady().await;
    state(&ground, "acme", good()).await;
    ground.send("acme", vec![agents("late", "2026-10-05T12:00:00Z", "500")]).await;
    sum_up(&ground).await;
    let before = summary(&ground, "acme").await;
    for (id, time) in [
        ("today", "2026-11-23T10:00:00Z"),
        ("this month", "2026-11-03T10:30:00Z"),
        ("same hour", "2026-11-03T12:10:00Z"),
        ("late again", "2026-10-06T23:30:00Z"),
        ("long ago", "2026-03-01T00:00:00Z"),
        ("ahead", "2026-11-24T10:00:00Z"),
    ] {
        ground.send("acme", vec![agents(id, time, "3")]).await;
    }
    let item = Item::Usage(usage("acme", "first", Meter::Query, "2026-11-01T00:00:00Z", "9"));
    ground
        .send("acme", vec![item, correction("c-1", 70, "-400"), correction("c-2", 20, "25")])
        .await;
    state(&ground, "acme", Stated { days_overdue: Some(90), ..good() }).await;
    let wish = PlanWish {
        account: account("acme"),
        plan: Some("scale".to_owned()),
        version: None,
        actor: "ada".to_owned(),
    };
    ground.ledger.change_plan(wish).await.unwrap().unwrap();
    let (row, inputs) = summary(&ground, "acme").await;
    assert_eq!((&row.health, &inputs), (&before.0.health, &before.1));
    ground.ledger.close().await;
    assert_eq!(check(ground.folder.path()).await.findings, []);
}

#[tokio::test]
async fn a_summary_within_a_change_of_plan_is_computed_again_too() {
    let ground = steady().await;
    let wish = |plan: &str| PlanWish {
        account: account("acme"),
        plan: Some(plan.to_owned()),
        version: None,
        actor: "ada".to_owned(),
    };
    ground.ledger.change_plan(wish("scale")).await.unwrap().unwrap();
    sum_up(&ground).await;
    let (row, inputs) = summary(&ground, "acme").await;
    // Until now 22 000 runs under team; its fee and scale's, each for its share of the month.
    assert_eq!(inputs["earlier"][1]["agents"], json!(22_000_000_000_i64));
    assert_eq!(row.plan.unwrap().plan, "scale");
    let mean: f64 = row.cost.unwrap().0.amount().parse().unwrap();
    assert!((899.0..2_499.0).contains(&mean), "{mean}");
    // Of a meter that had no rows then, too.
    let first = Item::Usage(usage("acme", "first", Meter::Query, "2026-11-02T11:00:00Z", "3"));
    ground.send("acme", vec![agents("more", "2026-11-02T10:00:00Z", "3"), first]).await;
    ground.ledger.close().await;
    assert_eq!(check(ground.folder.path()).await.findings, []);
}

#[tokio::test]
async fn a_summary_that_was_changed_is_found() {
    for (statement, part) in [
        ("UPDATE snapshots SET health_bp = 9999", "figures"),
        ("UPDATE snapshots SET flagged = 1 - flagged", "figures"),
        ("UPDATE snapshots SET reason = 'because'", "figures"),
        ("UPDATE snapshots SET ratio_ppm = 1", "figures"),
        (
            "UPDATE snapshot_inputs SET document = REPLACE(document, '\"running\":541666', '\"running\":541667')",
            "computed from",
        ),
    ] {
        let ground = Ground::with(&["acme"]).await;
        ground.agree("acme", "team", "2026-11-01T00:00:00Z").await;
        state(&ground, "acme", good()).await;
        ground.send("acme", vec![agents("e", "2026-11-23T11:00:00Z", "5")]).await;
        sum_up(&ground).await;
        ground.ledger.close().await;
        assert_eq!(check(ground.folder.path()).await.findings, [], "{statement}");
        tamper(ground.folder.path(), &[statement]).await;
        let findings = check(ground.folder.path()).await.findings;
        let [finding] = &findings[..] else { panic!("{statement}: {findings:?}") };
        assert_eq!((finding.what, finding.seq), (What::Summary, Some(1)), "{statement}");
        assert!(finding.detail.contains(part), "{statement}: {}", finding.detail);
    }
}

/// Health below the line raises a flag at once; to take it back needs two turns, however often the
/// account is looked at meanwhile.
#[tokio::test]
async fn a_flag_is_taken_back_after_two_good_turns_and_not_sooner() {
    let ground = Ground::with(&["acme"]).await;
    let mut figures = figures();
    let poor = Stated {
        departments: Some(Departments { active: 0, planned: Some(5) }),
        days_overdue: Some(90),
        ..good()
    };
    let mut standing = Vec::new();
    for (minute, stated) in [
        (0, poor),
        (1, good()),
        (2, good()),
        (4, good()),
        (5, good()),
        (7, good()),
        (9, good()),
        (10, good()),
    ] {
        ground.set_clock(&format!("2026-11-23T12:{minute:02}:00Z"));
        state(&ground, "acme", stated).await;
        // Something moves each time.
        ground.send("acme", vec![query("acme", &format!("e-{minute}"), "1")]).await;
        figures.round(&ground.ledger).await.unwrap();
        standing.push((minute, summary(&ground, "acme").await.0.standing == Standing::Flagged));
    }
    // Turns begin at minutes 0, 5 and 10. The flag is raised in the first; the second and third are
    // good.
    let expected = [0, 1, 2, 4, 5, 7, 9, 10].map(|minute| (minute, minute < 10));
    assert_eq!(standing, expected);
    ground.ledger.close().await;
    assert_eq!(check(ground.folder.path()).await.findings, []);
}

#[tokio::test]
async fn a_flagged_account_says_why_and_what_would_help() {
    let ground = Ground::with(&["acme"]).await;
    let stated = Stated {
        departments: Some(Departments { active: 1, planned: Some(5) }),
        days_overdue: Some(61),
        ..good()
    };
    state(&ground, "acme", stated).await;
    sum_up(&ground).await;
    let (row, _) = summary(&ground, "acme").await;
    assert_eq!((row.flagged, row.health), (true, Some(BasisPoints(6_000))));
    assert_eq!(
        row.reason.unwrap(),
        "Health is 0.60, below 0.75: an invoice is more than 60 days overdue."
    );
    assert_eq!(row.costs.unwrap(), "adoption: 1 of 5 planned departments active");
    assert!(row.helps.unwrap().contains("ettle the invoice that is 61 days overdue"));
}

#[tokio::test]
async fn use_above_95_percent_flags_whatever_health_says() {
    let ground = Ground::with(&["acme"]).await;
    ground.agree("acme", "starter", "2026-01-01T00:00:00Z").await;
    ground.send("acme", vec![query("acme", "e", "95000")]).await;
    sum_up(&ground).await;
    let (row, _) = summary(&ground, "acme").await;
    assert_eq!((row.flagged, row.level), (false, Some(Level::Hard)), "exactly 95 % is not above");
    ground.send("acme", vec![query("acme", "one more", "1")]).await;
    ground.set_clock("2026-11-23T12:01:00Z");
    sum_up(&ground).await;
    let (row, _) = summary(&ground, "acme").await;
    assert!(row.flagged);
    assert!(row.reason.unwrap().starts_with("Query is at 95 % of what the plan includes"));
}

fn file(ground: &Ground) -> Value {
    let text = fs::read_to_string(ground.folder.path().join(export::FILE)).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn usage_json_is_written_after_a_round_that_changed_something() {
    let ground = Ground::with(&["borealis", "acme"]).await;
    let mut figures = figures();
    figures.round(&ground.ledger).await.unwrap();
    assert!(figures.export_if_due(&ground.ledger).await.unwrap());
    let written = file(&ground);
    let entries = written["accounts"].as_array().unwrap();
    let names: Vec<&str> = entries.iter().map(|one| one["account"].as_str().unwrap()).collect();
    assert_eq!(names, ["acme", "borealis"]);
    assert_eq!(written["as_of"], super::ground::NOW);
    assert_eq!(
        entries[0],
        json!({
            "account": "acme", "name": "ACME", "onboarding": null, "plan": null,
            "as_of": "2026-11-23T12:00:00Z", "valid_until": "2026-11-23T12:15:00Z",
            "ledger_seq": 0, "formula_version": 8, "stale": false, "health": "1.00",
            "coverage": "0.10", "standing": "insufficient_data", "flagged": false,
            "reason": null, "level": "ok", "usage_ratio": null, "meter": null,
            "projected_cost": null,
        })
    );
    assert!(!ground.folder.path().join("usage.json.new").exists());
    assert!(!figures.export_if_due(&ground.ledger).await.unwrap(), "nothing has changed");
    ground.set_clock("2026-11-23T12:05:00Z");
    figures.round(&ground.ledger).await.unwrap();
    assert!(figures.export_if_due(&ground.ledger).await.unwrap());
    assert_eq!(file(&ground)["accounts"][0]["as_of"], "2026-11-23T12:05:00Z");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_leaves_the_old_one_and_is_written_later() {
    let ground = Ground::with(&["acme"]).await;
    let mut figures = figures();
    figures.round(&ground.ledger).await.unwrap();
    figures.export_if_due(&ground.ledger).await.unwrap();
    let before = file(&ground);
    let blocked = ground.folder.path().join("usage.json.new");
    fs::create_dir(&blocked).unwrap();
    ground.set_clock("2026-11-23T12:05:00Z");
    figures.round(&ground.ledger).await.unwrap();
    let error = figures.export_if_due(&ground.ledger).await.unwrap_err().to_string();
    assert!(error.contains("usage.json.new"), "{error}");
    assert_eq!(file(&ground), before);
    fs::remove_dir(&blocked).unwrap();
    assert!(figures.export_if_due(&ground.ledger).await.unwrap());
    assert_ne!(file(&ground), before);
}

/// The worker goes on by itself: an event shows in the summary and in the file without anybody
/// asking.
#[tokio::test]
async fn the_worker_sums_up_what_moved() {
    let ground = Ground::with(&["acme"]).await;
    let rhythm = Rhythm {
        every: SignedDuration::from_secs(300),
        refresh: SignedDuration::ZERO,
        look: Duration::from_millis(1),
        export: SignedDuration::ZERO,
    };
    let ledger = ground.ledger.clone();
    let worker = tokio::spawn(async move {
        Figures::new(rhythm).run(&ledger, &mut Lease::new("figures")).await;
    });
    ground.send("acme", vec![query("acme", "e", "1")]).await;
    let path = ground.folder.path().join(export::FILE);
    loop {
        let text = fs::read_to_string(&path).unwrap_or_default();
        if text.contains("\"ledger_seq\":1,") {
            break;
        }
        tokio::task::yield_now().await;
    }
    worker.abort();
}

/// Each day's last summary follows from the rows that it counted, however much came to be known since.
#[tokio::test]
async fn each_days_summary_can_be_computed_again_from_what_it_counted() {
    let ground = Ground::with(&["acme"]).await;
    ground.set_clock("2026-11-16T00:00:00Z");
    ground.agree("acme", "team", "2026-07-01T00:00:00Z").await;
    let mut rounds = figures();
    for day in 16..24 {
        let noon = format!("2026-11-{day}T12:00:00Z");
        ground.set_clock(&noon);
        ground.send("acme", vec![agents(&noon, &noon, &format!("{day}00"))]).await;
        state(&ground, "acme", Stated { days_overdue: Some(day - 16), ..good() }).await;
        assert_eq!(rounds.round(&ground.ledger).await.unwrap().computed, 1);
    }
    // Late use, another plan and other facts: what was told of earlier days was right then.
    ground.set_clock("2026-11-23T13:00:00Z");
    let late = Item::Usage(usage("acme", "late", Meter::Agents, "2026-11-17T06:00:00Z", "9000"));
    ground.send("acme", vec![late]).await;
    ground.agree("acme", "scale", "2026-11-23T12:30:00Z").await;
    state(&ground, "acme", Stated::default()).await;
    let days = ground.table("SELECT ratio_ppm FROM snapshot_days ORDER BY day").await;
    assert_eq!(days.len(), 8);
    assert!(days.windows(2).all(|two| two[0] != two[1]), "as different as what was used: {days:?}");
    let mut session = ground.ledger.store().read().await.unwrap();
    let account = accounts::get(&mut session, &account("acme")).await.unwrap().unwrap();
    let differ = api_server::ledger::figures::days_that_differ(&mut session, &account, |_| true);
    assert_eq!(differ.await.unwrap(), []);
    drop(session);

    ground.ledger.close().await;
    for column in ["health_bp", "ratio_ppm", "cost_minor", "cost_high_minor", "ledger_seq"] {
        // Yesterday's, as the ground's clock has it.
        let (worse, better) = [("+", "-"), ("-", "+")][usize::from(column == "ledger_seq")];
        let change = |sign: &str| {
            format!("UPDATE snapshot_days SET {column} = {column} {sign} 1 WHERE day = 20779")
        };
        tamper(ground.folder.path(), &[change(worse).leak()]).await;
        let findings = check(ground.folder.path()).await.findings;
        let told: Vec<_> = findings.iter().map(|finding| finding.what).collect();
        assert_eq!(told, [What::Day], "{column}: {findings:?}");
        tamper(ground.folder.path(), &[change(better).leak()]).await;
        assert_eq!(check(ground.folder.path()).await.findings, [], "{column}");
    }
}

/// A clock that was a day ahead is set right: nobody waits until it is that day.
#[tokio::test]
async fn a_clock_that_is_set_back_holds_up_no_summary() {
    let ground = Ground::with(&["acme"]).await;
    let computed = async || sum_up(&ground).await.computed;
    ground.set_clock("2026-11-24T12:00:00Z");
    assert_eq!((computed().await, computed().await), (1, 0));
    ground.set_clock("2026-11-23T12:00:00Z");
    assert_eq!((computed().await, computed().await), (1, 0));
    assert_eq!(summary(&ground, "acme").await.0.computed_at, ground.now());
    // Another server's clock may be a little behind.
    ground.set_clock("2026-11-23T11:59:30Z");
    assert_eq!(computed().await, 0);
}
