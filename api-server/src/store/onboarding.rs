//! Requests of customers to be taken on, and what was decided about them.

mod mentions;

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Session, StoreError,
    accounts::{self, Account, Added},
    plans::{self, Note, Recorded},
    provisions::{self, Provision},
    sql::{Row, Value, args},
    tenants, webhooks,
};
use crate::domain::{
    account::AccountId,
    calendar::AnchorDay,
    catalogue::PlanId,
    facts::Promised,
    onboarding::{Actor, Decision, Move, State, Status, Verdict},
    subscription::Agreement,
    webhook::{Kind, message::Request},
};

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intake {
    /// Its id.
    pub id: Uuid,
    /// The name that the tenant and its account are to have.
    pub tenant: String,
    /// The customer's name, to show.
    pub display_name: String,
    /// The form, as JSON.
    pub form: String,
    /// What was answered to it, as JSON.
    pub answer: String,
    /// The plan in that answer; none when no plan fits.
    pub plan: Option<PlanId>,
    /// The profile in it.
    pub profile: String,
    /// ISO 4217 code of what the account is to be billed in.
    pub currency: String,
    /// The IANA name of the account's zone.
    pub zone: String,
    /// The day on which the account's periods are to start.
    pub anchor_day: i64,
    /// The hash of the receipt.
    pub receipt: [u8; 32],
    /// The hash of Idempotency-Key and form.
    pub scope: Option<[u8; 32]>,
    /// Makes the receipt again for who has key and form.
    pub salt: [u8; 32],
    /// When it came, in whole milliseconds.
    pub submitted_at: Timestamp,
    /// What became of it.
    pub state: State,
    /// How the making of its tenant stands; none while it is not approved, and where none is made.
    pub provision: Option<Provision>,
}

/// What became of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    /// It stands: now, or since the same was decided before.
    Stands(Box<Intake>),
    /// Something else stands.
    Otherwise(Status),
    /// It cannot be approved: there is no plan to approve.
    NoPlan,
    /// It cannot be approved: the name is another account's, or a tenant's of the cluster.
    NameTaken,
    /// There is no such request.
    Unknown,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT intake, tenant, display_name, form, answer, plan, version, profile, currency,
                    zone, anchor_day, receipt, scope, salt, submitted_at, status, decided_at,
                    decided_by, reason, outcome, queued_at, attempts, detail, made_at,
                    stack, stack_since, stack_ready, stack_parts, stack_waits
             FROM intakes LEFT JOIN provisions ON request = intake ",
            $rest
        )
    };
}

/// The most requests that wait for a decision: any stranger may make one, and they take the volume on
/// which usage is kept.
pub const MOST_WAITING: i64 = 10_000;

/// Adds a request, unless one with its scope is there: then that one is the answer. None, when as many wait
/// as may.
pub async fn add(session: &mut Session, new: &Intake) -> Result<Option<Intake>, StoreError> {
    if let Some(scope) = &new.scope
        && let Some(known) = of_scope(session, scope).await?
    {
        return Ok(Some(known));
    }
    let sql = "SELECT 1 FROM intakes WHERE status = $1 ORDER BY submitted_at LIMIT 1 OFFSET $2";
    let values = args![Status::AwaitingApproval.name(), MOST_WAITING - 1];
    if session.row(sql, values).await?.is_some() {
        return Ok(None);
    }
    let sql = "INSERT INTO intakes (intake, tenant, display_name, form, answer, plan, version,
                 profile, currency, zone, anchor_day, receipt, scope, salt, submitted_at, status)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    let values = args![
        new.id.to_string(),
        new.tenant.as_str(),
        new.display_name.as_str(),
        new.form.as_str(),
        new.answer.as_str(),
        new.plan.as_ref().map(|plan| plan.plan.clone()),
        new.plan.as_ref().map(|plan| i64::from(plan.version)),
        new.profile.as_str(),
        new.currency.as_str(),
        new.zone.as_str(),
        new.anchor_day,
        &new.receipt[..],
        new.scope,
        &new.salt[..],
        new.submitted_at,
        Status::AwaitingApproval.name(),
    ];
    session.run(sql, values).await?;
    tell(session, new, Kind::OnboardingSubmitted, new.submitted_at).await?;
    Ok(Some(new.clone()))
}

/// The request of a key and a form.
pub async fn of_scope(
    session: &mut Session,
    scope: &[u8; 32],
) -> Result<Option<Intake>, StoreError> {
    let row = session.row(select!("WHERE scope = $1"), args![&scope[..]]).await?;
    row.as_ref().map(intake).transpose()
}

/// Has it told what became of a request.
async fn tell(
    session: &mut Session,
    intake: &Intake,
    kind: Kind,
    at: Timestamp,
) -> Result<(), StoreError> {
    let id = intake.id.to_string();
    let request = Request {
        id: &id,
        tenant: &intake.tenant,
        display_name: &intake.display_name,
        plan: intake.plan.as_ref(),
        profile: &intake.profile,
        submitted_at: intake.submitted_at,
    };
    webhooks::tell(session, &[request.message(kind, at)], at).await
}

/// One request.
pub async fn get(session: &mut Session, id: Uuid) -> Result<Option<Intake>, StoreError> {
    let row = session.row(select!("WHERE intake = $1"), args![id.to_string()]).await?;
    row.as_ref().map(intake).transpose()
}

/// The requests that led to an account, which are one or none.
pub async fn ids_of_account(
    session: &mut Session,
    account: &AccountId,
) -> Result<Vec<Uuid>, StoreError> {
    let sql = "SELECT intake FROM intakes WHERE tenant = $1 AND status = $2";
    let rows = session.rows(sql, args![account, Status::Approved.name()]).await?;
    rows.iter().map(|row| row.parsed(0)).collect()
}

/// What stands in place of an erased contact. Nobody can have such an address (RFC 2606).
pub(crate) const ERASED: (&str, &str) = ("erased", "erased@erased.invalid");

/// Takes the contact out of a request's form, and what mentions them out of the customer's own words;
/// false when there is none left, or no such request. Key and form are forgotten too, so that sending
/// both again makes a new request.
pub(crate) async fn erase_contact(session: &mut Session, id: Uuid) -> Result<bool, StoreError> {
    let Some(known) = get(session, id).await? else { return Ok(false) };
    let unreadable = |error| StoreError::Unreadable(format!("intakes.form: {error}"));
    let mut form: serde_json::Value = serde_json::from_str(&known.form).map_err(unreadable)?;
    let erased = serde_json::json!({"name": ERASED.0, "email": ERASED.1});
    if form.get("contact") == Some(&erased) {
        return Ok(false);
    }
    let person = mentions::of(form.get("contact"));
    let Some(members) = form.as_object_mut() else { return Ok(false) };
    for name in ["use_case", "success_criteria"] {
        if let Some(words) = members.get_mut(name) {
            mentions::erase(words, &person);
        }
    }
    members.insert("contact".to_owned(), erased);
    let sql = "UPDATE intakes SET form = $2, scope = $3 WHERE intake = $1";
    let nothing = Value::Blob(None);
    let values = vec![id.to_string().into(), form.to_string().into(), nothing];
    Ok(session.run(sql, values).await? == 1)
}

/// The request with which an account came; none of accounts that were opened otherwise.
pub async fn of_account(
    session: &mut Session,
    account: &AccountId,
) -> Result<Option<Intake>, StoreError> {
    let values = args![account, Status::Approved.name()];
    let row = session.row(select!("WHERE tenant = $1 AND status = $2"), values).await?;
    row.as_ref().map(intake).transpose()
}

impl Intake {
    /// What its form promised.
    pub fn promised(&self) -> Result<Promised, StoreError> {
        #[derive(serde::Deserialize)]
        struct Form {
            go_live_date: jiff::civil::Date,
            departments: Vec<serde::de::IgnoredAny>,
        }
        let form: Form = serde_json::from_str(&self.form)
            .map_err(|error| StoreError::Unreadable(format!("intakes.form: {error}")))?;
        let departments = u16::try_from(form.departments.len()).unwrap_or(u16::MAX);
        Ok(Promised { go_live: form.go_live_date, departments })
    }
}

/// Where a page begins: behind the request of this time and id.
pub type Position = (Timestamp, Uuid);

/// Which requests a page has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Of this status alone.
    pub status: Option<Status>,
    /// The newest first.
    pub descending: bool,
    /// Behind this one.
    pub after: Option<Position>,
    /// At most so many.
    pub limit: u32,
}

/// Requests by the time at which they came.
pub async fn page(session: &mut Session, page: Page) -> Result<Vec<Intake>, StoreError> {
    let Page { status, descending, after, limit } = page;
    // Beyond all times that can be stored, so that the first page needs no query of its own.
    let edge = if descending { i64::MAX } else { i64::MIN };
    let (time, id) =
        after.map_or((edge, String::new()), |(time, id)| (time.as_millisecond(), id.to_string()));
    let mut values = args![time, id, limit];
    values.extend(status.map(|status| Value::from(status.name())));
    let sql = match (status, descending) {
        (None, false) => select!(
            "WHERE (submitted_at, intake) > ($1, $2) ORDER BY submitted_at, intake LIMIT $3"
        ),
        (None, true) => select!(
            "WHERE (submitted_at, intake) < ($1, $2)
             ORDER BY submitted_at DESC, intake DESC LIMIT $3"
        ),
        (Some(_), false) => select!(
            "WHERE status = $4 AND (submitted_at, intake) > ($1, $2)
             ORDER BY submitted_at, intake LIMIT $3"
        ),
        (Some(_), true) => select!(
            "WHERE status = $4 AND (submitted_at, intake) < ($1, $2)
             ORDER BY submitted_at DESC, intake DESC LIMIT $3"
        ),
    };
    session.rows(sql, values).await?.iter().map(intake).collect()
}

/// Records a decision, if it may be made. An approval opens the account, on the plan that was
/// answered to the form, from then on, and has the tenant made if `provide`; give this a transaction.
pub async fn decide(
    session: &mut Session,
    id: Uuid,
    wanted: Decision,
    provide: bool,
) -> Result<Decided, StoreError> {
    let Some(known) = get(session, id).await? else { return Ok(Decided::Unknown) };
    let decision = match known.state.decide(wanted) {
        Ok(Move::New(decision)) => decision,
        Ok(Move::Same(_)) => return Ok(Decided::Stands(Box::new(known))),
        Err(already) => return Ok(Decided::Otherwise(already.0)),
    };
    if decision.verdict == Verdict::Approved {
        let Some(plan) = known.plan.clone() else { return Ok(Decided::NoPlan) };
        // One that was made by kubectl is counted under its uid, so that no account has its name.
        if !tenants::named(session, &known.tenant).await?.is_empty() {
            return Ok(Decided::NameTaken);
        }
        // An account that looks the same was opened by somebody else, for somebody else.
        if accounts::add(session, &account(&known, decision.at)?).await? != Added::New {
            return Ok(Decided::NameTaken);
        }
        subscribe(session, &known, plan, &decision).await?;
        if provide {
            provisions::queue(session, id, decision.at).await?;
        }
    }
    let by = match &decision.by {
        Actor::Manager(subject) => Some(subject.clone()),
        Actor::Applicant => None,
    };
    let reason = match &decision.verdict {
        Verdict::Rejected { reason } => Some(reason.clone()),
        Verdict::Approved | Verdict::Withdrawn => None,
    };
    let (at, kind) = (decision.at, kind(&decision.verdict));
    let state = State::Decided(decision);
    let sql = "UPDATE intakes SET status = $2, decided_at = $3, decided_by = $4, reason = $5
               WHERE intake = $1";
    session.run(sql, args![id.to_string(), state.status().name(), at, by, reason]).await?;
    tell(session, &known, kind, at).await?;
    let decided = get(session, id).await?.unwrap_or(Intake { state, ..known });
    Ok(Decided::Stands(Box::new(decided)))
}

const fn kind(verdict: &Verdict) -> Kind {
    match verdict {
        Verdict::Approved => Kind::OnboardingApproved,
        Verdict::Rejected { .. } => Kind::OnboardingRejected,
        Verdict::Withdrawn => Kind::OnboardingWithdrawn,
    }
}

/// Puts the account of an approved request on its plan. A new account has no figures that would have
/// to be measured against it.
async fn subscribe(
    session: &mut Session,
    intake: &Intake,
    plan: PlanId,
    Decision { by, at, .. }: &Decision,
) -> Result<(), StoreError> {
    let id = account(intake, *at)?.id;
    let agreement = Agreement { plan, effective_at: *at, agreed_at: *at };
    plans::add(session, &id, &Recorded { agreed: agreement.into(), recorded_at: *at, at_seq: 0 })
        .await?;
    let Actor::Manager(subject) = by else { return Ok(()) };
    plans::add_note(session, &id, &Note { actor: subject.clone(), cost: None }).await
}

fn account(intake: &Intake, opened: Timestamp) -> Result<Account, StoreError> {
    let bad = |what: &str| StoreError::Unreadable(format!("intakes.{what}"));
    Ok(Account {
        id: intake.tenant.parse().map_err(|_| bad("tenant"))?,
        name: intake.display_name.clone(),
        zone: intake.zone.parse().map_err(|_| bad("zone"))?,
        anchor: AnchorDay::new(intake.anchor_day).map_err(|_| bad("anchor_day"))?,
        currency: intake.currency.clone(),
        created_at: opened,
    })
}

fn intake(row: &Row) -> Result<Intake, StoreError> {
    let plan = match row.opt_text(5)? {
        None => None,
        Some(plan) => {
            let version = u32::try_from(row.int(6)?)
                .map_err(|_| StoreError::Unreadable("intakes.version".to_owned()))?;
            Some(PlanId { plan: plan.to_owned(), version })
        }
    };
    Ok(Intake {
        id: row.parsed(0)?,
        tenant: row.text(1)?.to_owned(),
        display_name: row.text(2)?.to_owned(),
        form: row.text(3)?.to_owned(),
        answer: row.text(4)?.to_owned(),
        plan,
        profile: row.text(7)?.to_owned(),
        currency: row.text(8)?.to_owned(),
        zone: row.text(9)?.to_owned(),
        anchor_day: row.int(10)?,
        receipt: row.bytes(11)?,
        scope: row.opt_bytes(12)?,
        salt: row.bytes(13)?,
        submitted_at: row.time(14)?,
        state: state(row)?,
        provision: provisions::of_row(row, 19)?,
    })
}

fn state(row: &Row) -> Result<State, StoreError> {
    let verdict = match row.parsed(15)? {
        Status::AwaitingApproval => return Ok(State::AwaitingApproval),
        Status::Approved => Verdict::Approved,
        Status::Rejected => Verdict::Rejected { reason: row.text(18)?.to_owned() },
        Status::Withdrawn => Verdict::Withdrawn,
    };
    let by = row.opt_text(17)?;
    let by = by.map_or(Actor::Applicant, |subject| Actor::Manager(subject.to_owned()));
    Ok(State::Decided(Decision { verdict, by, at: row.time(16)? }))
}
