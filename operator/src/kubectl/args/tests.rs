use super::*;

#[test]
fn a_time_is_taken_as_kubectl_takes_it() {
    for (text, seconds) in [("0", 0), ("7", 7), ("5s", 5), ("1m30s", 90), ("1h", 3600)] {
        assert_eq!(timeout(text), Ok(Duration::from_secs(seconds)), "{text}");
    }
    for text in ["", "soon", "-5s", "5 parsecs"] {
        assert!(timeout(text).is_err(), "{text}");
    }
}

#[test]
fn the_arguments_are_sound() {
    use clap::CommandFactory;
    Asked::command().debug_assert();
}

#[test]
fn labels_choose_among_all_and_names_name() {
    let parsed = |words: &str| {
        Asked::try_parse_from(std::iter::once("kubectl tenant").chain(words.split(' ')))
    };
    let error = parsed("list acme -l tier=gold").unwrap_err();
    assert_eq!(error.kind(), clap::error::ErrorKind::ArgumentConflict);
    assert!(parsed("list -l tier=gold").is_ok() && parsed("list acme borealis").is_ok());
}

#[test]
fn every_answer_for_people_is_had_by_table() {
    for words in
        ["why acme -o table", "rollout status prod -o table", "rollout status prod -o json"]
    {
        let words = std::iter::once("kubectl tenant").chain(words.split(' '));
        Asked::try_parse_from(words).unwrap();
    }
}

#[test]
fn what_is_changed_is_told_in_every_form() {
    for verb in [
        "create acme --profile dev",
        "create acme --profile dev --dry-run=client",
        "suspend acme",
        "resume acme",
        "rollout pause prod",
        "rollout resume prod",
        "retained",
    ] {
        for form in ["table", "json", "yaml", "name"] {
            let words = format!("{verb} -o {form}");
            let all = std::iter::once("kubectl tenant").chain(words.split(' '));
            Asked::try_parse_from(all).unwrap_or_else(|error| panic!("{words}: {error}"));
        }
    }
}
