//! Tenants, one line each. Pure.

use crds::{
    Tenant,
    conditions::{self, READY},
    tenant::Level,
};
use k8s_openapi::jiff::Timestamp;

use super::{
    table::{Cell, table},
    words::{NONE, Style, Tone, age, tone_of},
};

const COLUMNS: [&str; 8] =
    ["NAME", "PROFILE", "PLAN", "READY", "HEALTH", "USAGE", "PROJECTED", "AGE"];
const WIDE: [&str; 3] = ["REVISION", "NAMESPACE", "REASON"];

/// The columns of `kubectl get tenants`, with what is missing named as such.
#[must_use]
pub fn render(tenants: &[Tenant], wide: bool, now: Timestamp, style: Style) -> String {
    let heads = COLUMNS.iter().chain(if wide { WIDE.iter() } else { [].iter() });
    let heads = heads.map(|head| Cell::toned(*head, Tone::Head)).collect();
    let rows = tenants.iter().map(|tenant| row(tenant, wide, now));
    let rows: Vec<Vec<Cell>> = std::iter::once(heads).chain(rows).collect();
    table(&rows, 0, style)
}

/// Whether the tenant's stack is ready.
#[must_use]
pub fn is_ready(tenant: &Tenant) -> bool {
    tenant.status.as_ref().is_some_and(|status| conditions::is_true(&status.conditions, READY))
}

fn row(tenant: &Tenant, wide: bool, now: Timestamp) -> Vec<Cell> {
    let status = tenant.status.clone().unwrap_or_default();
    let ready = conditions::find(&status.conditions, READY);
    let told = ready.map_or(NONE, |ready| ready.status.as_str());
    let display = status.display.unwrap_or_default();
    let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
    let level = status.usage.iter().flat_map(|usage| &usage.meters).map(|meter| meter.level);
    let tone = match level.max_by_key(|level| *level as u8) {
        Some(Level::Hard) => Tone::Bad,
        Some(Level::Soft) => Tone::Warn,
        _ => Tone::Plain,
    };
    let made = tenant.metadata.creation_timestamp.as_ref();
    let mut cells = vec![
        tenant.metadata.name.clone().unwrap_or_default().into(),
        tenant.spec.profile_ref.name.clone().into(),
        or_none(display.plan).into(),
        Cell::toned(told, if ready.is_some() { tone_of(told) } else { Tone::Plain }),
        or_none(display.health).into(),
        Cell::toned(or_none(display.usage), tone),
        or_none(display.projected).into(),
        made.map_or_else(|| NONE.to_owned(), |made| age(made.0, now)).into(),
    ];
    if wide {
        let revision = status.profile_revision.and_then(|revision| revision.desired);
        cells.push(or_none(revision).into());
        cells.push(or_none(status.namespace).into());
        cells.push(ready.map_or(NONE, |ready| ready.reason.as_str()).into());
    }
    cells
}

#[cfg(test)]
mod tests;
