//! How a tenant's backup is put back: the commands, with this tenant's names filled in, and the pod that they need. Pure.
//!
//! The archive goes through kubectl, which has streams into pods, and through nobody else's hands.

use std::fmt;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{args::Reach, scene::text};
use crate::desired::{gateway, meta};

/// The API server's Service, whatever stands behind it.
const SERVER: &str = "tenantry-api-server";
/// For how long the operator is kept away; whoever is done takes that back.
const PAUSE: SignedDuration = SignedDuration::from_hours(1);
/// The pod's name.
const POD: &str = "restore";
/// What of the gateway's pod says where a pod runs, and as whom.
const PLACE: [&str; 7] = [
    "securityContext",
    "nodeSelector",
    "tolerations",
    "affinity",
    "imagePullSecrets",
    "priorityClassName",
    "runtimeClassName",
];

/// Whose backup, and where everything is.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// Its account in the ledger.
    pub account: &'a str,
    /// The namespace of its stack.
    pub namespace: &'a str,
    /// The namespace of the API server.
    pub system: &'a str,
    /// What kubectl is to be told of the cluster and of who asks, as it was told here.
    pub flags: &'a [(&'static str, String)],
    /// Which backup; the newest without.
    pub id: Option<&'a str>,
}

/// The pod that takes an archive from its standard input into the gateway's volume: as the gateway's own user and image,
/// without its token. `None` for what is no gateway.
#[must_use]
pub fn pod(gateway: &Value, namespace: &str) -> Option<Value> {
    let template = gateway.pointer("/spec/template/spec")?;
    let container = template.pointer("/containers/0")?;
    let all = |of: &Value, name: &str| of.get(name).and_then(Value::as_array).cloned();
    let mut volumes = all(template, "volumes")?;
    volumes.retain(|one| {
        ["persistentVolumeClaim", "emptyDir"].iter().any(|kind| one.get(kind).is_some())
    });
    // An archive is larger than what a gateway has to put aside.
    for scratch in volumes.iter_mut().filter_map(|volume| volume.get_mut("emptyDir")) {
        *scratch = json!({});
    }
    let kept = |mount: &Value| volumes.iter().any(|volume| volume.get("name") == mount.get("name"));
    let mut mounts = all(container, "volumeMounts")?;
    mounts.retain(kept);
    let mut inside = json!({
        "name": POD,
        "args": ["restore", "--from", "-", "--set-aside", "--storage", gateway::SPOOL],
        "stdin": true,
        "stdinOnce": true,
        "volumeMounts": mounts,
    });
    for name in ["image", "imagePullPolicy", "command", "resources", "securityContext"] {
        copy(container, name, &mut inside);
    }
    let mut spec = json!({ "restartPolicy": "Never", "automountServiceAccountToken": false,
        "containers": [inside], "volumes": volumes });
    for name in PLACE {
        copy(template, name, &mut spec);
    }
    Some(json!({ "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": POD, "namespace": namespace }, "spec": spec }))
}

fn copy(from: &Value, name: &str, to: &mut Value) {
    if let (Some(value), Some(to)) = (from.get(name), to.as_object_mut()) {
        to.insert(name.to_owned(), value.clone());
    }
}

/// The commands, in their order.
#[must_use]
pub fn commands(about: &About<'_>, now: Timestamp) -> Vec<String> {
    let About { tenant, account, namespace, system, flags, id } = about;
    let own: String =
        flags.iter().map(|(name, value)| format!(" {name} {}", quoted(value))).collect();
    let kubectl = format!("kubectl{own}");
    let file = format!("{tenant}.tar");
    let id = id.map(|id| format!(" --id {id}")).unwrap_or_default();
    let until = now.checked_add(PAUSE).unwrap_or(now).as_second();
    let until = Timestamp::from_second(until).unwrap_or(now);
    let gateway = meta::child_name(meta::GATEWAY);
    let component = format!("{}={}", meta::COMPONENT_LABEL, meta::GATEWAY);
    let paused = |until: &str| {
        format!("patch tenant {tenant} --type merge -p '{{\"spec\":{{\"pausedUntil\":{until}}}}}'")
    };
    let steps = [
        format!(
            "exec -n {system} svc/{SERVER} -- /api-server backups get --account {account}{id} --to - >{file}"
        ),
        paused(&format!("\"{until}\"")),
        format!("scale -n {namespace} deployment/{gateway} --replicas 0"),
        // They are going already: this waits until they are gone, and is content when they are.
        format!("delete -n {namespace} pods -l {component}"),
        format!("tenant restore {tenant}{own} -o yaml | {kubectl} apply -f -"),
        format!("wait -n {namespace} --for condition=Ready pod/{POD} --timeout 2m"),
        format!("attach -n {namespace} --stdin {POD} <{file}"),
        format!("logs -n {namespace} {POD}"),
        format!("delete -n {namespace} pod/{POD}"),
        paused("null"),
        format!("wait --for condition=Ready tenant/{tenant} --timeout 5m"),
    ];
    let whole = |step: &String| match step.split(' ').next() {
        // kubectl takes no flags before a plugin's name.
        Some("tenant") => format!("kubectl {step}"),
        // What comes is for nobody else, and takes the place of nothing.
        Some("exec") => format!("(umask 077; set -C; {kubectl} {step})"),
        _ => format!("{kubectl} {step}"),
    };
    steps.iter().map(whole).collect()
}

/// What kubectl is to be told to reach the same cluster as the same user.
#[must_use]
pub fn flags(reach: &Reach) -> Vec<(&'static str, String)> {
    let file = reach.kubeconfig.as_ref().map(|file| ("--kubeconfig", file.display().to_string()));
    let context = reach.context.clone().map(|name| ("--context", name));
    let user = reach.act_as.clone().map(|name| ("--as", name));
    let groups = reach.act_as_group.iter().map(|name| ("--as-group", name.clone()));
    [file, context, user].into_iter().flatten().chain(groups).collect()
}

/// A word as a shell takes it for one.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@".contains(c);
    if word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// What is printed for people.
pub struct Page<'a>(pub &'a About<'a>, pub Timestamp);

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let which = self.0.id.map_or("the newest backup".to_owned(), |id| format!("backup {id}"));
        writeln!(
            f,
            "to put {which} of {} back, one after the other; nothing is done yet:",
            self.0.tenant
        )?;
        for command in commands(self.0, self.1) {
            writeln!(f, "  {command}")?;
        }
        f.write_str(
            "→ the logs must end in \"everything agrees\". A spool that holds what is not in the ledger is not touched: \
             scale the gateway up again, and let it send that first\n",
        )
    }
}

/// The account of a tenant, where it has one.
#[must_use]
pub fn account(tenant: &Value) -> Option<&str> {
    text(tenant, "/status/accountId").filter(|account| !account.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::recording::golden;

    const ABOUT: About<'_> = About {
        tenant: "acme",
        account: "u-1",
        namespace: "tenant-acme",
        system: "tenantry-system",
        flags: &[],
        id: None,
    };

    #[test]
    fn the_commands_have_the_tenants_names() {
        let now = "2026-11-29T10:00:00.5Z".parse().unwrap();
        let all = commands(&ABOUT, now);
        assert_eq!(
            all[0],
            "(umask 077; set -C; kubectl exec -n tenantry-system svc/tenantry-api-server -- /api-server backups get \
             --account u-1 --to - >acme.tar)"
        );
        let pause = r#"'{"spec":{"pausedUntil":"2026-11-29T11:00:00Z"}}'"#;
        assert_eq!(all[1], format!("kubectl patch tenant acme --type merge -p {pause}"));
        assert_eq!(all[4], "kubectl tenant restore acme -o yaml | kubectl apply -f -");
        assert_eq!(all[6], "kubectl attach -n tenant-acme --stdin restore <acme.tar");
        let id = "019c0000-0000-7000-8000-000000000000";
        let flags = [("--kubeconfig", "p.yaml".to_owned()), ("--context", "it's b".to_owned())];
        let other = About { flags: &flags, id: Some(id), ..ABOUT };
        let all = commands(&other, now);
        let own = r"--kubeconfig p.yaml --context 'it'\''s b'";
        assert!(all[0].contains(&format!("; kubectl {own} exec ")) && all[0].contains(id));
        assert!(all[3].starts_with(&format!("kubectl {own} delete ")));
        assert!(all[4].starts_with(&format!("kubectl tenant restore acme {own} -o yaml | ")));
        let page = Page(&ABOUT, now).to_string();
        assert!(page.starts_with("to put the newest backup of acme back"));
        golden("restore.txt", &(page + "\n" + &Page(&other, now).to_string()));
    }

    #[test]
    fn the_pod_is_the_gateways_without_its_token() {
        let gateway = json!({ "spec": { "template": { "spec": {
            "serviceAccountName": "tenantry-gateway", "nodeSelector": { "disk": "fast" },
            "securityContext": { "runAsUser": 7 },
            "containers": [{ "name": "gateway", "image": "i:1", "env": [{ "name": "A", "value": "b" }],
                "ports": [{ "containerPort": 8080 }], "livenessProbe": {},
                "volumeMounts": [{ "name": "spool", "mountPath": gateway::SPOOL },
                    { "name": "token", "mountPath": "/t" }, { "name": "tmp", "mountPath": "/tmp" }] }],
            "volumes": [{ "name": "spool", "persistentVolumeClaim": { "claimName": "c" } },
                { "name": "token", "projected": {} }, { "name": "tmp", "emptyDir": { "sizeLimit": "64Mi" } }] } } } });
        let pod = pod(&gateway, "tenant-acme").unwrap();
        let (spec, inside) = (&pod["spec"], &pod["spec"]["containers"][0]);
        assert_eq!(
            (&spec["nodeSelector"]["disk"], &spec["securityContext"]["runAsUser"]),
            (&json!("fast"), &json!(7))
        );
        assert_eq!(inside["image"], "i:1");
        for absent in ["env", "ports", "livenessProbe"] {
            assert!(inside.get(absent).is_none(), "{absent}");
        }
        assert!(spec.get("serviceAccountName").is_none());
        assert_eq!(spec["volumes"].as_array().unwrap().len(), 2);
        assert_eq!(spec["volumes"][1]["emptyDir"], json!({}), "an archive has room there");
        assert_eq!(inside["volumeMounts"][1]["name"], "tmp");
        assert!(super::pod(&json!({}), "tenant-acme").is_none());
    }
}
