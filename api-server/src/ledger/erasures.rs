//! Personal data is erased where it stands, and erased again where an older copy comes back.
//!
//! The chain of the ledger holds a salted hash of each row's dimensions; with dimensions and salt gone
//! it says nothing of them and stays whole. What is erased is written down first, in `erasures.jsonl`
//! beside the database: which rows, by number, which requests; never what they said or of whom. Who
//! restores a backup replays that file, so that the backup's copy goes too.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Ledger, LedgerError, dedup, rejects::Rejects};
use crate::{
    domain::account::AccountId,
    store::{
        StoreError, accounts, audit,
        erasures::{self as store, Record},
        onboarding,
        rejects::{self, Filter, Reject},
    },
};

pub mod log;

pub use log::{FILE, replay};
use log::{Line, Range};

/// Rows that are looked at, and erased, at once: few enough that nobody waits for them.
pub const AT_ONCE: i64 = 1_000;

/// Whose data goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A person, as events of an account name them.
    Dimension {
        /// Whose events.
        account: AccountId,
        /// The attribute that names people.
        name: String,
        /// How it names this one.
        value: String,
    },
    /// The contact of a customer's request.
    Intake(Uuid),
    /// Everybody whom an account's data may name.
    Account(AccountId),
}

impl Subject {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Dimension { .. } => "dimension",
            Self::Intake(_) => "intake",
            Self::Account(_) => "account",
        }
    }

    const fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Dimension { account, .. } | Self::Account(account) => Some(account),
            Self::Intake(_) => None,
        }
    }

    const fn intake(&self) -> Option<Uuid> {
        match self {
            Self::Intake(intake) => Some(*intake),
            Self::Dimension { .. } | Self::Account(_) => None,
        }
    }
}

/// An erasure that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whose data.
    pub subject: Subject,
    /// Who asks.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// By which ticket.
    pub reference: String,
    /// The row to begin with: 1, or where an earlier call stopped.
    pub from: i64,
    /// For how long to go on; at least one step is done.
    pub patience: Duration,
}

/// How much was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Rows whose dimensions went.
    pub events: u64,
    /// Events that were not taken.
    pub rejected_events: u64,
    /// Requests whose contact went.
    pub intakes: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, rejected_events, intakes } = self;
        write!(
            f,
            "erased again the attributes of {events} events, {rejected_events} rejected events, the \
             contacts of {intakes} requests"
        )
    }
}

/// An erasure that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// Its id.
    pub id: Uuid,
    /// When it was asked for.
    pub at: Timestamp,
    /// How much it erased.
    pub counts: Counts,
    /// The row where it stopped, when there was more than its patience; the rest is still there.
    pub stopped: Option<i64>,
}

/// Erases what the store has of a subject. Doing it again erases what has come since; a call that
/// stopped is finished by those that begin where it did. `None` when there is no such account or request.
///
/// # Errors
/// [`LedgerError`]; what was erased by then stays erased.
pub async fn erase(
    ledger: &Ledger,
    rejects: &Rejects,
    request: Request,
) -> Result<Option<Erased>, LedgerError> {
    let subject = request.subject.clone();
    if !exists(ledger, &subject).await? {
        return Ok(None);
    }
    // What is still waiting to be written down would come after us.
    rejects.settled().await;
    let (id, at) = (Uuid::now_v7(), ledger.now());
    let record = Record {
        id,
        at,
        kind: subject.kind(),
        account: subject.account().cloned(),
        intake: subject.intake(),
        actor: request.actor,
        reason: request.reason,
        reference: request.reference,
    };
    let begun = record.clone();
    let begin = ledger.transact(None, move |session, _| {
        Box::pin(async move { store::begin(session, &begun).await })
    });
    begin.await?;
    let until = Instant::now() + request.patience;
    let log = Log { ledger, id, at, from: request.from, until };
    let (counts, stopped) = log.erase(&subject).await?;
    let text = serde_json::to_string(&counts).unwrap_or_default();
    let end = ledger.transact(None, move |session, _| {
        Box::pin(async move { store::end(session, id, &text).await })
    });
    end.await?;
    let Record { kind, account, actor, reference, .. } = record;
    let account = account.map(|account| account.to_string()).unwrap_or_default();
    tracing::info!(target: "audit", erasure = %id, kind, account, actor, reference, ?counts, ?stopped, "erased");
    Ok(Some(Erased { id, at, counts, stopped }))
}

async fn exists(ledger: &Ledger, subject: &Subject) -> Result<bool, LedgerError> {
    let mut session = ledger.store().read().await?;
    Ok(match subject {
        Subject::Dimension { account, .. } | Subject::Account(account) => {
            accounts::get(&mut session, account).await?.is_some()
        }
        Subject::Intake(intake) => onboarding::get(&mut session, *intake).await?.is_some(),
    })
}

/// Erases, each time after it is written down.
struct Log<'l> {
    ledger: &'l Ledger,
    id: Uuid,
    at: Timestamp,
    from: i64,
    until: Instant,
}

impl Log<'_> {
    /// How much was erased, and where it stopped, if it did. What is quick comes last, at once.
    async fn erase(&self, subject: &Subject) -> Result<(Counts, Option<i64>), LedgerError> {
        let (account, wanted) = match subject {
            Subject::Intake(intake) => {
                let intakes = self.intake(*intake).await?;
                return Ok((Counts { intakes, ..Counts::default() }, None));
            }
            Subject::Dimension { account, name, value } => (account, Some((&**name, &**value))),
            Subject::Account(account) => (account, None),
        };
        let (events, stopped) = self.events(account, wanted).await?;
        let mut counts = Counts { events, ..Counts::default() };
        if stopped.is_none() {
            counts.rejected_events = self.rejects(account, wanted.map(|(_, value)| value)).await?;
            if wanted.is_none() {
                counts.intakes = self.intakes_of(account).await?;
            }
        }
        Ok((counts, stopped))
    }

    fn write(&self, line: Line) -> Result<(), LedgerError> {
        let file = self.ledger.store().folder().join(FILE);
        Ok(log::append(&file, self.id, self.at, line)?)
    }

    /// Dimensions of an account's rows: of all, or of those where one has a value. The row to go on
    /// with, when time is up before.
    async fn events(
        &self,
        account: &AccountId,
        wanted: Option<(&str, &str)>,
    ) -> Result<(u64, Option<i64>), LedgerError> {
        let needle = wanted.map(|(name, value)| member(name, value));
        let mut session = self.ledger.store().read().await?;
        let head = audit::head(&mut session, account).await?.seq;
        drop(session);
        let (mut first, mut erased) = (self.from, 0);
        while first <= head {
            if first > self.from && Instant::now() >= self.until {
                return Ok((erased, Some(first)));
            }
            let last = head.min(first.saturating_add(AT_ONCE - 1));
            let mut session = self.ledger.store().read().await?;
            let range = (first, last);
            let mut found = store::find(&mut session, account, range, needle.as_deref()).await?;
            drop(session);
            // The text might stand there otherwise than as that member.
            found.retain(|row| {
                wanted.is_none_or(|(name, value)| row.dims.get(name).is_some_and(|is| is == value))
            });
            if !found.is_empty() {
                let rows = Range::of(found.iter().map(|row| (row.seq, row.chain)));
                self.write(Line::Rows { account: account.to_string(), rows })?;
                erased += erase_dims(self.ledger, account, &found).await?;
            }
            first = last + 1;
        }
        Ok((erased, None))
    }

    /// Rejected events of an account: all, or those that mention a text.
    async fn rejects(&self, account: &AccountId, text: Option<&str>) -> Result<u64, LedgerError> {
        let mut session = self.ledger.store().read().await?;
        let most = u32::try_from(rejects::MOST).unwrap_or(u32::MAX);
        let all =
            rejects::page(&mut session, account, &Filter::default(), (None, false), most).await?;
        drop(session);
        let mentions =
            |stored: &&rejects::Stored| text.is_none_or(|text| mentions(&stored.reject, text));
        let numbers: Vec<i64> = all.iter().filter(mentions).map(|stored| stored.n).collect();
        let Some(last) = numbers.last() else { return Ok(0) };
        self.write(Line::Rejects { account: account.to_string(), until: *last })?;
        let of = account.clone();
        let work = self.ledger.transact(Some(of.clone()), move |session, _| {
            Box::pin(async move { store::erase_these_rejects(session, &of, &numbers).await })
        });
        work.await
    }

    async fn intake(&self, intake: Uuid) -> Result<u64, LedgerError> {
        self.write(Line::Intake { intake })?;
        erase_contact(self.ledger, intake).await
    }

    async fn intakes_of(&self, account: &AccountId) -> Result<u64, LedgerError> {
        let mut session = self.ledger.store().read().await?;
        let intakes = onboarding::ids_of_account(&mut session, account).await?;
        drop(session);
        let mut erased = 0;
        for intake in intakes {
            erased += self.intake(intake).await?;
        }
        Ok(erased)
    }
}

/// A member of a JSON object, as it is stored.
fn member(name: &str, value: &str) -> String {
    let text = |text| serde_json::Value::from(text).to_string();
    format!("{}:{}", text(name), text(value))
}

fn mentions(reject: &Reject, text: &str) -> bool {
    let names = [&reject.source, &reject.id].into_iter().flatten().map(String::as_str);
    let faults = reject.faults.iter().flat_map(|fault| [fault.pointer.as_str(), &fault.detail]);
    names.chain(faults).any(|known| known.contains(text))
}

async fn erase_dims(
    ledger: &Ledger,
    account: &AccountId,
    found: &[store::Found],
) -> Result<u64, LedgerError> {
    let of = account.clone();
    let key = |row: &store::Found| {
        let key = dedup::key(&of, &row.name.0, &row.name.1);
        (row.seq, (of.clone(), dedup::months(row.arrived).0, key))
    };
    let rows: Vec<_> = found.iter().map(key).collect();
    let work = ledger.transact(Some(account.clone()), move |session, _| {
        Box::pin(async move { store::erase_dims(session, &of, &rows).await })
    });
    work.await
}

async fn erase_contact(ledger: &Ledger, intake: Uuid) -> Result<u64, LedgerError> {
    let work = ledger.transact(None, move |session, _| {
        Box::pin(async move { onboarding::erase_contact(session, intake).await })
    });
    Ok(u64::from(work.await?))
}

impl From<log::LogError> for LedgerError {
    fn from(error: log::LogError) -> Self {
        Self::Store(StoreError::Broken(error.to_string()))
    }
}
