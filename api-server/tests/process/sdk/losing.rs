//! A network that loses answers.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use crate::serving::client;

/// Hands each request on, and loses the answer to the first with each body.
pub struct Losing {
    pub url: String,
    heard: Arc<Mutex<Vec<Value>>>,
}

impl Losing {
    pub async fn before(url: &str) -> Self {
        let (target, heard) = (format!("{url}/usage/events"), Arc::new(Mutex::new(Vec::new())));
        let (bodies, answers) = (Arc::new(Mutex::new(HashSet::new())), heard.clone());
        let hand_on = move |mut headers: HeaderMap, body: Bytes| async move {
            for own in [header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
                headers.remove(own);
            }
            let request = client().post(&target).headers(headers).body(body.clone());
            let answer = request.send().await.unwrap();
            let (status, text) = (answer.status(), answer.text().await.unwrap());
            let said: Value = serde_json::from_str(&text).unwrap();
            let heard = json!([status.as_u16(), said["accepted"], said["duplicates"]]);
            answers.lock().unwrap().push(heard);
            match bodies.lock().unwrap().insert(body) {
                true => (StatusCode::SERVICE_UNAVAILABLE, String::new()),
                false => (status, text),
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(hand_on);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, heard }
    }

    /// Status, accepted and known events of each answer, also of the lost ones.
    pub fn answers(&self) -> Vec<Value> {
        self.heard.lock().unwrap().clone()
    }
}
