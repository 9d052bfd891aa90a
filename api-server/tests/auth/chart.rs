//! The issuers' files that the chart renders and that the documents show are such as the server reads.

use std::{fs, path::Path};

use api_server::auth::issuer;
use serde_json::Value;

/// The file as it is in a golden rendering of the chart.
fn rendered(case: &str) -> String {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../operator/tests/chart/golden");
    let text = fs::read_to_string(golden.join(format!("{case}.yaml"))).unwrap();
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    let map = objects.iter().find(|object| object["kind"] == "ConfigMap").unwrap();
    map["data"]["issuers.yaml"].as_str().unwrap().to_owned()
}

/// The cluster's certificate is there in a pod only.
fn without_certificate(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("caFile:"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_documents_issuers_are_read() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api.md");
    let page = fs::read_to_string(page).unwrap();
    let marked = page.split(concat!("<!-- ", "yaml: issuers", " -->\n```yaml\n")).skip(1);
    let blocks: Vec<_> = marked.map(|rest| rest.split("\n```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 1);
    let issuers = issuer::read(&without_certificate(blocks[0])).unwrap();
    let kinds: Vec<_> = issuers.iter().map(issuer::Issuer::kind).collect();
    assert_eq!(kinds, [issuer::Kind::People, issuer::Kind::Kubernetes]);
}

#[test]
fn the_charts_issuers_are_read_as_meant() {
    // Fails only where another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cluster = ("https://kubernetes.default.svc.cluster.local", issuer::Kind::Kubernetes);
    let people = ("https://id.example.com", issuer::Kind::People);
    for (case, expected) in [("dev", vec![cluster]), ("prod-ha", vec![cluster, people])] {
        let text = rendered(case);
        assert!(text.contains("caFile: /var/run/secrets/tenantry/ca.crt"), "{text}");
        let issuers = issuer::read(&without_certificate(&text)).unwrap();
        let named: Vec<_> = issuers.iter().map(|issuer| (issuer.name(), issuer.kind())).collect();
        assert_eq!(named, expected, "{case}");
    }
}
