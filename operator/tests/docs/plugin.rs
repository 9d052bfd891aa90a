//! Every `kubectl tenant …` in a document is one that the plugin takes.

use std::fs;

use clap::{Parser as _, error::ErrorKind};
use operator::kubectl::args::Asked;

use super::{below, documents, root};

/// What stands for anything in the documents, and something that it may be.
const ANY: [(&str, &str); 4] =
    [("NAME", "acme"), ("KEY", "team"), ("TENANT", "acme"), ("PROFILE", "prod")];

/// The commands of a text: after a prompt, after an arrow, in a line of code; up to what the shell does with them.
fn commands(text: &str) -> Vec<Vec<String>> {
    let end = |rest: &str| {
        let ends = ["\n", "`", " #", " |", " >", " &", ";", " …"];
        let at = ends.iter().filter_map(|end| rest.find(end)).min();
        at.map_or(rest, |at| &rest[..at]).to_owned()
    };
    let starts = ["`kubectl tenant", "$ kubectl tenant", "→ kubectl tenant"];
    let found = starts.iter().flat_map(|start| text.split(start).skip(1).map(end));
    let word = |word: &str| {
        let any = ANY.iter().find(|(name, _)| *name == word);
        any.map_or(word, |(_, one)| one).trim_matches('\'').to_owned()
    };
    found.map(|rest| rest.split_whitespace().map(word).collect()).collect()
}

/// Why the plugin would not take a command; nothing when it does, or shows help.
fn fault(words: &[String]) -> Option<String> {
    // `VERB` stands for each of them.
    if words.iter().any(|word| word == "VERB") {
        let verbs = ["list", "status", "why", "usage", "plan", "create", "backup", "rollout"];
        return verbs.iter().find_map(|verb| {
            let word =
                |word: &String| if word == "VERB" { (*verb).to_owned() } else { word.clone() };
            fault(&words.iter().map(word).collect::<Vec<_>>())
        });
    }
    // The plugin's name alone is no command, and a sentence may leave out whom a verb is for.
    if words.is_empty() {
        return None;
    }
    let named = [words, &["acme".to_owned()]].concat();
    refused(words).filter(|_| refused(&named).is_some())
}

fn refused(words: &[String]) -> Option<String> {
    let whole = std::iter::once("kubectl-tenant").chain(words.iter().map(String::as_str));
    let error = Asked::try_parse_from(whole).err()?;
    let helps = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    (!helps).then(|| error.to_string())
}

#[test]
fn every_command_of_the_plugin_in_a_document_is_one() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    let pages = documents().into_iter().chain(below(&root().join("infra")));
    for document in pages {
        for words in commands(&fs::read_to_string(&document).unwrap()) {
            count += usize::from(!words.is_empty());
            let fault = fault(&words);
            wrong.extend(fault.map(|why| format!("{}: {words:?}: {why}", document.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 15, "only {count} commands were found");
}

#[test]
fn a_wrong_command_of_the_plugin_is_found() {
    let text = "Say `kubectl tenant plan NAME --plan KEY`, or:\n$ kubectl tenant why acme # now\n→ kubectl tenant resume acme\n";
    let found = commands(text);
    assert_eq!(
        found,
        [vec!["plan", "acme", "--plan", "team"], vec!["why", "acme"], vec!["resume", "acme"]]
    );
    assert!(found.iter().all(|words| fault(words).is_none()));
    for wrong in ["whi acme", "plan --plam team", "why acme --depth 3", "VERB --hepl"] {
        let words: Vec<String> = wrong.split(' ').map(str::to_owned).collect();
        assert!(fault(&words).is_some(), "{wrong}");
    }
}
