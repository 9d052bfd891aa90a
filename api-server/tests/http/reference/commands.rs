//! The program's commands, with every flag.

use std::fmt::Write as _;

use api_server::cli::Cli;
use clap::{Arg, Command, CommandFactory as _};

use super::cell;

const HEAD: &str = "\
<!-- Generated from the program by api-server/tests/http/reference.rs; TENANTRY_UPDATE_GOLDEN=1 writes it. -->

# The commands of `api-server`

Every command and flag. Where a variable is named, the environment may say what the flag would; a flag wins. The image has the program as `/api-server`.
";

pub fn page() -> String {
    let mut out = HEAD.to_owned();
    let mut root = Cli::command();
    root.build();
    for command in root.get_subcommands() {
        one(&mut out, command, "api-server", 2);
    }
    out
}

fn one(out: &mut String, command: &Command, parent: &str, depth: usize) {
    if command.get_name() == "help" {
        return;
    }
    let name = format!("{parent} {}", command.get_name());
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(|text| text.to_string()).unwrap_or_default();
    writeln!(out, "\n{} {name}\n\n{}", "#".repeat(depth), cell(&about)).unwrap();
    let arguments: Vec<&Arg> = command.get_arguments().filter(|one| shown(one, depth)).collect();
    if !arguments.is_empty() {
        out.push_str("\n| flag | variable | unless given | |\n|---|---|---|---|\n");
        for argument in arguments {
            row(out, argument);
        }
    }
    for inner in command.get_subcommands() {
        one(out, inner, &name, depth + 1);
    }
}

/// What everything has is not shown; what a command has of the one above it stands there.
fn shown(argument: &Arg, depth: usize) -> bool {
    let everywhere = matches!(argument.get_id().as_str(), "help" | "version");
    let inherited = argument.is_global_set() && depth > 2;
    !everywhere && !inherited && !argument.is_hide_set()
}

fn row(out: &mut String, argument: &Arg) {
    let value = argument.get_value_names().and_then(|names| names.first());
    let value = value.map(ToString::to_string).unwrap_or_default();
    let takes = argument.get_action().takes_values();
    let flag = match argument.get_long() {
        Some(long) if takes => format!("`--{long} {value}`"),
        Some(long) => format!("`--{long}`"),
        None => format!("`{value}`"),
    };
    let variable = argument.get_env().map(|name| format!("`{}`", name.to_string_lossy()));
    let default: Vec<_> =
        argument.get_default_values().iter().map(|one| one.to_string_lossy()).collect();
    let unless = match (default.is_empty() || !takes, argument.is_required_set()) {
        (false, _) => format!("`{}`", default.join(" ")),
        (true, true) => "must be given".to_owned(),
        (true, false) => String::new(),
    };
    let told = argument.get_long_help().or_else(|| argument.get_help());
    let told = cell(&told.map(|text| text.to_string()).unwrap_or_default());
    writeln!(out, "| {flag} | {} | {unless} | {told} |", variable.unwrap_or_default()).unwrap();
}
