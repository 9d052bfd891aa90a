//! What programs that serve have in common: how they begin, follow what changes, and end.

use std::pin::pin;

use telemetry::Telemetry;
use telemetry::health::Check;
use telemetry::shutdown::Shutdown;
use tokio::sync::watch;

/// Serves with telemetry, whose rest is sent at the end.
pub(super) async fn with(
    telemetry: Telemetry,
    serve: impl AsyncFnOnce(&Telemetry) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    telemetry.build_info(&[]);
    let result = Box::pin(serve(&telemetry)).await;
    telemetry.shutdown().await;
    result
}

/// Works until it is told to stop, and then until all parts have ended. A part that ends by itself ends
/// the program.
pub(super) async fn until_signalled(
    mut work: impl Future<Output = ()> + Unpin,
    signalled: impl Future<Output = &'static str>,
    serving: &Check,
    stop: &Shutdown,
) -> anyhow::Result<()> {
    tokio::select! {
        () = &mut work => Err(anyhow::anyhow!("a part of the program ended by itself")),
        signal = signalled => {
            tracing::info!(signal, "draining");
            serving.failing("stopping");
            stop.cancel();
            work.await;
            Ok(())
        }
    }
}

/// Tells of what changes, now and whenever it does, until it is time to stop.
pub(super) async fn follow<T: Clone>(
    mut changes: watch::Receiver<T>,
    stop: Shutdown,
    tell: impl Fn(T),
) {
    let mut stopped = pin!(stop.cancelled());
    loop {
        let now = changes.borrow_and_update().clone();
        tell(now);
        tokio::select! {
            () = &mut stopped => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}
