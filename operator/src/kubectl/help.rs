//! The help's last lines, and the help of every verb as the documentation has it. Pure.

use clap::CommandFactory;

use super::{args::Asked, failure::CODES};

/// What follows the list of options.
pub const AFTER: &str = "Exit codes: 0 done; 1 refused; 2 not written right; 3 does not exist; 4 not allowed; \
     5 no answer; 6 not in time; 7 not ready (with --exit-code).";

/// The help of the plugin and of each of its verbs, as Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut command = Asked::command().term_width(100);
    let mut all = section("kubectl tenant", &command.render_help().to_string());
    // Not as they are built: what is global is not repeated for each.
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        let name = format!("kubectl tenant {}", verb.get_name());
        let help = verb.clone().bin_name(name.clone()).term_width(100).render_long_help();
        all.push_str(&section(&name, &help.to_string()));
    }
    all.push_str("\n### Exit codes\n\n| code | |\n|---|---|\n");
    for (code, meaning) in CODES {
        all.push_str(&format!("| {code} | {meaning} |\n"));
    }
    all
}

fn section(title: &str, help: &str) -> String {
    let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    format!("\n### {title}\n\n```text\n{}\n```\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_name_every_exit_code() {
        for (code, _) in CODES {
            assert!(AFTER.contains(&format!("{code} ")), "{code}");
        }
    }
}
