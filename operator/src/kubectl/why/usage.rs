//! What the API server says of plan, usage and customer, where something is to be done. Pure.

use crds::{
    conditions::{
        self, BILLING_INVALID, CUSTOMER_HEALTHY, OF_API_SERVER, PLAN_ACCEPTED, QUOTA_WITHIN_LIMITS,
        STALE, WORKLOADS_ACCEPTED,
    },
    tenant::EnforcementAction,
};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};

use super::{Cause, Link, ago, origin};
use crate::{
    figures::{self, Silence},
    kubectl::{
        event::Event,
        scene::{Lead, Scene},
    },
};

pub(super) fn causes(scene: &Scene, now: Timestamp) -> Vec<Cause> {
    let status = scene.status();
    if !figures::told(&status) {
        return Vec::new();
    }
    let stale =
        status.conditions.iter().find(|c| OF_API_SERVER.contains(&&*c.type_) && c.reason == STALE);
    if let Some(stale) = stale {
        return vec![old(scene, stale, now)];
    }
    let wrong = |type_| conditions::find(&status.conditions, type_).filter(|c| c.status == "False");
    let mut all = Vec::new();
    // First what makes figures wrong, then what the figures say.
    // Without an account there is none to stand for: the plan's condition says why.
    let workloads_of = wrong(WORKLOADS_ACCEPTED).filter(|c| c.reason != BILLING_INVALID);
    all.extend(workloads_of.map(|told| workloads(scene, told, now)));
    all.extend(wrong(PLAN_ACCEPTED).map(|told| plan(scene, told, now)));
    all.extend(wrong(QUOTA_WITHIN_LIMITS).map(|told| quota(scene, told, now)));
    all.extend(wrong(CUSTOMER_HEALTHY).map(|told| {
        let remedy =
            "see who to call and why: api-server routine triage, or GET /billing/usage/triage";
        Cause::new(&told.reason, vec![said(told, now)], vec![remedy.to_owned()])
    }));
    all
}

fn said(told: &Condition, now: Timestamp) -> Link {
    let by = ago("API server", Some(told.last_transition_time.0), now);
    Link::new(format!("{}: {}", told.type_, told.message)).by(Some(by))
}

fn old(scene: &Scene, told: &Condition, now: Timestamp) -> Cause {
    let mut chain = vec![Link::new(format!("the figures are old: {}", told.message))];
    let silence = match scene.api_server {
        Lead::Silent { since, .. } => Some(Silence { since }),
        Lead::Absent => Some(Silence { since: None }),
        Lead::Alive | Lead::Unseen => None,
    };
    chain.extend(silence.map(|silence| Link::new(figures::silent(silence))));
    if let Some(first) = chain.first_mut() {
        first.by = Some(ago("operator", Some(told.last_transition_time.0), now));
    }
    let look = "look at the API server: kubectl get pods -A -l app.kubernetes.io/name=tenantry-api-server, then its log";
    Cause::new("StaleFigures", chain, vec![look.to_owned()])
}

fn plan(scene: &Scene, told: &Condition, now: Timestamp) -> Cause {
    let link = origin::noted(said(told, now), scene, "spec.plan", now);
    let remedy = match told.reason.as_str() {
        "UnknownPlan" => "name a plan of the catalogue in spec.plan",
        "OtherCurrency" => "name a plan that is sold in the account's currency",
        "Scheduled" | "NotStarted" => "nothing: it takes effect then",
        "Superseded" => {
            "ask for the plan that was agreed, or agree to this one over the API server"
        }
        "Ended" => {
            "nothing, if it is to go; else agree to a plan over the API server, or name another in spec.plan"
        }
        "BillingDiffers" | "BillingInvalid" => {
            "spec.billing cannot change: make the tenant anew with what the message allows, or leave it out"
        }
        _ => "ask for another plan in spec.plan",
    };
    Cause::new(&told.reason, vec![link], vec![remedy.to_owned()])
}

/// The API server's event about a workload that stands for another account.
const REFUSED: &str = "WorkloadRefused";

/// Workloads whose usage counts for somebody else. Whose account that is stands nowhere in the cluster.
fn workloads(scene: &Scene, told: &Condition, now: Timestamp) -> Cause {
    let mut chain = vec![said(told, now)];
    let about = |event: &&Event| event.reason == REFUSED && event.is_about("Tenant", scene.name());
    chain.extend(scene.events.iter().find(about).map(|event| {
        let by = ago(&event.by, event.last, now);
        Link::new(format!("event {}: {}", event.reason, event.message)).by(Some(by))
    }));
    let named = told.message.strip_prefix("ServiceAccount ");
    let named =
        named.and_then(|rest| rest.split_once(" stands for")).map_or("", |(names, _)| names);
    let unbind = named.split(", ").filter(|name| !name.is_empty()).map(|name| {
        format!(
            "end what it stands for, beside the ledger, as whoever keeps that knows whose account it is: api-server \
             accounts unbind ACCOUNT --namespace {} --service-account {name}",
            scene.namespace()
        )
    });
    let mut remedies: Vec<String> = unbind.collect();
    remedies.push(format!(
        "or, if it is rightly another's, name the service otherwise in spec.services of profile {}",
        scene.profile_label()
    ));
    Cause::new(&told.reason, chain, remedies)
}

fn quota(scene: &Scene, told: &Condition, now: Timestamp) -> Cause {
    let mut chain = vec![said(told, now)];
    let usage = scene.status().usage.unwrap_or_default();
    let mut remedies = vec!["agree a larger plan: spec.plan".to_owned()];
    if let Some(enforcement) = usage.enforcement {
        match enforcement.action {
            EnforcementAction::Announced => {
                let at = enforcement.not_before.unwrap_or_default();
                chain.push(Link::new(format!(
                    "services will be stopped at {at} (spec.quotaAction)"
                )));
                remedies.push("or set spec.quotaAction.policy to Alert".to_owned());
            }
            EnforcementAction::Held => {
                chain.push(Link::new(
                    "services would be stopped, but too many tenants' would within an hour: a person is to look first",
                ));
            }
            EnforcementAction::Alert | EnforcementAction::Suspend => {}
        }
    }
    Cause::new(&told.reason, chain, remedies)
}
