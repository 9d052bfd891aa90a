//! The query of a list: `filter[field][op]=value`, `sort=field desc`, `page[size]`, `page[after]`.
//!
//! One operator per field, or two that bound it from both sides; a parameter that a list does not know, or that is given twice, is refused
//! rather than ignored: who misspells a filter must not get everyone's rows.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use jiff::Timestamp;

use super::problem::Problem;

/// How many rows a page has unless asked otherwise.
pub const PAGE: usize = 100;
/// How many rows a page may have.
pub const LARGEST_PAGE: usize = 1000;
/// How long a filter's value may be, in bytes.
const LONGEST_VALUE: usize = 512;

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// Equal.
    Eq,
    /// Not equal.
    Neq,
    /// One of several, separated by commas.
    In,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Beginning with it.
    Starts,
}

impl Op {
    const ALL: [Self; 8] =
        [Self::Eq, Self::Neq, Self::In, Self::Gt, Self::Gte, Self::Lt, Self::Lte, Self::Starts];

    /// As it stands in brackets.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Neq => "neq",
            Self::In => "in",
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::Starts => "starts",
        }
    }

    /// The side from which it bounds a field, if it is one of an order.
    const fn side(self) -> Option<bool> {
        match self {
            Self::Gt | Self::Gte => Some(true),
            Self::Lt | Self::Lte => Some(false),
            Self::Eq | Self::Neq | Self::In | Self::Starts => None,
        }
    }

    /// Whether a field may have both: a lower and an upper bound.
    fn goes_with(self, other: Self) -> bool {
        matches!((self.side(), other.side()), (Some(one), Some(two)) if one != two)
    }
}

/// What a list can be asked.
#[derive(Clone, Copy, Debug)]
pub struct Grammar {
    /// Fields and their operators.
    pub filters: &'static [(&'static str, &'static [Op])],
    /// Fields to sort by; the first is the default, ascending.
    pub sorts: &'static [&'static str],
}

/// A filter as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// One of the grammar's.
    pub field: &'static str,
    /// One of the field's.
    pub op: Op,
    /// Not empty.
    pub value: String,
}

impl Filter {
    /// The parameter's name, to blame.
    #[must_use]
    pub fn parameter(&self) -> String {
        format!("filter[{}][{}]", self.field, self.op.name())
    }

    /// 400: the value is none of this field.
    #[must_use]
    pub fn refuse(&self, detail: impl Into<String>) -> Problem {
        Problem::field(self.parameter(), "invalid_value", detail)
    }

    /// The value as what it stands for.
    ///
    /// # Errors
    /// 400 with what is wrong with it.
    pub fn parse<T: FromStr<Err: Display>>(&self) -> Result<T, Problem> {
        self.value.parse().map_err(|error: T::Err| self.refuse(error.to_string()))
    }

    /// The value as an instant.
    ///
    /// # Errors
    /// 400 when it is none.
    pub fn time(&self) -> Result<Timestamp, Problem> {
        self.value.parse().map_err(|_| self.refuse("Give a time such as 2026-11-22T23:50:16Z."))
    }
}

/// A list's query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// By field, in the grammar's order.
    pub filters: Vec<Filter>,
    /// One of the grammar's.
    pub sort: &'static str,
    /// Largest first.
    pub descending: bool,
    /// Rows in a page.
    pub size: usize,
    /// The cursor to go on from.
    pub after: Option<String>,
}

/// A stretch of time, open where there is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Between {
    /// The first instant in it.
    pub from: Option<Timestamp>,
    /// The first instant after it.
    pub to: Option<Timestamp>,
}

/// The parameters of a query in the order in which they stand, decoded.
#[derive(Clone, Debug)]
pub struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.uri)
    }
}

impl Parameters {
    /// The parameters of an address.
    ///
    /// # Errors
    /// 400 when they are not parameters, or one is given twice.
    pub fn of(uri: &Uri) -> Result<Self, Problem> {
        let Ok(Query(all)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
            return Err(Problem::field(
                "?",
                "invalid_value",
                "The query cannot be decoded as UTF-8.",
            ));
        };
        let mut seen = std::collections::BTreeSet::new();
        match all.iter().find(|(name, _)| !seen.insert(name.as_str())) {
            Some((twice, _)) => {
                Err(Problem::field(twice, "given_twice", "Give each parameter once."))
            }
            None => Ok(Self(all)),
        }
    }

    /// The values of `names`.
    ///
    /// # Errors
    /// 400 when there is another parameter.
    pub fn only(self, names: &[&'static str]) -> Result<BTreeMap<&'static str, String>, Problem> {
        let mut values = BTreeMap::new();
        for (name, value) in self.0 {
            match names.iter().find(|known| **known == name) {
                Some(known) => values.insert(*known, value),
                None => return Err(unknown(&name, &known_names(names))),
            };
        }
        Ok(values)
    }

    /// The query of a list.
    ///
    /// # Errors
    /// 400 that names the parameter and what it could be.
    pub fn list(self, grammar: Grammar) -> Result<ListQuery, Problem> {
        let mut filters: BTreeMap<usize, Vec<Filter>> = BTreeMap::new();
        let (mut sort, mut size, mut after) = (None, PAGE, None);
        for (name, value) in self.0 {
            match name.as_str() {
                "sort" => sort = Some(read_sort(grammar, &value)?),
                "page[size]" => size = read_size(&value)?,
                "page[after]" => after = Some(value),
                _ => {
                    let (place, filter) = read_filter(grammar, &name, value)?;
                    let field = filters.entry(place).or_default();
                    if !field.iter().all(|other| other.op.goes_with(filter.op)) {
                        let detail = "Filter each field once, or once from each side.";
                        return Err(Problem::field(name, "given_twice", detail));
                    }
                    field.push(filter);
                    field.sort_by_key(|filter| filter.op);
                }
            }
        }
        let default = grammar.sorts.first().copied().unwrap_or_default();
        let (sort, descending) = sort.unwrap_or((default, false));
        Ok(ListQuery {
            filters: filters.into_values().flatten().collect(),
            sort,
            descending,
            size,
            after,
        })
    }
}

impl ListQuery {
    /// The filter of a field.
    #[must_use]
    pub fn filter(&self, field: &str) -> Option<&Filter> {
        self.filters.iter().find(|filter| filter.field == field)
    }

    /// The filter of a field by one operator.
    #[must_use]
    pub fn filter_by(&self, field: &str, op: Op) -> Option<&Filter> {
        self.filters.iter().find(|filter| filter.field == field && filter.op == op)
    }

    /// From when and until before when a field is wanted, by `gte` and `lt`.
    ///
    /// # Errors
    /// 400 when a bound is no time.
    pub fn between(&self, field: &str) -> Result<Between, Problem> {
        let bound = |op| self.filter_by(field, op).map(Filter::time).transpose();
        Ok(Between { from: bound(Op::Gte)?, to: bound(Op::Lt)? })
    }

    /// All that chooses and orders the rows of a list, for its cursors.
    #[must_use]
    pub fn list(&self, route: &str, whose: &str) -> String {
        let mut list = format!("{route}\n{whose}\n{} {}", self.sort, self.descending);
        for filter in &self.filters {
            // A text cannot fail to take more text.
            let _ = write!(list, "\n{} {:?}", filter.parameter(), filter.value);
        }
        list
    }

    /// The address of the page after the one that ended at `cursor`.
    #[must_use]
    pub fn next(&self, route: &str, cursor: &str) -> String {
        let mut pairs: Vec<(String, String)> =
            self.filters.iter().map(|filter| (filter.parameter(), filter.value.clone())).collect();
        let order = if self.descending { "desc" } else { "asc" };
        pairs.push(("sort".to_owned(), format!("{} {order}", self.sort)));
        pairs.push(("page[size]".to_owned(), self.size.to_string()));
        pairs.push(("page[after]".to_owned(), cursor.to_owned()));
        address(route, &pairs)
    }
}

/// A path with a query.
#[must_use]
pub fn address<N: AsRef<str>>(route: &str, pairs: &[(N, String)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name.as_ref()), encode(value)))
        .collect();
    format!("{route}?{}", pairs.join("&"))
}

/// Percent-encodes all but what RFC 3986 calls unreserved.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

fn read_sort(grammar: Grammar, value: &str) -> Result<(&'static str, bool), Problem> {
    let (field, order) = value.split_once(' ').unwrap_or((value, "asc"));
    let field = grammar.sorts.iter().find(|known| **known == field);
    match (field, order) {
        (Some(field), "asc") => Ok((field, false)),
        (Some(field), "desc") => Ok((field, true)),
        _ => Err(Problem::field(
            "sort",
            "invalid_value",
            format!("Sort by {}, then a space and asc or desc.", known_names(grammar.sorts)),
        )),
    }
}

/// The size of a page.
pub(crate) fn read_size(value: &str) -> Result<usize, Problem> {
    let size = value.parse().ok().filter(|size| (1..=LARGEST_PAGE).contains(size));
    size.ok_or_else(|| {
        Problem::field(
            "page[size]",
            "invalid_value",
            format!("Give a number from 1 to {LARGEST_PAGE}."),
        )
    })
}

fn read_filter(grammar: Grammar, name: &str, value: String) -> Result<(usize, Filter), Problem> {
    let fields: Vec<&str> = grammar.filters.iter().map(|(field, _)| *field).collect();
    let inner = name.strip_prefix("filter[").and_then(|rest| rest.strip_suffix(']'));
    let Some((field, op)) = inner.and_then(|inner| inner.split_once("][")) else {
        let known =
            format!("filter[field][op] of {}, sort, page[size], page[after]", known_names(&fields));
        return Err(unknown(name, &known));
    };
    let place = fields.iter().position(|known| *known == field);
    let Some(place) = place else { return Err(unknown(name, &known_names(&fields))) };
    let (field, ops) = grammar.filters[place];
    let op = Op::ALL.into_iter().find(|known| known.name() == op && ops.contains(known));
    let Some(op) = op else {
        let ops: Vec<&str> = ops.iter().map(|op| op.name()).collect();
        return Err(unknown(name, &format!("{field} with {}", known_names(&ops))));
    };
    if value.is_empty() || value.len() > LONGEST_VALUE {
        let detail = format!("Give a value of 1 to {LONGEST_VALUE} bytes.");
        return Err(Problem::field(name, "invalid_value", detail));
    }
    Ok((place, Filter { field, op, value }))
}

fn unknown(name: &str, known: &str) -> Problem {
    Problem::field(name, "unknown_parameter", format!("Known here: {known}."))
}

fn known_names(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests;
