//! Crash at every write: the pure core against an API server in memory. Whatever the moment of a
//! crash, and however two tenants' writes mix, the world ends as if nothing had happened.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::print_stderr, reason = "says how many schedules ran")]

#[path = "crash_model/driver.rs"]
mod driver;
#[path = "crash_model/server.rs"]
mod server;

use driver::{Driver, Script};

/// A small generator of random numbers that are the same in every run (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 33).unwrap() % n
    }
}

fn scripts() -> [(&'static str, Script); 5] {
    [
        ("create dev, delete with Retain", Script::new(&["dev", "retain"])),
        ("create dev, delete with Delete", Script::new(&["dev", "delete"])),
        ("create dev, use, delete with Retain", Script::new(&["dev", "usage", "retain"])),
        ("create prod, use, delete with Delete", Script::new(&["prod", "usage", "delete"])),
        ("dev, prod, dev, prod, Retain", Script::new(&["dev", "prod", "dev", "prod", "retain"])),
    ]
}

/// Runs the script for one tenant, crashing before each of these writes.
fn run(script: &Script, crashes: &[usize], broken: bool) -> Result<Driver, String> {
    let mut driver = Driver::new(1, broken);
    driver.play(script, |writes, _| (0, crashes.contains(&writes)))?;
    Ok(driver)
}

#[test]
fn a_crash_at_any_write_changes_nothing() {
    let mut ran = 0;
    for (name, script) in scripts() {
        let undisturbed = run(&script, &[], false).unwrap();
        let writes = undisturbed.writes();
        assert!(writes > 20, "{name}: {writes} writes");
        for at in 0..=writes {
            let crashed =
                run(&script, &[at], false).unwrap_or_else(|e| panic!("{name}, {at}: {e}"));
            assert_eq!(crashed.world(), undisturbed.world(), "{name}: crash before write {at}");
            ran += 1;
        }
    }
    eprintln!("crash sweep: {ran} schedules with one crash");
}

#[test]
fn two_crashes_change_nothing() {
    let mut random = Random(7);
    let mut ran = 0;
    for (name, script) in scripts() {
        let undisturbed = run(&script, &[], false).unwrap();
        for _ in 0..300 {
            // The second often soon after the first: in the middle of picking up the pieces.
            let first = random.below(undisturbed.writes());
            let span = if random.below(2) == 0 { 4 } else { 60 };
            let second = first + 1 + random.below(span);
            let crashed = run(&script, &[first, second], false)
                .unwrap_or_else(|e| panic!("{name}, {first} and {second}: {e}"));
            assert_eq!(crashed.world(), undisturbed.world(), "{name}: {first} and {second}");
            ran += 1;
        }
    }
    eprintln!("crash sweep: {ran} schedules with two crashes");
}

#[test]
fn two_tenants_with_mixed_writes_and_crashes_do_not_meet() {
    let mut ran = 0;
    for (name, script) in scripts() {
        let mut undisturbed = Driver::new(2, false);
        undisturbed.play(&script, |_, _| (0, false)).unwrap();
        for seed in 0..60 {
            let mut random = Random(seed);
            let mut driver = Driver::new(2, false);
            driver
                .play(&script, |_, turns| (random.below(turns), random.below(40) == 0))
                .unwrap_or_else(|e| panic!("{name}, seed {seed}: {e}"));
            assert_eq!(driver.world(), undisturbed.world(), "{name}: seed {seed}");
            ran += 1;
        }
    }
    eprintln!("crash sweep: {ran} random schedules of two tenants");
}

#[test]
fn the_sweep_sees_usage_that_is_given_up() {
    for policy in ["retain", "delete"] {
        let script = Script::new(&["dev", "usage", "discard", policy]);
        let error = run(&script, &[], false).err().expect("the loss must be noticed");
        assert!(error.contains("holds usage"), "{error}");
    }
}

#[test]
fn the_sweep_sees_a_secret_that_is_made_again() {
    let script = Script::new(&["prod"]);
    let error = run(&script, &[], true).err().expect("the broken server must be noticed");
    assert!(error.contains("made again"), "{error}");
}
