//! The tenants in numbers, as a real operator tells them.

use serde_json::{Value, json};

use crate::{
    leader::{leads, two},
    support::{Lab, dev, eventually, holds, process::Operator, tenant, with},
};

/// What a program says of tenants, but for buckets and sums.
async fn told(operator: &Operator) -> Vec<String> {
    let text = operator.get("/metrics").await.unwrap_or_default();
    let ours = |line: &&str| {
        let names =
            ["tenant_count{", "tenant_ready{", "tenant_provisioning_duration_seconds_count{"];
        names.iter().any(|name| line.starts_with(name)) && !line.ends_with("} 0")
    };
    text.lines().filter(ours).map(str::to_owned).collect()
}

/// Waits until it says these, and of `tenant_ready` those.
async fn tells(operator: &Operator, words: &[&str], ready: &[(&str, u8)]) {
    let all: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let ready: Vec<String> = ready
        .iter()
        .map(|(account, value)| format!("tenant_ready{{tenant=\"{account}\"}} {value}"))
        .collect();
    eventually(&format!("{} tells {words:?} and {ready:?}", operator.identity), async || {
        let text = operator.get("/metrics").await.unwrap_or_default();
        let of_ready = text.lines().filter(|line| line.starts_with("tenant_ready{")).count();
        let told = told(operator).await;
        let counted = told.iter().filter(|line| !line.starts_with("tenant_ready{")).count();
        let there = |line: &String| text.lines().any(|told| told == line);
        let right = all.iter().chain(&ready).all(there);
        holds(right && of_ready == ready.len() && counted == all.len(), told.join("\n"))
    })
    .await;
}

fn account(tenant: &Value) -> String {
    tenant["status"]["accountId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn who_leads_tells_how_many_tenants_there_are_how_far_and_how_long_it_took() {
    let lab = Lab::own().await;
    let (first, second) = two(&lab).await;
    let runs = account(&lab.stack(dev("n-runs"), "n-runs").await);
    // One that never runs, and one of a profile that nobody has made.
    let crashes = with(dev("n-crash"), "/services/0/image", json!("tenantry.dev/fail/crash:1"));
    lab.apply(&[crashes, tenant("n-crash", "n-crash"), tenant("n-lost", "n-nobody")]).await;
    lab.says("n-crash", "Ready", "False", "CrashLoop").await;
    lab.says("n-lost", "Stalled", "True", "ProfileMissing").await;
    let crash = lab.tenant("n-crash").await;
    let (crashes, lost) = (account(&crash), lab.tenant("n-lost").await);
    let lost = lost["metadata"]["uid"].as_str().unwrap().to_owned();
    let timed =
        "tenant_provisioning_duration_seconds_count{outcome=\"ready\",profile=\"n-runs\"} 1";
    let stalled = "tenant_count{phase=\"stalled\",profile=\"other\"} 1";
    let ready = "tenant_count{phase=\"ready\",profile=\"n-runs\"} 1";
    let crashing = "tenant_count{phase=\"failing\",profile=\"n-crash\"} 1";
    let all = [(&*runs, 1), (&crashes, 0), (&lost, 0)];
    tells(&first, &[timed, stalled, ready, crashing], &all).await;
    let text = first.get("/metrics").await.unwrap();
    assert!(text.contains("tenant_count{phase=\"deleting\",profile=\"n-runs\"} 0"), "{text}");
    let text = second.get("/metrics").await.unwrap();
    assert!(text.contains("tenantry_operator_leader 0"), "{text}");
    assert!(!text.contains("\ntenant_"), "both together would count twice:\n{text}");

    // One goes before it ran.
    lab.api.delete("tenants", "", "n-crash").await.unwrap();
    lab.gone("tenants", "", "n-crash").await;
    let gone =
        "tenant_provisioning_duration_seconds_count{outcome=\"deleted\",profile=\"n-crash\"} 1";
    let all = [(&*runs, 1), (&lost, 0)];
    tells(&first, &[timed, gone, stalled, ready], &all).await;

    let suspend = json!({ "spec": { "suspend": true } });
    lab.api.merge("tenants", "", "n-runs", &suspend).await.unwrap();
    lab.says("n-runs", "Ready", "False", "Suspended").await;
    let suspended = "tenant_count{phase=\"suspended\",profile=\"n-runs\"} 1";
    let all = [(&*runs, 0), (&lost, 0)];
    tells(&first, &[timed, gone, stalled, suspended], &all).await;

    // Who takes over tells of the same tenants, and times none of them again, also when one is well again.
    first.kill();
    leads(&lab, "second").await;
    tells(&second, &[stalled, suspended], &all).await;
    lab.api.merge("tenants", "", "n-runs", &json!({ "spec": { "suspend": false } })).await.unwrap();
    lab.ready("n-runs").await;
    tells(&second, &[stalled, ready], &[(&runs, 1), (&lost, 0)]).await;
}
