use serde_json::json;

use super::*;
use crate::kubectl::{
    price,
    recording::{ago, golden, now, whole},
    scene::Recorded,
    words::Style,
};

fn told(change: impl FnOnce(&mut Recorded), wide: bool) -> String {
    let mut recorded = whole();
    change(&mut recorded);
    render(&page(&recorded.scene(), 8), wide, now(), Style::default())
}

fn used(r: &mut Recorded) {
    r.tenant["status"]["display"] =
        json!({ "plan": "team", "health": "92.7 %", "projected": "USD 1,049.00" });
    r.tenant["status"]["usage"] = json!({ "asOf": ago(60), "plan": "team@1",
        "period": { "start": "2026-11-01T00:00:00Z", "end": "2026-12-01T00:00:00Z" },
        "meters": [
            { "name": "ingestion", "used": "480", "quota": "500", "ratioPpm": 960_000, "level": "hard" },
            { "name": "query", "used": "830000", "quota": "1000000", "ratioPpm": 830_000, "level": "soft" },
            { "name": "signup", "used": "3", "level": "ok" },
        ] });
    r.tenant["status"]["retained"] = json!(["PersistentVolumeClaim store-data"]);
}

#[test]
fn the_page_of_a_tenant_that_is_well_reads_as_committed() {
    golden("status.txt", &told(used, false));
    golden("status-wide.txt", &told(used, true));
}

/// Without a token the usage is there, and why there is no money beside it.
#[test]
fn the_use_of_a_tenant_without_money_reads_as_committed() {
    let mut recorded = whole();
    used(&mut recorded);
    let shown = page(&recorded.scene(), 0);
    let bill = price::Bill { not_shown: Some("no token".to_owned()), ..Default::default() };
    let text =
        |page: &Page| usage(page, now(), Style::default()) + &price::bill(&bill, Style::default());
    let none = page(&whole().scene(), 0);
    golden("usage.txt", &(text(&shown) + "\n" + &text(&none)));
}

#[test]
fn the_page_of_a_broken_tenant_reads_as_committed() {
    let text = told(
        |r| {
            r.asks("overlays", json!(["gpu"]));
            r.asks("pausedUntil", "2036-01-01T00:00:00Z".into());
            r.waits("core", "CrashLoopBackOff", "");
            r.event("kubelet", ("Pod", "core-5d9f-0"), "BackOff", "Back-off restarting", 7);
            r.leases[0]["spec"]["renewTime"] = ago(600).into();
            r.unseen = vec!["jobs in tenant-acme".to_owned()];
        },
        false,
    );
    golden("status-broken.txt", &text);
}

#[test]
fn nothing_secret_is_on_the_page() {
    let mut recorded = whole();
    recorded.tenant["spec"]["contact"] = json!({ "name": "Ops", "email": "ops@acme.example" });
    let page = serde_json::to_string(&page(&recorded.scene(), 8)).unwrap();
    assert!(!page.contains("ops@acme.example"), "whoever sends this to support sends no address");
}

#[test]
fn a_page_says_what_could_not_be_seen() {
    let text = told(|r| r.unseen = vec!["pods in tenant-acme".to_owned()], false);
    assert!(text.contains("you may not see them: pods in tenant-acme"), "{text}");
}
