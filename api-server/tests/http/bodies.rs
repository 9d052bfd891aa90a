//! Every malformed body has its own answer: code, place, remedy.

use std::io::Write;
use std::process::{Command, Stdio};

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::echo::{ask, order};

const JSON: &str = "application/json";

/// The status, the code of the type, and the only error's pointer and code.
async fn refusal(body: impl Into<Body>) -> (u16, String, String, String) {
    let (status, body) = order(JSON, body).await;
    let code = body["type"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let error = &body["errors"][0];
    assert!(!error["detail"].as_str().unwrap_or_default().is_empty(), "{body}");
    let text = |name: &str| error[name].as_str().unwrap().to_owned();
    (status.as_u16(), code, text("pointer"), text("code"))
}

fn refused(code: &str, pointer: &str, error: &str) -> (u16, String, String, String) {
    (400, code.to_owned(), pointer.to_owned(), error.to_owned())
}

#[tokio::test]
async fn a_good_body_is_taken() {
    let body = json!({"name": "x", "count": 3, "lines": [{"a/b~c": -1}], "mode": "dry"});
    for media_type in [
        JSON,
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
    ] {
        assert_eq!(
            order(media_type, body.to_string()).await,
            (StatusCode::OK, body.clone()),
            "{media_type}"
        );
    }
}

#[tokio::test]
async fn another_media_type_is_415_and_names_the_right_one() {
    for media_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "application/json; charset=latin1",
        "application/json, text/plain",
        "",
    ] {
        let (status, body) = order(media_type, "{\"name\":\"x\"}").await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{media_type}");
        assert_eq!(body["type"], "https://tenantry.dev/problems/unsupported-media-type");
        assert!(body["detail"].as_str().unwrap().contains("application/json"), "{body}");
    }
}

#[tokio::test]
async fn no_media_type_or_two_are_415() {
    let none = Request::post("/order").body(Body::from("{}")).unwrap();
    assert_eq!(ask(none).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let two =
        Request::post("/order").header("content-type", JSON).header("content-type", "text/plain");
    assert_eq!(
        ask(two.body(Body::from("{}")).unwrap()).await.0,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
}

#[tokio::test]
async fn an_empty_or_cut_body_is_truncated() {
    for body in ["", "{", "{\"name\":\"x", "{\"name\":", "[1,", "{\"name\":\"x\""] {
        assert_eq!(refusal(body).await, refused("invalid-json", "", "truncated"), "{body}");
    }
}

#[tokio::test]
async fn what_is_not_json_is_said_so() {
    for body in [
        "x",
        "{'name':1}",
        "{\"name\":\"x\"} {}",
        "\u{feff}{}",
        "{\"count\":1e999}",
        "{\"name\":\"\\ud800\"}",
        "NaN",
        "// c\n{}",
    ] {
        assert_eq!(refusal(body).await, refused("invalid-json", "", "not_json"), "{body}");
    }
}

#[tokio::test]
async fn other_encodings_are_not_utf8() {
    let utf16: Vec<u8> = "{\"name\":\"é\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(refusal(utf16).await.1, "invalid-json");
    let latin1 = b"{\"name\":\"\xe9\"}".to_vec();
    assert_eq!(refusal(latin1).await, refused("invalid-json", "", "not_utf8"));
    let overlong = b"{\"name\":\"\xc0\xaf\"}".to_vec();
    assert_eq!(refusal(overlong).await, refused("invalid-json", "", "not_utf8"));
}

#[tokio::test]
async fn a_key_given_twice_is_refused_where_it_stands() {
    let top = "{\"name\":\"x\",\"name\":\"y\"}";
    assert_eq!(refusal(top).await, refused("invalid-json", "/name", "duplicate_key"));
    let inner = "{\"name\":\"x\",\"lines\":[{\"a/b~c\":1},{\"a/b~c\":1,\"a/b~c\":2}]}";
    assert_eq!(refusal(inner).await, refused("invalid-json", "/lines/1/a~1b~0c", "duplicate_key"));
}

#[tokio::test]
async fn deep_nesting_is_refused_before_it_is_parsed() {
    for depth in [17, 10_000] {
        let body = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(refusal(body).await, refused("invalid-json", "", "too_deep"), "{depth}");
    }
}

#[tokio::test]
async fn a_body_that_becomes_much_in_memory_is_refused_before_it_is_parsed() {
    let body = format!("[{}]", vec!["{}"; 20_000].join(","));
    let (status, code, _, error) = refusal(body).await;
    assert_eq!((status, &*code, &*error), (413, "too-large", "too_many_values"));
}

#[tokio::test]
async fn a_field_that_is_not_known_is_named() {
    assert_eq!(
        refusal(r#"{"name":"x","nmae":"y"}"#).await,
        refused("invalid-request", "/nmae", "unknown_field")
    );
    let inner = r#"{"name":"x","lines":[{"a/b~c":1,"x":2}]}"#;
    assert_eq!(refusal(inner).await, refused("invalid-request", "/lines/0/x", "unknown_field"));
}

#[tokio::test]
async fn a_field_that_is_missing_is_named() {
    assert_eq!(refusal("{}").await, refused("invalid-request", "/name", "missing"));
    assert_eq!(
        refusal(r#"{"name":"x","lines":[{}]}"#).await,
        refused("invalid-request", "/lines/0/a~1b~0c", "missing")
    );
}

#[tokio::test]
async fn a_field_of_another_type_is_named() {
    for (body, pointer) in [
        (r#"{"name":7}"#, "/name"),
        (r#"{"name":null}"#, "/name"),
        (r#"{"name":"x","count":"3"}"#, "/count"),
        (r#"{"name":"x","count":1.5}"#, "/count"),
        (r#"{"name":"x","lines":[{"a/b~c":1},{"a/b~c":"1"}]}"#, "/lines/1/a~1b~0c"),
        (r#"{"name":"x","lines":{}}"#, "/lines"),
        ("[]", "/name"),
        ("\"x\"", ""),
    ] {
        let (status, code, at, error) = refusal(body).await;
        assert_eq!((status, code.as_str()), (400, "invalid-request"), "{body}");
        if body != "[]" {
            assert_eq!((at.as_str(), error.as_str()), (pointer, "wrong_type"), "{body}");
        }
    }
}

#[tokio::test]
async fn a_value_out_of_range_is_named() {
    for count in ["-1", "4294967296", "99999999999999999999"] {
        let (status, _, pointer, _) = refusal(format!(r#"{{"name":"x","count":{count}}}"#)).await;
        assert_eq!((status, pointer.as_str()), (400, "/count"), "{count}");
    }
    let (_, _, pointer, code) = refusal(r#"{"name":"x","mode":"damp"}"#).await;
    assert_eq!((pointer.as_str(), code.as_str()), ("/mode", "invalid_value"));
}

#[tokio::test]
async fn a_command_may_have_64_kib_and_not_a_byte_more() {
    let padded = |size: usize| {
        let frame = json!({"name": ""}).to_string().len();
        json!({"name": "x".repeat(size - frame)}).to_string()
    };
    assert_eq!(order(JSON, padded(64 * 1024)).await.0, StatusCode::OK);
    let (status, body) = order(JSON, padded(64 * 1024 + 1)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(body["detail"].as_str().unwrap().contains("65536"), "{body}");
}

#[tokio::test]
async fn a_body_that_says_it_is_too_long_is_not_read() {
    let request =
        Request::post("/order").header("content-type", JSON).header("content-length", "9000000");
    let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let (status, _, body) = ask(request.body(never).unwrap()).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{body}");
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["status"], 413);
}

/// Packed by the system's gzip.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = Command::new("gzip")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = gzip.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&bytes).unwrap());
    let output = gzip.wait_with_output().unwrap();
    writer.join().unwrap();
    output.stdout
}

async fn order_packed(encoding: &str, body: Vec<u8>) -> (StatusCode, Value) {
    let request =
        Request::post("/order").header("content-type", JSON).header("content-encoding", encoding);
    let (status, _, body) = ask(request.body(Body::from(body)).unwrap()).await;
    (status, serde_json::from_str(&body).unwrap())
}

#[tokio::test]
async fn a_packed_body_is_unpacked() {
    let (status, body) = order_packed("gzip", packed(br#"{"name":"packed"}"#)).await;
    assert_eq!((status, &body["name"]), (StatusCode::OK, &json!("packed")));
}

#[tokio::test]
async fn a_bomb_is_unpacked_no_further_than_the_limit() {
    let bomb = packed(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 128 * 1024, "{} bytes", bomb.len());
    let (status, body) = order_packed("gzip", bomb).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{body}");
}

#[tokio::test]
async fn a_body_that_is_not_packed_as_it_says_is_400() {
    let whole = packed(br#"{"name":"packed"}"#);
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0xff;
    for body in [b"{}".to_vec(), whole[..whole.len() - 9].to_vec(), flipped] {
        let (status, body) = order_packed("gzip", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    }
}

#[tokio::test]
async fn other_packings_are_415() {
    for encoding in ["br", "deflate", "zstd", "gzip, gzip", "x"] {
        let (status, body) = order_packed(encoding, b"{}".to_vec()).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{encoding}: {body}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_400() {
    let parts = [Ok(b"{\"name\":".to_vec()), Err(std::io::Error::other("gone"))];
    let request = Request::post("/order").header("content-type", JSON);
    let body = Body::from_stream(futures::stream::iter(parts));
    let (status, _, body) = ask(request.body(body).unwrap()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body.contains("incomplete-body"), "{body}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_408() {
    let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let (status, body) = order(JSON, never).await;
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(body["type"], "https://tenantry.dev/problems/request-timeout");
}
