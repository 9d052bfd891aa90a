//! Terms as a flat list of fields, for a hash of their content and for a diff that people can read.

use std::{collections::BTreeMap, fmt};

use sha2::{Digest, Sha256};

use super::document::{ChargeDocument, PriceDocument, TierDocument};
use crate::domain::rating::Terms;

/// SHA-256 of a version's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TermsHash(pub [u8; 32]);

impl TermsHash {
    pub(super) fn of(terms: &Terms) -> Self {
        let mut hash = Sha256::new();
        for (field, value) in fields(terms) {
            // With lengths, so that no two lists of fields have the same bytes.
            for text in [field, value] {
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text);
            }
        }
        Self(hash.finalize().into())
    }
}

impl fmt::Display for TermsHash {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Every field of the terms by its JSON pointer within the version, in one spelling:
/// `/meters/agents/included` is `10000`, however it was written.
#[must_use]
pub fn fields(terms: &Terms) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::from([
        ("/currency".to_owned(), terms.currency.code().to_owned()),
        ("/base".to_owned(), terms.base.amount()),
        ("/support_hours".to_owned(), terms.support_hours.to_string()),
    ]);
    for (meter, charge) in &terms.charges {
        let charge = ChargeDocument::from(charge);
        let mut add = |field: &str, value: String| {
            fields.insert(format!("/meters/{meter}/{field}"), value);
        };
        add("included", charge.included);
        charge.minimum.into_iter().for_each(|minimum| add("minimum", minimum));
        charge.maximum.into_iter().for_each(|maximum| add("maximum", maximum));
        match charge.price {
            PriceDocument::Flat(price) => add("price/flat", price),
            PriceDocument::Graduated(tiers) => add_tiers("graduated", tiers, add),
            PriceDocument::Volume(tiers) => add_tiers("volume", tiers, add),
            PriceDocument::Package { size, price } => {
                add("price/package/size", size);
                add("price/package/price", price);
            }
        }
    }
    fields
}

fn add_tiers(model: &str, tiers: Vec<TierDocument>, mut add: impl FnMut(&str, String)) {
    for (index, tier) in tiers.into_iter().enumerate() {
        let field = format!("price/{model}/{index}");
        tier.up_to.into_iter().for_each(|edge| add(&format!("{field}/up_to"), edge));
        add(&format!("{field}/price"), tier.price);
    }
}
