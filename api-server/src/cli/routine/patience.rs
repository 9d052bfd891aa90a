//! For how long a round tries while the server is busy or away.

use std::time::{Duration, Instant};

/// How long to wait before a request is sent again, where the server does not say.
const AGAIN: Duration = Duration::from_secs(2);
/// The longest wait, whatever it says.
const LONGEST: Duration = Duration::from_secs(60);

/// Until when it tries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience(Instant);

impl Patience {
    /// For so many seconds from now.
    pub(super) fn of(seconds: u64) -> Self {
        Self(Instant::now() + Duration::from_secs(seconds))
    }

    /// Waits as the server told in `Retry-After`; `false`, at once, where that would take longer than there is.
    pub(super) async fn lasts(self, told: Option<Duration>) -> bool {
        let wait = told.unwrap_or(AGAIN).min(LONGEST);
        if Instant::now() + wait >= self.0 {
            return false;
        }
        tokio::time::sleep(wait).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_would_take_longer_than_there_is_is_not_waited_for() {
        let (patience, since) = (Patience::of(30), Instant::now());
        assert!(!patience.lasts(Some(Duration::from_secs(3_600))).await, "a minute is too long");
        assert!(!Patience::of(1).lasts(None).await);
        assert!(since.elapsed() < Duration::from_secs(20));
        assert!(patience.lasts(Some(Duration::from_millis(30))).await);
        assert!(since.elapsed() >= Duration::from_millis(30));
    }
}
