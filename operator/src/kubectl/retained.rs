//! What is kept although no stack uses it. Pure.

use serde::Serialize;
use serde_json::Value;

use super::{
    scene::{name_of, text},
    table::{Cell, table},
    words::{NONE, Style, Tone},
};
use crate::desired::meta;

/// One thing that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// The tenant that it was made for.
    pub tenant: String,
    /// Whether that tenant is still there.
    pub alive: bool,
    /// The namespace that it stands in.
    pub namespace: String,
    /// What it is; `whole stack` for all of what a deleted tenant left.
    pub what: String,
    /// The uid of the tenant that left it.
    pub uid: String,
    /// The account that its usage is kept under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// What deleted tenants left, and what living ones do not use any more.
#[must_use]
pub fn kept(namespaces: &[Value], tenants: &[Value]) -> Vec<Kept> {
    let left = namespaces.iter().filter(|space| {
        space.pointer("/metadata/labels").and_then(|l| l.get(meta::RETAINED_LABEL)).is_some()
    });
    let left = left.filter_map(|space| {
        let name = name_of(space);
        let notes = space.pointer("/metadata/annotations")?;
        let note = |name: &str| notes.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        Some(Kept {
            tenant: crds::names::tenant_of_namespace(name)?.to_owned(),
            alive: false,
            namespace: name.to_owned(),
            what: "whole stack".to_owned(),
            uid: note(meta::TENANT_UID)?,
            account: note(meta::ACCOUNT_ID),
        })
    });
    let unused = tenants.iter().flat_map(|tenant| {
        let all = tenant.pointer("/status/retained").and_then(Value::as_array);
        all.into_iter().flatten().filter_map(Value::as_str).map(|what| Kept {
            tenant: name_of(tenant).to_owned(),
            alive: true,
            namespace: text(tenant, "/status/namespace").unwrap_or_default().to_owned(),
            what: what.to_owned(),
            uid: text(tenant, "/metadata/uid").unwrap_or_default().to_owned(),
            account: text(tenant, "/status/accountId").map(ToOwned::to_owned),
        })
    });
    let mut all: Vec<Kept> = left.chain(unused).collect();
    all.sort_by(|a, b| (&a.tenant, &a.what).cmp(&(&b.tenant, &b.what)));
    all
}

/// One line each, as `kubectl get -o name` prints them: the namespace of a whole stack, else the object in its own.
#[must_use]
pub fn names(all: &[Kept]) -> String {
    all.iter()
        .map(|kept| match kept.what.split_once(' ') {
            Some((kind, name)) if kept.alive => format!("{}/{name}\n", kind.to_ascii_lowercase()),
            _ => format!("namespace/{}\n", kept.namespace),
        })
        .collect()
}

/// One line each, and how to take over or remove what deleted tenants left.
#[must_use]
pub fn render(all: &[Kept], style: Style) -> String {
    if all.is_empty() {
        return "nothing is retained\n".to_owned();
    }
    let heads = ["TENANT", "NAMESPACE", "WHAT", "TENANT UID", "ACCOUNT", "TENANT IS"];
    let mut rows = vec![heads.map(|head| Cell::toned(head, Tone::Head)).to_vec()];
    rows.extend(all.iter().map(|kept| {
        let is = if kept.alive { "there" } else { "deleted" };
        vec![
            kept.tenant.clone().into(),
            kept.namespace.clone().into(),
            kept.what.clone().into(),
            kept.uid.clone().into(),
            kept.account.clone().unwrap_or_else(|| NONE.to_owned()).into(),
            is.into(),
        ]
    }));
    let mut text = table(&rows, 0, style);
    if let Some(kept) = all.iter().find(|kept| !kept.alive) {
        text.push_str(&format!(
            "→ take one over: make tenant {} again, with spec.adopt.previousUid: {}\n\
             → remove one with its data: kubectl annotate namespace {} {}={}\n",
            kept.tenant,
            kept.uid,
            kept.namespace,
            meta::PURGE,
            kept.uid
        ));
        if let Some(account) = &kept.account {
            text.push_str(&format!(
                "→ account {account} is billed by its plan until that is ended: \
                 POST /accounts/{account}/plan with {{\"plan\": null}}\n"
            ));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kubectl::recording::golden;

    #[test]
    fn what_is_kept_is_named_with_the_way_back() {
        let namespaces = [
            json!({ "metadata": { "name": "tenant-gone", "labels": { meta::RETAINED_LABEL: "true" },
                "annotations": { meta::TENANT_UID: "u-1", meta::ACCOUNT_ID: "a-1" } } }),
            json!({ "metadata": { "name": "tenant-acme", "annotations": { meta::TENANT_UID: "u-2" } } }),
        ];
        let tenants = [json!({ "metadata": { "name": "acme", "uid": "u-2" },
            "status": { "namespace": "tenant-acme", "retained": ["PersistentVolumeClaim store-data"] } })];
        let all = kept(&namespaces, &tenants);
        let told: Vec<_> =
            all.iter().map(|k| (k.tenant.as_str(), k.what.as_str(), k.alive)).collect();
        assert_eq!(
            told,
            [("acme", "PersistentVolumeClaim store-data", true), ("gone", "whole stack", false),]
        );
        let text = render(&all, Style::default());
        assert!(
            text.contains("kubectl annotate namespace tenant-gone tenantry.dev/purge=u-1"),
            "{text}"
        );
        assert!(text.contains("POST /accounts/a-1/plan with {\"plan\": null}"), "{text}");
        golden("retained.txt", &text);
        assert_eq!(names(&all), "persistentvolumeclaim/store-data\nnamespace/tenant-gone\n");
        assert_eq!(render(&[], Style::default()), "nothing is retained\n");
    }
}
