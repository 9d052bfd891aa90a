//! The append-only ledger: who adds to it, in what order, and when that is answered.
//!
//! Requests wait in a queue per account; one task takes up to a thousand items at a time and stores
//! dedup keys, rows, figures and chain in one transaction; it answers everybody after the durable
//! commit. There is no waiting for more: what arrives during one commit is the next group.
//!
//! On PostgreSQL several servers do this on one database; they take turns by account (see
//! `store::turn`).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use jiff::Timestamp;
use thiserror::Error;
use tokio::sync::watch;

mod agree;
pub mod chain;
pub mod dedup;
mod desk;
pub mod drains;
pub mod enforcement;
pub mod erasures;
pub mod figures;
mod group;
pub mod heads;
pub mod lease;
mod levels;
mod owed;
mod pieces;
mod plan;
mod plan_change;
mod posting;
mod queue;
pub mod reconcile;
pub mod rejects;
pub mod request;
pub mod settle;
pub mod tenants;
pub mod upkeep;
pub mod verify;
mod writer;

use crate::{
    domain::{
        account::AccountId,
        catalogue::{Catalogue, ImportError, import},
        subscription::Agreement,
    },
    store::{Place, Session, Store, StoreError, append::SaltedDims, plans},
};
pub use agree::Entered;
pub(crate) use desk::Desk;
use group::Group;
pub use plan_change::{NotChanged, PlanChange, PlanWish, Wished};
pub use queue::Limits;
pub use request::{Append, Change, Correction, Item, Outcome, Reason, Receipt};
use request::{Prepared, PreparedItem};
pub(crate) use writer::Appends;

/// Tells the time; another one than the system's only in tests.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How a ledger works.
#[derive(Clone)]
pub struct Settings {
    /// How much may wait for the writer.
    pub limits: Limits,
    /// Tells when a transaction runs.
    pub clock: Clock,
    /// How often a full disk, or a database that is away, is tried again.
    pub probe_every: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            clock: Arc::new(Timestamp::now),
            probe_every: Duration::from_secs(1),
        }
    }
}

/// Whether the ledger takes anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Ready,
    /// Not while the disk is full; it looks again by itself. Reading works.
    Full(String),
    /// Not while the database cannot be reached or takes no writes; it looks again by itself.
    Away(String),
    /// Not until the server is started anew: it is not known what the disk holds. Reading goes on
    /// as far as it works.
    Broken(String),
}

/// Why a request was not answered with a receipt. Nothing of it was acknowledged; after
/// [`StoreError::Broken`] and [`StoreError::Away`] it may or may not be there, and sending it again
/// is safe.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LedgerError {
    /// An item of another account than the request's.
    #[error("a request holds items of one account")]
    OtherAccount,
    /// The account has as much waiting as it may.
    #[error("too much of this account waits to be stored: send again later, and slower")]
    AccountBusy,
    /// Everybody together has.
    #[error("too much waits to be stored: send again later")]
    Busy,
    /// The server is being stopped.
    #[error("the ledger is being closed: send again later")]
    Closed,
    /// Work under a lease that another server took meanwhile.
    #[error("another server does this by now")]
    Overtaken,
    /// The store's answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why plan versions were not published.
#[derive(Debug, Error)]
pub enum PlansError {
    /// The file is not one that can follow what was published.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// A handle on the ledger; clones share it.
#[derive(Clone)]
pub struct Ledger {
    inner: Arc<Inner>,
}

struct Inner {
    desk: Desk<Group>,
    store: Store,
}

impl Ledger {
    /// Opens a ledger, whose folder is made if it is not there, and starts its writer.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open(at: impl Into<Place>, settings: Settings) -> Result<Self, StoreError> {
        let (store, session) = Store::open(at).await?;
        let desk = Desk::open(session, Group::default(), settings);
        Ok(Self { inner: Arc::new(Inner { desk, store }) })
    }

    /// Adds a request's items; answers after what it says is durable. A caller that goes away does
    /// not take its request back.
    ///
    /// # Errors
    /// [`LedgerError`]: nothing was acknowledged.
    pub async fn append(&self, request: Append) -> Result<Receipt, LedgerError> {
        if request.items.is_empty() {
            return Ok(Receipt { outcomes: Vec::new(), stored_at: self.now() });
        }
        let prepared = prepare(request)?;
        self.inner.desk.append(Some(prepared.account.clone()), prepared).await
    }

    /// Whether a request of an account could wait to be stored now: what will be refused need not be
    /// read first.
    ///
    /// # Errors
    /// [`LedgerError::AccountBusy`], [`LedgerError::Busy`].
    pub fn room(&self, account: &AccountId) -> Result<(), LedgerError> {
        self.inner.desk.room(account)
    }

    /// As [`Ledger::room`], once it has waited a while for it: for who has read nothing of a request yet.
    ///
    /// # Errors
    /// As [`Ledger::room`].
    pub async fn wait_for_room(&self, account: &AccountId) -> Result<(), LedgerError> {
        self.inner.desk.wait_for_room(account).await
    }

    /// Runs other writes in a transaction of their own, in turn with everything else of that
    /// account (`None`: of the house). `work` gets the writer's session and the time. It runs again
    /// when another server's transaction got in its way. A failed statement fails it all.
    ///
    /// # Errors
    /// [`LedgerError`]: nothing of it was written, except after [`StoreError::Broken`] and
    /// [`StoreError::Away`].
    pub async fn transact<T, W>(
        &self,
        account: Option<AccountId>,
        work: W,
    ) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        W: for<'a> FnOnce(&'a mut Session, Timestamp) -> BoxFuture<'a, Result<T, StoreError>>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        self.inner.desk.transact(account, work).await
    }

    /// Publishes plan versions of a catalogue file, after comparing it with those published
    /// before; answers with all that are stored then.
    ///
    /// # Errors
    /// [`PlansError::Import`] when the file changes what was published, with a diff.
    pub async fn import_plans(&self, file: Catalogue) -> Result<Catalogue, PlansError> {
        let work = self.transact(None, move |session, _| {
            Box::pin(async move {
                let stored = plans::catalogue(session).await?;
                let import = match import(&stored, &file) {
                    Ok(import) => import,
                    Err(error) => return Ok(Err(error)),
                };
                plans::put(session, &import.added).await?;
                plans::put(session, &import.redated).await?;
                Ok(Ok(import.catalogue))
            })
        });
        Ok(work.await??)
    }

    /// Records that an account is on a plan version, and measures its open figures against it.
    ///
    /// # Errors
    /// As [`Ledger::transact`]; [`StoreError::Statement`] when there is no such account or version.
    pub async fn agree(
        &self,
        account: &AccountId,
        agreement: Agreement,
    ) -> Result<(), LedgerError> {
        let of = account.clone();
        let work = self.transact(Some(account.clone()), move |session, now| {
            Box::pin(async move { agree::agree(session, &of, agreement, now).await })
        });
        work.await
    }

    /// Changes an account's plan as asked: an upgrade at once, a downgrade when the period ends. The
    /// same again changes nothing.
    ///
    /// # Errors
    /// As [`Ledger::transact`].
    pub async fn change_plan(&self, wish: PlanWish) -> Result<Wished, LedgerError> {
        let work = self.transact(Some(wish.account.clone()), move |session, now| {
            Box::pin(async move { plan_change::change(session, &wish, now).await })
        });
        work.await
    }

    /// What [`Ledger::change_plan`] would do now.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn preview_plan(&self, wish: &PlanWish) -> Result<Wished, LedgerError> {
        let mut session = self.inner.store.read().await?;
        Ok(plan_change::decide(&mut session, wish, self.now()).await?)
    }

    /// Closes every period whose grace is over; answers how many. From then on nothing enters
    /// them, and their figures are final.
    ///
    /// # Errors
    /// As [`Ledger::transact`].
    pub async fn close_due(&self) -> Result<u64, LedgerError> {
        upkeep::close_due(self, None).await
    }

    /// Writes down every account's head outside the database; see [`heads`].
    ///
    /// # Errors
    /// [`heads::HeadsError`].
    pub async fn record_heads(&self) -> Result<heads::Recorded, heads::HeadsError> {
        let mut session = self.inner.store.read().await?;
        let file = self.inner.store.folder().join(heads::FILE);
        heads::record(&mut session, &file, self.now()).await
    }

    /// Whether it takes anything now.
    #[must_use]
    pub fn health(&self) -> Health {
        self.inner.desk.health().borrow().clone()
    }

    /// Tells when that changes.
    #[must_use]
    pub fn health_changes(&self) -> watch::Receiver<Health> {
        self.inner.desk.health().clone()
    }

    /// The time, by the ledger's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.desk.now()
    }

    /// Where to read.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Takes nothing more, stores what waits, and closes the database.
    pub async fn close(&self) {
        self.inner.desk.close().await;
        self.inner.store.close().await;
    }
}

/// Does what needs no database, before the request waits.
fn prepare(request: Append) -> Result<Prepared, LedgerError> {
    let Append { account, arrived, atomic, items } = request;
    let items =
        items.into_iter().map(|item| prepare_item(&account, item)).collect::<Result<_, _>>()?;
    let arrived = whole_millisecond(arrived);
    Ok(Prepared { account, arrived, atomic, items })
}

fn prepare_item(account: &AccountId, mut item: Item) -> Result<PreparedItem, LedgerError> {
    let (key, body, json) = match &mut item {
        Item::Usage(event) => {
            if event.account != *account {
                return Err(LedgerError::OtherAccount);
            }
            event.time = whole_millisecond(event.time);
            let json = dims_json(&event.dims);
            let key = dedup::key(account, &event.source, &event.id);
            (key, dedup::event_body(event, &json), json)
        }
        Item::Correction(correction) => {
            let json = dims_json(&correction.notes);
            let key = dedup::key(account, &correction.source, &correction.id);
            (key, dedup::correction_body(correction, &json), json)
        }
    };
    let dims = if json.is_empty() { None } else { Some(SaltedDims { salt: salt()?, json }) };
    Ok(PreparedItem { key, body, dims, item })
}

/// A JSON object with sorted names; empty when there is nothing in it.
pub(crate) fn dims_json(dims: &BTreeMap<String, String>) -> String {
    if dims.is_empty() { String::new() } else { dims_object(dims) }
}

/// A JSON object with sorted names.
pub(crate) fn dims_object(dims: &BTreeMap<String, String>) -> String {
    // A map of texts always becomes JSON.
    serde_json::to_string(dims).unwrap_or_default()
}

fn salt() -> Result<[u8; 16], StoreError> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| StoreError::Broken(error.to_string()))?;
    Ok(salt)
}

/// Times are stored in whole milliseconds, and hashed as they are stored.
pub(crate) fn whole_millisecond(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}
