//! Small field types whose schema carries its own bounds.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::quantity::Quantity;

/// Label keys and values, as in a node selector; at most 16.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Labels(pub BTreeMap<String, String>);

impl JsonSchema for Labels {
    fn schema_name() -> Cow<'static, str> {
        "Labels".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "maxProperties": 16,
            "additionalProperties": {
                "type": "string", "maxLength": 63,
                "pattern": "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$",
            },
        })
    }
}

/// Annotations; at most 32.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Annotations(pub BTreeMap<String, String>);

impl Annotations {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl JsonSchema for Annotations {
    fn schema_name() -> Cow<'static, str> {
        "Annotations".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "maxProperties": 32,
            "additionalProperties": { "type": "string", "maxLength": 4096 },
        })
    }
}

/// Resource names and quantities, as in `resources.limits`; at most 8.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResourceMap(pub BTreeMap<String, Quantity>);

impl JsonSchema for ResourceMap {
    fn schema_name() -> Cow<'static, str> {
        "ResourceMap".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "maxProperties": 8,
            "additionalProperties": Quantity::json_schema(generator),
        })
    }
}

/// How many replicas: a number, or `External` when something else sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replicas {
    /// This many pods.
    Count(u16),
    /// Another party (an autoscaler of yours) owns the number; the operator leaves it alone.
    External,
}

/// The most replicas a service may ask for.
pub const REPLICAS_MAX: u16 = 500;

impl Serialize for Replicas {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(n) => serializer.serialize_u16(*n),
            Self::External => serializer.serialize_str("External"),
        }
    }
}

impl<'de> Deserialize<'de> for Replicas {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Count(u16),
            Word(String),
        }
        match Raw::deserialize(deserializer)? {
            Raw::Count(n) => Ok(Self::Count(n)),
            Raw::Word(word) if word == "External" => Ok(Self::External),
            Raw::Word(_) => Err(D::Error::custom("replicas must be a number or \"External\"")),
        }
    }
}

impl JsonSchema for Replicas {
    fn schema_name() -> Cow<'static, str> {
        "Replicas".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true,
            "anyOf": [{ "type": "integer" }, { "type": "string" }],
            "minimum": 0, "maximum": REPLICAS_MAX, "pattern": "^External$", "maxLength": 8,
        })
    }
}

/// A number of tenants, or a share of all of them such as `10%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountOrPercent {
    /// This many tenants.
    Count(u32),
    /// This share of all tenants of the profile, rounded up, at least one.
    Percent(u8),
}

impl CountOrPercent {
    /// How many of `total` tenants this is; at least 1.
    #[must_use]
    pub fn of(self, total: usize) -> usize {
        match self {
            Self::Count(n) => (n as usize).max(1),
            Self::Percent(p) => (total * usize::from(p)).div_ceil(100).max(1),
        }
    }

    /// Whether this bounds nothing, however many tenants there are.
    #[must_use]
    pub fn is_everybody(self) -> bool {
        matches!(self, Self::Percent(p) if p >= 100)
    }
}

impl fmt::Display for CountOrPercent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(n) => write!(f, "{n}"),
            Self::Percent(p) => write!(f, "{p}%"),
        }
    }
}

impl Serialize for CountOrPercent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(n) => serializer.serialize_u32(*n),
            Self::Percent(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for CountOrPercent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Count(u32),
            Text(String),
        }
        match Raw::deserialize(deserializer)? {
            Raw::Count(n) => Ok(Self::Count(n)),
            Raw::Text(text) => text
                .strip_suffix('%')
                .and_then(|n| n.parse().ok())
                .filter(|p| (1..=100).contains(p))
                .map(Self::Percent)
                .ok_or_else(|| D::Error::custom("write a number, or a percentage such as \"10%\"")),
        }
    }
}

impl JsonSchema for CountOrPercent {
    fn schema_name() -> Cow<'static, str> {
        "CountOrPercent".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true,
            "anyOf": [{ "type": "integer" }, { "type": "string" }],
            "minimum": 1, "maximum": 100_000,
            "pattern": "^(100|[1-9][0-9]?)%$", "maxLength": 4,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_rounded_up_and_never_zero() {
        assert_eq!(CountOrPercent::Percent(10).of(50), 5);
        assert_eq!(CountOrPercent::Percent(10).of(51), 6);
        assert_eq!(CountOrPercent::Percent(1).of(0), 1);
        assert_eq!(CountOrPercent::Count(0).of(9), 1);
    }
}
