//! Rights to the operator's own resources: tenants, profiles, their statuses and revisions.

use serde_json::{Value, json};

use crate::{
    reading::{is_not_ready, may, rules, to},
    rights::{set_rules, without},
    support::{Api, Lab, dev, eventually, holds, lab::SYSTEM, process::Operator, tenant, with},
};

/// The shipped rights of both roles, and who asks what is left of them.
pub struct Rights<'l> {
    lab: &'l Lab,
    operator: Api,
    cluster: Value,
    own: Value,
}

impl<'l> Rights<'l> {
    pub async fn of(lab: &'l Lab) -> Self {
        let role = lab.api.get("roles", SYSTEM, "tenantry-operator").await.unwrap();
        let (operator, cluster) = (lab.as_operator().await, rules(lab).await);
        Self { lab, operator, cluster, own: role["rules"].clone() }
    }

    async fn set_own(&self, rules: &Value) {
        let patch = json!({ "rules": rules });
        self.lab.api.merge("roles", SYSTEM, "tenantry-operator", &patch).await.unwrap();
    }

    /// Whoever grants it, `verb resource[/subresource]` is taken away, or everything is back.
    pub async fn grant(&self, verb: &str, resource: &str, granted: bool) {
        let (plural, sub) = resource.split_once('/').unwrap_or((resource, ""));
        let group = match plural {
            "controllerrevisions" => "apps",
            "leases" => "coordination.k8s.io",
            _ => "tenantry.dev",
        };
        let less = |rules: &Value| {
            if granted { rules.clone() } else { without(rules, resource, verb) }
        };
        let mut asked = to(verb, group, plural);
        if group == "tenantry.dev" {
            asked["subresource"] = sub.into();
            set_rules(self.lab, &less(&self.cluster)).await;
        } else {
            asked["namespace"] = SYSTEM.into();
            if verb == "update" {
                asked["name"] = "tenantry-operator".into();
            }
            self.set_own(&less(&self.own)).await;
        }
        may(&self.operator, asked, granted).await;
    }
}

/// Waits until the operator's log says that it may not.
async fn complains(process: &Operator, verb: &str, resource: &str) {
    let words = format!("may not {verb} {resource}:");
    eventually(&format!("the log says: {words}"), async || {
        holds(process.log().contains(&words), process.log_tail())
    })
    .await;
}

#[tokio::test]
async fn without_the_rights_to_read_its_own_resources_it_never_gets_ready_and_names_them() {
    let lab = Lab::own().await;
    let rights = Rights::of(&lab).await;
    lab.apply(&[dev("b-read"), tenant("b-read", "b-read")]).await;
    for resource in ["tenants", "deploymentprofiles", "controllerrevisions"] {
        for verb in ["list", "watch"] {
            rights.grant(verb, resource, false).await;
            let mark = lab.mark();
            let process = lab.operator(&format!("b-{verb}-{resource}"));
            let cannot = format!("cannot {verb} resource \"{resource}\"");
            is_not_ready(&process, &[&format!("watch {resource}"), &cannot]).await;
            // Who cannot read what is wanted must not write.
            if verb == "list" {
                assert_eq!(lab.writes(mark), Vec::<String>::new(), "without {verb} {resource}");
            }
            process.kill();
            rights.grant(verb, resource, true).await;
        }
    }
    let _none_if_it_never_led = lab.api.delete("leases", SYSTEM, "tenantry-operator").await;
    let process = lab.operator("b-reads");
    process.ready().await;
    lab.ready("b-read").await;
}

#[tokio::test]
async fn without_the_rights_to_write_its_own_resources_it_names_them_and_goes_on_with_them() {
    let lab = Lab::own().await;
    let rights = Rights::of(&lab).await;
    let process = lab.operator("b-writes");
    process.ready().await;
    for (number, (verb, resource)) in [
        ("patch", "tenants"),
        ("patch", "tenants/status"),
        ("patch", "deploymentprofiles/status"),
        ("create", "controllerrevisions"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("b-{number}");
        rights.grant(verb, resource, false).await;
        lab.apply(&[dev(&name), tenant(&name, &name)]).await;
        complains(&process, verb, resource).await;
        rights.grant(verb, resource, true).await;
        lab.ready(&name).await;
        eventually("its rollout is complete", async || {
            let profile = lab.profile(&name).await;
            holds(profile["status"]["rollout"] == "Complete", &profile["status"])
        })
        .await;
    }
}

#[tokio::test]
async fn without_the_right_to_delete_revisions_it_says_so_and_they_go_later() {
    let lab = Lab::own().await;
    let rights = Rights::of(&lab).await;
    let process = lab.operator("b-history");
    process.ready().await;
    rights.grant("delete", "controllerrevisions", false).await;
    // Ten that nobody runs are kept beside the newest.
    for number in 1..=12 {
        let image = format!("sample:{number}");
        lab.apply(&[with(dev("b-history"), "/services/0/image", json!(image))]).await;
        eventually("the edit has its revision", async || {
            let profile = lab.profile("b-history").await;
            let made = format!("profile.b-history.{number}");
            let made = lab.api.get("controllerrevisions", SYSTEM, &made).await;
            holds(made.is_ok(), &profile["status"])
        })
        .await;
    }
    complains(&process, "delete", "controllerrevisions").await;
    rights.grant("delete", "controllerrevisions", true).await;
    lab.gone("controllerrevisions", SYSTEM, "profile.b-history.1").await;
}
