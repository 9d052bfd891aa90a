//! What we give to the programs of a stack, read by those programs themselves: the collector's configuration, and a
//! tenant's dashboard by what it asks.
//!
//! Not part of a plain `cargo test`, because the programs are built first: `scripts/test.sh parts`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::float_arithmetic, reason = "shares that Prometheus answers with, no money")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use operator::desired::config;

#[path = "parts/dashboard.rs"]
mod dashboard;

/// A program, built when it is not there yet.
fn built(program: &str) -> PathBuf {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("scripts");
    let command = match program {
        "prometheus" => {
            Command::new(scripts.join("ground")).args(["build", "--part", "prometheus"]).output()
        }
        other => Command::new(scripts.join(other)).output(),
    };
    let output = command.expect("the script runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let path = PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim());
    if program == "prometheus" { path.join(program) } else { path }
}

fn validate(name: &str, config: &str) -> Output {
    let file = std::env::temp_dir().join(format!("{name}-{}.yaml", std::process::id()));
    std::fs::write(&file, config).unwrap();
    let output = Command::new(built("otelcol"))
        .args(["validate", "--config"])
        .arg(&file)
        .envs([("MY_POD_IP", "127.0.0.1"), ("TENANT_ID", "acme")])
        .output()
        .expect("the collector runs");
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
