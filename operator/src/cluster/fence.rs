//! No write after the lease may have passed to somebody else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::ApiError;

/// Until when this process may write. Closed until the lease is held. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Fence {
    start: Instant,
    /// Milliseconds after `start`.
    until: Arc<AtomicU64>,
}

impl Default for Fence {
    fn default() -> Self {
        Self { start: Instant::now(), until: Arc::default() }
    }
}

impl Fence {
    /// Writes are allowed until `instant`: well before the lease can expire. A process that was
    /// frozen meanwhile finds the fence closed when it wakes.
    pub fn open_until(&self, instant: Instant) {
        self.until.store(self.millis(instant), Ordering::SeqCst);
    }

    /// No more writes.
    pub fn close(&self) {
        self.until.store(0, Ordering::SeqCst);
    }

    /// How long writes are still allowed.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        let now = self.millis(Instant::now());
        Duration::from_millis(self.until.load(Ordering::SeqCst).saturating_sub(now))
    }

    /// # Errors
    /// [`ApiError::Fenced`] when writing is not allowed.
    pub fn check(&self) -> Result<(), ApiError> {
        if self.remaining().is_zero() { Err(ApiError::Fenced) } else { Ok(()) }
    }

    fn millis(&self, instant: Instant) -> u64 {
        u64::try_from(instant.saturating_duration_since(self.start).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_until_opened_and_after_its_time() {
        let fence = Fence::default();
        assert_eq!(fence.check(), Err(ApiError::Fenced));
        fence.open_until(Instant::now() + Duration::from_secs(60));
        assert_eq!(fence.check(), Ok(()));
        fence.open_until(Instant::now());
        assert_eq!(fence.check(), Err(ApiError::Fenced));
    }
}
