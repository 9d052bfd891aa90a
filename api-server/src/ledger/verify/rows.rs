//! The rows, one after the other.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::{Figures, Findings, What};
use crate::{
    domain::calendar::PeriodState,
    ledger::{chain, dedup},
    store::{
        Session, StoreError,
        accounts::Account,
        append::{self, DedupKey, Head, SaltedDims},
        audit,
        periods::PeriodRow,
        row::{Entry, Kind},
    },
};

type Periods = BTreeMap<Timestamp, PeriodRow>;

/// How far the rows of an account were checked.
pub(super) struct Rows<'a> {
    account: &'a Account,
    periods: &'a Periods,
    recorded: &'a HashMap<i64, Vec<[u8; 32]>>,
    /// Keys are kept from this month on.
    keys_from: i64,
    head: Head,
    count: u64,
    erased: u64,
    keys: i64,
}

impl<'a> Rows<'a> {
    pub(super) const fn new(
        account: &'a Account,
        periods: &'a Periods,
        recorded: &'a HashMap<i64, Vec<[u8; 32]>>,
        keys_from: i64,
    ) -> Self {
        let head = Head::NONE;
        Self { account, periods, recorded, keys_from, head, count: 0, erased: 0, keys: 0 }
    }

    /// The number of the last row seen.
    pub(super) const fn last(&self) -> i64 {
        self.head.seq
    }

    pub(super) const fn head(&self) -> Head {
        self.head
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    pub(super) const fn erased(&self) -> u64 {
        self.erased
    }

    /// Checks the next rows.
    pub(super) async fn check(
        &mut self,
        session: &mut Session,
        page: Vec<(i64, audit::Read)>,
        figures: &mut Figures<'_>,
        findings: &mut Findings<'_>,
    ) -> Result<(), StoreError> {
        let mut entries = Vec::with_capacity(page.len());
        for (seq, read) in page {
            if seq != self.head.seq + 1 {
                let detail = format!("after row {} comes row {seq}", self.head.seq);
                findings.note(Some(self.head.seq + 1), What::Missing, detail);
            }
            self.count += 1;
            match read {
                Ok((entry, stored)) => {
                    self.check_chain(&entry, stored, findings);
                    self.check_posting(&entry, findings);
                    figures.add(&entry, self.account.zone.hour(entry.t_event), findings);
                    self.head = Head { seq, chain: stored };
                    entries.push(entry);
                }
                Err(error) => {
                    findings.note(Some(seq), What::Unreadable, error.to_string());
                    self.head.seq = seq;
                }
            }
        }
        let dims = self.check_dims(session, &entries, findings).await?;
        self.check_references(session, &entries, findings).await?;
        self.check_keys(session, &entries, &dims, findings).await
    }

    fn check_chain(&self, entry: &Entry, stored: [u8; 32], findings: &mut Findings<'_>) {
        let seq = Some(entry.seq);
        if chain::next(&self.head.chain, entry) != stored {
            findings.note(seq, What::Chain, "the row does not hash to its chain value");
        }
        let differs = |heads: &Vec<[u8; 32]>| heads.iter().any(|recorded| *recorded != stored);
        if self.recorded.get(&entry.seq).is_some_and(differs) {
            findings.note(seq, What::External, "another chain value was written down for it");
        }
    }

    fn check_posting(&self, entry: &Entry, findings: &mut Findings<'_>) {
        if let Some(wrong) = self.posting_fault(entry) {
            findings.note(Some(entry.seq), What::Posting, wrong);
        }
    }

    fn posting_fault(&self, entry: &Entry) -> Option<String> {
        let own_start = entry.happened_in.unwrap_or(entry.period_start);
        let (Some(own), Some(target)) =
            (self.periods.get(&own_start), self.periods.get(&entry.period_start))
        else {
            return Some("its period is not stored".to_owned());
        };
        let after_close = |row: &PeriodRow| row.closed.is_some_and(|closed| entry.seq > closed.seq);
        if after_close(target) {
            return Some("it entered a period that was closed before".to_owned());
        }
        if entry.kind == Kind::Usage && !own.period.contains(entry.t_event) {
            return Some(format!("{} is not in {own_start}'s period", entry.t_event));
        }
        let closed = own.period.state(entry.t_ingest) == PeriodState::Closed || after_close(own);
        match (closed, entry.happened_in) {
            (true, None) => Some("it arrived after its period had closed".to_owned()),
            (false, Some(_)) => Some("its own period was still open".to_owned()),
            _ => None,
        }
    }

    async fn check_dims(
        &mut self,
        session: &mut Session,
        entries: &[Entry],
        findings: &mut Findings<'_>,
    ) -> Result<HashMap<i64, SaltedDims>, StoreError> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Ok(HashMap::new());
        };
        let id = &self.account.id;
        let dims: HashMap<_, _> =
            audit::dims_between(session, id, first.seq, last.seq).await?.into_iter().collect();
        for entry in entries {
            let seq = Some(entry.seq);
            match (entry.dims_hash, dims.get(&entry.seq)) {
                (Some(_), None) => self.erased += 1,
                (Some(hash), Some(dims)) if chain::dims_hash(&dims.salt, &dims.json) != hash => {
                    findings.note(seq, What::Dims, "they do not hash to what the row holds");
                }
                (None, Some(_)) => {
                    findings.note(seq, What::Dims, "the row was written without any");
                }
                _ => {}
            }
        }
        Ok(dims)
    }

    async fn check_references(
        &self,
        session: &mut Session,
        entries: &[Entry],
        findings: &mut Findings<'_>,
    ) -> Result<(), StoreError> {
        let refs: Vec<_> =
            entries.iter().filter_map(|e| Some((e.account.clone(), e.ref_seq?))).collect();
        let rows = append::load_corrected(session, &refs).await?;
        for entry in entries {
            let about = entry.ref_seq.map(|seq| rows.get(&(entry.account.clone(), seq)));
            let own = entry.happened_in.unwrap_or(entry.period_start);
            let fits = match (entry.kind, about) {
                (Kind::Usage, None) => true,
                (Kind::Correction | Kind::Void, Some(Some(row))) => {
                    let row = &row.entry;
                    row.kind == Kind::Usage
                        && row.seq < entry.seq
                        && (row.meter, row.t_event) == (entry.meter, entry.t_event)
                        && row.period_start == own
                }
                _ => false,
            };
            if !fits {
                let detail = format!("a {} of row {:?}", entry.kind.name(), entry.ref_seq);
                findings.note(Some(entry.seq), What::Reference, detail);
            }
        }
        Ok(())
    }

    async fn check_keys(
        &mut self,
        session: &mut Session,
        entries: &[Entry],
        dims: &HashMap<i64, SaltedDims>,
        findings: &mut Findings<'_>,
    ) -> Result<(), StoreError> {
        let key = |entry: &Entry| -> Option<DedupKey> {
            let month = dedup::months(entry.t_ingest).0;
            let key = dedup::key(&entry.account, &entry.source, &entry.event_id);
            (month >= self.keys_from).then(|| (entry.account.clone(), month, key))
        };
        let wanted: Vec<_> = entries.iter().filter_map(key).collect();
        let known = append::load_keys(session, &wanted).await?;
        for entry in entries {
            let Some((account, _, key)) = key(entry) else { continue };
            let Some(known) = known.get(&(account, key)) else {
                let detail = "a repeat of it would be counted again: its key is not there";
                findings.note(Some(entry.seq), What::Dedup, detail);
                continue;
            };
            self.keys += 1;
            let body = dedup::body(entry, dims.get(&entry.seq));
            if (known.seq, known.t_ingest) != (entry.seq, entry.t_ingest)
                || body.is_some_and(|body| body != known.body)
            {
                let detail = format!("its key is row {}'s, or of another body", known.seq);
                findings.note(Some(entry.seq), What::Dedup, detail);
            }
        }
        Ok(())
    }

    /// Checks what only all rows together show.
    pub(super) async fn check_end(
        &self,
        session: &mut Session,
        findings: &mut Findings<'_>,
    ) -> Result<(), StoreError> {
        let stored = audit::count_keys(session, &self.account.id, self.keys_from).await?;
        if stored > self.keys {
            let detail = format!("{} keys belong to no row", stored - self.keys);
            findings.note(None, What::Dedup, detail);
        }
        Ok(())
    }
}
