//! Where a request can name what is somebody's, by hand and for every operation.

/// What is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// An account, which is also what a tenant is called.
    Account,
    /// The id of an event.
    Event,
    /// The source of an event.
    Source,
    /// A place in a list.
    Cursor,
    /// A request to become a customer.
    Intake,
    /// The key under which such a request was sent.
    Key,
    /// A backup.
    Backup,
    /// The uid of a Tenant that is removed.
    Uid,
    /// Somebody in events, a question to support, a correction.
    Other,
    /// A webhook: of those who run Tenantry, nobody else's.
    Webhook,
    /// What it has sent.
    Message,
}

/// Where it is named.
#[derive(Clone, Copy, Debug)]
pub enum Spot {
    Path(&'static str),
    Query(&'static str),
    Header(&'static str),
    /// By JSON pointer.
    Body(&'static str),
}

use Spot::{Body, Header, Path, Query};
use Whose::{Account, Backup, Cursor, Event, Intake, Key, Message, Other, Source, Uid, Webhook};

const AFTER: (Spot, Whose) = (Query("page[after]"), Cursor);
const ACCOUNT: (Spot, Whose) = (Path("account"), Account);
const BEHIND: (Spot, Whose) = (Query("filter[account][gt]"), Account);
const FORM: (Spot, Whose) = (Path("id"), Intake);
const HOOK: (Spot, Whose) = (Path("id"), Webhook);

/// One line per operation; an operation that can name nothing of anybody has an empty one.
pub const PLACES: &[(&str, &[(Spot, Whose)])] = &[
    ("GET /billing/plans", &[]),
    ("POST /roi", &[]),
    ("POST /recommendation", &[]),
    ("POST /onboarding", &[(Header("Idempotency-Key"), Key), (Body("/tenant"), Account)]),
    ("GET /onboarding", &[AFTER]),
    ("GET /onboarding/{id}", &[FORM]),
    ("GET /onboarding/{id}/brief", &[FORM]),
    ("POST /onboarding/{id}/approve", &[FORM]),
    ("POST /onboarding/{id}/reject", &[FORM]),
    ("POST /onboarding/{id}/withdraw", &[FORM]),
    (
        "POST /usage/events",
        &[(Body("/subject"), Account), (Body("/id"), Event), (Body("/source"), Source)],
    ),
    (
        "GET /usage/events",
        &[(Query("filter[id][eq]"), Event), (Query("filter[source][eq]"), Source), AFTER],
    ),
    ("GET /billing/usage", &[(Query("filter[name][starts]"), Account), AFTER]),
    ("GET /billing/usage/triage", &[AFTER]),
    ("GET /billing/usage/{account}", &[ACCOUNT]),
    ("GET /billing/usage/{account}/timeline", &[ACCOUNT]),
    ("GET /billing/usage/{account}/explain", &[ACCOUNT]),
    ("GET /billing/usage/alerts", &[(Query("filter[account][eq]"), Account), AFTER]),
    ("GET /billing/usage/{account}/alerts", &[ACCOUNT, AFTER]),
    (
        "GET /billing/usage/{account}/events",
        &[ACCOUNT, (Query("filter[id][eq]"), Event), (Query("filter[source][eq]"), Source), AFTER],
    ),
    ("GET /profiles", &[]),
    ("GET /profiles/{name}/revisions", &[]),
    ("GET /profiles/{name}/tenants", &[AFTER]),
    ("POST /billing/corrections", &[(Body("/account"), Account), (Body("/id"), Other)]),
    ("POST /accounts/{account}/plan", &[ACCOUNT]),
    ("GET /accounts/{account}/stacks", &[ACCOUNT]),
    ("PUT /accounts/{account}/facts", &[ACCOUNT]),
    (
        "POST /support/interactions",
        &[(Body("/account"), Account), (Body("/source"), Other), (Body("/id"), Other)],
    ),
    ("GET /exports/crm", &[BEHIND]),
    ("GET /exports/overages", &[BEHIND]),
    ("GET /exports/support", &[BEHIND]),
    ("GET /exports/kpis", &[]),
    ("GET /audit/retention", &[]),
    ("GET /audit/overrides", &[]),
    (
        "POST /erasures",
        &[(Body("/subject/dimension/account"), Account), (Body("/subject/dimension/value"), Other)],
    ),
    ("POST /webhooks", &[]),
    ("GET /webhooks", &[]),
    ("GET /webhooks/{id}", &[HOOK]),
    ("PUT /webhooks/{id}", &[HOOK]),
    ("DELETE /webhooks/{id}", &[HOOK]),
    ("POST /webhooks/{id}/secret", &[HOOK]),
    ("POST /webhooks/{id}/test", &[HOOK]),
    ("GET /webhooks/{id}/deliveries", &[HOOK, AFTER]),
    ("POST /webhooks/{id}/deliveries/{message}/redeliver", &[HOOK, (Path("message"), Message)]),
    ("POST /gateway/heartbeat", &[(Body("/sealed_for"), Uid)]),
    ("GET /gateway/keys", &[]),
    ("PUT /backups/{id}", &[(Path("id"), Backup)]),
];

/// Parameters that name nothing of anybody: how much, when, in which form.
pub const PLAIN: &[&str] = &[
    "Content-Digest",
    "at",
    "atomic",
    "attribute_days",
    "contact_days",
    "filter[at][gte]",
    "filter[at][lt]",
    "filter[flagged][eq]",
    "filter[ingested_at][gte]",
    "filter[ingested_at][lt]",
    "filter[kind][eq]",
    "filter[level][eq]",
    "filter[meter][eq]",
    "filter[period][eq]",
    "filter[plan][eq]",
    "filter[revision][eq]",
    "filter[row][gte]",
    "filter[row][lte]",
    "filter[stage][eq]",
    "filter[state][eq]",
    "filter[status][eq]",
    "filter[stored_at][gte]",
    "filter[stored_at][lt]",
    "filter[time][gte]",
    "filter[time][lt]",
    "format",
    "from",
    "granularity",
    "meter",
    "min_group_size",
    "month",
    // Of a profile, which is nobody's.
    "name",
    "page[size]",
    "period",
    "sort",
    "to",
    "week",
];

/// What a member of a body is called that names somebody or something of theirs.
pub const NAMING: &[&str] = &[
    "account",
    "id",
    "intake",
    "namespace",
    "sealed_for",
    "source",
    "subject",
    "tenant",
    "uid",
    "value",
];

impl Spot {
    /// As the document calls it: in the path, a parameter, a header, or a pointer into the body.
    pub const fn name(self) -> &'static str {
        match self {
            Path(name) | Query(name) | Header(name) | Body(name) => name,
        }
    }
}

/// The places of an operation.
pub fn places(operation: &str) -> &'static [(Spot, Whose)] {
    let line = PLACES.iter().find(|(line, _)| *line == operation);
    line.map(|(_, places)| *places).unwrap_or_else(|| {
        panic!(
            "nobody wrote down where {operation} can name what is another tenant's: add a line\n    \
             (\"{operation}\", &[…]),\nto PLACES in tests/http/isolation/places.rs"
        )
    })
}
