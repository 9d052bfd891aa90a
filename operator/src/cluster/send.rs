//! Sending one request: past the fence when it writes, counted, and given up when nobody answers.

use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::{error::Elapsed, timeout};

use super::{ApiError, Cluster};
use crate::{object::Key, queue};

/// How long the API server may take for an answer: less than a reconciliation may take, so that the
/// status still says what is waited for.
const ANSWER: Duration = Duration::from_secs(10);

/// After this long without an answer the work that waits for it gives its slot to others.
const PATIENCE: Duration = Duration::from_secs(2);

/// A request, or why there is none.
type Built = Result<http::Request<Vec<u8>>, kube::core::request::Error>;

impl Cluster {
    pub(super) async fn write<T: DeserializeOwned>(
        &self,
        request: Built,
        verb: &'static str,
        key: &Key,
    ) -> Result<T, ApiError> {
        self.fence.check()?;
        self.metrics.write(verb, key.kind.resource().plural);
        self.send(request, verb, key).await
    }

    pub(super) async fn write_custom<T: DeserializeOwned>(
        &self,
        request: Built,
        verb: &'static str,
        resource: &'static str,
    ) -> Result<T, ApiError> {
        self.fence.check()?;
        self.metrics.write(verb, resource);
        self.ask(request, verb, resource, None).await
    }

    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        request: Built,
        verb: &'static str,
        key: &Key,
    ) -> Result<T, ApiError> {
        self.ask(request, verb, key.kind.resource().plural, Some(key)).await
    }

    async fn answer<T: DeserializeOwned>(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<kube::Result<T>, Elapsed> {
        let answer = self.client.request(request);
        tokio::pin!(answer);
        if let Ok(answer) = timeout(PATIENCE, answer.as_mut()).await {
            return Ok(answer);
        }
        let _beside = queue::step_aside();
        timeout(ANSWER - PATIENCE, answer).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        request: Built,
        verb: &'static str,
        resource: &'static str,
        key: Option<&Key>,
    ) -> Result<T, ApiError> {
        let request = request.map_err(|e| ApiError::Rejected(e.to_string()))?;
        match self.answer(request).await {
            Ok(answer) => answer.map_err(|e| ApiError::from_kube(e, verb, resource, key)),
            Err(_) => {
                let what = key.map_or_else(|| resource.to_owned(), ToString::to_string);
                let seconds = ANSWER.as_secs();
                Err(ApiError::Transient(format!("{verb} {what}: no answer within {seconds} s")))
            }
        }
    }
}
