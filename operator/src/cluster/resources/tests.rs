use std::{
    io::{Read, Write},
    net::TcpListener,
};

use kube::Client;

use super::*;
use crate::{cluster::Fence, fixtures, metrics::Metrics, world::World};

/// Answers so, one request each, whatever is asked.
fn api_server(answers: Vec<(&'static str, Value)>) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (status, body) in answers {
            let mut stream = listener.accept().unwrap().0;
            let mut got = String::new();
            while !is_whole(&got) {
                let mut part = [0; 4096];
                let n = stream.read(&mut part).unwrap();
                got.push_str(&String::from_utf8_lossy(&part[..n]));
            }
            let body = body.to_string();
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            )
            .unwrap();
        }
    });
    Client::try_from(kube::Config::new(url.parse().unwrap())).unwrap()
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let lower = head.to_lowercase();
    let length = lower.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}

/// The watch that shows that a tenant is gone may come late, and somebody looks at it before.
#[tokio::test]
async fn a_finalizer_is_taken_away_once() {
    let mut tenant = fixtures::tenant();
    tenant.metadata.resource_version = Some("7".to_owned());
    tenant.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
    let mut after = tenant.clone();
    after.metadata.resource_version = Some("8".to_owned());
    after.metadata.finalizers = None;
    let gone = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "not found", "reason": "NotFound", "code": 404 });
    let client = api_server(vec![("200 OK", json!(after)), ("404 Not Found", gone)]);
    let (world, fence) = (World::default(), Fence::default());
    fence.open_until(std::time::Instant::now() + std::time::Duration::from_secs(60));
    world.put_tenant(tenant.clone());
    let metrics = Metrics::new(&opentelemetry::global::meter("test"));
    let cluster = Cluster::new(client, fence, world.clone(), metrics);
    assert!(cluster.set_finalizer(&tenant, false).await.unwrap());
    let known = world.tenant(&tenant.name_any()).unwrap();
    assert_eq!(known.finalizers(), [""; 0], "who looks at it again has nothing left to do");
    assert!(!cluster.set_finalizer(&tenant, false).await.unwrap(), "it was gone before");
}
