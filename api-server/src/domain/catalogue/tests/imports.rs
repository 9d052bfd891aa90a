//! How the stored price list grows.

use super::*;

fn ids(versions: &[PlanVersion]) -> Vec<String> {
    versions.iter().map(|v| v.id.to_string()).collect()
}

#[test]
fn the_first_import_adds_everything_and_the_second_nothing() {
    let first = import(&Catalogue::default(), &shipped()).unwrap();
    assert_eq!(ids(&first.added), ["scale@1", "starter@1", "team@1"]);
    assert_eq!(first.catalogue, shipped());
    let second = import(&first.catalogue, &shipped()).unwrap();
    let nothing = Import {
        added: Vec::new(),
        redated: Vec::new(),
        unlisted: Vec::new(),
        catalogue: shipped(),
    };
    assert_eq!(second, nothing);
}

#[test]
fn a_new_version_is_added_and_ends_the_one_before() {
    let stored = catalogue(&[version("team", 1, "9", "2026-01-01", "-")]);
    let second = version("team", 2, "10", "2027-01-01", "-");
    let file = catalogue(&[version("team", 1, "9", "2026-01-01", "-"), second.clone()]);
    let import = import(&stored, &file).unwrap();
    assert_eq!(import.added, [second]);
    let live = import.catalogue.live("team", at("2027-01-01T00:00:00Z")).unwrap();
    assert_eq!(live.id, id("team", 2));
    let first = import.catalogue.get(&id("team", 1)).unwrap();
    assert_eq!(import.catalogue.ends(first), Some(at("2027-01-01T00:00:00Z")));
}

#[test]
fn changed_terms_of_a_published_version_are_refused_with_a_diff() {
    let stored = catalogue(&[
        version("solo", 1, "1", "2026-01-01", "-"),
        version("team", 1, "899.00", "2026-01-01", "-"),
    ]);
    let mut document = VersionDocument::from(&version("team", 1, "999.00", "2026-02-01", "-"));
    query(&mut document).minimum = Some("5".to_owned());
    query(&mut document).price =
        PriceDocument::Package { size: "10".to_owned(), price: "1".to_owned() };
    let file = catalogue(&[
        version("solo", 1, "1", "2026-01-01", "-"),
        document.read("").unwrap(),
        version("team", 2, "1", "2027-01-01", "-"),
    ]);
    let error = import(&stored, &file).unwrap_err();
    assert_eq!(
        error.to_string(),
        "published plan versions are immutable, and the catalogue has other terms for them. \
         Restore what was there, and add a version with a later effective_from:\n\
         team@1\n  \
         /base: 899.00 → 999.00\n  \
         /effective_from: 2026-01-01T00:00:00Z → 2026-02-01T00:00:00Z\n  \
         /meters/query/minimum: (none) → 5.00\n  \
         /meters/query/price/flat: 0.0006 → (none)\n  \
         /meters/query/price/package/price: (none) → 1.00\n  \
         /meters/query/price/package/size: (none) → 10"
    );
}

#[test]
fn every_changed_version_is_in_the_refusal() {
    let stored = catalogue(&[
        version("a", 1, "1", "2026-01-01", "-"),
        version("b", 1, "1", "2026-01-01", "-"),
        version("c", 1, "1", "2026-01-01", "-"),
    ]);
    let file = catalogue(&[
        version("a", 1, "2", "2026-01-01", "-"),
        version("b", 1, "1", "2026-01-01", "-"),
        version("c", 1, "2", "2026-01-01", "-"),
    ]);
    let Err(ImportError::Changed(changed)) = import(&stored, &file) else { panic!("imported") };
    let ids: Vec<_> = changed.iter().map(|c| c.id.to_string()).collect();
    assert_eq!(ids, ["a@1", "c@1"]);
}

#[test]
fn another_spelling_of_the_same_terms_is_no_change() {
    let stored = catalogue(&[version("team", 1, "899.00", "2026-01-01", "-")]);
    let file = catalogue(&[version("team", 1, "899", "2026-01-01", "-")]);
    assert_eq!(import(&stored, &file).unwrap().catalogue, stored);
}

#[test]
fn a_published_version_cannot_become_a_draft_again() {
    let stored = catalogue(&[version("team", 1, "9", "2026-01-01", "-")]);
    let file = catalogue(&[version("team", 1, "9", "-", "-")]);
    let Err(ImportError::Changed(changed)) = import(&stored, &file) else { panic!("imported") };
    let change = FieldChange {
        field: "/effective_from".to_owned(),
        before: Some("2026-01-01T00:00:00Z".to_owned()),
        after: None,
    };
    assert_eq!(changed[0].changes, [change]);
}

#[test]
fn drafts_are_not_imported_until_they_have_a_date() {
    let draft = catalogue(&[version("team", 1, "9", "-", "-")]);
    let import_of = |file: &Catalogue| import(&Catalogue::default(), file).unwrap();
    let import = import_of(&draft);
    assert_eq!((import.added.len(), import.catalogue.versions().count()), (0, 0));
    let published = catalogue(&[version("team", 1, "12", "2026-01-01", "-")]);
    assert_eq!(ids(&import_of(&published).added), ["team@1"]);
}

#[test]
fn the_end_of_a_version_follows_the_file() {
    let dated = |to| catalogue(&[version("team", 1, "9", "2026-01-01", to)]);
    for (before, after) in [("-", "2026-06-01"), ("2026-06-01", "-"), ("2026-06-01", "2026-07-01")]
    {
        let import = import(&dated(before), &dated(after)).unwrap();
        assert_eq!(ids(&import.redated), ["team@1"], "{before} {after}");
        assert_eq!(import.catalogue, dated(after));
        assert!(import.added.is_empty());
    }
}

#[test]
fn a_version_that_the_file_does_not_list_stays_and_is_reported() {
    let stored = catalogue(&[
        version("old", 1, "9", "2026-01-01", "-"),
        version("team", 1, "9", "2026-01-01", "-"),
    ]);
    let file = catalogue(&[version("team", 1, "9", "2026-01-01", "-")]);
    let import = import(&stored, &file).unwrap();
    assert_eq!(import.unlisted, [id("old", 1)]);
    assert_eq!(import.catalogue, stored);
}

#[test]
fn a_version_that_does_not_go_with_the_stored_ones_is_refused() {
    let stored = catalogue(&[version("team", 2, "9", "2026-03-01", "-")]);
    let file = catalogue(&[version("team", 1, "9", "2026-04-01", "-")]);
    assert_eq!(
        import(&stored, &file).unwrap_err().to_string(),
        "the catalogue does not go with the stored one: \
         team@2 must be effective after team@1: give a later date"
    );
}
