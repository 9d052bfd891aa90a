//! `/exports`: figures of all accounts, for other systems.
//!
//! A page goes on behind an account's id, which is no secret and says nothing of a server: whoever was
//! interrupted goes on where they were, also at another server or after a restart.

use axum::http::HeaderMap;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};

use super::Routes;
use crate::domain::account::AccountId;
use crate::http::Problem;
use crate::http::query::{PAGE, Parameters, address, read_size};
use crate::http::sheet::Form;
use crate::store::accounts::{self, Account};
use crate::store::snapshots::{self, Query, SnapshotRow, Sort};
use crate::store::{Session, StoreError, plans};

pub mod crm;
pub mod kpis;
pub mod overages;
pub mod support;

pub(super) fn routes(routes: Routes) -> Routes {
    let groups = [crm::routes, overages::routes, support::routes, kpis::routes];
    groups.into_iter().fold(routes, |routes, group| group(routes))
}

const FORMAT: &str = "format";
const SIZE: &str = "page[size]";
const AFTER: &str = "filter[account][gt]";

/// What an export of accounts is asked.
struct Asked {
    route: &'static str,
    form: Form,
    format: Option<String>,
    size: usize,
    after: Option<AccountId>,
    /// A parameter of this export alone.
    own: Option<(&'static str, String)>,
}

impl Asked {
    fn read(
        route: &'static str,
        headers: &HeaderMap,
        parameters: Parameters,
        own: Option<&'static str>,
    ) -> Result<Self, Problem> {
        let names: Vec<&'static str> = [FORMAT, SIZE, AFTER].into_iter().chain(own).collect();
        let mut given: BTreeMap<&'static str, String> = parameters.only(&names)?;
        let format = given.remove(FORMAT);
        let size = given.remove(SIZE).map_or(Ok(PAGE), |text| read_size(&text))?;
        let after = given.remove(AFTER).map(|text| text.parse::<AccountId>());
        let after = after
            .transpose()
            .map_err(|error| Problem::field(AFTER, "invalid_value", error.to_string()))?;
        let form = Form::chosen(format.as_deref(), headers)?;
        let own = own.and_then(|name| given.remove(name).map(|value| (name, value)));
        Ok(Self { route, form, format, size, after, own })
    }

    /// The value of the export's own parameter.
    fn own(&self) -> Option<&str> {
        self.own.as_ref().map(|(_, value)| value.as_str())
    }

    /// The path of the page behind an account.
    fn next(&self, last: &AccountId) -> String {
        let mut pairs: Vec<(&str, String)> = Vec::new();
        pairs.extend(self.own.as_ref().map(|(name, value)| (*name, value.clone())));
        pairs.extend(self.format.clone().map(|format| (FORMAT, format)));
        pairs.push((SIZE, self.size.to_string()));
        pairs.push((AFTER, last.to_string()));
        address(self.route, &pairs)
    }

    /// A page of accounts by id, each with its newest summary, and the path of the next page.
    async fn page(&self, session: &mut Session) -> Result<Page, StoreError> {
        let limit = u32::try_from(self.size + 1).unwrap_or(u32::MAX);
        let mut accounts = accounts::page(session, self.after.as_ref(), limit).await?;
        let more = accounts.len() > self.size;
        accounts.truncate(self.size);
        let wanted = Query {
            filter: snapshots::Filter::default(),
            sort: Sort::Account,
            descending: false,
            after: self.after.clone().map(|id| (0, id)),
            limit,
        };
        // Those that have a summary are some of the same accounts, in the same order.
        let listed = snapshots::page(session, &wanted).await?;
        let mut summaries: BTreeMap<AccountId, SnapshotRow> =
            listed.into_iter().map(|listed| (listed.row.account.clone(), listed.row)).collect();
        let next = accounts.last().filter(|_| more).map(|last| self.next(&last.id));
        let with = |account: Account| {
            let summary = summaries.remove(&account.id);
            (account, summary)
        };
        Ok(Page { rows: accounts.into_iter().map(with).collect(), next })
    }
}

/// Some accounts.
struct Page {
    rows: Vec<(Account, Option<SnapshotRow>)>,
    next: Option<String>,
}

impl Page {
    /// When subscriptions end or ended, as it was agreed by an instant.
    async fn ends(
        &self,
        session: &mut Session,
        by: Timestamp,
    ) -> Result<HashMap<AccountId, Timestamp>, StoreError> {
        let ids: Vec<AccountId> = self.rows.iter().map(|(account, _)| account.id.clone()).collect();
        plans::ends(session, &ids, by).await
    }
}

/// Not known is an empty cell.
fn known(text: Option<&String>) -> &str {
    text.map(String::as_str).unwrap_or_default()
}
