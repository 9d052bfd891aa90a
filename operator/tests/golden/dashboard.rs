//! The dashboard that a tenant's Grafana shows, held to what its own makers' linter asks for.

use std::collections::BTreeSet;

use operator::desired::config;
use serde_json::Value;

fn dashboard() -> Value {
    serde_json::from_str(config::STACK_DASHBOARD).unwrap()
}

#[test]
fn it_is_provisioned_as_it_is() {
    let dashboard = dashboard();
    assert_eq!(dashboard["schemaVersion"], 42);
    assert_eq!(dashboard["editable"], false);
    assert_eq!(dashboard["id"], Value::Null);
    assert_eq!(dashboard["uid"], "tenantry-stack");
    assert!(dashboard.get("__inputs").is_none(), "they do not resolve under file provisioning");
    let data_source = &dashboard["templating"]["list"][0];
    assert_eq!(data_source["name"], "datasource");
    assert_eq!(data_source["label"], "Data source");
}

#[test]
fn every_panel_says_what_it_shows_and_in_which_unit() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    let mut cells = BTreeSet::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its id is taken");
        assert!(!title.is_empty() && panel["description"].as_str().unwrap().len() > 20, "{title}");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title}: no unit");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title}");
        for target in targets {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            let expr = target["expr"].as_str().unwrap();
            let range = panel["type"] == "timeseries" && expr.contains("rate(");
            assert_eq!(range, expr.contains("$__rate_interval"), "{title}: {expr}");
        }
        let place = |side: &str| panel["gridPos"][side].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{title}: beyond the grid");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(cells.insert((x, y)), "{title}: lies over another panel");
            }
        }
    }
}

/// Both sides of each hand-over name the same thing: data source, folder of dashboards, addresses.
#[test]
fn the_provisioning_files_fit_together() {
    let read = |text: &str| -> Value { serde_saphyr::from_str(text).unwrap() };
    let source = &read(config::DATASOURCES)["datasources"][0];
    assert_eq!(source["uid"], "prometheus");
    assert_eq!(source["url"], "http://tenantry-metrics:9090");
    assert_eq!(dashboard()["templating"]["list"][0]["query"], source["type"]);
    let provider = &read(config::DASHBOARDS)["providers"][0];
    assert_eq!(provider["options"]["path"], "/etc/grafana/provisioning/json");
    let prometheus = read(config::PROMETHEUS);
    let interval = &prometheus["global"]["scrape_interval"];
    assert_eq!(source["jsonData"]["timeInterval"], *interval, "it drives $__rate_interval");
    let targets: Vec<&Value> = prometheus["scrape_configs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| &job["static_configs"][0]["targets"][0])
        .collect();
    assert_eq!(targets, ["tenantry-collector:8889", "tenantry-collector:8888"]);
}

/// A stamp by the sender must not survive, and pressure must be met before anything is kept.
#[test]
fn the_collector_stamps_the_tenant_itself() {
    let collector: Value = serde_saphyr::from_str(config::COLLECTOR).unwrap();
    let stamp = &collector["processors"]["resource"]["attributes"][0];
    assert_eq!(stamp["key"], "tenant.id");
    assert_eq!(stamp["value"], "${env:TENANT_ID}");
    assert_eq!(stamp["action"], "upsert");
    for (name, pipeline) in collector["service"]["pipelines"].as_object().unwrap() {
        let processors = &pipeline["processors"];
        assert_eq!(processors[0], "memory_limiter", "{name}");
        assert!(processors.as_array().unwrap().contains(&"resource".into()), "{name}");
    }
}
