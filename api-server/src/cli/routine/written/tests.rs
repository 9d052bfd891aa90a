use super::*;

fn written(folder: &Path, keep: u32) -> Written {
    Written::new(folder, Series { name: "crm".to_owned(), ending: "csv" }, keep)
}

/// A round of a day, as it ends.
fn made(written: &Written, file: &str, text: &str) -> Vec<String> {
    let part = written.folder.join(format!(".{file}.part"));
    fs::write(&part, text).unwrap();
    written.note(file, &part).unwrap();
    fs::rename(&part, written.folder.join(file)).unwrap();
    written.prune(file).unwrap()
}

fn files(folder: &Path) -> Vec<String> {
    let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = all.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| !name.ends_with(".written"));
    names.sort();
    names
}

#[test]
fn the_newest_stay_and_the_oldest_go() {
    let folder = tempfile::tempdir().unwrap();
    let two = written(folder.path(), 2);
    assert_eq!(made(&two, "crm-2026-11-02.csv", "a"), [""; 0]);
    assert_eq!(made(&two, "crm-2026-11-09.csv", "b"), [""; 0]);
    // The second of the day takes nobody's place.
    assert_eq!(made(&two, "crm-2026-11-09.csv", "c"), [""; 0]);
    assert_eq!(made(&two, "crm-2026-11-16.csv", "d"), ["crm-2026-11-02.csv"]);
    assert_eq!(files(folder.path()), ["crm-2026-11-09.csv", "crm-2026-11-16.csv"]);
    assert_eq!(fs::read(folder.path().join("crm-2026-11-09.csv")).unwrap(), b"c");
    let one = written(folder.path(), 1);
    assert_eq!(made(&one, "crm-2026-11-16.csv", "d"), ["crm-2026-11-09.csv"]);
    assert_eq!(one.read().unwrap().len(), 1, "notes do not pile up");
}

#[test]
fn what_somebody_else_wrote_or_changed_stays() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let many = written(folder.path(), 9);
    for (day, text) in [("01", "a"), ("02", "b"), ("03", "c"), ("04", "d")] {
        made(&many, &format!("crm-2026-11-{day}.csv"), text);
    }
    // Edited, of the same size; replaced by a link; never ours; of another round, and of another ending.
    fs::write(at("crm-2026-11-02.csv"), "B").unwrap();
    fs::rename(at("crm-2026-11-03.csv"), at("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", at("crm-2026-11-03.csv")).unwrap();
    for name in ["crm-2026-10-01.csv", "crm-x-2026-10-01.csv", "crm-2026-10-01.ndjson"] {
        fs::write(at(name), "a").unwrap();
    }
    let one = written(folder.path(), 1);
    let gone = made(&one, "crm-2026-11-05.csv", "e");
    assert_eq!(gone, ["crm-2026-11-04.csv", "crm-2026-11-01.csv"]);
    let left = [
        "crm-2026-10-01.csv",
        "crm-2026-10-01.ndjson",
        "crm-2026-11-02.csv",
        "crm-2026-11-03.csv",
        "crm-2026-11-05.csv",
        "crm-x-2026-10-01.csv",
        "elsewhere",
    ];
    assert_eq!(files(folder.path()), left);
}

#[test]
fn notes_lead_nowhere_else_and_damaged_ones_are_said() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("kept");
    fs::create_dir(&folder).unwrap();
    let one = written(&folder, 1);
    let beside = outer.path().join("crm-2026-11-01.csv");
    fs::write(&beside, "a").unwrap();
    let (bytes, sha256) = summed(&beside).unwrap();
    let leads = |file: String| Note { file, bytes, sha256: sha256.clone() };
    let absolute = beside.display().to_string();
    let notes =
        ["../crm-2026-11-01.csv".to_owned(), absolute, "crm-/../../crm-2026-11-01.csv".to_owned()];
    one.write(&notes.map(leads)).unwrap();
    assert_eq!(made(&one, "crm-2026-11-05.csv", "e"), [""; 0]);
    assert!(beside.exists());
    fs::write(&one.notes, "{").unwrap();
    let said = one.prune("crm-2026-11-05.csv").unwrap_err().to_string();
    assert!(said.contains(".crm.csv.written: damaged; remove it"), "{said}");
}

#[test]
fn a_day_that_is_to_come_does_not_push_todays_file_out() {
    let folder = tempfile::tempdir().unwrap();
    let one = written(folder.path(), 1);
    made(&one, "crm-2030-01-01.csv", "a");
    assert_eq!(made(&one, "crm-2026-11-05.csv", "e"), ["crm-2030-01-01.csv"]);
    assert_eq!(files(folder.path()), ["crm-2026-11-05.csv"]);
}

#[test]
fn a_round_that_was_cut_off_between_note_and_name_loses_track_of_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let one = written(folder.path(), 1);
    made(&one, "crm-2026-11-05.csv", "a");
    let part = folder.path().join(".crm-2026-11-05.csv.part");
    fs::write(&part, "b").unwrap();
    one.note("crm-2026-11-05.csv", &part).unwrap();
    // And never named; the next day's round takes both away.
    assert_eq!(made(&one, "crm-2026-11-06.csv", "c"), ["crm-2026-11-05.csv"]);
    assert_eq!(files(folder.path()), ["crm-2026-11-06.csv"]);
}

#[test]
fn what_is_unfinished_goes_with_its_day_unless_somebody_is_at_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in [".crm-2026-11-03.csv.part", ".crm-2026-11-03.csv.next", ".crm-2026-11-04.csv.part"]
    {
        fs::write(at(name), "a").unwrap();
    }
    fs::write(at(".crm-2026-11-06.csv.part"), "later").unwrap();
    fs::write(at(".support-2026-11-03.csv.part"), "another round's").unwrap();
    let held = File::open(at(".crm-2026-11-04.csv.part")).unwrap();
    held.lock().unwrap();
    made(&written(folder.path(), 1), "crm-2026-11-05.csv", "e");
    let left = [
        ".crm-2026-11-04.csv.part",
        ".crm-2026-11-06.csv.part",
        ".support-2026-11-03.csv.part",
        "crm-2026-11-05.csv",
    ];
    assert_eq!(files(folder.path()), left);
}
