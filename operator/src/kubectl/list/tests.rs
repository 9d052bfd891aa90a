use serde_json::json;

use super::*;
use crate::kubectl::recording::{golden, now, whole};

fn tenants() -> Vec<Tenant> {
    let of = |name: &str, change: fn(&mut crate::kubectl::scene::Recorded)| {
        let mut recorded = whole();
        recorded.tenant["metadata"]["name"] = name.into();
        recorded.tenant["status"]["namespace"] = format!("tenant-{name}").into();
        change(&mut recorded);
        serde_json::from_value(recorded.tenant).unwrap()
    };
    vec![
        of("acme", |r| {
            r.tenant["status"]["display"] = json!({ "plan": "team", "health": "92.7 %",
                "usage": "ingestion 83 %", "projected": "USD 1,049.00" });
        }),
        of("borealis", |r| r.says("Ready", "False", "PodPending", "")),
        of("cobalt", |r| r.tenant["status"] = json!({ "observedGeneration": -1 })),
    ]
}

#[test]
fn the_lists_read_as_committed() {
    let style = Style::default();
    let all = tenants();
    let text = [render(&all, false, now(), style), render(&all, true, now(), style)];
    golden("list.txt", &text.join("\n"));
}

#[test]
fn only_the_words_are_painted() {
    let text = render(&tenants(), false, now(), Style { color: true });
    assert!(
        text.contains("\x1b[31mFalse\x1b[0m") && text.contains("\x1b[32mTrue\x1b[0m"),
        "{text}"
    );
}

#[test]
fn who_has_no_status_is_not_ready() {
    let ready: Vec<bool> = tenants().iter().map(is_ready).collect();
    assert_eq!(ready, [true, false, false]);
}
