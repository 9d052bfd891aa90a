//! How webhooks stand on the wire.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::webhook::Kind;
use crate::routes::wire::ListMeta;
use crate::store::webhooks::Endpoint;

/// A type of message that a webhook can choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[allow(missing_docs, reason = "their names say what they are")]
pub enum MessageType {
    #[serde(rename = "usage.threshold.crossed")]
    ThresholdCrossed,
    #[serde(rename = "usage.threshold.recovered")]
    ThresholdRecovered,
    #[serde(rename = "onboarding.submitted")]
    OnboardingSubmitted,
    #[serde(rename = "onboarding.approved")]
    OnboardingApproved,
    #[serde(rename = "onboarding.rejected")]
    OnboardingRejected,
    #[serde(rename = "onboarding.withdrawn")]
    OnboardingWithdrawn,
    #[serde(rename = "health.flagged")]
    HealthFlagged,
    #[serde(rename = "health.recovered")]
    HealthRecovered,
}

impl From<MessageType> for Kind {
    fn from(chosen: MessageType) -> Self {
        match chosen {
            MessageType::ThresholdCrossed => Self::ThresholdCrossed,
            MessageType::ThresholdRecovered => Self::ThresholdRecovered,
            MessageType::OnboardingSubmitted => Self::OnboardingSubmitted,
            MessageType::OnboardingApproved => Self::OnboardingApproved,
            MessageType::OnboardingRejected => Self::OnboardingRejected,
            MessageType::OnboardingWithdrawn => Self::OnboardingWithdrawn,
            MessageType::HealthFlagged => Self::HealthFlagged,
            MessageType::HealthRecovered => Self::HealthRecovered,
        }
    }
}

/// A webhook to be set up.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookIn {
    /// Where messages are sent: https, without user, password and fragment, to the internet or to where
    /// the server may send.
    #[schema(
        example = "https://hooks.example.com/tenantry",
        min_length = 9,
        max_length = 2048,
        pattern = "^https://[^/?#@]+([/?][^#]*)?$"
    )]
    pub url: String,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 256)]
    pub description: String,
    /// What is sent; everything when it is left out or empty.
    #[serde(default)]
    #[schema(max_items = 8)]
    pub types: Vec<MessageType>,
}

/// What a webhook is to be.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookChange {
    /// Where messages are sent, as when it was set up.
    #[schema(
        example = "https://hooks.example.com/tenantry",
        min_length = 9,
        max_length = 2048,
        pattern = "^https://[^/?#@]+([/?][^#]*)?$"
    )]
    pub url: String,
    /// What it is for.
    #[schema(max_length = 256)]
    pub description: String,
    /// What is sent; everything when it is empty.
    #[schema(max_items = 8)]
    pub types: Vec<MessageType>,
    /// Whether anything is sent. What was to be sent to one that is disabled waits; what happens while it
    /// is disabled is never sent to it.
    pub enabled: bool,
}

/// A webhook. Its secret is shown once, when it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookOut {
    /// Its id.
    pub id: String,
    /// Where messages are sent.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// What is sent; everything when it is empty.
    pub types: Vec<String>,
    /// Whether anything is sent.
    pub enabled: bool,
    /// Why not: `asked`, or `gone` when the receiver answered 410.
    pub disabled_reason: Option<String>,
    /// Since when not.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub disabled_at: Option<Timestamp>,
    /// Until when messages are signed with the secret before the last one too.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub previous_secret_until: Option<Timestamp>,
    /// When it was set up.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
}

/// A webhook that was set up, with its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookMade {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: WebhookOut,
    /// What its messages are signed with: `whsec_` and base64. It is never shown again.
    pub secret: String,
}

/// Every webhook.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Webhooks {
    /// The oldest first.
    pub data: Vec<WebhookOut>,
    /// About the page, which is the only one.
    pub meta: ListMeta,
}

/// For how long the old secret is good too.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotationIn {
    /// For so many hours messages are signed with both; 0 when the old one is known to others.
    #[schema(example = 24, minimum = 0, maximum = 168)]
    pub overlap_hours: u32,
}

/// The new secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RotationOut {
    /// What messages are signed with from now on. It is never shown again.
    pub secret: String,
    /// Until when they are signed with the old one too.
    #[schema(value_type = String, format = DateTime)]
    pub previous_secret_until: Timestamp,
}

pub(super) fn out(endpoint: &Endpoint, now: Timestamp) -> WebhookOut {
    let Endpoint { id, wish, old, disabled, created_at, created_by, .. } = endpoint;
    WebhookOut {
        id: id.to_string(),
        url: wish.url.clone(),
        description: wish.description.clone(),
        types: wish.types.iter().map(ToString::to_string).collect(),
        enabled: disabled.is_none(),
        disabled_reason: disabled.map(|(why, _)| why.name().to_owned()),
        disabled_at: disabled.map(|(_, since)| since),
        previous_secret_until: old.as_ref().map(|(_, until)| *until).filter(|until| now < *until),
        created_at: *created_at,
        created_by: created_by.clone(),
    }
}
