//! The plugin of kubectl: `kubectl tenant list`, `status`, `why`.
//!
//! ```text
//! args ─▶ access (I/O: kubeconfig) ─▶ gather (I/O: reads) ─▶ scene (pure) ─▶ list, page, why (pure) ─▶ print
//! ```
//!
//! It judges a stack with the operator's own pure functions, never with copies: what the plugin says is
//! what the operator would say.

pub mod access;
pub mod act;
pub mod args;
pub mod event;
pub mod failure;
pub mod gather;
pub mod help;
pub mod list;
pub mod page;
#[cfg(test)]
mod recording;
pub mod scene;
pub mod table;
pub mod why;
pub mod words;

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};

use clap::Parser;
use crds::Tenant;
use k8s_openapi::jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use access::{Access, encoded};
use args::{Asked, Color, Output, Reach, Tree, Verb};
use failure::Failure;
use scene::Scene;
use words::Style;

/// Does what the arguments say. Ends the process itself where they are wrong or ask for help.
#[tokio::main(flavor = "current_thread")]
pub async fn main() -> ExitCode {
    let asked = Asked::parse();
    let style = Style { color: colored(asked.color) };
    let result = Box::pin(run(&asked, style)).await;
    let failure = match result {
        Ok((text, failure)) => match print(&text) {
            Ok(()) => failure,
            Err(failure) => Some(failure),
        },
        Err(failure) => Some(failure),
    };
    let Some(failure) = failure else { return ExitCode::SUCCESS };
    let text = failure.to_string();
    if !text.is_empty() {
        // Nobody can be told that standard error is closed.
        let _told = writeln!(std::io::stderr(), "error: {text}");
    }
    ExitCode::from(failure.code())
}

/// What to print, and how to end although it was printed.
type Answer = Result<(String, Option<Failure>), Failure>;

async fn run(asked: &Asked, style: Style) -> Answer {
    let now = Timestamp::now();
    let reach = &asked.reach;
    let access = Access::open(reach).await?;
    match &asked.verb {
        Verb::List(verb) => list(&access, verb, now, style).await,
        Verb::Status(verb) => {
            let page = page::page(&scene(&access, reach, &verb.name, now).await?, verb.events);
            let text = match verb.output {
                Output::Table => page::render(&page, false, now, style),
                Output::Wide => page::render(&page, true, now, style),
                Output::Json => as_json(&page)?,
                Output::Yaml => as_yaml(&page)?,
                Output::Name => named(&page.name),
            };
            Ok((text, not_ready(verb.exit_code && !page.ready)))
        }
        Verb::Why(verb) => {
            let why = why::why(&scene(&access, reach, &verb.name, now).await?, now);
            let text = match verb.output {
                Tree::Tree => why::render(&why, style),
                Tree::Json => as_json(&why)?,
                Tree::Yaml => as_yaml(&why)?,
            };
            Ok((text, not_ready(verb.exit_code && !why.ready)))
        }
        Verb::Suspend(verb) => act::suspend(&access, verb, true).await.map(done),
        Verb::Resume(verb) => act::suspend(&access, verb, false).await.map(done),
        Verb::Rollout(verb) => act::rollout(&access, verb, style).await.map(done),
    }
}

fn done(text: String) -> (String, Option<Failure>) {
    (text, None)
}

fn not_ready(so: bool) -> Option<Failure> {
    so.then_some(Failure::NotReady)
}

async fn scene(
    access: &Access,
    reach: &Reach,
    name: &str,
    now: Timestamp,
) -> Result<Scene, Failure> {
    let recorded = Box::pin(gather::tenant(access, name, &reach.namespace)).await?;
    Scene::new(recorded, now).map_err(Failure::Other)
}

async fn list(access: &Access, asked: &args::List, now: Timestamp, style: Style) -> Answer {
    let mut raw = if asked.names.is_empty() {
        let selector = asked.selector.as_deref().map(|s| format!("labelSelector={}", encoded(s)));
        access.list(&gather::tenants(""), &selector.unwrap_or_default()).await?
    } else {
        let mut named = Vec::new();
        for name in &asked.names {
            named.push(access.get(&gather::tenants(name)).await?);
        }
        named
    };
    let read = |value: &Value| serde_json::from_value::<Tenant>(value.clone());
    let is_asked = |value: &Value| {
        read(value).is_ok_and(|tenant| {
            let other = |profile: &String| tenant.spec.profile_ref.name != *profile;
            !asked.profile.as_ref().is_some_and(other)
                && !(asked.not_ready && list::is_ready(&tenant))
        })
    };
    raw.retain(is_asked);
    let tenants: Vec<Tenant> = raw.iter().filter_map(|value| read(value).ok()).collect();
    let text = match asked.output {
        Output::Table | Output::Wide if tenants.is_empty() => "no tenants found\n".to_owned(),
        Output::Table => list::render(&tenants, false, now, style),
        Output::Wide => list::render(&tenants, true, now, style),
        Output::Json => as_json(&items(raw))?,
        Output::Yaml => as_yaml(&items(raw))?,
        Output::Name => {
            tenants.iter().filter_map(|t| t.metadata.name.as_deref()).map(named).collect()
        }
    };
    let waits = tenants.iter().any(|tenant| !list::is_ready(tenant));
    Ok((text, not_ready(asked.exit_code && waits)))
}

/// A list as kubectl prints it, without the managed fields, as kubectl does.
fn items(mut raw: Vec<Value>) -> Value {
    for tenant in &mut raw {
        if let Some(metadata) = tenant.pointer_mut("/metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        if let Some(members) = tenant.as_object_mut() {
            members.insert("apiVersion".to_owned(), api_version().into());
            members.insert("kind".to_owned(), "Tenant".into());
        }
    }
    json!({ "apiVersion": "v1", "kind": "List", "items": raw })
}

fn api_version() -> String {
    format!("{}/{}", crds::GROUP, crds::VERSION)
}

/// A tenant as `kubectl get -o name` prints it.
fn named(name: &str) -> String {
    format!("tenant.{}/{name}\n", crds::GROUP)
}

fn as_json(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value);
    text.map(|text| format!("{text}\n")).map_err(|error| Failure::Other(error.to_string()))
}

fn as_yaml(value: &impl Serialize) -> Result<String, Failure> {
    let value = serde_json::to_value(value).map_err(|error| Failure::Other(error.to_string()))?;
    serde_saphyr::to_string(&value).map_err(|error| Failure::Other(error.to_string()))
}

/// Colours where they are wanted: never beside NO_COLOR, nor where no terminal reads.
fn colored(asked: Color) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    match asked {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => std::io::stdout().is_terminal() && !set("NO_COLOR") && !dumb,
    }
}

/// Whoever reads may have read enough: `kubectl tenant list | head` is no failure.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::Other(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}
