use crds::{
    deployment_profile::{AllowFrom, AllowTo, Dns, DnsServer, Scheduling},
    tenant::ServiceOverride,
};

use super::*;
use crate::{
    fixtures::{profile, record, tenant},
    observed::Record,
};

fn problems(
    change: impl FnOnce(&mut Tenant, &mut DeploymentProfileSpec, &mut Observed),
) -> Vec<(&'static str, String)> {
    let (mut tenant, mut profile, mut observed) = (tenant(), profile(), Observed::default());
    change(&mut tenant, &mut profile, &mut observed);
    let found = stack(&tenant, &profile, "prod", &observed).err().unwrap_or_default();
    found.into_iter().map(|p| (p.reason, p.message)).collect()
}

#[test]
fn the_examples_have_no_problem() {
    assert_eq!(problems(|_, _, _| {}), []);
}

#[test]
fn every_problem_is_told_at_once_each_with_its_path() {
    let found = problems(|t, p, _| {
        t.spec.overlays = vec!["gpu".to_owned(), "tpu".to_owned()];
        let cor = ServiceOverride { name: "cor".to_owned(), ..ServiceOverride::default() };
        t.spec.overrides.services = vec![cor];
        p.scheduling =
            vec![Scheduling { component: "graphana".to_owned(), ..Scheduling::default() }];
        p.quota.pods = 1;
    });
    let reasons: Vec<&str> = found.iter().map(|(reason, _)| *reason).collect();
    use super::reasons::*;
    assert_eq!(reasons, [OVERLAY_UNKNOWN, OVERRIDE_UNKNOWN, COMPONENT_UNKNOWN, QUOTA_TOO_SMALL]);
    let text: Vec<&str> = found.iter().map(|(_, message)| message.as_str()).collect();
    assert_eq!(text[0], "spec.overlays[1] \"tpu\": profile prod has gpu");
    assert_eq!(
        text[1],
        "spec.overrides.services[0].name \"cor\": profile prod has core, transcribe"
    );
    assert_eq!(
        text[2],
        "profile prod, spec.scheduling[0].component \"graphana\": the components are core, transcribe, \
         gateway, collector, metrics, grafana, backup"
    );
}

#[test]
fn components_that_exist_may_be_scheduled() {
    for component in ["core", "gateway", "backup"] {
        let entry = Scheduling { component: component.to_owned(), ..Scheduling::default() };
        assert_eq!(problems(|_, p, _| p.scheduling = vec![entry]), [], "{component}");
    }
}

#[test]
fn an_address_range_that_is_none_is_named() {
    let to = |cidr: &str| AllowTo { cidr: Some(cidr.to_owned()), ..AllowTo::default() };
    let found = problems(|_, p, _| {
        p.network.allow_to = vec![to("10.0.0.0/8"), to("10.0.0.0/33"), to("2001:db8::/32")];
    });
    assert_eq!(
        found,
        [(
            reasons::CIDR_INVALID,
            "profile prod, spec.network.allowTo[1].cidr \"10.0.0.0/33\" is no address range; \
             write one such as 203.0.113.0/24 or 2001:db8::/32"
                .to_owned()
        )]
    );
    let found = problems(|_, p, _| {
        let cidr = Some("fe80::/200".to_owned());
        p.network.allow_from.push(AllowFrom { cidr, ..AllowFrom::default() });
    });
    let [(reasons::CIDR_INVALID, message)] = found.as_slice() else { panic!("{found:?}") };
    assert!(message.contains("spec.network.allowFrom[1].cidr \"fe80::/200\""), "{message}");
    let found = problems(|_, p, _| {
        let cidr = Some("10.0.0.0/33".to_owned());
        let server = DnsServer { cidr, ..DnsServer::default() };
        p.network.dns = Some(Dns { servers: vec![server], ..Dns::default() });
    });
    let [(reasons::CIDR_INVALID, message)] = found.as_slice() else { panic!("{found:?}") };
    assert!(message.contains("spec.network.dns.servers[0].cidr \"10.0.0.0/33\""), "{message}");
}

#[test]
fn an_annotations_name_that_is_none_is_named() {
    let found = problems(|_, p, _| {
        let ingress = p.services[0].ingress.as_mut().unwrap();
        ingress.annotations.0.insert("no name".to_owned(), "x".to_owned());
    });
    let [(reasons::ANNOTATION_INVALID, message)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        message,
        "profile prod, spec.services[0].ingress.annotations \"no name\" is no annotation's name; \
         write one such as cert-manager.io/cluster-issuer"
    );
}

fn with_claim(size_milli: i128, class: Option<&str>) -> impl FnOnce(&mut Observed) {
    let facts = Facts::Claim { bound: true, size_milli, class: class.map(Into::into) };
    |observed| {
        let key = Key::new(Kind::PersistentVolumeClaim, "tenantry-billing");
        observed.objects.insert(key, Record { facts, ..record() });
    }
}

const GIBI: i128 = 1000 << 30;

#[test]
fn a_claim_neither_shrinks_nor_changes_its_class() {
    let found = problems(|_, _, o| with_claim(6 * GIBI, None)(o));
    let [(reasons::STORAGE_IMMUTABLE, message)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        message,
        "profile prod, spec.billing.storage is 5Gi, but claim tenantry-billing already asks for 6Gi: \
         a claim cannot shrink; set at least that"
    );
    let found = problems(|_, p, o| {
        p.billing.storage.class_name = Some("fast".to_owned());
        with_claim(5 * GIBI, Some("slow"))(o);
    });
    let [(reasons::STORAGE_IMMUTABLE, message)] = found.as_slice() else { panic!("{found:?}") };
    assert!(message.contains("asks for storage class \"fast\""), "{message}");
    // Growing, and a class that the cluster chose, are fine.
    assert_eq!(problems(|_, _, o| with_claim(4 * GIBI, Some("standard"))(o)), []);
}

#[test]
fn every_claim_of_a_stack_counts_with_the_field_that_sizes_it() {
    let mut profile = profile();
    profile.services[0].storage = Some(crds::deployment_profile::Storage {
        mount_path: "/data".to_owned(),
        ..Default::default()
    });
    let stack = crate::fixtures::stack(&tenant(), &profile);
    let found: Vec<String> =
        claims(&stack).into_iter().map(|c| format!("{} {}", c.name, c.field)).collect();
    assert_eq!(
        found,
        [
            "tenantry-billing spec.billing.storage",
            "core-data spec.services[core].storage",
            "tenantry-metrics-data spec.telemetry.metrics.storage",
        ]
    );
}

/// As where what a former tenant of the name left was removed while this one waited: its pods ran until then.
#[test]
fn a_tenant_begins_with_its_namespace_where_that_came_late() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let began = |of: Option<&str>, created: i64, adopts: bool| {
        let (mut tenant, mut observed) = (tenant(), Observed::default());
        tenant.metadata.creation_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(1_000)));
        tenant.spec.adopt = adopts.then(|| crds::tenant::Adopt { previous_uid: "o".to_owned() });
        let facts = Facts::Namespace { purge: None, account: None, created };
        let namespace = Record { tenant_uid: of.map(Into::into), facts, ..record() };
        observed.objects.insert(Key::new(Kind::Namespace, "tenant-acme"), namespace);
        stack(&tenant, &profile(), "prod", &observed).unwrap().since
    };
    let ours = Some(crate::fixtures::UID);
    assert_eq!(began(ours, 1_002, false), Some(at(1_000)), "made with it: the same at each look");
    assert_eq!(began(ours, 1_060, false), Some(at(1_000)));
    assert_eq!(began(ours, 1_061, false), Some(at(1_061)));
    assert_eq!(began(ours, 400, false), Some(at(1_000)), "what stood there before");
    assert_eq!(began(Some("former"), 5_000, false), Some(at(1_000)), "another's");
    assert_eq!(began(None, 5_000, false), Some(at(1_000)), "nobody's");
    assert_eq!(began(ours, 5_000, true), None, "it goes on where another ended");
}
