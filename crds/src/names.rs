//! Names: the one place where a tenant's namespace and the names of its children are made.
//!
//! A tenant's name has at most 40 characters and a service's at most 30, so nothing is ever cut or
//! hashed, and two tenants can never meet in one namespace.

use std::fmt;

/// What every tenant namespace begins with.
pub const NAMESPACE_PREFIX: &str = "tenant-";
/// The longest name a tenant may have.
pub const TENANT_NAME_MAX: usize = 40;
/// What the names of our own components begin with; services may not use it.
pub const COMPONENT_PREFIX: &str = "tenantry-";

/// A tenant's name: a DNS label of at most 40 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantName(Box<str>);

impl TenantName {
    /// Accepts a DNS label of at most [`TENANT_NAME_MAX`] characters.
    ///
    /// # Errors
    /// Gives the text back, with the rule, when it is anything else.
    pub fn new(name: &str) -> Result<Self, InvalidName> {
        if name.len() <= TENANT_NAME_MAX && is_dns_label(name) {
            Ok(Self(name.into()))
        } else {
            Err(InvalidName(name.chars().take(80).collect()))
        }
    }

    /// The name as it stands in `metadata.name`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The namespace that holds this tenant's stack: `tenant-NAME`, always.
    #[must_use]
    pub fn namespace(&self) -> String {
        format!("{NAMESPACE_PREFIX}{}", self.0)
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The tenant whose namespace this is, if it is one.
#[must_use]
pub fn tenant_of_namespace(namespace: &str) -> Option<&str> {
    namespace.strip_prefix(NAMESPACE_PREFIX).filter(|name| TenantName::new(name).is_ok())
}

/// A name that is no DNS label of the allowed length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidName(String);

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "metadata.name {:?} must be a DNS label of at most {TENANT_NAME_MAX} characters \
             (a-z, 0-9 and '-', beginning and ending with a letter or digit)",
            self.0
        )
    }
}

impl std::error::Error for InvalidName {}

fn is_dns_label(text: &str) -> bool {
    let ok = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = text.as_bytes();
    !bytes.is_empty()
        && bytes.len() <= 63
        && bytes.iter().all(|&c| ok(c) || c == b'-')
        && bytes.first().copied().is_some_and(ok)
        && bytes.last().copied().is_some_and(ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_names_that_do_not_fit() {
        for name in ["", "A", "a.b", "-a", "a-", "a_b", "é", &"a".repeat(41)] {
            assert!(TenantName::new(name).is_err(), "{name:?}");
        }
        assert!(TenantName::new(&"a".repeat(40)).is_ok());
    }

    proptest! {
        #[test]
        fn namespaces_are_labels_and_lead_back(name in "[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?") {
            let tenant = TenantName::new(&name).unwrap();
            prop_assert!(is_dns_label(&tenant.namespace()));
            let namespace = tenant.namespace();
            prop_assert_eq!(tenant_of_namespace(&namespace), Some(name.as_str()));
        }
    }
}
