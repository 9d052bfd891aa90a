//! The stacks that the golden tests render: the examples, and one that uses every field.

#![allow(dead_code, reason = "each test binary uses its own part")]

use crds::{DeploymentProfile, Tenant};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use operator::{
    desired::{self, Stack},
    object::Object,
    observed::Observed,
};

const DEV: &str = include_str!("../../../examples/profile-dev.yaml");
const PROD: &str = include_str!("../../../examples/profile-prod.yaml");
const TENANTS: &str = include_str!("../../../examples/tenants.yaml");
const EVERYTHING: &str = include_str!("everything.yaml");

/// A stack of the examples: `dev`, `prod` or `prod-gpu`; or `everything`.
pub fn stack(case: &str) -> Stack {
    let (profile, tenant) = match case {
        "dev" => (DEV, tenant("borealis")),
        "prod" => (PROD, tenant("acme")),
        "prod-gpu" => (PROD, tenant("cobalt")),
        "everything" => {
            let mut acme = tenant("acme");
            acme.spec.overlays = vec!["gpu".to_owned()];
            (EVERYTHING, acme)
        }
        other => panic!("no case {other}"),
    };
    resolve(&tenant, profile)
}

/// The stack of a tenant of the examples that follows `prod`, changed by `change`.
pub fn prod_with(name: &str, change: impl FnOnce(&mut Tenant)) -> Stack {
    let mut tenant = tenant(name);
    change(&mut tenant);
    resolve(&tenant, PROD)
}

fn resolve(tenant: &Tenant, profile: &str) -> Stack {
    let profile: DeploymentProfile = serde_saphyr::from_str(profile).expect("a profile");
    let name = profile.metadata.name.as_deref().expect("a name");
    operator::validate::stack(tenant, &profile.spec, name, &Observed::default())
        .expect("the examples are valid")
}

fn tenant(name: &str) -> Tenant {
    let all: Vec<Tenant> = serde_saphyr::from_multiple(TENANTS).expect("tenants");
    let position = all.iter().position(|t| t.metadata.name.as_deref() == Some(name));
    let position = position.expect("an example of this name");
    let mut tenant = all.into_iter().nth(position).expect("it is there");
    let made = "2026-07-01T08:00:00Z".parse().expect("an instant");
    tenant.metadata.creation_timestamp = Some(Time(made));
    tenant.metadata.uid = Some(format!("00000000-0000-4000-8000-00000000000{position}"));
    tenant
}

/// Every stack that the rules are held against, with a name for messages.
pub fn every_stack() -> Vec<(&'static str, Stack)> {
    let mut all: Vec<_> =
        ["dev", "prod", "prod-gpu", "everything"].map(|case| (case, stack(case))).to_vec();
    let suspended = |case| Stack { suspended: true, ..stack(case) };
    all.push(("prod suspended", suspended("prod")));
    all.push(("everything suspended", suspended("everything")));
    let mut open = stack("prod");
    open.network.isolation = false;
    all.push(("prod without isolation", open));
    let mut bare = stack("prod");
    bare.telemetry = Default::default();
    bare.backups = None;
    bare.services.clear();
    all.push(("nothing but the gateway", bare));
    all
}

/// The rendered objects of a stack.
pub fn objects(case: &str) -> Vec<Object> {
    desired::objects(&stack(case))
}
