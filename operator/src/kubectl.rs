//! The plugin of kubectl: `kubectl tenant`.
//!
//! ```text
//! args ─▶ access (I/O: kubeconfig) ─▶ gather (I/O: reads) ─▶ scene (pure) ─▶ list, page, why (pure) ─▶ print
//! ```
//!
//! It judges a stack with the operator's own pure functions, never with copies: what the plugin says is
//! what the operator would say.

pub mod access;
pub mod act;
pub mod api;
pub mod args;
pub mod backup;
pub mod complete;
pub mod create;
pub mod event;
pub mod export;
pub mod failure;
pub mod gather;
pub mod help;
pub mod list;
pub mod money;
pub mod page;
pub mod plan;
pub mod price;
pub mod profiles;
pub mod progress;
#[cfg(test)]
mod recording;
pub mod report;
pub mod restore;
pub mod retained;
pub mod scene;
pub mod table;
pub mod verbs;
pub mod wait;
pub mod why;
pub mod wire;
pub mod words;

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};

use clap::Parser;
use k8s_openapi::jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use access::Access;
use args::{Asked, Color, DryRun, Named, Output, Tree, Verb};
use failure::Failure;
use words::Style;

/// Does what the arguments say. Ends the process itself where they are wrong or ask for help.
#[tokio::main(flavor = "current_thread")]
pub async fn main() -> ExitCode {
    let mut words: Vec<String> =
        std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    if let Some(typed) = typed(&mut words) {
        let answer = Box::pin(verbs::complete(&typed)).await;
        let _told = print(&answer);
        return ExitCode::SUCCESS;
    }
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

/// The words to complete, where kubectl asks for that: it calls `kubectl_complete-tenant`, which is this
/// program by that name, or a script that calls `kubectl tenant __complete`.
fn typed(words: &mut Vec<String>) -> Option<Vec<String>> {
    let by_name = words.first().is_some_and(|path| path.ends_with("kubectl_complete-tenant"));
    let by_word = words.get(1).is_some_and(|word| word == "__complete");
    match (by_name, by_word) {
        (true, _) => Some(words.split_off(1)),
        (false, true) => Some(words.split_off(2)),
        _ => None,
    }
}

/// What to print, and how to end although it was printed.
type Answer = Result<(String, Option<Failure>), Failure>;

async fn run(asked: &Asked, style: Style) -> Answer {
    let now = Timestamp::now();
    let reach = &asked.reach;
    if let Verb::Create(verb) = &asked.verb
        && verb.dry_run == Some(DryRun::Client)
    {
        return create::printed(&create::tenant(verb)?, verb.output).map(done);
    }
    let access = Access::open(reach).await?;
    match &asked.verb {
        Verb::List(verb) => verbs::list(&access, verb, now, style).await,
        Verb::Status(verb) => {
            let page =
                page::page(&verbs::scene(&access, reach, &verb.name, now).await?, verb.events);
            let text = match verb.output {
                Output::Table => page::render(&page, false, now, style),
                Output::Wide => page::render(&page, true, now, style),
                Output::Json => as_json(&page)?,
                Output::Yaml => as_yaml(&page)?,
                Output::Name => named("tenant", &page.name),
            };
            Ok((text, not_ready(verb.exit_code && !page.ready)))
        }
        Verb::Why(verb) => {
            let why = why::why(&verbs::scene(&access, reach, &verb.name, now).await?, now);
            let text = match verb.output {
                Tree::Tree => why::render(&why, style),
                Tree::Json => as_json(&why)?,
                Tree::Yaml => as_yaml(&why)?,
            };
            Ok((text, not_ready(verb.exit_code && !why.ready)))
        }
        Verb::Usage(verb) => verbs::usage(&access, reach, verb, now, style).await,
        Verb::Plan(verb) => verbs::plan(&access, reach, verb, now, style).await,
        Verb::Create(verb) => act::create(&access, verb).await.map(done),
        Verb::Backup(verb) => backup::run(&access, verb, now).await,
        Verb::Restore(verb) => verbs::restore(&access, reach, verb, now).await,
        Verb::Profiles(verb) => verbs::profiles(&access, verb, now, style).await,
        Verb::Retained(verb) => verbs::retained(&access, verb, style).await,
        Verb::Export(verb) => verbs::export(&access, reach, verb).await,
        Verb::Report(verb) => verbs::report(&access, reach, verb, now).await,
        Verb::Suspend(verb) => act::suspend(&access, verb, true).await.map(done),
        Verb::Resume(verb) => act::suspend(&access, verb, false).await.map(done),
        Verb::Rollout(verb) => act::rollout(&access, verb, style).await.map(done),
    }
}

/// An object as `kubectl -o` prints it, without its managed fields; none where people read.
fn object(object: &Value, output: Named) -> Result<Option<String>, Failure> {
    let mut object = object.clone();
    if let Some(metadata) = object.pointer_mut("/metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    Ok(Some(match output {
        Named::Table => return Ok(None),
        Named::Json => as_json(&object)?,
        Named::Yaml => as_yaml(&object)?,
        Named::Name => {
            let kind = object["kind"].as_str().unwrap_or_default().to_ascii_lowercase();
            named(&kind, scene::name_of(&object))
        }
    }))
}

fn done(text: String) -> (String, Option<Failure>) {
    (text, None)
}

fn not_ready(so: bool) -> Option<Failure> {
    so.then_some(Failure::NotReady)
}

/// A resource as `kubectl get -o name` prints it.
fn named(kind: &str, name: &str) -> String {
    format!("{kind}.{}/{name}\n", crds::GROUP)
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
