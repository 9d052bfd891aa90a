//! A real port: connections, headers, overload, drain.

use std::time::Duration;

use api_server::http::layers::Limits;
use api_server::http::server::Patience;
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::echo::{Running, client};

/// Sends bytes as they are and reads until the server closes.
async fn raw(server: &Running, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is as good an end as any.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn status_line(answer: &str) -> &str {
    answer.lines().next().unwrap_or_default()
}

#[tokio::test]
async fn requests_are_answered_over_a_kept_connection() {
    let server = Running::plain().await;
    let client = client();
    for _ in 0..3 {
        let answer = client.get(server.url("/peer")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.text().await.unwrap(), "127.0.0.1");
    }
}

#[tokio::test]
async fn who_sends_headers_slowly_is_cut_off() {
    let patience = Patience { headers: Duration::from_millis(100), ..Patience::default() };
    let server = Running::start(patience, Limits::default()).await;
    // The server ends this; without its timer the test would never end.
    let answer = raw(&server, b"GET /peer HTTP/1.1\r\nhost: x\r\nx-slow: ").await;
    assert!(answer.is_empty() || status_line(&answer).contains("408"), "{answer}");
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let patience = Patience { headers: Duration::from_millis(100), ..Patience::default() };
    let server = Running::start(patience, Limits::default()).await;
    let answer = raw(&server, b"GET /peer HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(status_line(&answer).contains("200"), "{answer}");
    let nothing = raw(&server, b"").await;
    assert!(nothing.is_empty() || status_line(&nothing).contains("408"), "{nothing}");
}

#[tokio::test]
async fn too_many_or_too_large_headers_are_431() {
    let server = Running::plain().await;
    let many: String = (0..100).map(|n| format!("x-{n}: 1\r\n")).collect();
    let large = format!("x-large: {}\r\n", "x".repeat(100 * 1024));
    for headers in [many, large] {
        let answer =
            raw(&server, format!("GET /peer HTTP/1.1\r\nhost: x\r\n{headers}\r\n").as_bytes())
                .await;
        assert!(
            answer.is_empty() || status_line(&answer).contains("431"),
            "{}",
            status_line(&answer)
        );
    }
}

#[tokio::test]
async fn what_is_not_http_is_closed() {
    let server = Running::plain().await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"rubbish\r\n\r\n",
        b"GET /peer HTTP/1.1\r\nhost: x\r\nbad header: 1\r\n\r\n",
        b"GET /peer HTTP/1.1\r\nhost: x\r\nx: a\0b\r\n\r\n",
        b"GET /peer HTTP/1.1\r\nhost: x\r\n folded: 1\r\n\r\n",
        b"POST /order HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        b"POST /order HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n{}",
        b"POST /order HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n{}",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let answer = raw(&server, bytes).await;
        assert!(
            !status_line(&answer).contains("200"),
            "{:?}: {answer}",
            String::from_utf8_lossy(bytes)
        );
    }
    assert_eq!(client().get(server.url("/peer")).send().await.unwrap().status(), StatusCode::OK);
}

/// Both lengths at once is how requests are smuggled past a proxy.
#[tokio::test]
async fn a_length_beside_chunks_smuggles_nothing() {
    let server = Running::plain().await;
    let smuggled = b"POST /order HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n\
        GET /peer HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = raw(&server, smuggled).await;
    // The chunks end the first request; what follows is a request of its own or nothing, never
    // a body that hides one: as many answers as requests were seen, and the last one closes.
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert!(!answer.contains("127.0.0.1"), "{answer}");
}

/// The answer is there before the body is; whoever still sends must not lose it to a reset.
#[tokio::test]
async fn who_is_answered_early_may_send_the_rest() {
    let server = Running::plain().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = b"POST /nothing HTTP/1.1\r\nhost: x\r\ncontent-length: 800000\r\n\r\n";
    stream.write_all(head).await.unwrap();
    for _ in 0..8 {
        stream.write_all(&[b'x'; 100_000]).await.unwrap();
        tokio::task::yield_now().await;
    }
    // The same connection goes on: nothing was lost, nothing is left in it.
    stream.write_all(b"GET /peer HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.unwrap();
    assert!(status_line(&answers).contains("404"), "{answers}");
    assert!(answers.ends_with("127.0.0.1"), "{answers}");
}

#[tokio::test]
async fn a_rest_that_does_not_come_is_not_waited_for() {
    let server = Running::plain().await;
    let head = b"POST /nothing HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n";
    // The server ends this.
    let answer = raw(&server, head).await;
    assert!(status_line(&answer).contains("404"), "{answer}");
}

#[tokio::test]
async fn a_connection_too_many_waits_for_another_to_end() {
    let patience = Patience { connections: 1, ..Patience::default() };
    let server = Running::start(patience, Limits::default()).await;
    let first =
        tokio::spawn(client().get(server.url("/hold")).header("connection", "close").send());
    server.gate.held(1).await;
    let second = tokio::spawn(client().get(server.url("/peer")).send());
    server.gate.go.add_permits(1);
    assert_eq!(first.await.unwrap().unwrap().status(), StatusCode::OK);
    assert_eq!(second.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_request_too_many_is_503_at_once_and_says_when_to_come_back() {
    let limits = Limits { requests: 2, ..Limits::default() };
    let server = Running::start(Patience::default(), limits).await;
    let held: Vec<_> =
        (0..2).map(|_| tokio::spawn(client().get(server.url("/hold")).send())).collect();
    server.gate.held(2).await;
    let refused = client().get(server.url("/peer")).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert!(refused.text().await.unwrap().contains("problems/overloaded"));
    server.gate.go.add_permits(2);
    for request in held {
        assert_eq!(request.await.unwrap().unwrap().status(), StatusCode::OK);
    }
    assert_eq!(client().get(server.url("/peer")).send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn stopping_lets_every_request_under_way_have_its_answer() {
    let server = Running::plain().await;
    let held: Vec<_> =
        (0..50).map(|_| tokio::spawn(client().get(server.url("/hold")).send())).collect();
    server.gate.held(50).await;
    server.stop.cancel();
    let refused = async {
        while TcpStream::connect(server.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    refused.await;
    server.gate.go.add_permits(50);
    for request in held {
        let answer = request.await.unwrap().unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.text().await.unwrap(), "held\n");
    }
    server.ended.await.unwrap();
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever() {
    let patience = Patience { drain: Duration::from_millis(50), ..Patience::default() };
    let server = Running::start(patience, Limits::default()).await;
    let held = tokio::spawn(client().get(server.url("/hold")).send());
    server.gate.held(1).await;
    server.stop.cancel();
    server.ended.await.unwrap();
    assert!(held.await.unwrap().is_err());
}

#[tokio::test]
async fn idle_connections_do_not_hold_a_stop() {
    let server = Running::plain().await;
    let client = client();
    assert_eq!(
        client.get(server.url("/peer")).send().await.unwrap().text().await.unwrap(),
        "127.0.0.1"
    );
    server.stop.cancel();
    server.ended.await.unwrap();
}
