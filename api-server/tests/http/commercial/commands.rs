//! The commands and addresses that the documents show are the program's.

use std::collections::BTreeSet;

use api_server::cli::Cli;
use clap::Parser as _;

use crate::document;

/// The lines after a prompt in blocks of a console, continued lines as one.
fn commands(text: &str) -> Vec<String> {
    let blocks = text.split("\n```").skip(1).step_by(2);
    let consoles = blocks.filter_map(|block| block.strip_prefix("console\n"));
    consoles
        .flat_map(|block| {
            let joined = block.replace("\\\n", " ");
            joined
                .lines()
                .filter_map(|line| line.strip_prefix("$ "))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// What variables of the documents stand for where a program looks at their form.
const VARIABLES: [(&str, &str); 4] = [
    ("$account", "acme"),
    ("$ID", "019c0000-0000-7000-8000-000000000000"),
    ("$since", "2026-11-15T00:00:00Z"),
    ("$day", "15"),
];

/// A command's words as a shell makes them, up to a comment, a pipe, a redirection or `…`.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![];
    let command = VARIABLES
        .iter()
        .fold(command.to_owned(), |command, (name, value)| command.replace(name, value));
    let (mut word, mut quote) = (None::<String>, None);
    for c in command.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (None, '#' | '|' | '>' | ';' | '&' | '…') if word.is_none() => return words,
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[test]
fn every_command_of_the_api_server_is_one() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for (path, text) in super::documents("docs") {
        for command in commands(&text).iter().filter(|command| command.starts_with("api-server ")) {
            count += 1;
            if let Err(error) = Cli::try_parse_from(words(command)) {
                use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
                if !matches!(error.kind(), DisplayHelp | DisplayVersion) {
                    wrong.push(format!("{}: {command}\n{error}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 20, "only {count} commands were found");
}

/// `/usage/events` of `curl -s localhost:8080/usage/events?x=y`.
fn address(word: &str) -> Option<&str> {
    let rest = word.trim_start_matches("http://").strip_prefix("localhost:8080")?;
    rest.split(['?', '#']).next()
}

/// Whether a path is one of the document's, names in place of parameters.
fn is_path(path: &str, template: &str) -> bool {
    let (path, template) = (path.split('/'), template.split('/'));
    path.clone().count() == template.clone().count()
        && path
            .zip(template)
            .all(|(one, other)| one == other || (other.starts_with('{') && !one.is_empty()))
}

#[test]
fn every_address_that_is_asked_is_one_of_the_apis() {
    let operations = document::operations();
    let also = ["/", "/docs/", "/openapi.json"];
    let mut seen = BTreeSet::new();
    for (document, text) in super::documents("docs") {
        for command in commands(&text).iter().filter(|command| command.starts_with("curl ")) {
            let words = words(command);
            let posts = words.iter().any(|word| word == "-d" || word.starts_with("--data"));
            let method = words.iter().skip_while(|word| *word != "-X").nth(1);
            let method = method.map_or(if posts { "POST" } else { "GET" }, String::as_str);
            for path in words.iter().filter_map(|word| address(word)) {
                let known = also.contains(&path)
                    || operations
                        .iter()
                        .any(|(verb, template, _)| verb == method && is_path(path, template));
                assert!(
                    known,
                    "{}: {method} {path} is no operation: {command}",
                    document.display()
                );
                seen.insert(path.to_owned());
            }
        }
    }
    assert!(seen.len() > 8, "only {seen:?}");
}

#[test]
fn a_wrong_command_is_noticed() {
    assert!(Cli::try_parse_from(words("api-server routine triag # daily")).is_err());
    assert_eq!(words("a 'b c' \"d\"e | f"), ["a", "b c", "de"]);
    assert!(is_path("/billing/usage/acme", "/billing/usage/{account}"));
    assert!(!is_path("/billing/usage/", "/billing/usage/{account}"));
    assert_eq!(commands("x\n```console\n$ a \\\n  b\nout\n$ c\n```\n"), ["a    b", "c"]);
}
