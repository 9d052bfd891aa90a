//! A Tenant from flags. Pure.

use crds::names::TenantName;
use serde_json::{Map, Value, json};

use super::{
    args::{Create, Named},
    as_yaml,
    failure::Failure,
    object,
};

/// The Tenant as a beginning for a file, or in the form that was asked for.
///
/// # Errors
/// None that a Tenant has.
pub fn printed(tenant: &Value, output: Named) -> Result<String, Failure> {
    Ok(match object(tenant, output)? {
        Some(text) => text,
        None => as_yaml(tenant)?,
    })
}

/// The Tenant that the flags describe; what they leave out has the defaults of the resource.
///
/// # Errors
/// When the name cannot be a tenant's, or a contact is given by half.
pub fn tenant(asked: &Create) -> Result<Value, Failure> {
    TenantName::new(&asked.name).map_err(|error| Failure::Usage(error.to_string()))?;
    let mut spec = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            spec.insert(name.to_owned(), value);
        }
    };
    let display_name = asked.display_name.clone().unwrap_or_else(|| asked.name.clone());
    set("displayName", Some(display_name.into()));
    set("profileRef", Some(profile(asked)));
    set("plan", asked.plan.clone().map(Value::from));
    set("accountId", asked.account_id.clone().map(Value::from));
    set("overlays", (!asked.overlay.is_empty()).then(|| json!(asked.overlay)));
    set("suspend", asked.suspended.then_some(true.into()));
    set("contact", contact(asked)?);
    Ok(json!({
        "apiVersion": format!("{}/{}", crds::GROUP, crds::VERSION),
        "kind": "Tenant",
        "metadata": { "name": asked.name },
        "spec": spec,
    }))
}

fn profile(asked: &Create) -> Value {
    match asked.revision {
        Some(revision) => json!({ "name": asked.profile, "revision": revision }),
        None => json!({ "name": asked.profile }),
    }
}

fn contact(asked: &Create) -> Result<Option<Value>, Failure> {
    match (&asked.contact_name, &asked.contact_email) {
        (None, None) => Ok(None),
        (Some(name), Some(email)) => Ok(Some(json!({ "name": name, "email": email }))),
        _ => Err(Failure::Usage(
            "a contact has a name and an address: give both --contact-name and --contact-email"
                .to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::kubectl::args::{Asked, Verb};

    fn of(flags: &[&str]) -> Result<Value, Failure> {
        let words = ["kubectl tenant", "create"].iter().chain(flags);
        let Verb::Create(asked) = Asked::try_parse_from(words).unwrap().verb else {
            panic!("another verb")
        };
        tenant(&asked)
    }

    #[test]
    fn a_tenant_has_what_was_said_and_nothing_else() {
        let small = of(&["acme", "--profile", "prod"]).unwrap();
        assert_eq!(
            small["spec"],
            json!({ "displayName": "acme", "profileRef": { "name": "prod" } })
        );
        let flags = [
            "acme",
            "--profile",
            "prod",
            "--revision",
            "7",
            "--display-name",
            "Acme Legal",
            "--plan",
            "team",
            "--overlay",
            "gpu",
            "--contact-name",
            "Ops",
            "--contact-email",
            "ops@acme.example",
            "--suspended",
        ];
        assert_eq!(
            of(&flags).unwrap()["spec"],
            json!({
                "displayName": "Acme Legal", "profileRef": { "name": "prod", "revision": 7 }, "plan": "team",
                "overlays": ["gpu"], "contact": { "name": "Ops", "email": "ops@acme.example" }, "suspend": true,
            })
        );
        let read: crds::Tenant = serde_json::from_value(of(&flags).unwrap()).unwrap();
        assert!(read.spec.suspend);
    }

    #[test]
    fn without_the_cluster_it_is_printed_in_every_form() {
        let small = of(&["acme", "--profile", "prod"]).unwrap();
        let yaml = printed(&small, Named::Yaml).unwrap();
        assert_eq!(printed(&small, Named::Table).unwrap(), yaml, "a beginning for a file");
        assert_eq!(serde_saphyr::from_str::<Value>(&yaml).unwrap(), small);
        let json = printed(&small, Named::Json).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), small);
        assert_eq!(printed(&small, Named::Name).unwrap(), "tenant.tenantry.dev/acme\n");
    }

    #[test]
    fn what_cannot_be_is_refused_before_it_is_sent() {
        for flags in [
            &["Acme", "--profile", "prod"][..],
            &["acme", "--profile", "prod", "--contact-name", "Ops"],
        ] {
            assert_eq!(of(flags).unwrap_err().code(), 2, "{flags:?}");
        }
    }
}
