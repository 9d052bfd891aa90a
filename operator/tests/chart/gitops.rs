//! What Argo CD shows, by the script that it would run, of real objects in every state.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    helm::{root, yaml},
    support::{
        Lab, dev, edit, eventually, holds,
        lab::{condition, nonce},
        tenant, with,
    },
};

/// A value as Lua writes it.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "nil".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => {
            let escaped = text.bytes().map(|b| format!("\\{b:03}")).collect::<String>();
            format!("\"{escaped}\"")
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(literal).collect();
            format!("{{{}}}", items.join(","))
        }
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                format!("[{}]={}", literal(&json!(name)), literal(value))
            };
            let members: Vec<String> = members.iter().map(member).collect();
            format!("{{{}}}", members.join(","))
        }
    }
}

/// Status and message that the script of this object's kind gives.
fn health(object: &Value) -> (String, String) {
    let map = yaml(&root().join("examples/gitops/argocd-cm.yaml"));
    let kind = object["kind"].as_str().expect("a kind");
    let key = format!("resource.customizations.health.tenantry.dev_{kind}");
    let script = map["data"][&key].as_str().unwrap_or_else(|| panic!("no {key}"));
    let program = format!(
        "local obj = {}\nlocal hs = (function()\n{script}\nend)()\nio.write(hs.status, \"\\n\", hs.message)\n",
        literal(object)
    );
    // Argo CD's interpreter speaks Lua 5.1.
    let mut lua = Command::new("lua5.1")
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("lua5.1 is installed (Debian: apt-get install lua5.1)");
    lua.stdin.take().expect("stdin").write_all(program.as_bytes()).expect("written");
    let output = lua.wait_with_output().expect("lua ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{program}");
    let text = String::from_utf8(output.stdout).expect("text");
    let (status, message) = text.split_once('\n').expect("two lines");
    (status.to_owned(), message.to_owned())
}

/// Waits until Argo CD would show this, with these words.
async fn shows(lab: &Lab, plural: &str, name: &str, expected: &str, words: &str) -> Value {
    eventually(&format!("{plural} {name} is {expected}"), async || {
        let object = lab.api.get(plural, "", name).await.map_err(|r| r.to_string())?;
        let (status, message) = health(&object);
        let right = status == expected && message.contains(words);
        holds(right, format!("{status}: {message}: {}", object["status"])).map(|()| object)
    })
    .await
}

/// The object as if one condition of it said something else.
fn told(object: &Value, type_: &str, status: &str, reason: &str) -> Value {
    let mut told = object.clone();
    let all = told["status"]["conditions"].as_array_mut().expect("conditions");
    let one = all.iter_mut().find(|one| one["type"] == type_).expect("the condition");
    one["status"] = json!(status);
    one["reason"] = json!(reason);
    one["message"] = json!("in words");
    told
}

/// A profile whose one service fails so.
fn failing(name: &str, how: &str) -> Value {
    with(dev(name), "/services/0/image", json!(format!("example.test/fail/{how}:1")))
}

#[tokio::test(flavor = "multi_thread")]
async fn argo_cd_shows_what_a_tenant_is() {
    let lab = Lab::shared().await;
    lab.stack(dev("a-well"), "a-well").await;
    let well = shows(&lab, "tenants", "a-well", "Healthy", "").await;
    // Edited, and nobody has looked yet.
    let mut edited = well.clone();
    edited["metadata"]["generation"] = json!(well["metadata"]["generation"].as_i64().unwrap() + 1);
    assert_eq!(health(&edited).0, "Progressing");
    let mut fresh = well.clone();
    fresh.as_object_mut().unwrap().remove("status");
    assert_eq!(health(&fresh).0, "Progressing");

    lab.apply(&[failing("a-starts", "pending"), tenant("a-starts", "a-starts")]).await;
    let starts = shows(&lab, "tenants", "a-starts", "Progressing", "core").await;
    assert_eq!(condition(&starts, "Reconciling")["status"], "True");

    lab.stack(dev("a-fails"), "a-fails").await;
    for pod in lab.pods("a-fails", "core").await {
        let name = pod["metadata"]["name"].as_str().unwrap();
        let mark =
            json!({ "metadata": { "annotations": { "ground.tenantry.dev/fail": "crash" } } });
        lab.api.merge("pods", "tenant-a-fails", name, &mark).await.unwrap();
    }
    shows(&lab, "tenants", "a-fails", "Degraded", "CrashLoop").await;

    let cor = json!({ "services": [{ "name": "cor", "replicas": 2 }] });
    lab.apply(&[with(tenant("a-well", "a-well"), "/overrides", cor)]).await;
    shows(&lab, "tenants", "a-well", "Degraded", "cor").await;

    lab.apply(&[tenant("a-alone", "a-nowhere")]).await;
    shows(&lab, "tenants", "a-alone", "Degraded", "ProfileMissing").await;

    let theirs = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "tenant-a-taken" } });
    lab.apply(&[theirs, tenant("a-taken", "a-starts")]).await;
    shows(&lab, "tenants", "a-taken", "Degraded", "NamespaceNotOwned").await;

    lab.stack(dev("a-rests"), "a-rests").await;
    lab.apply(&[with(tenant("a-rests", "a-rests"), "/suspend", json!(true))]).await;
    shows(&lab, "tenants", "a-rests", "Suspended", "").await;

    // Held by somebody else's finalizer, so that it can be looked at.
    lab.stack(dev("a-goes"), "a-goes").await;
    let found = lab.tenant("a-goes").await;
    let mut finalizers = found["metadata"]["finalizers"].as_array().cloned().unwrap();
    finalizers.push(json!("example.test/hold"));
    let hold = json!({ "metadata": { "finalizers": finalizers } });
    lab.api.merge("tenants", "", "a-goes", &hold).await.unwrap();
    lab.api.delete("tenants", "", "a-goes").await.unwrap();
    let going = shows(&lab, "tenants", "a-goes", "Progressing", "").await;
    assert!(going["metadata"]["deletionTimestamp"].is_string());
    let stuck = health(&told(&going, "Stalled", "True", "Forbidden"));
    assert_eq!(stuck, ("Degraded".to_owned(), "Forbidden: in words".to_owned()));
    let free = json!({ "metadata": { "finalizers": [] } });
    eventually("the operator lets go of it", async || {
        let now = lab.tenant("a-goes").await;
        holds(now["metadata"]["finalizers"] == json!(["example.test/hold"]), &now["metadata"])
    })
    .await;
    lab.api.merge("tenants", "", "a-goes", &free).await.unwrap();
    lab.gone("tenants", "", "a-goes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn argo_cd_shows_how_a_profile_rolls_out() {
    let lab = Lab::shared().await;
    let profile = edit(dev("a-roll"), |spec| {
        spec["rollout"] = json!({ "maxInFlight": 1, "haltAfterFailures": 1 });
    });
    lab.apply(&[profile.clone(), tenant("a-roll-1", "a-roll"), tenant("a-roll-2", "a-roll")]).await;
    lab.ready("a-roll-1").await;
    lab.ready("a-roll-2").await;
    let well = shows(&lab, "deploymentprofiles", "a-roll", "Healthy", "").await;
    let mut edited = well.clone();
    edited["metadata"]["generation"] = json!(99);
    assert_eq!(health(&edited).0, "Progressing");

    // Its rollout is over, and the operator cannot read what it says now.
    assert_eq!(well["status"]["rollout"], "Complete");
    let unread = health(&told(&well, "Stalled", "True", "Unreadable"));
    assert_eq!(unread, ("Degraded".to_owned(), "in words".to_owned()));

    let paused = edit(profile.clone(), |spec| {
        spec["rollout"]["paused"] = true.into();
        spec["services"][0]["env"] = json!([{ "name": "EDIT", "value": nonce() }]);
    });
    lab.apply(&[paused]).await;
    shows(&lab, "deploymentprofiles", "a-roll", "Suspended", "").await;

    let slow = with(profile.clone(), "/services/0/image", json!("example.test/fail/pending:1"));
    lab.apply(&[slow]).await;
    shows(&lab, "deploymentprofiles", "a-roll", "Progressing", "").await;

    let broken = with(profile, "/services/0/image", json!("example.test/fail/crash:1"));
    lab.apply(&[broken]).await;
    shows(&lab, "deploymentprofiles", "a-roll", "Degraded", "failed").await;
}
