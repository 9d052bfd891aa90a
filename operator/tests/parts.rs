//! Our configuration files, read by the programs that they are for.
//!
//! Not part of a plain `cargo test`, because the programs are built first: `scripts/test.sh parts`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{
    path::Path,
    process::{Command, Output},
};

use operator::desired::config;

fn validate(name: &str, config: &str) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let file = std::env::temp_dir().join(format!("{name}-{}.yaml", std::process::id()));
    std::fs::write(&file, config).unwrap();
    let output = Command::new(root.join("scripts/otelcol"))
        .args(["validate", "--config"])
        .arg(&file)
        .envs([("MY_POD_IP", "127.0.0.1"), ("TENANT_ID", "acme")])
        .output()
        .expect("scripts/otelcol runs");
    std::fs::remove_file(&file).unwrap();
    output
}

#[test]
fn the_collector_takes_its_configuration() {
    let output = validate("shipped", config::COLLECTOR);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_collector_refuses_a_misspelt_processor() {
    let output =
        validate("misspelt", &config::COLLECTOR.replace("memory_limiter", "memory_limitor"));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains("memory_limitor"), "{error}");
}
