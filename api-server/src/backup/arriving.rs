//! A backup on its way in, piece by piece.

use std::time::Duration;

use axum::body::Bytes;
use futures::{Stream, StreamExt};
use sha2::{Digest, Sha256};

use super::vault::{Announced, NotKept};

/// How long the next bytes of one may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(15);

/// What arrives, counted and summed.
pub(super) struct Arriving<B> {
    body: B,
    largest: u64,
    bytes: u64,
    hash: Sha256,
}

impl<B: Stream<Item = Result<Bytes, NotKept>> + Unpin> Arriving<B> {
    pub(super) fn new(body: B, largest: u64) -> Self {
        Self { body, largest, bytes: 0, hash: Sha256::new() }
    }

    /// The next piece; `None` when it has ended.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, NotKept> {
        let some = tokio::time::timeout(ARRIVAL, self.body.next()).await;
        let Some(some) = some.map_err(|_| NotKept::Late)?.transpose()? else { return Ok(None) };
        self.bytes += some.len() as u64;
        if self.bytes > self.largest {
            return Err(NotKept::TooLarge(self.largest));
        }
        self.hash.update(&some);
        Ok(Some(some))
    }

    /// How much of it has arrived.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How much it was, if it is what was announced.
    pub(super) fn whole(self, announced: &Announced) -> Result<u64, NotKept> {
        let same = <[u8; 32]>::from(self.hash.finalize()) == announced.sha256;
        same.then_some(self.bytes).ok_or(NotKept::Damaged)
    }
}
