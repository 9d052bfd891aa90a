//! Profiles, one line each. Pure.

use crds::{DeploymentProfile, deployment_profile::RolloutPhase};
use k8s_openapi::jiff::Timestamp;

use super::{
    table::{Cell, table},
    words::{NONE, Style, Tone, age},
};

const COLUMNS: [&str; 7] = ["NAME", "TIER", "REVISION", "TENANTS", "UPDATED", "READY", "ROLLOUT"];

/// What each profile is, how many follow it, and how far they are.
#[must_use]
pub fn render(profiles: &[DeploymentProfile], wide: bool, now: Timestamp, style: Style) -> String {
    let wider = ["PLAN", "SERVICES", "OVERLAYS", "MESSAGE"];
    let last = ["AGE"];
    let heads = COLUMNS.iter().chain(&last).chain(if wide { wider.iter() } else { [].iter() });
    let heads = heads.map(|head| Cell::toned(*head, Tone::Head)).collect();
    let rows = profiles.iter().map(|profile| row(profile, wide, now));
    let rows: Vec<Vec<Cell>> = std::iter::once(heads).chain(rows).collect();
    table(&rows, 0, style)
}

fn row(profile: &DeploymentProfile, wide: bool, now: Timestamp) -> Vec<Cell> {
    let (spec, status) = (&profile.spec, profile.status.clone().unwrap_or_default());
    let tone = match status.rollout {
        Some(RolloutPhase::Complete) => Tone::Good,
        Some(RolloutPhase::Halted) => Tone::Bad,
        Some(_) => Tone::Warn,
        None => Tone::Plain,
    };
    let phase = status.rollout.map_or_else(|| NONE.to_owned(), |phase| format!("{phase:?}"));
    let made = profile.metadata.creation_timestamp.as_ref();
    let mut cells: Vec<Cell> = vec![
        profile.metadata.name.clone().unwrap_or_default().into(),
        spec.tier.as_str().into(),
        status.revision.map_or_else(|| NONE.to_owned(), |revision| revision.to_string()).into(),
        status.tenants.total.to_string().into(),
        status.tenants.updated.to_string().into(),
        status.tenants.ready.to_string().into(),
        Cell::toned(phase, tone),
        made.map_or_else(|| NONE.to_owned(), |made| age(made.0, now)).into(),
    ];
    if wide {
        let or_none = |texts: Vec<&str>| match texts.is_empty() {
            true => NONE.to_owned(),
            false => texts.join(","),
        };
        cells.push(spec.default_plan.clone().unwrap_or_else(|| NONE.to_owned()).into());
        cells.push(
            or_none(spec.services.iter().map(|service| service.name.as_str()).collect()).into(),
        );
        cells.push(or_none(spec.overlays.0.keys().map(String::as_str).collect()).into());
        cells.push(status.message.unwrap_or_else(|| NONE.to_owned()).into());
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::recording::{golden, now, whole};

    #[test]
    fn the_profiles_read_as_committed() {
        let profile: DeploymentProfile = serde_json::from_value(whole().profile.unwrap()).unwrap();
        let mut new = profile.clone();
        (new.metadata.name, new.status) = (Some("fresh".to_owned()), None);
        let all = [profile, new];
        let style = Style::default();
        let text = [render(&all, false, now(), style), render(&all, true, now(), style)];
        golden("profiles.txt", &text.join("\n"));
    }
}
