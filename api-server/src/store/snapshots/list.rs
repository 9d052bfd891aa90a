//! All accounts by what they came to, filtered and sorted, page by page.

use super::{SnapshotRow, WIDTH, columns, level_name, snapshot};
use crate::{
    domain::{account::AccountId, threshold::Level},
    store::{
        Session, StoreError,
        sql::{Value, args},
    },
};

/// By what a list is sorted; the id decides between equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sort {
    /// By id.
    Account,
    /// By health.
    Health,
    /// By the highest share of a quota.
    Ratio,
    /// By what the period will cost.
    Cost,
    /// By the share of support's answers that came in time.
    Support,
}

/// Which accounts; what is `None` is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Flagged, or not.
    pub flagged: Option<bool>,
    /// With this as the highest level; `Some(None)`: with none.
    pub level: Option<Option<Level>>,
    /// On this plan, in any version; empty: on none.
    pub plan: Option<String>,
    /// Whose name or id begins with this, whether its letters from a to z are large or small.
    pub named: Option<String>,
}

/// Where a page begins: behind the account of this sort key and id.
pub type Position = (i64, AccountId);

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Which accounts.
    pub filter: Filter,
    /// In which order.
    pub sort: Sort,
    /// The largest first.
    pub descending: bool,
    /// Behind this one.
    pub after: Option<Position>,
    /// At most so many.
    pub limit: u32,
}

/// An account in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What it came to.
    pub row: SnapshotRow,
    /// The customer's name.
    pub name: String,
    /// Rows that came after.
    pub behind: i64,
    /// The account's newest row.
    pub newest: i64,
}

impl Listed {
    /// Where the page after it begins.
    #[must_use]
    pub fn position(&self, sort: Sort) -> Position {
        let key = match sort {
            Sort::Account => 0,
            Sort::Health => self.row.by_health(),
            Sort::Ratio => self.row.by_ratio(),
            Sort::Cost => self.row.by_cost(),
            Sort::Support => self.row.by_support(),
        };
        (key, self.row.account.clone())
    }
}

/// The columns by which equals are told apart, and those that a list is sorted by.
fn order(sort: Sort, descending: bool) -> (&'static str, &'static str) {
    match (sort, descending) {
        (Sort::Account, false) => ("s.account > $2", "s.account"),
        (Sort::Account, true) => ("s.account < $2", "s.account DESC"),
        (Sort::Health, false) => ("(s.by_health, s.account) > ($1, $2)", "s.by_health, s.account"),
        (Sort::Health, true) => {
            ("(s.by_health, s.account) < ($1, $2)", "s.by_health DESC, s.account DESC")
        }
        (Sort::Ratio, false) => ("(s.by_ratio, s.account) > ($1, $2)", "s.by_ratio, s.account"),
        (Sort::Ratio, true) => {
            ("(s.by_ratio, s.account) < ($1, $2)", "s.by_ratio DESC, s.account DESC")
        }
        (Sort::Cost, false) => ("(s.by_cost, s.account) > ($1, $2)", "s.by_cost, s.account"),
        (Sort::Cost, true) => {
            ("(s.by_cost, s.account) < ($1, $2)", "s.by_cost DESC, s.account DESC")
        }
        (Sort::Support, false) => {
            ("(s.by_support, s.account) > ($1, $2)", "s.by_support, s.account")
        }
        (Sort::Support, true) => {
            ("(s.by_support, s.account) < ($1, $2)", "s.by_support DESC, s.account DESC")
        }
    }
}

const LIST: &str = concat!("SELECT ", columns!(), ", a.name, COALESCE(h.seq, 0) FROM ");
const ALL: &str = "snapshots s";
/// Of a few it is looked up who they are, then what they came to; not the other way round.
const NAMED: &str = "(SELECT account FROM accounts WHERE lower(name) >= $4 AND lower(name) < $5
             UNION SELECT account FROM accounts WHERE lower(account) >= $4 AND lower(account) < $5) AS want
             CROSS JOIN snapshots s";
const BESIDE: &str = " JOIN accounts a ON a.account = s.account
             LEFT JOIN heads h ON h.account = s.account
             WHERE ";

/// From where to where the texts are that begin with one: no character comes after the last.
fn beginning(with: &str) -> [String; 2] {
    let from = with.to_ascii_lowercase();
    let to = format!("{from}{}", char::MAX);
    [from, to]
}

/// The statement of a query, in parts, and its values.
fn statement(query: &Query) -> (Vec<&'static str>, Vec<Value>) {
    let Query { filter, sort, descending, after, limit } = query;
    let (behind, by) = order(*sort, *descending);
    let from = if filter.named.is_some() { NAMED } else { ALL };
    let mut parts = vec![LIST, from, BESIDE, behind];
    let edge = if *descending { (i64::MAX, "\u{7f}") } else { (i64::MIN, "") };
    let (key, id) = after.as_ref().map_or(edge, |(key, id)| (*key, id.as_str()));
    let mut values = args![key, id, *limit];
    let mut places = ["$4", "$5", "$6"];
    if let Some(name) = &filter.named {
        parts.push(" AND s.account = want.account");
        values.extend(beginning(name).iter().map(|edge| Value::from(edge.as_str())));
        places = ["$6", "$7", "$8"];
    }
    let mut filters: Vec<(&'static str, Value)> = Vec::new();
    if let Some(flagged) = filter.flagged {
        filters.push((" AND s.flagged = ", flagged.into()));
    }
    if let Some(level) = filter.level {
        filters.push((" AND s.level = ", level_name(level).into()));
    }
    if let Some(plan) = &filter.plan {
        filters.push((" AND s.plan = ", plan.as_str().into()));
    }
    for ((part, value), place) in filters.into_iter().zip(places) {
        parts.extend([part, place]);
        values.push(value);
    }
    parts.extend([" ORDER BY ", by, " LIMIT $3"]);
    (parts, values)
}

/// A page of accounts by what they came to. Those that nothing was computed of yet are not in it.
pub async fn page(session: &mut Session, query: &Query) -> Result<Vec<Listed>, StoreError> {
    let (parts, values) = statement(query);
    let rows = session.rows_of(&parts, values).await?;
    let read = |row: &crate::store::sql::Row| {
        let (row, name, newest) =
            (snapshot(row)?, row.text(WIDTH)?.to_owned(), row.int(WIDTH + 1)?);
        let behind = newest.saturating_sub(row.ledger_seq).max(0);
        Ok(Listed { row, name, behind, newest })
    };
    rows.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::store::Store;

    fn queries() -> Vec<Query> {
        let filters = [
            Filter::default(),
            Filter { flagged: Some(true), ..Filter::default() },
            Filter { level: Some(Some(Level::Hard)), ..Filter::default() },
            Filter { plan: Some("team".to_owned()), ..Filter::default() },
        ];
        let sorts = [Sort::Account, Sort::Health, Sort::Ratio, Sort::Cost, Sort::Support];
        let each = filters.into_iter().flat_map(|filter| {
            sorts.into_iter().flat_map(move |sort| {
                let filter = filter.clone();
                [false, true].into_iter().map(move |descending| {
                    let filter = filter.clone();
                    Query { filter, sort, descending, after: None, limit: 100 }
                })
            })
        });
        each.collect()
    }

    /// A page reads an index from where it begins, in its order: nothing is sorted, nothing else is
    /// read.
    #[tokio::test]
    async fn no_page_of_one_filter_and_any_order_scans_or_sorts() {
        let folder = tempfile::tempdir().unwrap();
        let (store, writer) = Store::open(folder.path()).await.unwrap();
        let mut session = store.read().await.unwrap();
        let mut used = BTreeSet::new();
        for query in queries() {
            let (mut parts, values) = statement(&query);
            parts.insert(0, "EXPLAIN QUERY PLAN ");
            let rows = session.rows_of(&parts, values).await.unwrap();
            let steps: Vec<&str> = rows.iter().map(|row| row.text(3).unwrap()).collect();
            let first = steps[0];
            assert!(first.starts_with("SEARCH s USING "), "{query:?}: {steps:?}");
            assert!(steps.iter().all(|step| !step.contains("TEMP B-TREE")), "{query:?}: {steps:?}");
            assert!(steps.iter().all(|step| !step.starts_with("SCAN")), "{query:?}: {steps:?}");
            used.insert(first.split_whitespace().take(5).collect::<Vec<_>>().join(" "));
        }
        // Each filter with each order has its own.
        assert_eq!(used.len(), 20, "{used:#?}");
        drop(session);
        drop(writer);
    }

    /// A search reads whom it finds, and nobody else; only those are sorted.
    #[tokio::test]
    async fn no_page_of_a_search_scans() {
        let folder = tempfile::tempdir().unwrap();
        let (store, writer) = Store::open(folder.path()).await.unwrap();
        let mut session = store.read().await.unwrap();
        for query in queries() {
            let filter = Filter { named: Some("Ac".to_owned()), ..query.filter.clone() };
            let (mut parts, values) = statement(&Query { filter, ..query });
            parts.insert(0, "EXPLAIN QUERY PLAN ");
            let rows = session.rows_of(&parts, values).await.unwrap();
            let steps: Vec<&str> = rows.iter().map(|row| row.text(3).unwrap()).collect();
            for table in ["s", "a", "h"] {
                let looked = format!("SEARCH {table} USING PRIMARY KEY (account=?)");
                assert!(steps.iter().any(|step| step.starts_with(&looked)), "{steps:?}");
            }
            for index in [
                "COVERING INDEX accounts_folded (<expr>>?",
                "COVERING INDEX accounts_folded_id (<expr>>?",
            ] {
                let looked = format!("SEARCH accounts USING {index}");
                assert!(steps.iter().any(|step| step.starts_with(&looked)), "{steps:?}");
            }
            let scans = steps.iter().filter(|step| step.starts_with("SCAN"));
            assert!(scans.clone().all(|step| step.starts_with("SCAN want")), "{steps:?}");
        }
        drop(session);
        drop(writer);
    }
}
