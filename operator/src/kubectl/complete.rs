//! Completion by kubectl's own protocol: it calls `kubectl_complete-tenant` with the words typed so far,
//! and reads one candidate a line, then a directive. Pure.

use clap::{Command, CommandFactory};

use super::args::{Asked, Reach};

/// What stands after the words typed so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A tenant's name.
    Tenant,
    /// A profile's name.
    Profile,
    /// Nothing that the cluster knows.
    Nothing,
}

/// How the cluster is reached, as far as it was typed.
#[must_use]
pub fn reach(words: &[String]) -> Reach {
    let of = |flag: &str| {
        let long = format!("{flag}=");
        let joined = words.iter().find_map(|word| word.strip_prefix(&long).map(ToOwned::to_owned));
        let apart =
            words.iter().position(|word| word == flag).and_then(|at| words.get(at + 1)).cloned();
        joined.or(apart)
    };
    Reach {
        kubeconfig: of("--kubeconfig").map(Into::into),
        context: of("--context"),
        act_as: of("--as"),
        // Somebody waits at a prompt.
        request_timeout: std::time::Duration::from_secs(3),
        ..Reach::default()
    }
}

/// The directive that offers no file names.
const NO_FILES: &str = ":4\n";

/// What the cluster has to be asked for.
#[must_use]
pub fn wanted(words: &[String]) -> Wanted {
    let before = words.split_last().map_or(&[][..], |(_, before)| before);
    if let Some(flag) = before.last().filter(|word| word.starts_with('-')) {
        return match flag.as_str() {
            "--profile" => Wanted::Profile,
            _ if takes_value(before, flag) => Wanted::Nothing,
            _ => positional(before),
        };
    }
    if words.last().is_some_and(|word| word.starts_with('-')) {
        return Wanted::Nothing;
    }
    positional(before)
}

fn positional(before: &[String]) -> Wanted {
    match verbs(before).as_slice() {
        [
            "list" | "ls" | "status" | "why" | "suspend" | "resume" | "usage" | "plan" | "report"
            | "backup" | "restore" | "export",
        ] => Wanted::Tenant,
        ["profiles"] | ["rollout", "status" | "pause" | "resume"] => Wanted::Profile,
        _ => Wanted::Nothing,
    }
}

/// The words of commands among what was typed.
fn verbs(before: &[String]) -> Vec<&str> {
    let mut command = Asked::command();
    command.build();
    let (mut here, mut path) = (&command, Vec::new());
    for word in before {
        if let Some(next) = here.find_subcommand(word) {
            here = next;
            path.push(next.get_name());
        }
    }
    path.into_iter()
        .map(|name| before.iter().map(String::as_str).find(|w| *w == name).unwrap_or("ls"))
        .collect()
}

fn at<'c>(command: &'c Command, before: &[String]) -> &'c Command {
    before.iter().fold(command, |here, word| here.find_subcommand(word).unwrap_or(here))
}

/// Whether what comes next is the flag's value: of a long one, or of the last of short ones in one word. What stands behind
/// a short one in its word is its value already.
fn takes_value(before: &[String], flag: &str) -> bool {
    let mut command = Asked::command();
    command.build();
    let here = at(&command, before);
    if let Some(name) = flag.strip_prefix("--") {
        let mut all = here.get_arguments();
        return all.any(|arg| arg.get_long() == Some(name) && arg.get_action().takes_values());
    }
    let takes = |short: char| {
        let mut all = here.get_arguments();
        all.any(|arg| arg.get_short() == Some(short) && arg.get_action().takes_values())
    };
    let mut shorts = flag.chars().skip(1);
    shorts.find(|short| takes(*short)).is_some() && shorts.next().is_none()
}

/// The answer to kubectl: commands, flags or values, or the names that the cluster gave.
#[must_use]
pub fn answer(words: &[String], names: &[String]) -> String {
    let (typed, before) =
        words.split_last().map_or(("", &[][..]), |(last, rest)| (last.as_str(), rest));
    let mut command = Asked::command();
    command.build();
    let here = at(&command, before);
    let mut all: Vec<(String, String)> = Vec::new();
    if typed.starts_with('-') {
        let flags = here.get_arguments().filter(|arg| !arg.is_hide_set());
        all.extend(flags.filter_map(|arg| {
            let about = arg.get_help().map(ToString::to_string).unwrap_or_default();
            Some((format!("--{}", arg.get_long()?), about))
        }));
    } else if let Some(values) = values(here, before) {
        all.extend(values.into_iter().map(|value| (value, String::new())));
    } else if names.is_empty() {
        let verbs = here.get_subcommands().filter(|verb| !verb.is_hide_set());
        all.extend(verbs.map(|verb| {
            let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
            (verb.get_name().to_owned(), about)
        }));
    }
    all.extend(names.iter().map(|name| (name.clone(), String::new())));
    let fitting = all.into_iter().filter(|(word, _)| word.starts_with(typed));
    let lines = fitting.map(|(word, about)| match about.lines().next() {
        Some(about) if !about.is_empty() => format!("{word}\t{about}\n"),
        _ => format!("{word}\n"),
    });
    lines.collect::<String>() + NO_FILES
}

/// The values that the flag before takes, if it is one with a few.
fn values(here: &Command, before: &[String]) -> Option<Vec<String>> {
    let flag = before.last().filter(|word| word.starts_with('-'))?;
    let name = flag.trim_start_matches('-');
    let short = name.chars().next().filter(|_| !flag.starts_with("--"));
    let mut all = here.get_arguments();
    let arg = all.find(|arg| {
        arg.get_long() == Some(name) || (short.is_some() && arg.get_short() == short)
    })?;
    let values = arg.get_possible_values();
    let named = values.iter().map(|value| value.get_name().to_owned());
    (arg.get_action().takes_values() && !values.is_empty()).then(|| named.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn what_is_wanted_follows_from_the_words() {
        for (typed, expected) in [
            ("", Wanted::Nothing),
            ("sta", Wanted::Nothing),
            ("status ", Wanted::Tenant),
            ("ls ac", Wanted::Tenant),
            ("why --exit-code ", Wanted::Tenant),
            ("why -", Wanted::Nothing),
            ("list --profile ", Wanted::Profile),
            ("list --context ", Wanted::Nothing),
            ("list -o ", Wanted::Nothing),
            ("list -l ", Wanted::Nothing),
            ("status -n ", Wanted::Nothing),
            ("status -n tenant-acme ", Wanted::Tenant),
            ("status -ojson ", Wanted::Tenant),
            ("rollout ", Wanted::Nothing),
            ("rollout pause ", Wanted::Profile),
        ] {
            assert_eq!(wanted(&words(typed)), expected, "{typed:?}");
        }
    }

    #[test]
    fn the_answer_is_kubectls_protocol() {
        let text = answer(&words("sus"), &[]);
        assert!(text.starts_with("suspend\tStop a tenant's services"), "{text}");
        assert!(text.ends_with("\n:4\n"), "{text}");
        let names = ["acme".to_owned(), "borealis".to_owned()];
        assert_eq!(answer(&words("why b"), &names), "borealis\n:4\n");
        assert_eq!(answer(&words("list -o w"), &[]), "wide\n:4\n");
        assert!(answer(&words("rollout "), &[]).contains("pause\t"));
        assert!(answer(&words("why --ex"), &[]).starts_with("--exit-code\t"));
    }
}
