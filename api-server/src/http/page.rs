//! A page of a list, and where the list goes on.
//!
//! One row more than asked for tells whether there is a next page. The cursor says the position of
//! the page's last row, so that rows which come and go meanwhile are neither skipped nor repeated.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::cursor::Cursors;
use super::problem::Problem;
use super::query::ListQuery;

/// How one list is cut into pages.
pub struct Pages<'q> {
    cursors: &'q Cursors,
    query: &'q ListQuery,
    route: String,
    name: String,
}

impl<'q> Pages<'q> {
    /// The pages of what `query` asks for at `route`. `whose` tells apart lists of the same route and
    /// query: a cursor of one is none of the other.
    #[must_use]
    pub fn new(
        cursors: &'q Cursors,
        query: &'q ListQuery,
        route: impl Into<String>,
        whose: &str,
    ) -> Self {
        let route = route.into();
        let name = query.list(&route, whose);
        Self { cursors, query, route, name }
    }

    /// Where the page begins; `None` for the first.
    ///
    /// # Errors
    /// 400 when the cursor is none of this list.
    pub fn after<P: DeserializeOwned>(&self) -> Result<Option<P>, Problem> {
        let cursor = self.query.after.as_ref();
        cursor.map(|cursor| self.cursors.read(&self.name, cursor)).transpose()
    }

    /// How many rows to look for.
    #[must_use]
    pub fn limit(&self) -> u32 {
        u32::try_from(self.query.size + 1).unwrap_or(u32::MAX)
    }

    /// Leaves a page's worth of the rows that were found with [`Pages::limit`], and answers the path
    /// of the next page, if there is one.
    pub fn cut<T, P: Serialize>(
        &self,
        rows: &mut Vec<T>,
        position: impl FnOnce(&T) -> P,
    ) -> Option<String> {
        let more = rows.len() > self.query.size;
        rows.truncate(self.query.size);
        let last = rows.last().filter(|_| more)?;
        Some(self.next(&position(last)))
    }

    /// The path of the page behind a position.
    #[must_use]
    pub fn next<P: Serialize>(&self, position: &P) -> String {
        self.query.next(&self.route, &self.cursors.write(&self.name, position))
    }
}
