use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::mpsc,
};

use crds::Tenant;

use super::*;

/// Takes every request, answers with its body, and says its method and the event's note.
fn api_server() -> (Client, mpsc::Receiver<(String, String)>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (seen, requests) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut got = Vec::new();
            let (head, body) = loop {
                let mut part = [0; 4096];
                let n = stream.read(&mut part).unwrap();
                got.extend_from_slice(&part[..n]);
                let text = String::from_utf8(got.clone()).unwrap();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head.lines().find_map(|l| {
                    l.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
                });
                if body.len() >= length.unwrap() {
                    break (head.to_owned(), body.to_owned());
                }
            };
            let event: serde_json::Value = serde_json::from_str(&body).unwrap();
            let method = head.split(' ').next().unwrap().to_owned();
            seen.send((method, event["note"].as_str().unwrap().to_owned())).unwrap();
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            )
            .unwrap();
        }
    });
    let config = kube::Config::new(url.parse().unwrap());
    (Client::try_from(config).unwrap(), requests)
}

#[tokio::test]
async fn drifts_of_different_parts_are_different_events() {
    let (client, requests) = api_server();
    let events = Events::new(client, "test");
    let mut tenant = Tenant::default();
    tenant.metadata.name = Some("acme".to_owned());
    let core = Key::new(Kind::Deployment, "core");
    let other = Key::new(Kind::Deployment, "voice");
    for (key, field) in [
        (&core, Some("spec.replicas")),
        (&core, Some("spec.paused")),
        (&other, Some("spec.replicas")),
        (&core, None),
        (&core, Some("spec.replicas")),
    ] {
        let part = part("tenant-acme", key, field);
        events.normal_of_part(&tenant, part, "DriftCorrected", &format!("{key} {field:?}")).await;
    }
    let methods: Vec<String> = requests.try_iter().map(|(method, _)| method).collect();
    assert_eq!(methods, ["POST", "POST", "POST", "POST", "PATCH"], "the last is counted");
}

#[tokio::test]
async fn a_long_note_is_cut_at_a_character() {
    let (client, requests) = api_server();
    Events::new(client, "test").warning(&Tenant::default(), "Rejected", &"é".repeat(900)).await;
    let (_, note) = requests.try_recv().unwrap();
    assert_eq!(note.len(), 1000);
}
