//! A program's commands, with every flag.

use std::fmt::Write as _;

use clap::{Arg, Command};

/// A page that begins with `head`, of a program that is called by `name`.
pub fn page(head: &str, name: &str, mut root: Command) -> String {
    let mut out = head.to_owned();
    root.build();
    let own = flags(&root, &[]);
    if !own.is_empty() {
        let all =
            if own.iter().all(|flag| flag.is_global_set()) { " and any command of it" } else { "" };
        writeln!(out, "\n## {name}\n\nFlags of `{name}` itself{all}.").unwrap();
        table(&mut out, &own);
    }
    let above = globals(&own);
    for command in root.get_subcommands() {
        one(&mut out, command, name, 2, &above);
    }
    out
}

fn one(out: &mut String, command: &Command, parent: &str, depth: usize, above: &[String]) {
    if command.get_name() == "help" {
        return;
    }
    let name = format!("{parent} {}", command.get_name());
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(|text| text.to_string()).unwrap_or_default();
    writeln!(out, "\n{} {name}\n\n{}", "#".repeat(depth), cell(&about)).unwrap();
    let own = flags(command, above);
    table(out, &own);
    let above = [above, &globals(&own)].concat();
    for inner in command.get_subcommands() {
        one(out, inner, &name, depth + 1, &above);
    }
}

/// A command's flags. What everything has is not shown; what it has of the one above it stands there.
fn flags<'c>(command: &'c Command, above: &[String]) -> Vec<&'c Arg> {
    let shown = |one: &&Arg| {
        let everywhere = matches!(one.get_id().as_str(), "help" | "version");
        !everywhere && !above.contains(&one.get_id().to_string()) && !one.is_hide_set()
    };
    command.get_arguments().filter(shown).collect()
}

/// Those that are flags of what stands below too.
fn globals(flags: &[&Arg]) -> Vec<String> {
    flags.iter().filter(|one| one.is_global_set()).map(|one| one.get_id().to_string()).collect()
}

fn table(out: &mut String, flags: &[&Arg]) {
    if flags.is_empty() {
        return;
    }
    out.push_str("\n| flag | variable | unless given | |\n|---|---|---|---|\n");
    for flag in flags {
        row(out, flag);
    }
}

/// In a cell of a table: one line, and no bar that would end the cell.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn row(out: &mut String, argument: &Arg) {
    let value = argument.get_value_names().and_then(|names| names.first());
    let value = value.map(ToString::to_string).unwrap_or_default();
    let takes = argument.get_action().takes_values();
    let short = argument.get_short().map(|short| format!("`-{short}`, ")).unwrap_or_default();
    let flag = match argument.get_long() {
        Some(long) if takes => format!("{short}`--{long} {value}`"),
        Some(long) => format!("{short}`--{long}`"),
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
    let mut told = cell(&told.map(|text| text.to_string()).unwrap_or_default());
    let values = argument.get_possible_values();
    let named: Vec<_> = values.iter().map(|one| format!("`{}`", one.get_name())).collect();
    // Where the words name them all, they say what each does.
    if takes && named.iter().any(|name| !told.contains(name)) {
        write!(told, ": {}", named.join(", ")).unwrap();
    }
    writeln!(out, "| {flag} | {} | {unless} | {told} |", variable.unwrap_or_default()).unwrap();
}
