//! All accounts, filtered and sorted, page by page.

use super::{
    Session, StoreError,
    accounts::{self, Account},
    sql::{Value, args},
};
use crate::domain::{account::AccountId, threshold::Level};

/// By what accounts are sorted; the id decides between equals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// By id.
    #[default]
    Id,
    /// By the customer's name.
    Name,
}

/// Which accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Whose name or id holds this text, by the letter.
    pub contains: Option<String>,
    /// With a level that is reached now, in a period that is not closed.
    pub level: Option<Level>,
}

/// The accounts after `after`, at most `limit`. The last one of a page is where the next begins:
/// its sort key and id.
pub async fn page(
    session: &mut Session,
    filter: &Filter,
    sort: Sort,
    after: Option<(&str, &AccountId)>,
    limit: u32,
) -> Result<Vec<Account>, StoreError> {
    let (key, id) = after.map_or(("", ""), |(key, id)| (key, id.as_str()));
    let level = |level| i64::from(filter.level == Some(level));
    let mut values = args![key, id, limit];
    values.push(Value::from(filter.contains.clone().filter(|text| !text.is_empty())));
    values.extend(args![level(Level::Soft), level(Level::Hard)]);
    let rows = session.rows(statement(sort), values).await?;
    rows.iter().map(accounts::account).collect()
}

macro_rules! page_by {
    ($key:literal) => {
        concat!(
            "SELECT a.account, a.name, a.zone, a.anchor_day, a.currency, a.created_at
             FROM accounts a
             WHERE (",
            $key,
            " > $1 OR (",
            $key,
            " = $1 AND a.account > $2))
               AND ($4 IS NULL OR REPLACE(a.name, $4, '') <> a.name
                    OR REPLACE(a.account, $4, '') <> a.account)
               AND ($5 + $6 = 0 OR EXISTS (
                 SELECT 1 FROM alert_states s
                 JOIN periods p ON p.account = s.account AND p.period_start = s.period_start
                 WHERE s.account = a.account AND p.closed_at IS NULL
                   AND (($5 = 1 AND s.soft_fired = 1) OR ($6 = 1 AND s.hard_fired = 1))))
             ORDER BY ",
            $key,
            ", a.account LIMIT $3"
        )
    };
}

const fn statement(sort: Sort) -> &'static str {
    match sort {
        Sort::Id => page_by!("a.account"),
        Sort::Name => page_by!("a.name"),
    }
}
