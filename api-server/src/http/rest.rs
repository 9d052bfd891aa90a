//! What is left of a body when its answer is there.
//!
//! An answer may come before the body has been read: no room, no budget, no token. The connection is
//! closed after such an answer, and a client that is still sending then sees a reset and perhaps
//! never the answer. So a rest that is short is read and dropped before the answer goes out.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

/// How much is read for nothing, in bytes; whoever sends more may see a reset.
const MOST: u64 = 1024 * 1024;
/// How long it is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// A body that whoever answers reads from, and that can be looked at afterwards. Clones are the same.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Body>>);

impl Shared {
    pub(super) fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(body)))
    }

    fn lock(&self) -> MutexGuard<'_, Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads and drops what is left, if it is known to be little and comes soon.
    pub(super) async fn drain(self) {
        let left = self.size_hint().exact().unwrap_or_default();
        if !(1..=MOST).contains(&left) {
            return;
        }
        let mut body = self;
        let read = async {
            while poll_fn(|context| Pin::new(&mut body).poll_frame(context))
                .await
                .is_some_and(|frame| frame.is_ok())
            {}
        };
        // Who does not send what was promised is cut off.
        let _late = tokio::time::timeout(PATIENCE, read).await.is_err();
    }
}

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.lock()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.lock().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().size_hint()
    }
}
