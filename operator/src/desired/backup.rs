//! The scheduled backup: a job that asks the gateway for it, which sends a copy of what it holds to the
//! control plane. It needs no rights of its own, only a token by which the gateway knows it, and it runs
//! while the tenant is suspended.

use crds::deployment_profile::Backups;
use serde_json::{Value, json};

use super::{
    Stack, gateway, meta,
    pod::{self, Pod},
    volume::{self, Volume},
    workload,
};
use crate::{kinds::Kind, object::Object};

/// Account and CronJob.
pub fn build(stack: &Stack, all: &mut Vec<Object>) {
    let Some(backups) = stack.backups.as_ref().filter(|b| b.enabled) else { return };
    all.push(workload::account(stack, meta::BACKUP));
    let fields = json!({ "spec": cron_job(stack, backups) });
    all.push(workload::named(stack, meta::BACKUP, Kind::CronJob, fields));
}

fn cron_job(stack: &Stack, backups: &Backups) -> Value {
    json!({
        "schedule": backups.schedule,
        "timeZone": backups.time_zone,
        // Two backups at once would compete for the same storage.
        "concurrencyPolicy": "Forbid",
        // After an outage one missed run is made up for, if it is not more than an hour late.
        "startingDeadlineSeconds": 3600,
        "successfulJobsHistoryLimit": 1,
        "failedJobsHistoryLimit": 2,
        "jobTemplate": {
            "metadata": { "labels": meta::labels(stack, meta::BACKUP) },
            "spec": {
                "backoffLimit": 2,
                "activeDeadlineSeconds": 3600,
                "template": pod::template(stack, &pod(stack, backups)),
            },
        },
    })
}

fn pod<'a>(stack: &Stack, backups: &'a Backups) -> Pod<'a> {
    Pod {
        component: meta::BACKUP,
        image: &backups.image,
        args: backups.args.clone(),
        env: vec![
            pod::env("TENANTRY_TENANT", stack.tenant.as_str()),
            pod::env("TENANTRY_GATEWAY_URL", &gateway::url(stack)),
            pod::env("TENANTRY_BACKUP_TOKEN_FILE", volume::TOKEN_FILE),
            pod::env("OTEL_SDK_DISABLED", "true"),
        ],
        resources: backups.resources.clone(),
        run_as_user: backups.run_as_user,
        volumes: vec![Volume::token(volume::GATEWAY_AUDIENCE)],
        grace_seconds: 30,
        restart_policy: Some("Never"),
        ..Pod::default()
    }
}
