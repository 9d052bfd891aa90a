//! Ports that are chosen now and bound later.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// A port that stays free while nobody of ours has it: below those that the system gives to whoever asks for any.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number =
            std::process::id().wrapping_mul(131).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(20_000 + number % 12_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
