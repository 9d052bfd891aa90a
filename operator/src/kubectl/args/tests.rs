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
