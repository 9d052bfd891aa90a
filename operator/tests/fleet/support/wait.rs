//! Waiting for a condition, never for a time.

use std::{
    fmt::Display,
    time::{Duration, Instant},
};

/// Generous: many tests share two cores. Nothing is judged by how long it took.
pub const BOUND: Duration = Duration::from_secs(240);
const PAUSE: Duration = Duration::from_millis(100);

/// Asks until the answer is `Ok`; panics with the last `Err` when the bound has passed.
pub async fn eventually<T, E: Display>(what: &str, ask: impl AsyncFnMut() -> Result<T, E>) -> T {
    within(BOUND, what, ask).await
}

/// The same with a bound of one's own.
pub async fn within<T, E: Display>(
    bound: Duration,
    what: &str,
    ask: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    match by(bound, ask).await {
        Ok(answer) => answer,
        Err(last) => panic!("waited {bound:?} for: {what}\nlast seen: {last}"),
    }
}

/// Asks until the answer is `Ok`; the last `Err` when the bound has passed.
pub async fn by<T, E>(bound: Duration, mut ask: impl AsyncFnMut() -> Result<T, E>) -> Result<T, E> {
    let started = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(last) if started.elapsed() > bound => return Err(last),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// `Ok` when it holds, else `Err` with what was seen: for [`eventually`].
pub fn holds(condition: bool, seen: impl Display) -> Result<(), String> {
    if condition { Ok(()) } else { Err(seen.to_string()) }
}
