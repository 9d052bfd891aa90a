//! `GET /audit/overrides`: what the installation changed of the shipped price list.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::wire::ListMeta;
use super::super::{App, Routes, route};
use crate::auth::{Caller, rule::BillingAudit};
use crate::domain::catalogue::{Catalogue, FieldChange};
use crate::domain::overrides::{self, Lists, Override};
use crate::http::Problem;
use crate::http::csv::{Cell, Csv};
use crate::http::problem::ProblemBody;
use crate::http::query::Parameters;
use crate::http::sheet::{self, Form};
use crate::store::kpis;

pub(in crate::routes) fn routes(routes: Routes) -> Routes {
    route!(routes, audit_overrides)
}

/// What the installation was told of plans.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its price list.
    pub listed: Catalogue,
    /// Whether that comes of a file.
    pub by_file: bool,
    /// Environment variables that look as if they changed plans, and that nothing reads.
    pub unread: Vec<String>,
}

/// What the installation changed of the shipped price list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OverridesAudit {
    /// Whether `TENANTRY_PLANS` (or `--plans`) names another list than the shipped one.
    pub by_file: bool,
    /// By plan and version; then variables that nothing reads. Empty when all is as shipped.
    pub data: Vec<OverrideRow>,
    /// Always the whole.
    pub meta: ListMeta,
}

/// Something that is not as shipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OverrideRow {
    /// `changed`: another version of this name is shipped. `added`: none is. `left_out`: it is shipped,
    /// and not in the list. `unlisted`: it is published and on sale, and not in the list. `unread`: a
    /// variable of the environment that nothing reads.
    #[schema(example = "changed")]
    pub kind: String,
    /// The plan, or the variable's name.
    #[schema(example = "team")]
    pub name: String,
    /// The plan's version.
    pub version: Option<u32>,
    /// `draft`, `scheduled`, `active` or `archived`.
    pub status: Option<String>,
    /// Accounts that were on it when they were last summed up.
    pub accounts: u64,
    /// What differs from the shipped version.
    pub changes: Vec<ChangeOut>,
    /// What to do about it.
    pub remedy: String,
}

/// A field that is not as shipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeOut {
    /// A JSON pointer within the version.
    #[schema(example = "/base")]
    pub field: String,
    /// As shipped; null where it is absent.
    pub shipped: Option<String>,
    /// As the installation has it; null where it is absent.
    pub here: Option<String>,
}

/// Audit changes of the price list
///
/// Every plan version whose terms are not the shipped ones, with who is on it; versions that are still
/// sold though the list does not have them; and variables of the environment that nothing reads.
#[utoipa::path(
    get, path = "/audit/overrides", operation_id = "audit_overrides", tag = "audit",
    params(("format" = Option<String>, Query, pattern = "^(json|csv)$", description = "`json` or `csv`; as `Accept` says unless given.")),
    responses(
        (status = 200, description = "What is not as shipped.", content(
            (OverridesAudit = "application/json"),
            (String = "text/csv"),
        )),
        (status = 304, description = "`If-None-Match` has their `ETag`."),
        (status = 406, description = "Neither JSON nor CSV will do.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn audit_overrides(
    _: Caller<BillingAudit>,
    State(app): State<App>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let format = parameters.only(&["format"])?.remove("format");
    let form = Form::chosen(format.as_deref(), &headers)?;
    let mut session = app.ledger.store().read().await.map_err(Problem::unavailable)?;
    let accounts = kpis::on_plans(&mut session).await.map_err(Problem::unavailable)?;
    let shipped = Catalogue::shipped().map_err(Problem::internal)?;
    let lists = Lists { shipped: &shipped, listed: &app.told.listed, published: &app.catalogue };
    let found = overrides::compare(lists, &accounts, (app.clock)());
    let unread = app.told.unread.iter().map(|name| unread(name));
    let document = OverridesAudit {
        by_file: app.told.by_file,
        data: found.into_iter().map(row).chain(unread).collect(),
        meta: ListMeta::new(None),
    };
    let file = ("overrides.csv", None);
    sheet::answer(&headers, form, file, &document, |document| table(&document.data))
}

fn row(found: Override) -> OverrideRow {
    let change = |change: FieldChange| ChangeOut {
        field: change.field,
        shipped: change.before,
        here: change.after,
    };
    OverrideRow {
        kind: found.kind.name().to_owned(),
        name: found.plan.plan,
        version: Some(found.plan.version),
        status: Some(found.status.name().to_owned()),
        accounts: found.accounts,
        changes: found.changes.into_iter().map(change).collect(),
        remedy: found.kind.remedy().to_owned(),
    }
}

fn unread(name: &str) -> OverrideRow {
    OverrideRow {
        kind: "unread".to_owned(),
        name: name.to_owned(),
        version: None,
        status: None,
        accounts: 0,
        changes: Vec::new(),
        remedy: "Nothing reads it: remove it. Plans come of the file that TENANTRY_PLANS names."
            .to_owned(),
    }
}

const COLUMNS: [&str; 7] = ["kind", "name", "version", "status", "accounts", "changes", "remedy"];

fn table(rows: &[OverrideRow]) -> Csv {
    let mut table = Csv::new(&COLUMNS);
    for row in rows {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".to_owned());
        let change =
            |c: &ChangeOut| format!("{}: {} → {}", c.field, text(&c.shipped), text(&c.here));
        let changes: Vec<String> = row.changes.iter().map(change).collect();
        let changes = changes.join("; ");
        let version = row.version.map(|version| version.to_string()).unwrap_or_default();
        table.row([
            Cell::Text(&row.kind),
            Cell::Text(&row.name),
            Cell::Number(version),
            Cell::Text(row.status.as_deref().unwrap_or_default()),
            Cell::Number(row.accounts.to_string()),
            Cell::Text(&changes),
            Cell::Text(&row.remedy),
        ]);
    }
    table
}
