//! What customer success said of accounts, in versions: the newest holds, none is changed.

use jiff::Timestamp;

use super::{
    Session, StoreError,
    sql::{Row, Value, args},
};
use crate::domain::{
    Ppm,
    account::AccountId,
    facts::{Departments, Incidents, Stated},
    health::{Share, Stage},
};

/// Facts as they were stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its number inside the account, from 1.
    pub n: i64,
    /// When they were stated.
    pub recorded_at: Timestamp,
    /// By whom.
    pub actor: String,
    /// What they say.
    pub stated: Stated,
}

/// The facts of an account as of version `n`, or the newest.
pub async fn get(
    session: &mut Session,
    account: &AccountId,
    n: Option<i64>,
) -> Result<Option<Version>, StoreError> {
    let sql = "SELECT n, recorded_at, actor, stage, go_live, departments_active,
                 departments_planned, criteria_met, criteria_due, budget_used_ppm, days_overdue,
                 open_sev1, open_sev2, sev1_past_sla
               FROM account_facts WHERE account = $1 AND n <= $2 ORDER BY n DESC LIMIT 1";
    let row = session.row(sql, args![account, n.unwrap_or(i64::MAX)]).await?;
    row.as_ref().map(version).transpose()
}

fn version(row: &Row) -> Result<Version, StoreError> {
    let bad = |what: &str| StoreError::Unreadable(format!("account_facts.{what}"));
    let small = |at: usize| -> Result<Option<u16>, StoreError> {
        row.opt_int(at)?.map(u16::try_from).transpose().map_err(|_| bad("departments, criteria"))
    };
    let count = |at: usize| -> Result<Option<u32>, StoreError> {
        row.opt_int(at)?.map(u32::try_from).transpose().map_err(|_| bad("days, incidents"))
    };
    let stage = row.opt_text(3)?.map(|name| Stage::from_name(name).ok_or_else(|| bad("stage")));
    let go_live = row.opt_text(4)?.map(|day| day.parse().map_err(|_| bad("go_live")));
    let planned = small(6)?;
    let incidents = count(11)?.zip(count(12)?).zip(count(13)?);
    Ok(Version {
        n: row.int(0)?,
        recorded_at: row.time(1)?,
        actor: row.text(2)?.to_owned(),
        stated: Stated {
            stage: stage.transpose()?,
            go_live: go_live.transpose()?,
            departments: small(5)?.map(|active| Departments { active, planned }),
            criteria: small(7)?.zip(small(8)?).map(|(part, whole)| Share { part, whole }),
            budget_used: row.opt_int(9)?.map(Ppm),
            days_overdue: count(10)?,
            incidents: incidents.map(|((sev1, sev2), sev1_past_sla)| Incidents {
                sev1,
                sev2,
                sev1_past_sla,
            }),
        },
    })
}

/// States facts of an account, in place of those before; the same again is no new version. Answers
/// with what holds then, and whether it is new.
pub async fn put(
    session: &mut Session,
    account: &AccountId,
    stated: Stated,
    (actor, now): (&str, Timestamp),
) -> Result<(Version, bool), StoreError> {
    let known = get(session, account, None).await?;
    let n = match known {
        Some(known) if known.stated == stated => return Ok((known, false)),
        Some(known) => known.n + 1,
        None => 1,
    };
    let Stated { stage, go_live, departments, criteria, budget_used, days_overdue, incidents } =
        stated;
    let wide = |value: Option<u32>| value.map(i64::from);
    let small = |value: Option<u16>| value.map(i64::from);
    let mut values = args![account, n, now, actor];
    values.push(Value::from(stage.map(|stage| stage.name().to_owned())));
    values.push(Value::from(go_live.map(|day| day.to_string())));
    values.extend(args![
        small(departments.map(|d| d.active)),
        small(departments.and_then(|d| d.planned)),
        small(criteria.map(|share| share.part)),
        small(criteria.map(|share| share.whole)),
        budget_used.map(|used| used.0),
        wide(days_overdue),
        wide(incidents.map(|open| open.sev1)),
        wide(incidents.map(|open| open.sev2)),
        wide(incidents.map(|open| open.sev1_past_sla)),
    ]);
    let sql = "INSERT INTO account_facts (account, n, recorded_at, actor, stage, go_live,
                 departments_active, departments_planned, criteria_met, criteria_due,
                 budget_used_ppm, days_overdue, open_sev1, open_sev2, sev1_past_sla)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    session.run(sql, values).await?;
    Ok((Version { n, recorded_at: now, actor: actor.to_owned(), stated }, true))
}
