//! Stopping: who asks for it, and how every task hears of it.

use std::future::Future;
use std::io;

use tokio::signal::unix::{self, SignalKind};
use tokio::sync::watch;

/// A token that says "stop", once and for ever. A clone is the same token.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Sender<bool>);

impl Shutdown {
    /// A token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Says "stop" to all who wait, now or later. Saying it again changes nothing.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }

    /// Whether "stop" was said.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// Completes when "stop" is said, at once if it was. It borrows nothing, so that it can be given
    /// away.
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let token = self.clone();
        async move {
            // The only error is that all senders are gone, and `token` is one.
            let _ = token.0.subscribe().wait_for(|cancelled| *cancelled).await;
        }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

/// Catches SIGTERM and SIGINT from this call on. The future completes with the name of the first that
/// arrives, also if it arrived before the first poll.
///
/// From now on these signals no longer end the process by themselves. Call it again for a second
/// future, for example to let another Ctrl-C cut a slow shutdown short.
///
/// # Errors
///
/// When a handler cannot be installed.
///
/// # Panics
///
/// Outside a tokio runtime with I/O enabled.
pub fn signal() -> io::Result<impl Future<Output = &'static str> + Send> {
    let mut terminate = unix::signal(SignalKind::terminate())?;
    let mut interrupt = unix::signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}
