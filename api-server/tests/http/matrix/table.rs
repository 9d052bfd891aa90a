//! Who may call what, as the table of the design has it (§4). Written by hand and on its own: nothing
//! here is read from the code that it is held against.

use api_server::auth::Audience;

/// One way into an operation.
#[derive(Clone, Copy, Debug)]
pub enum Door {
    /// Nobody is asked for a token.
    Anyone,
    /// A person with this scope, audience `billing`; reaches every account.
    Staff(&'static str),
    /// The same, who also has the role `CustomerSuccessManager`.
    Csm(&'static str),
    /// A person with this audience and scope; reaches the account in the claim `tenant` alone.
    Customer(Audience, &'static str),
    /// A bound workload with audience `tenantry-usage`; reaches the account of its binding alone.
    Workload,
    /// A bound ServiceAccount `tenantry-gateway` with audience `tenantry-gateway`; the same.
    Gateway,
    /// The receipt of the form that the path names.
    Receipt,
}

use Audience::{Billing, Usage};
use Door::{Anyone, Csm, Customer, Gateway, Receipt, Staff, Workload};

/// One line per operation, `METHOD /path` as the document has it. A line may stand here before its
/// operation does.
pub const TABLE: &[(&str, &[Door])] = &[
    ("GET /billing/plans", &[Anyone]),
    ("POST /roi", &[Anyone]),
    ("POST /recommendation", &[Anyone]),
    ("POST /onboarding", &[Anyone]),
    ("GET /onboarding", &[Csm("onboarding:approve")]),
    ("GET /onboarding/{id}", &[Csm("onboarding:approve"), Receipt]),
    ("GET /onboarding/{id}/brief", &[Csm("onboarding:approve")]),
    ("POST /onboarding/{id}/approve", &[Csm("onboarding:approve")]),
    ("POST /onboarding/{id}/reject", &[Csm("onboarding:approve")]),
    ("POST /onboarding/{id}/withdraw", &[Csm("onboarding:approve"), Receipt]),
    ("POST /usage/events", &[Workload, Gateway, Customer(Usage, "usage:write")]),
    ("GET /usage/events", &[Workload, Customer(Usage, "usage:read")]),
    ("GET /billing/usage", &[Csm("billing:read")]),
    ("GET /billing/usage/triage", &[Csm("billing:read")]),
    ("GET /billing/usage/{account}", &[Csm("billing:read"), Customer(Billing, "billing:read:own")]),
    (
        "GET /billing/usage/{account}/timeline",
        &[Csm("billing:read"), Customer(Billing, "billing:read:own")],
    ),
    (
        "GET /billing/usage/{account}/explain",
        &[Csm("billing:read"), Customer(Billing, "billing:read:own")],
    ),
    ("GET /billing/usage/alerts", &[Csm("billing:read")]),
    (
        "GET /billing/usage/{account}/alerts",
        &[Csm("billing:read"), Customer(Billing, "billing:read:own")],
    ),
    (
        "GET /billing/usage/{account}/events",
        &[Csm("billing:read"), Customer(Billing, "billing:read:own")],
    ),
    ("GET /profiles", &[Csm("billing:read")]),
    ("GET /profiles/{name}/revisions", &[Csm("billing:read")]),
    ("GET /profiles/{name}/tenants", &[Csm("billing:read")]),
    ("POST /billing/corrections", &[Staff("billing:correct")]),
    ("POST /accounts/{account}/plan", &[Staff("billing:plan")]),
    (
        "GET /accounts/{account}/stacks",
        &[Csm("billing:read"), Customer(Billing, "billing:read:own")],
    ),
    ("PUT /accounts/{account}/facts", &[Staff("success:write")]),
    ("POST /support/interactions", &[Staff("support:write")]),
    ("GET /exports/crm", &[Staff("billing:export")]),
    ("GET /exports/overages", &[Staff("billing:export")]),
    ("GET /exports/support", &[Staff("billing:export")]),
    ("GET /exports/kpis", &[Staff("billing:export")]),
    ("GET /audit/retention", &[Staff("billing:audit")]),
    ("GET /audit/overrides", &[Staff("billing:audit")]),
    ("POST /erasures", &[Staff("privacy:erase")]),
    ("POST /webhooks", &[Staff("webhooks:admin")]),
    ("GET /webhooks", &[Staff("webhooks:admin")]),
    ("GET /webhooks/{id}", &[Staff("webhooks:admin")]),
    ("PUT /webhooks/{id}", &[Staff("webhooks:admin")]),
    ("DELETE /webhooks/{id}", &[Staff("webhooks:admin")]),
    ("POST /webhooks/{id}/secret", &[Staff("webhooks:admin")]),
    ("POST /webhooks/{id}/test", &[Staff("webhooks:admin")]),
    ("GET /webhooks/{id}/deliveries", &[Staff("webhooks:admin")]),
    ("POST /webhooks/{id}/deliveries/{message}/redeliver", &[Staff("webhooks:admin")]),
    ("POST /gateway/heartbeat", &[Gateway]),
    ("GET /gateway/keys", &[Gateway]),
    ("PUT /backups/{id}", &[Gateway]),
];

/// Scopes that callers come with, each alone; look-alikes among them.
pub const SCOPES: &[&str] = &[
    "",
    "billing:read",
    "billing:read:own",
    "billing:audit",
    "billing:correct",
    "billing:export",
    "billing:plan",
    "billing:readwrite",
    "onboarding:approve",
    "privacy:erase",
    "success:write",
    "support:write",
    "usage:read",
    "usage:write",
    "webhooks:admin",
];
