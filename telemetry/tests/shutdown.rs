//! The stop token, and the signals that a process gets.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::process::Command;

use telemetry::shutdown::{Shutdown, signal};

#[tokio::test]
async fn every_clone_hears_of_a_cancel_before_and_after() {
    let stop = Shutdown::new();
    let before = tokio::spawn(stop.cancelled());
    let clone = stop.clone();
    assert!(!clone.is_cancelled());

    stop.cancel();
    stop.cancel();
    before.await.unwrap();
    assert!(clone.is_cancelled());
    drop(stop);
    clone.cancelled().await;
}

#[tokio::test]
async fn waiting_does_not_depend_on_who_keeps_the_token() {
    let stop = Shutdown::new();
    let waits = stop.cancelled();
    let child = stop.clone();
    drop(stop);
    child.cancel();
    drop(child);
    waits.await;
}

#[tokio::test]
async fn a_signal_counts_from_the_call_on() {
    for name in ["TERM", "INT"] {
        let signalled = signal().unwrap();
        // Sent and handled before the future is polled.
        let kill = format!("kill -{name} {}", std::process::id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        assert_eq!(signalled.await, format!("SIG{name}"));
    }
}
