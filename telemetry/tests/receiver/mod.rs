//! An OTLP receiver that takes notes, for the tests of each program that sends.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Uri};

/// A request.
pub struct Note {
    pub path: String,
    /// Its content type.
    pub format: String,
    /// Empty when there is none.
    pub authorization: String,
    pub body: Vec<u8>,
}

/// All requests so far.
pub type Notes = Arc<Mutex<Vec<Note>>>;

async fn note(State(notes): State<Notes>, uri: Uri, headers: HeaderMap, body: Bytes) {
    let header = |name: &str| {
        headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    notes.lock().unwrap().push(Note {
        path: uri.path().to_owned(),
        format: header("content-type"),
        authorization: header("authorization"),
        body: body.to_vec(),
    });
}

/// A protobuf `KeyValue` with a short string, from its key on.
pub fn attribute(key: &str, value: &str) -> String {
    let length = u8::try_from(value.len()).unwrap();
    format!("{key}\u{12}{}\n{}{value}", char::from(length + 2), char::from(length))
}

pub fn contains(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|part| part == text.as_bytes())
}

/// Whether one request to `path` held all of `words`.
pub fn arrived(notes: &Notes, path: &str, words: &[&str]) -> bool {
    let all = |note: &Note| words.iter().all(|word| contains(&note.body, word));
    notes.lock().unwrap().iter().any(|note| note.path == path && all(note))
}

/// Starts it; answers its base URL.
pub async fn start(notes: &Notes) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/", listener.local_addr().unwrap());
    let receiver = Router::new().fallback(note).layer(DefaultBodyLimit::disable());
    let receiver = receiver.with_state(Arc::clone(notes));
    tokio::spawn(async { axum::serve(listener, receiver).await });
    endpoint
}
