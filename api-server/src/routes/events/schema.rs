//! What events look like, for the document. They are read member by member, since each has an answer
//! of its own.

use serde::Serialize;
use utoipa::ToSchema;

/// A CloudEvent 1.0 that counts use. Further members are extension attributes, which are kept: at
/// most 16, with names of up to 32 lower-case letters and digits; texts, whole numbers or booleans.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CloudEvent {
    /// Always `1.0`.
    #[schema(pattern = "^1\\.0$", example = "1.0")]
    pub specversion: String,
    /// The sender's name for it. Source and id together count once.
    #[schema(min_length = 1, max_length = 256, example = "e-17")]
    pub id: String,
    /// Who counted: a URI reference without spaces.
    #[schema(min_length = 1, max_length = 256, pattern = "^\\S+$", example = "/core")]
    pub source: String,
    /// `dev.tenantry.usage.` and a meter.
    #[serde(rename = "type")]
    #[schema(
        pattern = "^dev\\.tenantry\\.usage\\.(ingestion|query|timeline|agents|signup)$",
        example = "dev.tenantry.usage.ingestion"
    )]
    pub kind: String,
    /// The account; the token says whose it is, and this may not say otherwise.
    #[schema(example = "acme")]
    pub subject: Option<String>,
    /// When it happened, in UTC: at most 24 h ahead, and not before the previous month's second day.
    #[schema(format = DateTime, example = "2026-11-22T23:50:16Z")]
    pub time: String,
    /// What was used.
    pub data: Use,
}

/// What was used.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Use {
    /// In the meter's unit, at most 1,000,000,000.
    pub quantity: Amount,
}

/// How much: a decimal as a text, or a whole number.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Amount {
    /// As a text.
    Text(AmountText),
    /// As a number.
    Whole(AmountWhole),
}

/// A decimal with up to six places.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(pattern = "^[0-9]+(\\.[0-9]{1,6})?$", max_length = 64, example = "12.5")]
pub struct AmountText(pub String);

/// A number without a fraction.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(minimum = 0, maximum = 1_000_000_000)]
pub struct AmountWhole(pub i64);

/// Events that are taken each on its own, or all or none.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(max_items = 1000)]
pub struct CloudEvents(pub Vec<CloudEvent>);

/// One event, or a list of them.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(CloudEvent),
    /// A list.
    Many(CloudEvents),
}
