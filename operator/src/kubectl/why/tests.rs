//! Broken tenants, each with the cause that is to be named.

use serde_json::{Value, json};

use super::{Why, render, why};
use crate::{
    kinds::Kind,
    kubectl::{
        recording::{ago, golden, now, whole},
        scene::Recorded,
        words::Style,
    },
};

fn of(breaks: impl FnOnce(&mut Recorded)) -> Why {
    let mut recorded = whole();
    breaks(&mut recorded);
    why(&recorded.scene(), now())
}

type Breaks = fn(&mut Recorded);

/// A name for the case, what is broken, the cause, and words of the answer.
type Case = (&'static str, Breaks, &'static str, &'static [&'static str]);

const PODS: [Case; 15] = [
    (
        "an image that cannot be pulled",
        |r| {
            r.waits("core", "ImagePullBackOff", "Back-off pulling image: not found");
            r.event(
                "kubelet",
                ("Pod", "core-5d9f-0"),
                "Failed",
                "pull access denied for registry.example/none",
                3,
            );
        },
        "ImagePull",
        &[
            "Deployment tenant-acme/core wants 2, has 0",
            "Pod core-5d9f-0",
            "image registry.example/none:1 asked for by spec.services[core].image of profile prod@7, set by kubectl 60m ago",
            "pull access denied",
            "(kubelet, 45s ago)",
            "→ correct spec.services[core].image of profile prod@7",
        ],
    ),
    (
        "an image that is not on the node and may not be pulled",
        |r| r.waits("core", "ErrImageNeverPull", "not present with pull policy of Never"),
        "ImagePull",
        &["spec.images.pullPolicy of the profile is Never"],
    ),
    (
        "an image of ours",
        |r| r.waits("gateway", "ErrImagePull", "not found"),
        "ImagePull",
        &[
            "Deployment tenant-acme/tenantry-gateway",
            "spec.billing.gateway.image of profile prod@7",
        ],
    ),
    (
        "a crash loop",
        |r| r.waits("core", "CrashLoopBackOff", "back-off 10s"),
        "CrashLoop",
        &[
            "4 restarts, last exit code 1",
            "kubectl -n tenant-acme logs core-5d9f-0 -c core --previous",
        ],
    ),
    (
        "a container out of memory",
        |r| {
            r.waits("core", "CrashLoopBackOff", "back-off 10s");
            for pod in &mut r.pods {
                if pod["metadata"]["name"].as_str().is_some_and(|name| name.starts_with("core-")) {
                    let status = &mut pod["status"]["containerStatuses"][0];
                    status["lastState"]["terminated"] =
                        json!({ "reason": "OOMKilled", "exitCode": 137 });
                }
            }
        },
        "CrashLoop",
        &[
            "its limit of 256Mi, asked for by spec.services[core].resources.limits of profile prod@7",
            "→ raise spec.services[core].resources.limits",
        ],
    ),
    (
        "a probe that fails",
        |r| {
            let status = json!({ "name": "core", "ready": false, "restartCount": 0, "state": { "running": {} } });
            r.fails("core", json!({ "phase": "Running", "containerStatuses": [status] }));
            r.event(
                "kubelet",
                ("Pod", "core-5d9f-0"),
                "Unhealthy",
                "Readiness probe failed: statuscode: 503",
                9,
            );
        },
        "PodNotReady",
        &[
            "its readiness probe does not pass",
            "statuscode: 503",
            "spec.services[core].probes.readiness",
        ],
    ),
    (
        "a container whose Secret is missing",
        |r| r.waits("core", "CreateContainerConfigError", "secret \"keys\" not found"),
        "ContainerConfig",
        &[
            "secret \"keys\" not found",
            "spec.services[core].envFrom",
            "make what the message names in tenant-acme",
        ],
    ),
    (
        "a pod that was evicted",
        |r| {
            r.fails("core", json!({ "phase": "Failed", "reason": "Evicted", "message": "The node was low on memory" }));
        },
        "PodFailed",
        &["failed: The node was low on memory"],
    ),
    (
        "a pod that waits for a GPU",
        |r| {
            r.asks("overlays", json!(["gpu"]));
            r.pends(
                "transcribe",
                "0/2 nodes are available: 2 Insufficient nvidia.com/gpu. preemption: none",
            );
            r.event(
                "default-scheduler",
                ("Pod", "transcribe-5d9f-0"),
                "FailedScheduling",
                "0/2 nodes",
                1,
            );
        },
        "PodPending",
        &[
            "Deployment tenant-acme/transcribe wants 1, has 0",
            "Pod transcribe-5d9f-0 Pending: 0/2 nodes are available: 2 Insufficient nvidia.com/gpu",
            "(scheduler, 45s ago)",
            "asked for by spec.overlays[gpu] of the tenant",
            "→ add a node with nvidia.com/gpu, or remove \"gpu\" from spec.overlays",
        ],
    ),
    (
        "a pod that no node has CPU for",
        |r| r.pends("core", "0/3 nodes are available: 3 Insufficient cpu."),
        "PodPending",
        &[
            "cpu: asked for by spec.services[core].resources.requests of profile prod@7",
            "ask for less in",
        ],
    ),
    (
        "a pod that asks for too much by the tenant's own override",
        |r| {
            let more = json!({ "services": [{ "name": "core", "resources": { "requests": { "cpu": "300m" } } }] });
            r.asks("overrides", more);
            r.pends("core", "0/3 nodes are available: 3 Insufficient cpu.");
        },
        "PodPending",
        &[
            "spec.overrides.services[core].resources.requests of the tenant, set by kubectl-edit 60s ago",
        ],
    ),
    (
        "a pod that no node's labels fit",
        |r| {
            r.pends(
                "core",
                "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
            );
        },
        "PodPending",
        &["node selector: asked for by spec.scheduling of profile prod@7", "label a node"],
    ),
    (
        "a pod that no node's taints let in",
        |r| r.pends("core", "0/3 nodes are available: 3 node(s) had untolerated taint {a: b}."),
        "PodPending",
        &["tolerate the taint in spec.scheduling of profile prod@7"],
    ),
    (
        "a replica set that the quota blocks",
        |r| {
            let status = &mut r.object(Kind::Deployment, "core")["status"];
            status["availableReplicas"] = 1.into();
            status["conditions"] = json!([{ "type": "ReplicaFailure", "status": "True",
                "message": "pods \"core-x\" is forbidden: exceeded quota: tenantry, requested: pods=1" }]);
            r.says("Ready", "False", "PodRefused", "");
            r.event(
                "replicaset-controller",
                ("ReplicaSet", "core-5d9f"),
                "FailedCreate",
                "exceeded quota",
                5,
            );
        },
        "PodRefused",
        &[
            "wants 2, has 1",
            "no pod can be made: pods \"core-x\" is forbidden: exceeded quota",
            "→ raise spec.quota of profile prod@7",
        ],
    ),
    (
        "pods that a policy refuses",
        |r| {
            let status = &mut r.object(Kind::Deployment, "core")["status"];
            status["availableReplicas"] = 0.into();
            status["conditions"] = json!([{ "type": "ReplicaFailure", "status": "True",
                "message": "admission webhook \"images.example\" denied the request" }]);
            r.says("Ready", "False", "PodRefused", "");
        },
        "PodRefused",
        &["admission webhook", "let the policy that refuses it allow pods in tenant-acme"],
    ),
];

const PARTS: [Case; 4] = [
    (
        "a claim without a volume",
        |r| {
            let claim = r.object(Kind::PersistentVolumeClaim, "tenantry-billing");
            claim["status"]["phase"] = "Pending".into();
            claim["spec"]["storageClassName"] = "nobody".into();
            r.says("Ready", "False", "ClaimPending", "");
            let about = ("PersistentVolumeClaim", "tenantry-billing");
            r.event(
                "persistentvolume-controller",
                about,
                "ExternalProvisioning",
                "waits for nobody.example.com",
                2,
            );
        },
        "ClaimPending",
        &[
            "PersistentVolumeClaim tenant-acme/tenantry-billing waits for a volume: 5Gi of class \"nobody\"",
            "asked for by spec.billing.storage of profile prod@7",
            "waits for nobody.example.com",
            "kubectl describe storageclass nobody",
        ],
    ),
    (
        "a backup that failed",
        |r| {
            r.jobs.push(
                json!({ "metadata": { "name": "backup-1", "uid": "j", "resourceVersion": "3",
                "creationTimestamp": ago(600), "labels": { "tenantry.dev/component": "backup" } },
                "status": { "conditions": [{ "type": "Failed", "status": "True",
                    "message": "Job has reached the specified backoff limit" }] } }),
            );
            r.pods.push(json!({ "metadata": { "name": "backup-1-x", "uid": "bx", "resourceVersion": "4",
                "labels": { "tenantry.dev/component": "backup" }, "ownerReferences": [{ "name": "backup-1" }] },
                "status": { "phase": "Failed", "containerStatuses": [{ "name": "backup",
                    "state": { "terminated": { "exitCode": 3, "reason": "Error" } } }] } }));
            r.says("Ready", "False", "JobFailed", "");
        },
        "JobFailed",
        &[
            "Job backup-1: failed: Job has reached the specified backoff limit",
            "Pod backup-1-x Failed: Error, exit code 3",
            "kubectl -n tenant-acme logs job/backup-1",
            "create job --from=cronjob/tenantry-backup",
        ],
    ),
    (
        "an object that is not there",
        |r| {
            r.objects.retain(|o| !(o["kind"] == "Service" && o["metadata"]["name"] == "core"));
            r.says("Ready", "False", "WaitingForObjects", "");
        },
        "WaitingForObjects",
        &["core: Service core: not there yet"],
    ),
    (
        "pods on their way",
        |r| r.fails("core", json!({ "phase": "Pending" })),
        "WaitingForPods",
        &["wants 2, has 0", "Pod core-5d9f-0 Pending, not ready yet"],
    ),
];

const SPECS: [Case; 19] = [
    (
        "a profile that is gone",
        |r| {
            (r.profile, r.revisions) = (None, Vec::new());
            r.stalls("ProfileMissing", "spec.profileRef.name \"prod\": no such DeploymentProfile");
        },
        "ProfileMissing",
        &[
            "DeploymentProfile prod does not exist",
            "spec.profileRef was set by kubectl",
            "prod@7 still runs",
            "→ create the profile prod",
        ],
    ),
    (
        "a revision that does not exist",
        |r| {
            r.asks("profileRef", json!({ "name": "prod", "revision": 77 }));
            r.stalls(
                "RevisionMissing",
                "spec.profileRef.revision: prod@77 does not exist; known revisions: 7",
            );
        },
        "RevisionMissing",
        &["prod@77 does not exist", "set by kubectl-edit", "→ pin a revision that exists"],
    ),
    (
        "an override of a service that is not there",
        |r| {
            r.asks("overrides", json!({ "services": [{ "name": "cor", "replicas": 3 }] }));
            r.stalls("OverrideUnknown", "spec.overrides.services[0].name \"cor\"");
        },
        "OverrideUnknown",
        &[
            "profile prod has core, transcribe",
            "was set by kubectl-edit 60s ago",
            "prod@7 still runs",
        ],
    ),
    (
        "an override that nobody has told of yet",
        |r| r.asks("overrides", json!({ "services": [{ "name": "cor", "replicas": 3 }] })),
        "OverrideUnknown",
        &["spec.overrides.services[0].name \"cor\""],
    ),
    (
        "an unknown overlay",
        |r| {
            r.asks("overlays", json!(["tpu"]));
            r.stalls("OverlayUnknown", "spec.overlays[0] \"tpu\"");
        },
        "OverlayUnknown",
        &[
            "spec.overlays[0] \"tpu\": profile prod has gpu",
            "spec.overlays was set by kubectl-edit",
        ],
    ),
    (
        "a quota that is too small",
        |r| {
            let mut spec = crate::fixtures::profile();
            spec.quota.pods = 2;
            let mut revision = crate::revision::object("prod", 7, "tenantry-system", &spec);
            revision["metadata"]["uid"] = "r7".into();
            r.revisions = vec![revision];
            r.stalls("QuotaTooSmall", "the stack runs more pods than quota allows");
        },
        "QuotaTooSmall",
        &["quota allows 2", "→ raise the profile's spec.quota"],
    ),
    (
        "a claim that would have to shrink",
        |r| {
            let claim = r.object(Kind::PersistentVolumeClaim, "tenantry-billing");
            claim["spec"]["resources"]["requests"]["storage"] = "50Gi".into();
            r.stalls("StorageImmutable", "a claim cannot shrink");
        },
        "StorageImmutable",
        &["claim tenantry-billing already asks for 50Gi", "a claim only grows"],
    ),
    (
        "a namespace of somebody else",
        |r| {
            let fields = json!({ "f:metadata": { "f:labels": {} } });
            r.objects = vec![
                json!({ "kind": "Namespace", "metadata": { "name": "tenant-acme", "uid": "n",
                "resourceVersion": "1", "managedFields": [{ "manager": "terraform", "operation": "Update",
                    "time": ago(9000), "fieldsV1": fields }] } }),
            ];
            r.stalls(
                "NamespaceNotOwned",
                "namespace tenant-acme exists and belongs to nobody we know",
            );
        },
        "NamespaceNotOwned",
        &[
            "belongs to nobody we know",
            "it was made by terraform",
            "under another name, or delete the namespace",
        ],
    ),
    (
        "a namespace that an earlier tenant left",
        |r| {
            let space = r.object(Kind::Namespace, "tenant-acme");
            space["metadata"]["annotations"]["tenantry.dev/tenant-uid"] = "6f1c-old".into();
            r.stalls(
                "NamespaceNotOwned",
                "namespace tenant-acme holds the retained stack of uid 6f1c-old",
            );
        },
        "NamespaceNotOwned",
        &[
            "→ take it over: kubectl patch tenant acme",
            "\"previousUid\":\"6f1c-old\"",
            "tenantry.dev/purge=6f1c-old",
        ],
    ),
    (
        "an object of somebody else",
        |r| {
            let map = r.object(Kind::Service, "core");
            map["metadata"]["ownerReferences"] = Value::Null;
            map["metadata"]["managedFields"] = json!([{ "manager": "helm", "operation": "Update",
                "time": ago(500), "fieldsV1": { "f:spec": { "f:ports": {} } } }]);
            r.stalls("ObjectNotOwned", "Service core exists and is not ours");
        },
        "ObjectNotOwned",
        &[
            "Service core exists and is not ours",
            "it was made by helm",
            "kubectl -n tenant-acme delete service core",
        ],
    ),
    (
        "an account that another tenant has",
        |r| r.stalls("AccountInUse", "account \"acme-1\" is that of tenant borealis"),
        "AccountInUse",
        &["is that of tenant borealis", "another spec.accountId"],
    ),
    (
        "an operator that lacks a right",
        |r| r.stalls("Forbidden", "may not create networkpolicies in tenant-acme"),
        "Forbidden",
        &["may not create networkpolicies in tenant-acme", "→ apply the operator's rights again"],
    ),
    (
        "a spec that only the server refuses",
        |r| {
            r.stalls(
                "Rejected",
                "the API server refuses CronJob tenantry-backup: spec.timeZone: unknown (prod@7)",
            );
        },
        "Rejected",
        &["CronJob tenantry-backup", "mend the field that the message names, in profile prod@7"],
    ),
    (
        "a request that the quota refuses",
        |r| r.stalls("QuotaExceeded", "exceeded quota: tenantry"),
        "QuotaExceeded",
        &["raise spec.quota of profile prod@7"],
    ),
    (
        "a suspended tenant",
        |r| {
            r.asks("suspend", true.into());
            r.says("Ready", "False", "Suspended", "services are stopped as asked");
            stop(r);
        },
        "Suspended",
        &[
            "services are stopped as asked",
            "spec.suspend was set by kubectl-edit 60s ago",
            "→ kubectl tenant resume acme",
        ],
    ),
    (
        "a tenant whose quota is used up",
        |r| {
            r.asks("quotaAction", json!({ "policy": "Suspend", "at": 100, "grace": "24h" }));
            r.tenant["status"]["usage"] = json!({ "asOf": ago(600), "validUntil": ago(-600),
                "period": { "start": "2026-11-01T00:00:00Z", "end": "2026-12-01T00:00:00Z" },
                "highest": { "meter": "ingestion", "ratioPpm": 1_020_000 },
                "enforcement": { "action": "Suspend", "notBefore": ago(60), "asOf": ago(90_000) } });
            r.says("Ready", "False", "Suspended", "services are stopped since a quota is used up");
            stop(r);
        },
        "QuotaUsedUp",
        &[
            "ingestion has reached 100 % of its quota",
            "→ agree a larger plan",
            "{\"policy\":\"Alert\"}",
        ],
    ),
    (
        "a paused tenant that drifted",
        |r| {
            r.asks("pausedUntil", "2036-01-01T00:00:00Z".into());
            let service = r.object(Kind::Service, "core");
            service["spec"]["selector"]["tenantry.dev/component"] = "other".into();
            service["metadata"]["managedFields"] = json!([{ "manager": "kubectl-edit", "operation": "Update",
                "time": ago(30), "fieldsV1": { "f:spec": { "f:selector": {} } } }]);
            r.says("Reconciling", "False", "Paused", "");
            r.says("Ready", "False", "Because", "");
        },
        "Paused",
        &[
            "nothing is written until 2036-01-01T00:00:00Z",
            "spec.pausedUntil was set by kubectl-edit",
            "Service core: spec.selector.tenantry.dev/component was changed by kubectl-edit",
        ],
    ),
    (
        "a namespace that is still going",
        |r| {
            r.objects.clear();
            r.pods.clear();
            r.says(
                "Ready",
                "False",
                "NamespaceTerminating",
                "namespace tenant-acme is still being deleted",
            );
        },
        "NamespaceTerminating",
        &["is still being deleted"],
    ),
    (
        "a request that is tried again",
        |r| {
            r.says("Reconciling", "True", "Retrying", "503 the server is currently unable");
            r.says("Ready", "False", "Retrying", "");
        },
        "Retrying",
        &["503 the server is currently unable", "the operator tries again by itself"],
    ),
];

/// Nothing of the services runs any more.
fn stop(r: &mut Recorded) {
    for object in &mut r.objects {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        if object["kind"] == "Deployment" && name != "tenantry-gateway" {
            object["spec"]["replicas"] = 0.into();
            object["status"] = json!({ "observedGeneration": 1, "conditions": [] });
        }
    }
    r.pods.retain(|pod| pod["metadata"]["labels"]["tenantry.dev/component"] == "gateway");
}

fn delete(r: &mut Recorded, step: &str, message: &str) {
    r.tenant["metadata"]["deletionTimestamp"] = ago(300).into();
    r.says("Ready", "False", "Deleting", message);
    r.says("Reconciling", "True", step, message);
}

const LIVES: [Case; 8] = [
    (
        "a deleted tenant whose usage waits",
        |r| {
            delete(
                r,
                "Draining",
                "1,204 usage events wait for the ledger; to give them up: kubectl annotate tenant acme x=u",
            );
        },
        "Draining",
        &[
            "Tenant acme was deleted 5m ago",
            "1,204 usage events wait for the ledger",
            "or give them up: kubectl annotate tenant acme x=u",
        ],
    ),
    (
        "a deleted tenant whose namespace stays",
        |r| delete(r, "DeletingData", "namespace tenant-acme is being deleted"),
        "DeletingData",
        &["kubectl get namespace tenant-acme -o yaml"],
    ),
    (
        "a deletion that lacks a right",
        |r| {
            delete(r, "RemovingStack", "may not delete services");
            r.says("Stalled", "True", "Forbidden", "may not delete services in tenant-acme");
        },
        "Forbidden",
        &[
            "RemovingStack: may not delete services in tenant-acme",
            "apply the operator's rights again",
        ],
    ),
    (
        "an operator that is gone",
        |r| {
            r.leases[0]["spec"]["renewTime"] = ago(600).into();
            r.tenant["metadata"]["generation"] = 4.into();
        },
        "OperatorGone",
        &[
            "generation 4) has not been looked at",
            "Lease tenantry-operator was renewed 10m ago, by tenantry-operator-0",
            "look at the operator",
        ],
    ),
    (
        "an operator that never was",
        |r| {
            r.leases.clear();
            r.tenant["status"] = json!({ "observedGeneration": -1 });
            (r.objects, r.pods) = (Vec::new(), Vec::new());
        },
        "OperatorGone",
        &["acme has not been looked at yet: OperatorGone", "Lease tenantry-operator is not there"],
    ),
    (
        "an edit that is on its way",
        |r| r.tenant["metadata"]["generation"] = 4.into(),
        "NotSeenYet",
        &["generation 4) has not been looked at; the status speaks of generation 3"],
    ),
    (
        "an edit of what another version of the operator drew",
        |r| r.says("Reconciling", "True", "RolloutWaiting", "another version drew this stack"),
        "RolloutWaiting",
        &["another version drew this stack", "→ wait for its turn", "rollout status prod"],
    ),
    (
        "a rollout that halted before it came here",
        |r| {
            let status = &mut r.profile.as_mut().unwrap()["status"];
            status["revision"] = 8.into();
            status["rollout"] = "Halted".into();
            status["failed"] = json!(["cobalt"]);
            status["message"] = "0/2 updated, 1 failed: cobalt; halted".into();
        },
        "RolloutHalted",
        &["it runs prod@7; prod@8 has not reached it", "mend the failed tenants (cobalt)"],
    ),
];

fn figures(r: &mut Recorded) {
    r.tenant["status"]["display"] = json!({ "plan": "team", "usage": "ingestion 96 %" });
    r.tenant["status"]["usage"] = json!({ "asOf": ago(60), "plan": "team@1",
        "period": { "start": "2026-11-01T00:00:00Z", "end": "2026-12-01T00:00:00Z" },
        "meters": [
            { "name": "ingestion", "used": "480", "quota": "500", "ratioPpm": 960_000, "level": "hard" },
            { "name": "query", "used": "830000", "quota": "1000000", "ratioPpm": 830_000, "level": "soft" },
            { "name": "signup", "used": "3", "level": "ok" },
        ],
        "highest": { "meter": "ingestion", "ratioPpm": 960_000 } });
}

/// What the API server says of ServiceAccounts that stand for another account.
fn refuse(r: &mut Recorded, accounts: &str) {
    let said = format!(
        "ServiceAccount {accounts} stands for another account, as it was bound there, and cannot send as \
         this tenant's: end that with `api-server accounts unbind`, or rename it"
    );
    r.says("WorkloadsAccepted", "False", "BoundElsewhere", &said);
    r.event("tenantry-api-server", ("Tenant", "acme"), "WorkloadRefused", &said, 1);
}

const USAGE: [Case; 8] = [
    (
        "a plan that is not in the catalogue",
        |r| {
            figures(r);
            r.asks("plan", "tema".into());
            r.says(
                "PlanAccepted",
                "False",
                "UnknownPlan",
                "spec.plan \"tema\" is not in the catalogue (starter, team, scale)",
            );
        },
        "UnknownPlan",
        &[
            "acme is Ready since 3m, but: UnknownPlan",
            "spec.plan was set by kubectl-edit 60s ago",
            "→ name a plan of the catalogue",
        ],
    ),
    (
        "a meter at its hard limit, its end announced",
        |r| {
            figures(r);
            r.tenant["status"]["usage"]["enforcement"] = json!({ "action": "Announced", "notBefore": "2026-11-30T00:00:00Z", "asOf": ago(60) });
            r.says(
                "QuotaWithinLimits",
                "False",
                "HardLimitReached",
                "ingestion: 480 of 500 GB used, 95 % or more",
            );
        },
        "HardLimitReached",
        &[
            "480 of 500 GB used",
            "services will be stopped at 2026-11-30T00:00:00Z",
            "→ agree a larger plan",
        ],
    ),
    (
        "a customer who is flagged",
        |r| {
            figures(r);
            r.says("CustomerHealthy", "False", "Flagged", "Health is 61.0 %.");
        },
        "Flagged",
        &["Health is 61.0 %.", "api-server routine triage"],
    ),
    (
        "a workload that stands for another account",
        |r| {
            figures(r);
            refuse(r, "core");
        },
        "BoundElsewhere",
        &[
            "acme is Ready since 3m, but: BoundElsewhere",
            "WorkloadsAccepted: ServiceAccount core stands for another account",
            "event WorkloadRefused",
            "(tenantry-api-server, 45s ago)",
            "api-server accounts unbind ACCOUNT --namespace tenant-acme --service-account core",
            "→ or, if it is rightly another's, name the service otherwise in spec.services of profile prod@7",
        ],
    ),
    (
        "two such workloads of a tenant whose quota is used up too",
        |r| {
            figures(r);
            refuse(r, "core, tenantry-gateway");
            r.says(
                "QuotaWithinLimits",
                "False",
                "HardLimitReached",
                "ingestion: 480 of 500 GB used",
            );
        },
        "BoundElsewhere",
        &[
            "--service-account core\n",
            "--service-account tenantry-gateway\n",
            "QuotaWithinLimits: ingestion",
        ],
    ),
    (
        "figures that nobody vouches for",
        |r| {
            figures(r);
            r.leases.remove(1);
            r.says("QuotaWithinLimits", "Unknown", "Stale", "the figures are of yesterday");
        },
        "StaleFigures",
        &["Lease tenantry-api-server is missing", "look at the API server"],
    ),
    (
        "somebody who fights for a field",
        |r| {
            let note = "Service core: spec.selector was changed by flux (Apply, 2026-11-29T09:59:00Z); undone";
            r.event("tenantry-operator", ("Tenant", "acme"), "DriftCorrected", note, 14);
        },
        "Drift",
        &[
            "spec.selector was changed by flux",
            "undone 14 times",
            "→ keep flux from writing that field",
        ],
    ),
    (
        "a tenant of which one may see nothing but itself",
        |r| {
            (r.objects, r.pods, r.revisions) = (Vec::new(), Vec::new(), Vec::new());
            r.profile = None;
            r.leases.clear();
            r.unseen =
                ["pods in tenant-acme", "deploymentprofiles prod", "leases tenantry-operator in x"]
                    .map(str::to_owned)
                    .to_vec();
            r.says(
                "Ready",
                "False",
                "CrashLoop",
                "core: Pod core-x: container core: CrashLoopBackOff",
            );
            r.tenant["status"]["components"] = json!([{ "name": "core", "ready": false,
                "message": "core: Pod core-x: container core: CrashLoopBackOff" }]);
        },
        "ComponentNotReady",
        &[
            "container core: CrashLoopBackOff",
            "not looked at, you may not see them: pods in tenant-acme",
        ],
    ),
];

fn cases() -> impl Iterator<Item = Case> {
    PODS.into_iter().chain(PARTS).chain(SPECS).chain(LIVES).chain(USAGE)
}

#[test]
fn every_broken_tenant_is_told_its_true_cause() {
    let mut wrong = Vec::new();
    for (name, breaks, cause, words) in cases() {
        let why = of(breaks);
        let text = render(&why, Style::default());
        let found = why.causes.first().map_or("", |cause| &cause.cause);
        if found != cause {
            wrong.push(format!("{name}: {found} instead of {cause}\n{text}"));
        }
        // A long line may end in who says so; words never run over lines.
        for missing in words.iter().filter(|words| !text.contains(**words)) {
            wrong.push(format!("{name}: {missing:?} is not in\n{text}"));
        }
        let remedies = why.causes.first().map_or(0, |cause| cause.remedies.len());
        if remedies == 0 && cause != "ComponentNotReady" {
            wrong.push(format!("{name}: says not what to do\n{text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_answers_read_as_committed() {
    let texts = cases()
        .map(|(name, breaks, ..)| format!("# {name}\n{}\n", render(&of(breaks), Style::default())));
    golden("why.txt", &texts.collect::<String>());
}

#[test]
fn a_tenant_that_is_well_is_said_to_be() {
    let why = of(|_| {});
    assert_eq!(render(&why, Style::default()), "acme is Ready since 3m; nothing is wrong\n");
}

#[test]
fn what_another_version_drew_is_said_to_be_nobodys_doing() {
    let text = |renderer: i64| {
        let why = of(|r| {
            r.asks("pausedUntil", "2036-01-01T00:00:00Z".into());
            r.tenant["status"]["profileRevision"]["renderer"] = renderer.into();
            let service = r.object(Kind::Service, "core");
            service["spec"]["selector"]["tenantry.dev/component"] = "other".into();
            service["metadata"]["managedFields"] = json!([{ "manager": "kubectl-edit", "operation": "Update",
                "time": ago(30), "fieldsV1": { "f:spec": { "f:selector": {} } } }]);
            r.says("Reconciling", "False", "Paused", "");
            r.says("Ready", "False", "Because", "");
        });
        render(&why, Style::default())
    };
    let here = crate::desired::RENDERER;
    assert!(text(here).contains("Service core: "), "{}", text(here));
    assert!(!text(here - 1).contains("Service core: "), "{}", text(here - 1));
}

#[test]
fn a_consequence_never_comes_before_its_cause() {
    // What is missing because the namespace is not ours is not told as the cause.
    let why = of(|r| {
        r.objects.clear();
        r.pods.clear();
        r.stalls("AccountInUse", "account \"a\" is that of tenant borealis");
    });
    assert_eq!(why.causes.len(), 1, "{why:#?}");
}

#[test]
fn of_several_broken_parts_each_has_its_branch() {
    let why = of(|r| {
        r.waits("core", "CrashLoopBackOff", "");
        r.pends("transcribe", "0/3 nodes are available: 3 Insufficient cpu.");
    });
    let text = render(&why, Style::default());
    assert!(
        text.contains("├─ Deployment tenant-acme/core")
            && text.contains("└─ Deployment tenant-acme/transcribe"),
        "{text}"
    );
}
