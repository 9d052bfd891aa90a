//! Budgets of strangers that come by proxies: each has its own, and nobody gets more by what it says of itself.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use api_server::http::origin::Proxies;
use api_server::http::server::{Patience, Peer, Server};
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use telemetry::shutdown::Shutdown;

use super::api::{Api, rates};

const PROXY: &str = "10.0.0.1";

fn ours() -> Proxies {
    Proxies::new(vec!["10.0.0.0/8".parse().unwrap()])
}

/// The price list, as `peer` asks for it with what it says of others.
async fn asks(api: &Api, peer: &str, forwarded: &str) -> StatusCode {
    let request = Request::get("/billing/plans").header("x-forwarded-for", forwarded);
    // Whoever has a budget of its own has it whatever else it says.
    let request = request.header("forwarded", format!("for={forwarded}"));
    let request = request.header("x-real-ip", "192.0.2.77").body(Body::empty());
    let mut request = request.unwrap();
    let peer = SocketAddr::new(peer.parse().unwrap(), 50_000);
    request.extensions_mut().insert(Peer(peer));
    api.send(request).await.status
}

/// Whether the second has the budget that the first has used up. Nobody comes twice in this file but for that.
async fn share(api: &Api, first: (&str, &str), second: (&str, &str)) -> bool {
    loop {
        let began = Instant::now();
        assert_eq!(asks(api, first.0, first.1).await, StatusCode::OK, "{first:?}");
        match asks(api, second.0, second.1).await {
            StatusCode::TOO_MANY_REQUESTS => return true,
            StatusCode::OK if began.elapsed() < Duration::from_millis(900) => return false,
            // A budget was whole again before the second came, which says nothing: once more, when both are.
            StatusCode::OK => tokio::time::sleep(Duration::from_millis(1100)).await,
            status => panic!("{second:?}: {status}"),
        }
    }
}

#[tokio::test]
async fn strangers_behind_a_trusted_proxy_have_budgets_of_their_own() {
    let api = Api::behind(rates(1), ours()).await;
    for (first, second) in [
        ((PROXY, "198.51.100.1"), (PROXY, "198.51.100.2")),
        ((PROXY, "198.51.100.3, 10.0.0.7"), (PROXY, "198.51.100.4, 10.0.0.7")),
        ((PROXY, "2001:db8:1:2::1"), (PROXY, "2001:db8:1:3::1")),
        ((PROXY, "192.0.2.1, 198.51.100.5"), (PROXY, "192.0.2.1, 198.51.100.6")),
    ] {
        assert!(!share(&api, first, second).await, "{first:?} {second:?}");
    }
    for (first, second) in [
        ((PROXY, "198.51.100.11"), (PROXY, "198.51.100.11")),
        // By one proxy, by two, by none.
        ((PROXY, "198.51.100.12"), ("10.0.0.9", "198.51.100.12, 10.0.0.7")),
        ((PROXY, "198.51.100.13"), ("198.51.100.13", "192.0.2.2")),
        // One customer has a /64.
        ((PROXY, "2001:db8:1:4::1"), (PROXY, "2001:db8:1:4:ffff::9")),
        ((PROXY, "2001:db8:1:5::1"), ("2001:db8:1:5::2", "192.0.2.2")),
    ] {
        assert!(share(&api, first, second).await, "{first:?} {second:?}");
    }
}

#[tokio::test]
async fn nobody_gets_a_second_budget_by_what_it_says() {
    let api = Api::behind(rates(1), ours()).await;
    for (n, made_up) in
        ["198.51.100.2", "10.0.0.1", "198.51.100.3, 10.0.0.1", "", "unknown"].iter().enumerate()
    {
        // Who is no proxy.
        let stranger = format!("203.0.113.{n}");
        let other = (stranger.as_str(), *made_up);
        assert!(share(&api, (&stranger, "198.51.100.1"), other).await, "{made_up:?}");
        // Who is behind one, and so names alone what stands before the end.
        let (honest, made_up) =
            (format!("198.51.100.10{n}"), format!("{made_up}, 198.51.100.10{n}"));
        assert!(share(&api, (PROXY, &honest), (PROXY, &made_up)).await, "{made_up:?}");
    }
    // Nor is it another's that is used up.
    let innocent = ("203.0.113.77", "198.51.100.88");
    assert!(!share(&api, innocent, (PROXY, "198.51.100.88")).await);
    // What cannot be read is the proxy's own, of which there is one.
    for (n, unreadable) in ["198.51.100.256", "a, b", ",", "198.51.100.1,"].iter().enumerate() {
        let proxy = format!("10.9.9.{n}");
        let other = (proxy.as_str(), *unreadable);
        assert!(share(&api, (&proxy, "unknown"), other).await, "{unreadable:?}");
    }
}

/// By a port, where the peer is who connects: trusted, then not.
#[tokio::test]
async fn the_peer_is_who_connects() {
    for (trusted, second) in [(true, StatusCode::OK), (false, StatusCode::TOO_MANY_REQUESTS)] {
        let proxies = if trusted { vec!["127.0.0.0/8".parse().unwrap()] } else { Vec::new() };
        let api = Api::behind(rates(1), Proxies::new(proxies)).await;
        let (server, stop) =
            (Server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap(), Shutdown::new());
        let url = format!("http://{}/billing/plans", server.local_addr());
        let ended = tokio::spawn(server.run(api.router.clone(), Patience::default(), stop.clone()));
        // Alone, nothing else has chosen one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let asks = async |from: &str| {
            let asked = client.get(&url).header("x-forwarded-for", from).send().await.unwrap();
            asked.status()
        };
        loop {
            let began = Instant::now();
            assert_eq!(asks("198.51.100.1").await, StatusCode::OK);
            let got = asks("198.51.100.2").await;
            if got == second {
                break;
            }
            // As above: too late for one budget to be used up.
            let late = got == StatusCode::OK && began.elapsed() > Duration::from_millis(900);
            assert!(late, "trusted: {trusted}: {got}");
            tokio::time::sleep(Duration::from_millis(1100)).await;
        }
        drop(client);
        stop.cancel();
        ended.await.unwrap();
    }
}
