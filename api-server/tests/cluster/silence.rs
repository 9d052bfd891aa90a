//! The API server falls silent, and the operator says so: both programs, as they run.

use std::time::Duration;

use crds::{API_SERVER, conditions, manifest::RELEASE_NAMESPACE};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;

use crate::{
    faults::{
        parts::Parts,
        plan::{Kind, Round, Victim},
        run::BOUND,
    },
    lab::{Lab, holds, within},
    seen::Seen,
};

const NAME: &str = "tenant-00";

/// Each condition of the API server that stands says that nobody vouches for it, and so does each word.
fn is_stale(seen: &Seen) -> Result<(), String> {
    let said = conditions::OF_API_SERVER.map(|condition| seen.says(condition));
    let told = said.iter().filter(|said| !said.0.is_empty());
    let all = told.clone().count() > 0 && told.clone().all(|said| *said == ("Unknown", "Stale"));
    holds(all && seen.used().ends_with(conditions::STALE_WORD), format!("{seen:?}"))
}

/// The operator takes a duration from what the Lease states: three minutes need not pass.
async fn shorten(lab: &Lab) {
    let api = Api::<Lease>::namespaced(lab.client.clone(), RELEASE_NAMESPACE);
    let patch = json!({ "spec": { "leaseDurationSeconds": 2 } });
    api.patch(API_SERVER, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn figures_of_a_server_that_was_killed_are_old_news_until_it_is_back() {
    let (mut parts, _senders) = Parts::start(1, 0).await;
    parts.lab.ingest(parts.server(), NAME, "e-1", "100").await;
    let is_told = |seen: &Seen| seen.meter("ingestion") == "100" && seen.used() != "–";
    let before = parts.lab.until(NAME, "figures", is_told).await;
    let (word, quota) = (before.used().to_owned(), before.says("QuotaWithinLimits"));
    assert_ne!(quota.1, "Stale");

    let lasts = Duration::ZERO;
    let round = Round { victim: Victim::ApiServer, kind: Kind::Killed, gateway: 0, lasts };
    parts.strike(&round);
    shorten(&parts.lab).await;
    within(BOUND, "what it said is stale", async || {
        let seen = Seen::of(parts.lab.get(NAME).await);
        is_stale(&seen)?;
        holds(seen.used() == format!("{word}{}", conditions::STALE_WORD), format!("{seen:?}"))
    })
    .await;

    parts.heal(&round);
    within(BOUND, "it is said anew, by the API server alone", async || {
        parts.supervise();
        let tenant = parts.lab.get(NAME).await;
        let managers = tenant.metadata.managed_fields.clone().unwrap_or_default();
        let ours =
            managers.iter().filter(|one| one.manager.as_deref() == Some("tenantry-operator"));
        let held = ours.filter_map(|one| one.fields_v1.as_ref());
        let marks = held.filter(|fields| fields.0.to_string().contains("f:display")).count();
        let seen = Seen::of(tenant);
        let back = (seen.used(), seen.says("QuotaWithinLimits")) == (word.as_str(), quota);
        holds(back && marks == 0, format!("{marks} {seen:?}"))
    })
    .await;
}
