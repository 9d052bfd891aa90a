//! How values stand on the wire: decimals as texts, money with its currency.

use std::fmt::Display;

use iso_currency::Currency;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::Money;
use crate::http::Problem;
use crate::http::problem::Code;

/// An amount of money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoneyOnWire {
    /// A decimal with at most as many places as the currency has.
    #[schema(example = "1049.00", max_length = 32, pattern = "^-?[0-9]+(\\.[0-9]+)?$")]
    pub amount: String,
    /// ISO 4217.
    #[schema(example = "USD", min_length = 3, max_length = 3)]
    pub currency: String,
}

impl From<Money> for MoneyOnWire {
    fn from(money: Money) -> Self {
        Self { amount: money.amount(), currency: money.currency().code().to_owned() }
    }
}

/// Estimates, or the figures that follow from them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RangeOnWire<T> {
    /// The cautious one.
    pub low: T,
    /// The likely one.
    pub base: T,
    /// The hopeful one.
    pub high: T,
}

/// The moment that figures are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AsOf {
    /// The account's newest row in the ledger; 0 when there is none. Later rows do not count.
    #[schema(minimum = 0)]
    pub row: i64,
    /// When it was read.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// About a page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListMeta {
    /// Where the next one is.
    pub page: NextPage,
}

/// Where a list goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NextPage {
    /// The path of the next page; null on the last.
    pub next: Option<String>,
}

impl ListMeta {
    /// Of the page that `next` follows.
    #[must_use]
    pub const fn new(next: Option<String>) -> Self {
        Self { page: NextPage { next } }
    }
}

/// How long a name, reason or ticket may be, in bytes.
pub const LONGEST_TEXT: usize = 256;

/// Collects all that is wrong with a body, so that one answer names it all.
#[derive(Debug, Default)]
pub struct Faults(Vec<(String, String)>);

impl Faults {
    /// Notes what is wrong at `pointer`; `detail` reads on after a field's name.
    pub fn note(&mut self, pointer: impl Into<String>, detail: impl Display) {
        self.0.push((pointer.into(), detail.to_string()));
    }

    /// A value, or a note and the value that stands in for it until the answer.
    pub fn or_note<T: Default, E: Display>(&mut self, pointer: &str, read: Result<T, E>) -> T {
        read.unwrap_or_else(|error| {
            self.note(pointer, error);
            T::default()
        })
    }

    /// Notes it when a name, reason or ticket is empty, too long or no one line.
    pub fn line(&mut self, pointer: &str, text: &str) {
        let good = !text.trim().is_empty() && text.len() <= LONGEST_TEXT;
        if !good || text.chars().any(char::is_control) {
            let detail = format!("must have 1 to {LONGEST_TEXT} bytes and no control characters");
            self.note(pointer, detail);
        }
    }

    /// An amount of money.
    pub fn money(&mut self, pointer: &str, wire: &MoneyOnWire) -> Money {
        let currency = Currency::from_code(&wire.currency).unwrap_or_else(|| {
            self.note(format!("{pointer}/currency"), "is no ISO 4217 currency such as USD");
            Currency::USD
        });
        Money::parse(&wire.amount, currency).unwrap_or_else(|error| {
            self.note(format!("{pointer}/amount"), error);
            Money::zero(currency)
        })
    }

    /// Notes what is wrong with a part of the body, whose pointers `place` puts into the whole;
    /// those that it finds no place for are left out.
    pub fn within(&mut self, part: Self, place: impl Fn(&str) -> Option<String>) {
        let placed = part.0.into_iter().filter_map(|(at, detail)| Some((place(&at)?, detail)));
        self.0.extend(placed);
    }

    /// Notes what is wrong with values of which some could not be read. What is said of a value that
    /// only stands in for one of those, or of its neighbours because of it, is left out.
    pub fn of_values(&mut self, invalid: impl IntoIterator<Item = (String, String)>) {
        let unread: Vec<String> = self.0.iter().map(|(at, _)| at.clone()).collect();
        let currency = unread.iter().any(|at| at.ends_with("/currency"));
        let parent = |at: &str| at.rsplit_once('/').map(|(parent, _)| parent.to_owned());
        self.0.extend(invalid.into_iter().filter(|(at, _)| {
            let beside = |other: &String| {
                parent(at).is_some_and(|own| !own.is_empty() && parent(other) == Some(own))
            };
            let stands_in = unread.iter().any(|other| other == at || beside(other));
            !(stands_in || (currency && at.ends_with("/currency")))
        }));
    }

    /// Nothing, when nothing was noted.
    ///
    /// # Errors
    /// 422 with every note: the body can be read, but not worked with.
    pub fn check(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            return Ok(());
        }
        let problem = Problem::new(
            Code::InvalidValues,
            "The body has values that cannot be worked with; see errors.",
        );
        Err(self.0.into_iter().fold(problem, |problem, (pointer, detail)| {
            problem.with_error(pointer, "invalid_value", detail)
        }))
    }
}
