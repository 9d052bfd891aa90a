//! What a customer said when they were taken on.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What a customer said when they were taken on. It holds no secrets: everybody who may read
/// tenants reads it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Onboarding {
    /// What they want it for, in their words.
    #[schemars(length(min = 1, max = 1000))]
    pub use_case: String,
    /// The departments that will work with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 100)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub departments: Vec<String>,
    /// The day on which work is to begin (such as 2027-01-15), in the customer's time zone.
    #[schemars(length(min = 10, max = 10), extend("format" = "date"))]
    pub go_live_date: String,
}
