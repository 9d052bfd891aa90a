//! The chart's objects for a Prometheus operator, on a real API server: without its definitions nothing is
//! installed, with those of the pinned release (`scripts/definitions`) they are taken to the letter.

use std::process::Command;

use serde_json::{Value, json};

use crate::{
    helm::{self, chart, objects, prints, refuses, template, values},
    life::Release,
    rendering::MONITORING,
    support::{Lab, lab::SYSTEM},
};

const GROUP: &str = "monitoring.coreos.com/v1";

/// Where objects of a kind are made on trial: a field that the definition does not have is a fault.
fn trial(object: &Value) -> String {
    let plural = format!("{}s", object["kind"].as_str().expect("a kind").to_lowercase());
    format!("/apis/{GROUP}/namespaces/{SYSTEM}/{plural}?dryRun=All&fieldValidation=Strict")
}

/// The API server's answer to an object: nothing, or what is wrong with it.
async fn fault(lab: &Lab, object: &Value) -> Option<String> {
    let answer = lab.api.send("POST", &trial(object), "application/json", object).await;
    answer.err().map(|refused| refused.to_string())
}

/// The pinned definitions, in force.
fn define(lab: &Lab) {
    let script = helm::root().join("scripts/definitions");
    let output = Command::new(script).output().expect("scripts/definitions runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let file = lab.ground.path("definitions.yaml");
    std::fs::write(&file, output.stdout).expect("written");
    // They may be too large for what a client-side apply keeps of them.
    lab.ground.kubectl(&["apply", "--server-side", "-f", &file.to_string_lossy()]);
    for plural in ["podmonitors", "prometheusrules"] {
        let name = format!("crd/{plural}.monitoring.coreos.com");
        // kubectl takes a definition whose status is still empty for an error.
        let named = format!("--for=jsonpath={{.status.acceptedNames.plural}}={plural}");
        lab.ground.kubectl(&["wait", &named, &name, "--timeout=240s"]);
        lab.ground.kubectl(&["wait", "--for=condition=Established", &name, "--timeout=240s"]);
    }
}

/// What is changed of a good object, and a word of the answer.
const WRONG: [(&str, &str, &str, &str); 6] = [
    ("PodMonitor", "/spec/podMetricsEndpoints/0/interval", r#""often""#, "interval"),
    ("PodMonitor", "/spec/podMetricsEndpoints/0/pfad", r#""/metrics""#, "pfad"),
    ("PodMonitor", "/spec/selector", "null", "spec.selector"),
    ("PrometheusRule", "/spec/groups/0/rules/0/for", r#""a while""#, "for"),
    ("PrometheusRule", "/spec/groups/0/rules/0/sevrity", r#""page""#, "sevrity"),
    ("PrometheusRule", "/spec/groups/0/rules/0/expr", "null", "expr"),
];

/// An object with something else in one place.
fn with(object: &Value, place: &str, value: Value) -> Value {
    let mut changed = object.clone();
    let (parent, name) = place.rsplit_once('/').expect("a place");
    changed.pointer_mut(parent).unwrap_or_else(|| panic!("{place} of {object}"))[name] = value;
    changed
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_a_prometheus_operator_is_taken_by_its_definitions() {
    let lab = Lab::bare().await;
    let release = Release::on(&lab);
    let path = chart().to_string_lossy().into_owned();
    let arguments =
        ["install", "tenantry", &path, "--create-namespace", "--set=monitoring.enabled=true"];
    let said = refuses(&release.with_place(&arguments));
    assert!(said.contains("install the Prometheus operator first"), "{said}");
    let none = lab.api.get("deployments", SYSTEM, "tenantry-operator").await.unwrap_err();
    assert_eq!(none.code, 404);

    define(&lab);
    let bare = "--set=profiles.dev.install=false,profiles.prod.install=false";
    // Which kinds the cluster has, it says itself here.
    release.upgrade(&chart(), &[values("dev")], &[&MONITORING[1..], &[bare]].concat()).await;
    let collector = "--set=platform.collector.enabled=true,otlpEndpoint=";
    let all = prints(&template(&[MONITORING, &[collector]].concat()));
    let all: Vec<Value> =
        objects(&all).into_iter().filter(|object| object["apiVersion"] == GROUP).collect();
    let names: Vec<_> = all
        .iter()
        .map(|o| [&o["kind"], &o["metadata"]["name"]].map(|v| v.as_str().unwrap()))
        .collect();
    assert_eq!(
        names,
        [
            ["PodMonitor", "tenantry-api-server"],
            ["PodMonitor", "tenantry-collector"],
            ["PodMonitor", "tenantry-operator"],
            ["PodMonitor", "tenantry-gateways"],
            ["PrometheusRule", "tenantry-cluster"],
            ["PrometheusRule", "tenantry"],
        ]
    );
    for object in &all {
        // Those that Helm has made are there already: by another name they are new.
        let new = with(object, "/metadata/name", json!("on-trial"));
        assert_eq!(fault(&lab, &new).await, None, "{}", object["metadata"]["name"]);
    }
    for (kind, place, value, word) in WRONG {
        let good = all.iter().find(|object| object["kind"] == kind).expect("one of the kind");
        let good = with(good, "/metadata/name", json!("on-trial"));
        let changed = with(&good, place, serde_json::from_str(value).expect("JSON"));
        let said =
            fault(&lab, &changed).await.unwrap_or_else(|| panic!("{place} {value} is taken"));
        assert!(said.contains(word), "{place}: {said}");
    }
    let url = format!("/apis/{GROUP}/namespaces/{SYSTEM}/podmonitors/tenantry-gateways");
    let made = lab.api.send("GET", &url, "application/json", &Value::Null).await.expect("made");
    assert_eq!(made["spec"]["podMetricsEndpoints"][0]["followRedirects"], json!(false));
    assert_eq!(made["metadata"]["labels"]["release"], "prometheus");
}
