//! How many requests to be taken on are how far.

use super::{Session, StoreError, sql::args};
use crate::domain::onboarding::Status;

/// How far a request can be, its tenant's making included.
const STAGES: [&str; 8] = [
    "awaiting_approval",
    "approved",
    "conflict",
    "made",
    "ready",
    "removed",
    "rejected",
    "withdrawn",
];

/// How many requests are how far: those that are approved, by how far their tenants are.
pub async fn counts(session: &mut Session) -> Result<Vec<(&'static str, u64)>, StoreError> {
    let sql = "SELECT status, made, ready, COUNT(*) FROM (
                 SELECT status, COALESCE(outcome, '') AS made, COALESCE(stack, '') AS ready
                 FROM intakes LEFT JOIN provisions ON request = intake) AS requests
               GROUP BY status, made, ready";
    let mut counts = STAGES.map(|stage| (stage, 0));
    for row in session.rows(sql, args![]).await? {
        let stage = match (row.parsed(0)?, row.text(1)?, row.text(2)?) {
            (Status::Approved, "made", "ready") => "ready",
            (Status::Approved, "made", "removed") => "removed",
            (Status::Approved, "made", _) => "made",
            (Status::Approved, "conflict", _) => "conflict",
            (status, _, _) => status.name(),
        };
        let count = u64::try_from(row.int(3)?).unwrap_or_default();
        counts.iter_mut().filter(|(of, _)| *of == stage).for_each(|(_, sum)| *sum += count);
    }
    Ok(counts.to_vec())
}
