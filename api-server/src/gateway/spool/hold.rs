//! One transaction's requests: which events are held, which are there already, which are others
//! under a known name.

use std::collections::HashMap;

use jiff::Timestamp;

use super::rows::{self, Known, Row, State};
use super::{Fresh, NotHeld, stamps};
use crate::domain::event::{self, UsageEvent};
use crate::ledger::{Appends, Outcome, Reason, Receipt, dedup, dims_json};
use crate::store::{Session, StoreError};

/// What an event costs beside its text, in bytes: keys, hashes and their indexes.
const OVERHEAD: u64 = 160;
/// A stamp is remembered for each of so many bytes that may be held.
const BYTES_PER_STAMP: u64 = 1024;

/// An event under its name's key.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(super) key: [u8; 16],
    pub(super) fresh: Fresh,
}

/// Events that arrived together.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(super) arrived: Timestamp,
    pub(super) atomic: bool,
    pub(super) items: Vec<Wanted>,
}

/// The spool's part of the writer.
pub(crate) struct Hold {
    pub(super) limit: u64,
}

impl Appends for Hold {
    type Request = Request;
    type Receipt = Result<Receipt, NotHeld>;

    fn items(request: &Request) -> usize {
        request.items.len()
    }

    async fn append(
        &mut self,
        session: &mut Session,
        requests: &[&Request],
        now: Timestamp,
    ) -> Result<Vec<Self::Receipt>, StoreError> {
        let mut sheet = Sheet::load(session, requests, self.limit).await?;
        let receipts = requests.iter().map(|request| sheet.apply(request, now)).collect();
        let Sheet { state, rows, stamps, .. } = sheet;
        let most_stamps = self.limit / BYTES_PER_STAMP;
        rows::hold(session, state, &rows, &stamps, most_stamps).await?;
        Ok(receipts)
    }
}

struct Sheet {
    limit: u64,
    state: State,
    known: HashMap<[u8; 16], Known>,
    stamped: HashMap<[u8; 16], Timestamp>,
    rows: Vec<Row>,
    stamps: Vec<([u8; 16], Timestamp)>,
}

impl Sheet {
    async fn load(
        session: &mut Session,
        requests: &[&Request],
        limit: u64,
    ) -> Result<Self, StoreError> {
        let items = || requests.iter().flat_map(|request| &request.items);
        let keys: Vec<_> = items().map(|item| item.key).collect();
        let unstamped: Vec<_> = items().filter(|i| i.fresh.stamped).map(|i| i.key).collect();
        Ok(Self {
            limit,
            state: rows::state(session).await?,
            known: rows::known(session, &keys).await?,
            stamped: stamps::of(session, &unstamped).await?,
            rows: Vec::new(),
            stamps: Vec::new(),
        })
    }

    fn apply(&mut self, request: &Request, now: Timestamp) -> Result<Receipt, NotHeld> {
        if self.state.sealed {
            return Err(NotHeld::Sealed);
        }
        let before = (self.rows.len(), self.stamps.len(), self.state.clone());
        let outcomes: Vec<_> =
            request.items.iter().map(|item| self.add(item, request.arrived)).collect();
        let conflict = |outcome: &Outcome| matches!(outcome, Outcome::Conflict { .. });
        let failed = request.atomic && outcomes.iter().any(conflict);
        let full = self.rows.len() > before.0 && self.state.bytes > self.limit;
        if failed || full {
            self.undo(before);
        }
        if !failed && full {
            return Err(NotHeld::Full);
        }
        let not_applied = |outcome| match outcome {
            Outcome::Accepted { .. } if failed => Outcome::Refused(Reason::NotApplied),
            told => told,
        };
        let outcomes = outcomes.into_iter().map(not_applied).collect();
        Ok(Receipt { outcomes, stored_at: now })
    }

    fn add(&mut self, item: &Wanted, arrived: Timestamp) -> Outcome {
        let mut event = item.fresh.event.clone();
        let stamp = self.stamped.get(&item.key).copied();
        if let (true, Some(time)) = (item.fresh.stamped, stamp) {
            event.time = time;
        }
        let body = dedup::event_body(&event, &dims_json(&event.dims));
        if let Some(known) = self.known.get(&item.key) {
            let first_seen_at = known.t_taken;
            return match known.body == body {
                true => Outcome::Duplicate { seq: 0, first_seen_at },
                false => Outcome::Conflict { first_seen_at },
            };
        }
        if item.fresh.stamped && stamp.is_none() {
            self.stamped.insert(item.key, event.time);
            self.stamps.push((item.key, event.time));
        }
        self.known.insert(item.key, Known { body, t_taken: arrived });
        let text = text(&event);
        let bytes = text.len() as u64 + OVERHEAD;
        self.state.events += 1;
        self.state.bytes += bytes;
        self.rows.push(Row { key: item.key, body, event: text, bytes, t_taken: arrived });
        Outcome::Accepted { seq: 0 }
    }

    /// As it was before a request.
    fn undo(&mut self, (rows, stamps, state): (usize, usize, State)) {
        for row in self.rows.drain(rows..) {
            self.known.remove(&row.key);
        }
        for (key, _) in self.stamps.drain(stamps..) {
            self.stamped.remove(&key);
        }
        self.state = state;
    }
}

/// As it is forwarded.
pub(super) fn text(event: &UsageEvent) -> String {
    serde_json::Value::Object(event::write(event)).to_string()
}
