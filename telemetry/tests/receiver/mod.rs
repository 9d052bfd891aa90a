//! An OTLP receiver that takes notes.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};

/// Path, content type and body of each request.
pub type Notes = Arc<Mutex<Vec<(String, String, Vec<u8>)>>>;

async fn note(State(notes): State<Notes>, uri: Uri, headers: HeaderMap, body: Bytes) {
    let format = headers["content-type"].to_str().unwrap().to_owned();
    notes.lock().unwrap().push((uri.path().to_owned(), format, body.to_vec()));
}

/// A protobuf `KeyValue` with a short string, from its key on.
pub fn attribute(key: &str, value: &str) -> String {
    let length = u8::try_from(value.len()).unwrap();
    format!("{key}\u{12}{}\n{}{value}", char::from(length + 2), char::from(length))
}

pub fn contains(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|part| part == text.as_bytes())
}

/// Starts it; answers its base URL.
pub async fn start(notes: &Notes) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/", listener.local_addr().unwrap());
    let receiver = Router::new().fallback(note).with_state(Arc::clone(notes));
    tokio::spawn(async { axum::serve(listener, receiver).await });
    endpoint
}
