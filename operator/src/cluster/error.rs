//! What the API server's refusals mean for us.

use std::fmt;

use crate::object::Key;

/// A request that did not go through, sorted by what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    /// The object is not there.
    Gone,
    /// The object is not what it was when we decided: look again, decide again.
    Changed(String),
    /// An object of one of our names is somebody else's.
    Foreign(Key),
    /// We lack a permission; somebody must grant it.
    Forbidden {
        /// The verb.
        verb: &'static str,
        /// The resource's plural.
        resource: String,
        /// What the server said.
        message: String,
    },
    /// The namespace's quota refuses it.
    Quota(String),
    /// The server will not take it as it is.
    Rejected(String),
    /// We are not, or may no longer be, the leader.
    Fenced,
    /// It may work next time.
    Transient(String),
}

impl ApiError {
    pub(super) fn from_kube(
        error: kube::Error,
        verb: &'static str,
        resource: &str,
        key: Option<&Key>,
    ) -> Self {
        let kube::Error::Api(status) = error else {
            return Self::Transient(format!("{verb} {resource}: {error}"));
        };
        let what = key.map_or_else(|| resource.to_owned(), ToString::to_string);
        let message = status.message.clone();
        match status.code {
            404 => Self::Gone,
            409 => Self::Changed(format!("{what}: {message}")),
            403 if message.contains("because it is being terminated") => {
                Self::Changed(format!("{what}: {message}"))
            }
            403 if message.contains("exceeded quota") => Self::Quota(format!("{what}: {message}")),
            // Of a missing right the server says `User "…" cannot VERB resource …`; other 403 come from admission
            // (a claim whose class cannot grow, a limit, a policy) and say what is wrong themselves.
            403 if !(message.contains("User \"") && message.contains(" cannot ")) => {
                Self::Rejected(format!("{what}: {message}"))
            }
            403 => Self::Forbidden { verb, resource: resource.to_owned(), message },
            400 | 405 | 406 | 413 | 415 | 422 => Self::Rejected(format!("{what}: {message}")),
            code => Self::Transient(format!("{verb} {what}: {code} {message}")),
        }
    }

    /// One word for metrics.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Changed(_) => "changed",
            Self::Foreign(_) => "foreign",
            Self::Forbidden { .. } => "forbidden",
            Self::Quota(_) => "quota",
            Self::Rejected(_) => "rejected",
            Self::Fenced => "fenced",
            Self::Transient(_) => "transient",
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("it is not there"),
            Self::Foreign(key) => write!(f, "{key} is not ours"),
            Self::Forbidden { verb, resource, message } => {
                write!(f, "may not {verb} {resource}: {message}")
            }
            Self::Fenced => f.write_str("not the leader"),
            Self::Changed(m) | Self::Quota(m) | Self::Rejected(m) | Self::Transient(m) => {
                f.write_str(m)
            }
        }
    }
}

impl std::error::Error for ApiError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u16, message: &str) -> ApiError {
        let status = kube::core::Status::failure(message, "Forbidden").with_code(code);
        ApiError::from_kube(
            kube::Error::Api(status.boxed()),
            "patch",
            "persistentvolumeclaims",
            None,
        )
    }

    #[test]
    fn only_a_missing_right_is_called_one() {
        let rights = "persistentvolumeclaims \"tenantry-billing\" is forbidden: User \"system:serviceaccount:tenantry-system:tenantry-operator\" cannot patch resource \"persistentvolumeclaims\" in API group \"\" in the namespace \"tenant-acme\"";
        assert_eq!(refused(403, rights).class(), "forbidden");
        let class = "persistentvolumeclaims \"tenantry-billing\" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
        let error = refused(403, class);
        assert_eq!(error.class(), "rejected");
        assert!(error.to_string().contains("must support resize"), "{error}");
        let hook =
            "admission webhook \"paths.example.com\" denied the request: host paths cannot be used";
        assert_eq!(refused(403, hook).class(), "rejected");
        let quota = "pods \"core\" is forbidden: exceeded quota: tenantry, requested: pods=1";
        assert_eq!(refused(403, quota).class(), "quota");
    }
}
