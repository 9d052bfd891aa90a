//! Which revision of its profile a stack is brought to.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Which revision of the profile a stack should follow, and which one it runs.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ProfileRevision {
    /// The revision that the stack is being brought to, as `PROFILE@NUMBER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 60))]
    pub desired: Option<String>,
    /// The revision that the stack last ran healthily, as `PROFILE@NUMBER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 60))]
    pub current: Option<String>,
    /// The version of the operator's rendering that the stack is being brought to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub renderer: Option<i64>,
    /// The version of the rendering that `current` was made with, while the stack is being drawn anew by `renderer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub current_renderer: Option<i64>,
}

impl ProfileRevision {
    /// Whether the stack runs what it is brought to, or did last: what fails then failed some time after.
    #[must_use]
    pub fn has_arrived(&self) -> bool {
        self.current.is_some() && self.current == self.desired && self.current_renderer.is_none()
    }
}
