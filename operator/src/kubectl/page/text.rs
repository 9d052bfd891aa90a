//! The page as people read it. Pure.

use crds::tenant::{Level, MeterUsage, UsageStatus};
use k8s_openapi::jiff::Timestamp;

use super::{Component, Page, Part};
use crate::kubectl::{
    table::{Cell, table},
    words::{NONE, Style, Tone, age, bar, day_in, last_day, percent, quantity, short, tone_of},
};

/// Longer messages than this are left to `-o yaml` and to why.
const MESSAGE: usize = 100;

/// The page; `wide` names every object.
#[must_use]
pub fn render(page: &Page, wide: bool, now: Timestamp, style: Style) -> String {
    let mut text = head(page, now, style);
    for (title, body) in [
        ("Conditions", conditions(page, now, style)),
        ("Components", components(&page.components, wide, style)),
        ("Endpoints", endpoints(page, style)),
        ("Usage", usage(page, now, style)),
        ("Retained", retained(page)),
        ("Events", events(page, now, style)),
    ] {
        if !body.is_empty() {
            text.push_str(&format!("\n{}\n{body}", style.paint(Tone::Head, title)));
        }
    }
    for doubt in &page.doubts {
        text.push_str(&format!("\n{}\n", style.paint(Tone::Warn, doubt)));
    }
    if !page.unseen.is_empty() {
        let unseen = format!("not shown, you may not see them: {}", page.unseen.join(", "));
        text.push_str(&format!("\n{}\n", style.paint(Tone::Dim, &unseen)));
    }
    if !page.ready {
        text.push_str(&format!("\n→ kubectl tenant why {}\n", page.name));
    }
    text
}

fn head(page: &Page, now: Timestamp, style: Style) -> String {
    let identity = &page.identity;
    let title = format!("{} · {}", page.name, identity.display_name);
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let mut row = |name: &str, value: String| rows.push(vec![name.into(), value.into()]);
    row("profile", profile(page));
    row("plan", plan(page));
    row("account", identity.account.clone().unwrap_or_else(|| NONE.to_owned()));
    row("namespace", identity.namespace.clone());
    if !identity.overlays.is_empty() {
        row("overlays", identity.overlays.join(", "));
    }
    if !identity.overrides.is_empty() {
        row("overrides", identity.overrides.join(", "));
    }
    if identity.suspend {
        row("suspended", "as asked (spec.suspend)".to_owned());
    }
    if let Some(until) = &identity.paused_until {
        row("paused", format!("until {until}"));
    }
    row("on deletion", format!("{} data", identity.deletion_policy.to_lowercase()));
    row(
        "made",
        identity.created.map_or_else(|| NONE.to_owned(), |at| format!("{} ago", age(at, now))),
    );
    if let Some(deleted) = identity.deleted {
        row("deleted", format!("{} ago", age(deleted, now)));
    }
    format!("{}\n{}", style.paint(Tone::Head, &title), table(&rows, 2, style))
}

fn profile(page: &Page) -> String {
    let profile = &page.profile;
    let desired = profile.desired.clone().unwrap_or_else(|| profile.name.clone());
    let mut text = desired.clone();
    match &profile.current {
        Some(current) if *current == desired => text.push_str(", running"),
        Some(current) => text.push_str(&format!(", runs {current}")),
        None => text.push_str(", not run yet"),
    }
    if let Some(pinned) = profile.pinned {
        text.push_str(&format!(", pinned to {pinned}"));
    }
    match (profile.exists, profile.newest) {
        (Some(false), _) => text.push_str("; the profile does not exist"),
        (_, Some(newest)) if !desired.ends_with(&format!("@{newest}")) => {
            let rollout = profile.rollout.as_deref().unwrap_or(NONE).to_lowercase();
            text.push_str(&format!("; the newest is {newest}, rollout {rollout}"));
        }
        _ => {}
    }
    text
}

fn plan(page: &Page) -> String {
    let on = page.display.plan.clone();
    match (&page.identity.plan, on) {
        (Some(asked), Some(on)) if *asked == on => on,
        (Some(asked), Some(on)) => format!("{on}, asked for {asked}"),
        (Some(asked), None) => format!("{NONE}, asked for {asked}"),
        (None, on) => on.unwrap_or_else(|| NONE.to_owned()),
    }
}

fn heads(names: &[&str]) -> Vec<Cell> {
    names.iter().map(|name| Cell::toned(*name, Tone::Dim)).collect()
}

fn conditions(page: &Page, now: Timestamp, style: Style) -> String {
    if page.conditions.is_empty() {
        return "  none yet: nobody has looked at it\n".to_owned();
    }
    let mut rows = vec![heads(&["TYPE", "STATUS", "SINCE", "REASON", "MESSAGE"])];
    for condition in &page.conditions {
        // Good is what it is when all is well: no work, no stall, no suspension.
        let good = match condition.type_.as_str() {
            "Reconciling" | "Stalled" | "Suspended" => match condition.status.as_str() {
                "True" => Tone::Warn,
                _ => Tone::Good,
            },
            _ => tone_of(&condition.status),
        };
        rows.push(vec![
            condition.type_.clone().into(),
            Cell::toned(condition.status.clone(), good),
            age(condition.last_transition_time.0, now).into(),
            condition.reason.clone().into(),
            short(&condition.message, MESSAGE).into(),
        ]);
    }
    table(&rows, 2, style)
}

fn components(all: &[Component], wide: bool, style: Style) -> String {
    let mut rows = Vec::new();
    for component in all {
        let (ready, tone) =
            if component.ready { ("ready", Tone::Good) } else { ("not ready", Tone::Bad) };
        let (told, silent): (Vec<&Part>, Vec<&Part>) =
            component.objects.iter().partition(|part| wide || !part.state.is_empty());
        let also = also(&silent);
        let mut lines: Vec<(&str, String, Cell)> = Vec::new();
        for part in told.iter().copied().chain(&component.pods) {
            let tone = if part.good { Tone::Plain } else { Tone::Bad };
            let state = Cell::toned(short(&part.state, MESSAGE), tone);
            lines.push((&part.kind, part.name.clone(), state));
        }
        if !also.is_empty() {
            lines.push(("", also, Cell::default()));
        }
        if lines.is_empty() {
            let message = component.message.clone().unwrap_or_default();
            lines.push(("", short(&message, MESSAGE), Cell::default()));
        }
        for (index, (kind, name, state)) in lines.into_iter().enumerate() {
            let (first, second) = match index {
                0 => (component.name.as_str().into(), Cell::toned(ready, tone)),
                _ => (Cell::default(), Cell::default()),
            };
            let named = if kind.is_empty() { name } else { format!("{kind} {name}") };
            rows.push(vec![first, second, named.into(), state]);
        }
    }
    table(&rows, 2, style)
}

/// `and Service, ServiceAccount, 2 ConfigMaps`.
fn also(parts: &[&Part]) -> String {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for part in parts {
        match kinds.iter_mut().find(|(kind, _)| *kind == part.kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((&part.kind, 1)),
        }
    }
    let plural = |kind: &str, count: usize| match kind.strip_suffix('y') {
        Some(stem) => format!("{count} {stem}ies"),
        None => format!("{count} {kind}s"),
    };
    let words = kinds.iter().map(|&(kind, count)| match count {
        1 => kind.to_owned(),
        _ => plural(kind, count),
    });
    let words: Vec<String> = words.collect();
    if words.is_empty() { String::new() } else { format!("and {}", words.join(", ")) }
}

fn endpoints(page: &Page, style: Style) -> String {
    let rows = page.endpoints.iter().map(|e| vec![e.name.clone().into(), e.url.clone().into()]);
    table(&rows.collect::<Vec<_>>(), 2, style)
}

/// What it used, meter by meter.
#[must_use]
pub fn usage(page: &Page, now: Timestamp, style: Style) -> String {
    let Some(usage) = &page.usage else {
        return "  none told yet by the API server\n".to_owned();
    };
    let mut rows = vec![heads(&["METER", "USED", "QUOTA", "", ""])];
    rows.extend(usage.meters.iter().map(meter));
    let mut text = table(&rows, 2, style);
    let display = &page.display;
    let or_none = |word: &Option<String>| word.clone().unwrap_or_else(|| NONE.to_owned());
    text.push_str(&format!(
        "  health {} · projected {} · plan {} · period {} to {}\n",
        or_none(&display.health),
        or_none(&display.projected),
        or_none(&usage.plan),
        day_in(&usage.period.start, &page.time_zone),
        last_day(&usage.period.end, &page.time_zone),
    ));
    let as_of = usage.as_of.parse::<Timestamp>().map(|at| format!(", {} ago", age(at, now)));
    text.push_str(&format!("  as of {}{}\n", usage.as_of, as_of.unwrap_or_default()));
    text.push_str(&enforcement(usage));
    text
}

fn enforcement(usage: &UsageStatus) -> String {
    usage.enforcement.as_ref().map_or_else(String::new, |told| {
        let from = told.not_before.as_ref().map(|at| format!(", not before {at}"));
        format!("  quota action: {:?}{}\n", told.action, from.unwrap_or_default())
    })
}

fn meter(meter: &MeterUsage) -> Vec<Cell> {
    let (tone, level) = match meter.level {
        Level::Ok => (Tone::Plain, ""),
        Level::Soft => (Tone::Warn, ", soft limit"),
        Level::Hard => (Tone::Bad, ", hard limit"),
    };
    let ratio = meter.ratio_ppm;
    vec![
        meter.name.clone().into(),
        quantity(&meter.used).into(),
        meter.quota.as_deref().map_or_else(|| NONE.to_owned(), quantity).into(),
        Cell::toned(ratio.map(bar).unwrap_or_default(), tone),
        Cell::toned(ratio.map(|r| format!("{}{level}", percent(r))).unwrap_or_default(), tone),
    ]
}

fn retained(page: &Page) -> String {
    page.retained.iter().map(|object| format!("  {object}\n")).collect()
}

fn events(page: &Page, now: Timestamp, style: Style) -> String {
    let rows = page.events.iter().map(|event| {
        let when = event.last.map_or_else(|| NONE.to_owned(), |last| age(last, now));
        let times = if event.count > 1 { format!(" (×{})", event.count) } else { String::new() };
        vec![
            when.into(),
            Cell::toned(event.reason.clone(), if event.warning { Tone::Warn } else { Tone::Plain }),
            format!("{} {}", event.kind, event.name).into(),
            format!("{}{times}", short(&event.message, MESSAGE)).into(),
        ]
    });
    table(&rows.collect::<Vec<_>>(), 2, style)
}
