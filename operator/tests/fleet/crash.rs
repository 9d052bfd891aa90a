//! The operator is killed at every write of a tenant's coming and going.

use crate::support::{
    Lab,
    crash::{Extent, Made, Phase, Sweep, Tally, Workload},
    dev,
};

/// `scripts/bench.sh crash` does the same with everything that production has.
const DEV: Workload =
    Workload { name: "x-dev", delete_data: false, phases: &[Phase::Create(dev), Phase::Delete] };

#[tokio::test]
async fn killed_before_or_after_any_write_the_end_is_the_same() {
    let lab = Lab::own().await;
    let mut sweep = Sweep::new(&lab);
    sweep.run(&DEV, Extent { steps: usize::MAX, at_once: 64 }).await;
    let tally = sweep.tally;
    assert!(tally.stuck.is_empty(), "{:#?}", tally.stuck);
    assert!(tally.worlds.is_empty(), "{}", tally.worlds.join("\n\n"));
    assert!(tally.twice.is_empty(), "{:#?}", tally.twice);
    assert!(tally.others.is_empty(), "{:#?}", tally.others);
    assert!(tally.late.is_empty(), "{:#?}", tally.late);
    // How often progress is told depends on the machine; all else is written each time.
    let words_only = |label: &String| label.contains("/status");
    assert!(tally.missed.iter().all(words_only), "{:#?}", tally.missed);
    assert!(tally.swept() >= 20, "{tally:#?}");
    println!("{} writes, {} points, missed {:#?}", tally.swept(), tally.points, tally.missed);
}

#[test]
fn a_creation_whose_asker_had_left_is_neither_unmade_nor_forgotten() {
    let made = |codes: &[(&str, u64)]| {
        let mut made = Made::default();
        codes.iter().for_each(|(what, code)| made.note((*what).to_owned(), *code));
        made
    };
    let expected = made(&[("services core", 201), ("services gateway", 201), ("secrets a", 201)]);
    let mut tally = Tally::default();
    let seen = [
        ("services core", 504), // It was made, and then found.
        ("services core", 200),
        ("services gateway", 403), // It was refused.
        ("secrets a", 504),
        ("secrets a", 201),
        ("secrets a", 201),
        ("secrets b", 201),
    ];
    tally.creations("one", &made(&seen), &expected);
    assert_eq!(tally.left, ["one: services core"]);
    assert_eq!(tally.others, ["one: services gateway", "one: secrets b"]);
    assert_eq!(tally.twice, ["one: secrets a, 2 times"]);
}
