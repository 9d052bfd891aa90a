//! A node whose kubelet does two things, as kubelets do them: it forwards a port of its pods to a server on this
//! machine, and shows what they logged. It is kwok's, by the same streaming code as a kubelet's; so what forwards a port goes
//! through the real control plane, its authorization and its upgrade of the connection.

use std::{
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::lab::{Lab, eventually, holds};

/// The node's name.
pub const NODE: &str = "door";

/// The door; it closes with its owner.
pub struct Door(Child);

impl Drop for Door {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

impl Door {
    /// Opens one: port 8080 of every pod on the node leads to `server`.
    pub async fn open(lab: &Lab, server: &str) -> Self {
        let address = server.trim_start_matches("http://");
        let (host, port) = address.rsplit_once(':').unwrap();
        let target = json!({ "address": host, "port": port.parse::<u16>().unwrap() });
        let settings = settings(lab, &target);
        // Another program may take the port before kwok does: then that kwok ends, and the next tries.
        let (door, port) =
            eventually("a kubelet that listens", async || start(lab, &settings).await).await;
        let addresses = ["Hostname", "InternalIP"]
            .map(|type_| json!({ "type": type_, "address": "127.0.0.1" }));
        let node = json!({
            "apiVersion": "v1", "kind": "Node", "metadata": { "name": NODE },
            // Nothing else lands here.
            "spec": { "taints": [{ "key": "tenantry.dev/door", "effect": "NoSchedule" }] },
            "status": { "addresses": addresses, "daemonEndpoints": { "kubeletEndpoint": { "Port": port } } },
        });
        create(lab, &node);
        door
    }

    /// Says what every container on the node has logged.
    pub fn logs(lab: &Lab, lines: &[&str]) {
        let line = |line: &&str| format!("2026-11-29T10:00:00.000000000Z stdout F {line}\n");
        std::fs::write(log(lab), lines.iter().map(line).collect::<String>()).unwrap();
    }

    /// The API server's Service and one pod of it, as the chart has them, on the node.
    pub async fn lead(&self, lab: &Lab, namespace: &str) {
        let name = crds::API_SERVER;
        let labels =
            json!({ "app.kubernetes.io/name": name, "app.kubernetes.io/instance": "tenantry" });
        create(
            lab,
            &json!({
                "apiVersion": "v1", "kind": "Service",
                "metadata": { "name": name, "namespace": namespace, "labels": labels },
                "spec": { "selector": labels, "ports": [{ "name": "http", "port": 8080, "targetPort": "http" }] },
            }),
        );
        create(
            lab,
            &json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": { "name": format!("{name}-0"), "namespace": namespace, "labels": labels },
                "spec": {
                    "nodeName": NODE, "tolerations": [{ "operator": "Exists" }],
                    "containers": [{ "name": "api-server", "image": "tenantry.dev/tenantry:1",
                        "ports": [{ "name": "http", "containerPort": 8080 }] }],
                },
            }),
        );
        let pod = ["get", "pod", "-n", namespace, &format!("{name}-0"), "-o", "json"];
        eventually("the pod is ready", async || {
            let pod: Value = serde_json::from_str(&lab.ground().kubectl(&pod)).unwrap();
            let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let ready = conditions.iter().any(|c| c["type"] == "Ready" && c["status"] == "True");
            holds(ready, pod["status"].to_string())
        })
        .await;
    }
}

pub fn create(lab: &Lab, object: &Value) {
    let file = lab.ground().folder().join("door-object.json");
    std::fs::write(&file, object.to_string()).unwrap();
    lab.ground().kubectl(&["create", "-f", &file.to_string_lossy()]);
}

/// What every container on the node has logged: as the kubelet keeps it, in lines of CRI.
fn log(lab: &Lab) -> PathBuf {
    lab.ground().folder().join("door-pods.log")
}

/// kwok's settings: the stages are the ground's own.
fn settings(lab: &Lab, target: &Value) -> PathBuf {
    let own = std::fs::read_to_string(lab.ground().folder().join("kwok.yaml")).unwrap();
    let (_options, stages) = own.split_once("\n---\n").unwrap();
    let options = json!({ "apiVersion": "config.kwok.x-k8s.io/v1alpha1", "kind": "KwokConfiguration",
        "options": { "manageSingleNode": NODE, "manageAllNodes": false, "enableDebuggingHandlers": true,
            "nodeLeaseDurationSeconds": 240, "nodeLeaseParallelism": 4, "nodePlayStageParallelism": 4,
            "podPlayStageParallelism": 16, "podsOnNodeSyncParallelism": 16 } });
    let forward = json!({ "apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "ClusterPortForward",
        "metadata": { "name": NODE }, "spec": { "forwards": [{ "ports": [8080], "target": target }] } });
    let log = json!({ "apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "ClusterLogs",
        "metadata": { "name": NODE }, "spec": { "logs": [{ "logsFile": log(lab) }] } });
    let path = lab.ground().folder().join("door.yaml");
    std::fs::write(&path, format!("{options}\n---\n{forward}\n---\n{log}\n---\n{stages}")).unwrap();
    path
}

/// One that listens, and where.
async fn start(lab: &Lab, settings: &Path) -> Result<(Door, u16), String> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = lab.ground().folder();
    let pki = |name: &str| folder.join("pki").join(name);
    let log = folder.join("door.log");
    let child = Command::new(lab.ground().tool("kwok"))
        .arg("--config")
        .arg(settings)
        .arg("--kubeconfig")
        .arg(pki("kwok.kubeconfig"))
        .args(["--node-name", "127.0.0.1", "--node-ip", "127.0.0.1"])
        .args(["--node-port", &port.to_string(), "--server-address", &format!("127.0.0.1:{port}")])
        .arg("--tls-cert-file")
        .arg(pki("apiserver.crt"))
        .arg("--tls-private-key-file")
        .arg(pki("apiserver.key"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut door = Door(child);
    eventually("kwok listens or ends", async || {
        let ended = door.0.try_wait().unwrap().is_some();
        if ended || TcpStream::connect(("127.0.0.1", port)).is_ok() {
            Ok(())
        } else {
            Err("neither")
        }
    })
    .await;
    match door.0.try_wait().unwrap() {
        None => Ok((door, port)),
        Some(_) => Err(std::fs::read_to_string(log).unwrap_or_default()),
    }
}
