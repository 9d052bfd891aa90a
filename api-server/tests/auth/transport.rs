//! How a token may arrive: in one `Authorization` header, and in no other way.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};

use crate::fixture::{PROTECTED, person, send};

async fn status(lines: &[(&str, &[u8])]) -> StatusCode {
    let mut request = Request::get("/account");
    for (name, value) in lines {
        request = request.header(*name, HeaderValue::from_bytes(value).unwrap());
    }
    send(request.body(Body::empty()).unwrap()).await.0
}

#[tokio::test]
async fn the_scheme_is_bearer_in_any_case_and_one_space() {
    let token = person().token();
    for (prefix, good) in [
        ("Bearer ", true),
        ("bearer ", true),
        ("BEARER ", true),
        ("Bearer  ", false),
        ("Bearer\t", false),
        ("Bearer", false),
        ("", false),
        ("Basic ", false),
        ("Token ", false),
        ("Bearer:", false),
        ("Bearer Bearer ", false),
        ("DPoP ", false),
    ] {
        let expected = if good { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        let value = format!("{prefix}{token}");
        assert_eq!(status(&[("authorization", value.as_bytes())]).await, expected, "{prefix:?}");
    }
}

#[tokio::test]
async fn two_headers_or_two_tokens_are_none() {
    let value = format!("Bearer {}", person().token());
    let twice = [("authorization", value.as_bytes()), ("authorization", value.as_bytes())];
    assert_eq!(status(&twice).await, StatusCode::UNAUTHORIZED);
    for joined in [
        format!("{value}, {value}"),
        format!("{value} "),
        format!("{value} x"),
        format!("{value},"),
    ] {
        assert_eq!(status(&[("authorization", joined.as_bytes())]).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(status(&[("authorization", b"Bearer \xff\xfe")]).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_elsewhere_is_not_looked_at() {
    let token = person().token();
    let cookie = format!("token={token}; access_token={token}; Authorization=Bearer {token}");
    assert_eq!(status(&[("cookie", cookie.as_bytes())]).await, StatusCode::UNAUTHORIZED);
    for name in ["x-access-token", "proxy-authorization", "x-forwarded-access-token"] {
        let value = format!("Bearer {token}");
        assert_eq!(status(&[(name, value.as_bytes())]).await, StatusCode::UNAUTHORIZED, "{name}");
    }
    let request = Request::get(format!("/account?access_token={token}&token={token}"));
    let (refused, ..) = send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(refused, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn no_token_and_a_bad_one_differ_in_the_challenge_alone() {
    for path in PROTECTED {
        let (status, none, without) = send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let request = Request::get(path).header("authorization", "Bearer x.y.z");
        let (_, bad, with) = send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(none, bad);
        assert_eq!(without.headers()[header::WWW_AUTHENTICATE], "Bearer realm=\"tenantry\"");
        let challenge = with.headers()[header::WWW_AUTHENTICATE].to_str().unwrap();
        assert_eq!(challenge, "Bearer realm=\"tenantry\", error=\"invalid_token\"");
        assert_eq!(with.headers()[header::CONTENT_TYPE], "application/problem+json");
    }
}
