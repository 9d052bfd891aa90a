//! Kubernetes resource quantities as exact integers.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The pattern that the API server checks: a number with up to three decimals and a unit.
const PATTERN: &str = r"^[0-9]{1,15}(\.[0-9]{1,3})?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$";

/// A resource quantity such as `500m`, `2`, `1.5Gi`, held in thousandths of its base unit.
///
/// It prints in the API server's canonical form (`1000m` → `1`, `1024Mi` → `1Gi`), so that what we
/// apply equals what we read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity {
    milli: i128,
    binary: bool,
}

impl Quantity {
    /// The value in thousandths of the base unit (`1` cpu = 1000, `1Ki` = 1 024 000).
    #[must_use]
    pub fn milli(self) -> i128 {
        self.milli
    }

    /// A quantity of `milli` thousandths, printed with decimal units.
    #[must_use]
    pub fn from_milli(milli: i128) -> Self {
        Self { milli, binary: false }
    }

    /// A quantity of `milli` thousandths, printed with binary units (`Mi`, `Gi`).
    #[must_use]
    pub fn from_milli_binary(milli: i128) -> Self {
        Self { milli, binary: true }
    }
}

const DECIMAL: [(&str, i128); 6] = [
    ("P", 1_000_000_000_000_000_000),
    ("T", 1_000_000_000_000_000),
    ("G", 1_000_000_000_000),
    ("M", 1_000_000_000),
    ("k", 1_000_000),
    ("", 1_000),
];
const BINARY: [(&str, i128); 5] = [
    ("Pi", 1000 << 50),
    ("Ti", 1000 << 40),
    ("Gi", 1000 << 30),
    ("Mi", 1000 << 20),
    ("Ki", 1000 << 10),
];

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units: &[(&str, i128)] =
            if self.binary && self.milli % 1000 == 0 { &BINARY } else { &DECIMAL };
        let whole = units.iter().find(|(_, size)| self.milli != 0 && self.milli % size == 0);
        match whole {
            Some((unit, size)) => write!(f, "{}{unit}", self.milli / size),
            None if self.milli % 1000 == 0 => write!(f, "{}", self.milli / 1000),
            None => write!(f, "{}m", self.milli),
        }
    }
}

/// Why a text is no quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidQuantity(String);

impl fmt::Display for InvalidQuantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not a quantity; write a number with a unit, such as 500m, 2 or 1.5Gi",
            self.0
        )
    }
}

impl std::error::Error for InvalidQuantity {}

impl FromStr for Quantity {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| InvalidQuantity(text.chars().take(40).collect()))
    }
}

fn parse(text: &str) -> Option<Quantity> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let (size, binary) = if unit == "m" {
        (1, false)
    } else {
        let decimal =
            DECIMAL.iter().find(|(name, _)| *name == unit).map(|(_, size)| (*size, false));
        decimal.or_else(|| {
            BINARY.iter().find(|(name, _)| *name == unit).map(|(_, size)| (*size, true))
        })?
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || whole.len() > 15 || fraction.len() > 3 || number.ends_with('.') {
        return None;
    }
    let whole: i128 = whole.parse().ok()?;
    let thousandths: i128 = format!("{fraction:0<3}").parse().ok()?;
    // Thousandths of a milli-unit round up, as the API server does.
    let scaled = (whole * 1000 + thousandths) * size;
    Some(Quantity { milli: (scaled + 999) / 1000, binary })
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Int(u64),
            Text(String),
        }
        let text = match Raw::deserialize(deserializer)? {
            Raw::Int(n) => n.to_string(),
            Raw::Text(text) => text,
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true,
            "anyOf": [{ "type": "integer" }, { "type": "string" }],
            "pattern": PATTERN,
            "maxLength": 24,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prints_the_api_servers_canonical_form() {
        for (given, canonical) in [
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("0.5", "500m"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("1000", "1k"),
            ("0", "0"),
            ("0Gi", "0"),
            ("2000Mi", "2000Mi"),
            ("128M", "128M"),
            ("1.001Ki", "1025024m"),
        ] {
            assert_eq!(given.parse::<Quantity>().unwrap().to_string(), canonical, "{given}");
        }
    }

    #[test]
    fn refuses_what_is_no_quantity() {
        for text in ["", "Gi", "1.", ".5", "-1", "1e3", "1 Gi", "1GB", "1.0001", "9999999999999999"]
        {
            assert!(text.parse::<Quantity>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn printing_keeps_the_value(milli in 0i128..1_000_000_000_000_000, binary: bool) {
            let quantity = Quantity { milli, binary };
            prop_assert_eq!(quantity.to_string().parse::<Quantity>().unwrap().milli(), milli);
        }
    }
}
