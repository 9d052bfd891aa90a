//! A plan version as it is written: in a catalogue file, and as JSON where it is stored. Decimals
//! are texts, and no other fields are allowed.

use std::{collections::BTreeMap, fmt::Display};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::{CatalogueError, PlanId, PlanVersion};
use crate::domain::{
    decimal::DecimalError,
    meter::Meter,
    money::{Currency, Money, UnitPrice},
    quantity::Quantity,
    rating::{Charge, Price, Terms, Tier, Tiers},
};

/// A plan version, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionDocument {
    /// The plan's key: 1 to 40 of a–z, 0–9 and `-`, the first a letter.
    pub plan: String,
    /// From 1.
    #[serde(deserialize_with = "whole")]
    pub version: u32,
    /// From which instant (RFC 3339) it is on sale; without it, it is a draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<String>,
    /// At which instant (RFC 3339) it stops being on sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_to: Option<String>,
    /// ISO 4217.
    pub currency: String,
    /// The fee of a period: `"299.00"`.
    pub base: String,
    /// Support answers within so many hours, from 1.
    #[serde(deserialize_with = "whole")]
    pub support_hours: u32,
    /// Every meter that is billed.
    pub meters: BTreeMap<String, ChargeDocument>,
}

/// What one meter costs, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChargeDocument {
    /// Units that the base fee pays for.
    pub included: String,
    /// The price of what goes beyond them.
    pub price: PriceDocument,
    /// The least that the line comes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<String>,
    /// The most that the line comes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<String>,
}

/// A price, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PriceDocument {
    /// The price of every unit.
    Flat(String),
    /// Each unit by its own tier; only the last tier has no `up_to`.
    Graduated(Vec<TierDocument>),
    /// Every unit by the tier reached; only the last tier has no `up_to`.
    Volume(Vec<TierDocument>),
    /// Each started package.
    Package {
        /// Units in a package.
        size: String,
        /// The price of one.
        price: String,
    },
}

/// A tier, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierDocument {
    /// The last unit in it; the last tier has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<String>,
    /// The price of one unit.
    pub price: String,
}

/// A number, with a message for people when it is none.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    u32::deserialize(deserializer).map_err(|_| D::Error::custom("must be a whole number from 1"))
}

type Read<T> = Result<T, CatalogueError>;

fn problem<T>(pointer: &str, problem: impl Display) -> Read<T> {
    Err(CatalogueError { pointer: pointer.to_owned(), problem: problem.to_string() })
}

/// Reads a decimal of any scale that must not be negative.
fn decimal<T: Default + PartialOrd>(
    text: &str,
    pointer: &str,
    parse: impl Fn(&str) -> Result<T, DecimalError>,
) -> Read<T> {
    match parse(text) {
        Ok(value) if value >= T::default() => Ok(value),
        Ok(_) => problem(pointer, format!("{text:?} must not be negative")),
        Err(error) => problem(pointer, format!("{text:?} {error}")),
    }
}

fn money(text: &str, currency: Currency, pointer: &str) -> Read<Money> {
    let minor = decimal(text, pointer, |t| Money::parse(t, currency).map(Money::minor))?;
    Ok(Money::from_minor(minor, currency))
}

fn quantity(text: &str, pointer: &str) -> Read<Quantity> {
    decimal(text, pointer, str::parse)
}

fn unit_price(text: &str, pointer: &str) -> Read<UnitPrice> {
    decimal(text, pointer, str::parse)
}

fn instant(text: Option<&String>, pointer: &str) -> Read<Option<Timestamp>> {
    let Some(text) = text else { return Ok(None) };
    match text.parse() {
        Ok(instant) => Ok(Some(instant)),
        Err(_) => {
            let rule = "is not an instant such as 2026-01-01T00:00:00Z";
            problem(pointer, format!("{text:?} {rule}"))
        }
    }
}

impl VersionDocument {
    /// What it says, when it is sound. `pointer` is where it stands: `/plans/0`, or nothing.
    ///
    /// # Errors
    /// [`CatalogueError`] for the first field that is wrong.
    pub fn read(&self, pointer: &str) -> Result<PlanVersion, CatalogueError> {
        let at = |field: &str| format!("{pointer}/{field}");
        if !is_key(&self.plan) {
            let rule = "must be 1 to 40 of a-z, 0-9 and -, the first a letter";
            return problem(&at("plan"), format!("{:?} {rule}", self.plan));
        }
        if self.version == 0 {
            return problem(&at("version"), "must be 1 or more");
        }
        let effective_from = instant(self.effective_from.as_ref(), &at("effective_from"))?;
        let effective_to = instant(self.effective_to.as_ref(), &at("effective_to"))?;
        if effective_to.is_some() && effective_from.is_none() {
            return problem(&at("effective_to"), "a draft cannot end: add effective_from");
        }
        if effective_to.is_some() && effective_to <= effective_from {
            return problem(&at("effective_to"), "must be after effective_from");
        }
        let id = PlanId { plan: self.plan.clone(), version: self.version };
        Ok(PlanVersion { id, terms: self.terms(&at)?, effective_from, effective_to })
    }

    fn terms(&self, at: &impl Fn(&str) -> String) -> Read<Terms> {
        let Some(currency) = Currency::from_code(&self.currency) else {
            let rule = "is not an ISO 4217 code such as USD";
            return problem(&at("currency"), format!("{:?} {rule}", self.currency));
        };
        if self.support_hours == 0 {
            return problem(&at("support_hours"), "must be 1 or more");
        }
        let base = money(&self.base, currency, &at("base"))?;
        let mut charges = BTreeMap::new();
        for (name, charge) in &self.meters {
            let pointer = at(&format!("meters/{}", escape(name)));
            charges.insert(billed(name, &pointer)?, charge.read(currency, &pointer)?);
        }
        for meter in Meter::ALL.into_iter().filter(|m| m.billed()) {
            if !charges.contains_key(&meter) {
                return problem(&at("meters"), format!("{meter} is missing: say what it costs"));
            }
        }
        Ok(Terms { currency, base, support_hours: self.support_hours, charges })
    }
}

fn is_key(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    text.len() <= 40
        && text.bytes().all(allowed)
        && text.starts_with(|first: char| first.is_ascii_lowercase())
}

/// A name as a JSON pointer has it.
pub(super) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn billed(name: &str, pointer: &str) -> Read<Meter> {
    match name.parse::<Meter>() {
        Ok(meter) if meter.billed() => Ok(meter),
        Ok(_) => problem(pointer, format!("{name} is recorded, never billed: remove it")),
        Err(error) => problem(pointer, error),
    }
}

impl ChargeDocument {
    fn read(&self, currency: Currency, pointer: &str) -> Read<Charge> {
        let bound = |text: &Option<String>, field: &str| {
            let pointer = format!("{pointer}/{field}");
            text.as_ref().map(|text| money(text, currency, &pointer)).transpose()
        };
        let charge = Charge {
            included: quantity(&self.included, &format!("{pointer}/included"))?,
            price: self.price.read(&format!("{pointer}/price"))?,
            minimum: bound(&self.minimum, "minimum")?,
            maximum: bound(&self.maximum, "maximum")?,
        };
        if let (Some(minimum), Some(maximum)) = (charge.minimum, charge.maximum)
            && maximum.minor() < minimum.minor()
        {
            let pointer = format!("{pointer}/maximum");
            return problem(&pointer, format!("must be {} or more, the minimum", minimum.amount()));
        }
        Ok(charge)
    }
}

impl PriceDocument {
    fn read(&self, pointer: &str) -> Read<Price> {
        Ok(match self {
            Self::Flat(price) => Price::Flat(unit_price(price, &format!("{pointer}/flat"))?),
            Self::Graduated(all) => Price::Graduated(tiers(all, &format!("{pointer}/graduated"))?),
            Self::Volume(all) => Price::Volume(tiers(all, &format!("{pointer}/volume"))?),
            Self::Package { size, price } => {
                let pointer = format!("{pointer}/package");
                let package = Price::Package {
                    size: quantity(size, &format!("{pointer}/size"))?,
                    price: unit_price(price, &format!("{pointer}/price"))?,
                };
                if matches!(package, Price::Package { size: Quantity::ZERO, .. }) {
                    return problem(&format!("{pointer}/size"), "must be more than 0");
                }
                package
            }
        })
    }
}

fn tiers(all: &[TierDocument], pointer: &str) -> Read<Tiers> {
    let Some((last, bounded)) = all.split_last() else {
        return problem(pointer, "must have a tier: {price}");
    };
    let at = |index: usize, field: &str| format!("{pointer}/{index}/{field}");
    if last.up_to.is_some() {
        return problem(&at(bounded.len(), "up_to"), "the last tier has no end: remove it");
    }
    let mut edges = Vec::with_capacity(bounded.len());
    for (index, tier) in bounded.iter().enumerate() {
        let Some(up_to) = &tier.up_to else {
            return problem(&at(index, "up_to"), "is missing: only the last tier has no end");
        };
        edges.push(Tier {
            up_to: quantity(up_to, &at(index, "up_to"))?,
            price: unit_price(&tier.price, &at(index, "price"))?,
        });
    }
    let rest = unit_price(&last.price, &at(bounded.len(), "price"))?;
    Tiers::new(edges, rest).or_else(|error| problem(&at(error.0, "up_to"), error))
}

impl From<&PlanVersion> for VersionDocument {
    fn from(version: &PlanVersion) -> Self {
        let charges = &version.terms.charges;
        Self {
            plan: version.id.plan.clone(),
            version: version.id.version,
            effective_from: version.effective_from.map(|instant| instant.to_string()),
            effective_to: version.effective_to.map(|instant| instant.to_string()),
            currency: version.terms.currency.code().to_owned(),
            base: version.terms.base.amount(),
            support_hours: version.terms.support_hours,
            meters: charges.iter().map(|(m, c)| (m.name().to_owned(), c.into())).collect(),
        }
    }
}

impl From<&Charge> for ChargeDocument {
    fn from(charge: &Charge) -> Self {
        Self {
            included: charge.included.to_string(),
            price: (&charge.price).into(),
            minimum: charge.minimum.map(Money::amount),
            maximum: charge.maximum.map(Money::amount),
        }
    }
}

impl From<&Price> for PriceDocument {
    fn from(price: &Price) -> Self {
        match price {
            Price::Flat(price) => Self::Flat(price.to_string()),
            Price::Graduated(tiers) => Self::Graduated(tier_documents(tiers)),
            Price::Volume(tiers) => Self::Volume(tier_documents(tiers)),
            Price::Package { size, price } => {
                Self::Package { size: size.to_string(), price: price.to_string() }
            }
        }
    }
}

fn tier_documents(tiers: &Tiers) -> Vec<TierDocument> {
    let document = |up_to: Option<Quantity>, price: UnitPrice| TierDocument {
        up_to: up_to.map(|edge| edge.to_string()),
        price: price.to_string(),
    };
    let bounded = tiers.bounded().iter().map(|tier| document(Some(tier.up_to), tier.price));
    bounded.chain([document(None, tiers.rest())]).collect()
}
