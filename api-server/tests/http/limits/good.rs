//! Bodies that are taken, every field filled in.

use api_server::auth::Audience;
use serde_json::{Value, json};

use super::super::api::{sender, token};
use super::super::cluster::{GATEWAY, projected};
use super::super::onboarding::form;

/// What an operation takes, and where its pointers begin.
pub struct Good {
    pub operation: &'static str,
    pub body: Value,
    pub token: Option<String>,
    pub prefix: &'static str,
}

/// A good body for each operation that takes JSON; a test of the parent says which is
/// missing.
pub fn good() -> Vec<Good> {
    let mut all = public();
    all.extend(of_staff());
    all.extend(of_workloads());
    all.extend(of_webhooks());
    all
}

const fn one(
    operation: &'static str,
    body: Value,
    token: Option<String>,
    prefix: &'static str,
) -> Good {
    Good { operation, body, token, prefix }
}

fn public() -> Vec<Good> {
    let usd = |amount: &str| json!({"amount": amount, "currency": "USD"});
    let department = json!({"people": 12, "weeks_per_year": 46,
        "hours_per_week": {"low": "3", "base": "4", "high": "5"}});
    vec![
        one("POST /onboarding", form(), None, ""),
        one(
            "POST /roi",
            json!({"departments": [department], "salary": usd("52000.00"), "burden": "0.30",
                "one_off": usd("12000.00"), "subscription": usd("10788.00"), "productive_hours": 1800,
                "risk": "0.15", "discount": "0.10", "ramp": ["0.5"], "years": 3}),
            None,
            "",
        ),
        one(
            "POST /recommendation",
            json!({"usage": {"agents": {"low": "1", "base": "2", "high": "3"}}, "support_hours": 8,
                "currency": "USD", "purpose": "production", "voice_minutes": 12000}),
            None,
            "",
        ),
    ]
}

fn of_staff() -> Vec<Good> {
    let staff = |scope| Some(token(Audience::Billing, scope, Some("CustomerSuccessManager"), None));
    let incidents = json!({"sev1": 2, "sev2": 1, "sev1_past_sla": 1});
    let person = json!({"account": "acme", "name": "user", "value": "ada"});
    vec![
        one(
            "POST /onboarding/{id}/reject",
            json!({"reason": "no"}),
            staff("onboarding:approve"),
            "",
        ),
        one(
            "POST /billing/corrections",
            json!({"account": "acme", "id": "c-1", "row": 1, "change": {"by": "-2.5"}, "reason": "twice",
                "reference": "T-17"}),
            staff("billing:correct"),
            "",
        ),
        one(
            "POST /accounts/{account}/plan",
            json!({"plan": "team", "version": 1, "preview": false}),
            staff("billing:plan"),
            "",
        ),
        one(
            "PUT /accounts/{account}/facts",
            json!({"stage": "live", "go_live_date": "2026-11-01", "departments": {"active": 2, "planned": 5},
                "criteria": {"met": 1, "due": 3}, "error_budget_used": "0.35", "days_overdue": 12,
                "open_incidents": incidents}),
            staff("success:write"),
            "",
        ),
        one(
            "POST /support/interactions",
            json!({"account": "acme", "source": "helpdesk", "id": "T-17", "opened_at": "2026-11-20T09:00:00Z",
                "answered_at": "2026-11-20T11:00:00Z", "sla_hours": 8}),
            staff("support:write"),
            "",
        ),
        one(
            "POST /erasures",
            json!({"subject": {"dimension": person}, "reason": "asked to", "reference": "GDPR-7",
                "from_row": 1}),
            staff("privacy:erase"),
            "",
        ),
    ]
}

fn of_webhooks() -> Vec<Good> {
    let admin = || Some(token(Audience::Billing, "webhooks:admin", None, None));
    let url = "https://hooks.example.com/tenantry";
    vec![
        one(
            "POST /webhooks",
            json!({"url": url, "description": "to the desk", "types": ["health.flagged"]}),
            admin(),
            "",
        ),
        one(
            "PUT /webhooks/{id}",
            json!({"url": url, "description": "to the desk", "types": ["health.flagged"],
                "enabled": true}),
            admin(),
            "",
        ),
        one("POST /webhooks/{id}/secret", json!({"overlap_hours": 24}), admin(), ""),
    ]
}

fn of_workloads() -> Vec<Good> {
    vec![
        one(
            "POST /gateway/heartbeat",
            json!({"version": "0.1.0", "held_events": 3, "held_bytes": 900, "refused": 1, "sealed": true, "sealed_for": "u-1",
                "oldest": "2026-11-23T11:59:00Z"}),
            Some(projected("acme", GATEWAY, &[Audience::Gateway])),
            "",
        ),
        one(
            "POST /usage/events",
            json!({"specversion": "1.0", "id": "e-1", "source": "/core", "type": "dev.tenantry.usage.query",
                "time": "2026-11-22T23:50:16Z", "subject": "acme", "data": {"quantity": "12.5"}}),
            Some(sender()),
            "/0",
        ),
    ]
}
