//! What is told, and how it is named. A message's id comes of what happened alone: told twice, it is
//! the same message.

use std::fmt::{self, Write as _};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::domain::{
    BasisPoints, Quantity,
    account::AccountId,
    catalogue::PlanId,
    meter::Meter,
    threshold::{self, Change},
};

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Use has reached a level of a quota.
    ThresholdCrossed,
    /// Use has fallen clearly below it.
    ThresholdRecovered,
    /// A customer asks to be taken on.
    OnboardingSubmitted,
    /// They are.
    OnboardingApproved,
    /// They are not.
    OnboardingRejected,
    /// They no longer ask.
    OnboardingWithdrawn,
    /// An account's health was flagged.
    HealthFlagged,
    /// The flag was taken back.
    HealthRecovered,
    /// Somebody tries the endpoint.
    Test,
}

/// Why a text is no kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("is no type of message")]
pub struct UnknownKind;

impl Kind {
    /// All that this version knows.
    pub const ALL: [Self; 9] = [
        Self::ThresholdCrossed,
        Self::ThresholdRecovered,
        Self::OnboardingSubmitted,
        Self::OnboardingApproved,
        Self::OnboardingRejected,
        Self::OnboardingWithdrawn,
        Self::HealthFlagged,
        Self::HealthRecovered,
        Self::Test,
    ];

    /// What an endpoint can choose from.
    pub const CHOICE: [Self; 8] = [
        Self::ThresholdCrossed,
        Self::ThresholdRecovered,
        Self::OnboardingSubmitted,
        Self::OnboardingApproved,
        Self::OnboardingRejected,
        Self::OnboardingWithdrawn,
        Self::HealthFlagged,
        Self::HealthRecovered,
    ];

    /// Its name on the wire and in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ThresholdCrossed => "usage.threshold.crossed",
            Self::ThresholdRecovered => "usage.threshold.recovered",
            Self::OnboardingSubmitted => "onboarding.submitted",
            Self::OnboardingApproved => "onboarding.approved",
            Self::OnboardingRejected => "onboarding.rejected",
            Self::OnboardingWithdrawn => "onboarding.withdrawn",
            Self::HealthFlagged => "health.flagged",
            Self::HealthRecovered => "health.recovered",
            Self::Test => "webhook.test",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or(UnknownKind)
    }
}

/// A message as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its name, the same in each attempt and at each endpoint: `msg_` and hexadecimal digits.
    pub id: String,
    /// What it is about.
    pub kind: Kind,
    /// `{"type", "timestamp", "data"}`: what was so when it happened.
    pub body: String,
}

impl Message {
    /// `of` are the parts that name what happened.
    fn new(kind: Kind, of: &[&str], at: Timestamp, data: Value) -> Self {
        #[derive(Serialize)]
        struct Body {
            r#type: &'static str,
            timestamp: Timestamp,
            data: Value,
        }
        // As it is stored.
        let timestamp = Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
        let body = Body { r#type: kind.name(), timestamp, data };
        // Texts, numbers and times always become JSON.
        let body = serde_json::to_string(&body).unwrap_or_default();
        Self { id: name(kind, of), kind, body }
    }
}

fn name(kind: Kind, of: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in [kind.name()].iter().chain(of) {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    let mut id = "msg_".to_owned();
    for byte in hash.finalize().iter().take(16) {
        let _always = write!(id, "{byte:02x}");
    }
    id
}

/// Whether a text could be a message's id.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let digits = text.strip_prefix("msg_").unwrap_or_default();
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    digits.len() == 32 && digits.bytes().all(hex)
}

/// A level that was reached, or has recovered, and the figures of that moment.
#[derive(Clone, Copy, Debug)]
pub struct Crossing<'a> {
    /// Whose.
    pub account: &'a AccountId,
    /// Of what.
    pub meter: Meter,
    /// The period's start.
    pub period: Timestamp,
    /// What happened to which level.
    pub change: Change,
    /// What was used.
    pub used: Quantity,
    /// What was included; `None` when that had been lifted.
    pub quota: Option<Quantity>,
    /// The row of the ledger with which it happened.
    pub row: i64,
    /// When.
    pub at: Timestamp,
}

impl Crossing<'_> {
    /// The message; one for each arming.
    #[must_use]
    pub fn message(&self) -> Message {
        let Change { kind, level, arming } = self.change;
        let kind = match kind {
            threshold::Kind::Reached => Kind::ThresholdCrossed,
            threshold::Kind::Recovered => Kind::ThresholdRecovered,
        };
        let (period, times) = (self.period.as_millisecond().to_string(), arming.to_string());
        let of = [self.account.as_str(), self.meter.name(), &period, level.name(), &times];
        let data = json!({
            "account": self.account.as_str(),
            "meter": self.meter.name(),
            "unit": self.meter.unit(),
            "level": level.name(),
            "percent": level.percent(),
            "arming": arming,
            "period": self.period,
            "used": self.used.to_string(),
            "quota": self.quota.map(|quota| quota.to_string()),
            "row": self.row,
        });
        Message::new(kind, &of, self.at, data)
    }
}

/// A customer's request, without whom its form names.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Its id.
    pub id: &'a str,
    /// The name that the tenant is to have, and the account's id.
    pub tenant: &'a str,
    /// The customer's name.
    pub display_name: &'a str,
    /// The plan that was answered.
    pub plan: Option<&'a PlanId>,
    /// The profile that was answered.
    pub profile: &'a str,
    /// When it came.
    pub submitted_at: Timestamp,
}

impl Request<'_> {
    /// The message that this became of it at an instant.
    #[must_use]
    pub fn message(&self, kind: Kind, at: Timestamp) -> Message {
        let data = json!({
            "request": self.id,
            "tenant": self.tenant,
            "display_name": self.display_name,
            "plan": self.plan.map(|plan| json!({"key": plan.plan, "version": plan.version})),
            "profile": self.profile,
            "submitted_at": self.submitted_at,
        });
        Message::new(kind, &[self.id], at, data)
    }
}

/// A flag of health that was raised or taken back.
#[derive(Clone, Copy, Debug)]
pub struct Flag<'a> {
    /// Whose.
    pub account: &'a AccountId,
    /// Raised.
    pub raised: bool,
    /// Health then.
    pub health: Option<BasisPoints>,
    /// What costs most of it, in words.
    pub costs: Option<&'a str>,
    /// What would help most, in words.
    pub helps: Option<&'a str>,
    /// When.
    pub at: Timestamp,
}

impl Flag<'_> {
    /// The message.
    #[must_use]
    pub fn message(&self) -> Message {
        let kind = if self.raised { Kind::HealthFlagged } else { Kind::HealthRecovered };
        let data = json!({
            "account": self.account.as_str(),
            "health_basis_points": self.health.map(|health| health.0),
            "costs_most": self.costs,
            "helps_most": self.helps,
        });
        let at = self.at.as_millisecond().to_string();
        Message::new(kind, &[self.account.as_str(), &at], self.at, data)
    }
}

/// A message that tries an endpoint; `n` makes it another one each time.
#[must_use]
pub fn test(endpoint: &str, n: &str, at: Timestamp) -> Message {
    Message::new(Kind::Test, &[endpoint, n], at, json!({"endpoint": endpoint}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::threshold::Level;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn crossing(account: &AccountId, level: Level, arming: u32) -> Crossing<'_> {
        Crossing {
            account,
            meter: Meter::Ingestion,
            period: at("2026-11-01T00:00:00Z"),
            change: Change { kind: threshold::Kind::Reached, level, arming },
            used: "402.5".parse().unwrap(),
            quota: Some("500".parse().unwrap()),
            row: 17,
            at: at("2026-11-22T23:50:16.123Z"),
        }
    }

    #[test]
    fn kinds_are_read_back_and_named_as_the_specification_has_it() {
        for kind in Kind::CHOICE.into_iter().chain([Kind::Test]) {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert!(kind.name().split('.').all(|part| !part.is_empty()));
        }
        assert_eq!("usage.threshold".parse::<Kind>(), Err(UnknownKind));
    }

    #[test]
    fn a_level_is_told_with_the_figures_of_its_moment() {
        let account: AccountId = "acme".parse().unwrap();
        let message = crossing(&account, Level::Soft, 1).message();
        assert_eq!(
            message.body,
            "{\"type\":\"usage.threshold.crossed\",\"timestamp\":\"2026-11-22T23:50:16.123Z\",\"data\":\
             {\"account\":\"acme\",\"arming\":1,\"level\":\"soft\",\"meter\":\"ingestion\",\
             \"percent\":80,\"period\":\"2026-11-01T00:00:00Z\",\"quota\":\"500\",\"row\":17,\
             \"unit\":\"GB\",\"used\":\"402.5\"}}"
        );
        assert!(is_id(&message.id), "{}", message.id);
        for none in ["", "msg_", "msg_1", &message.id.to_uppercase(), &message.id.replace('_', "-")]
        {
            assert!(!is_id(none), "{none}");
        }
    }

    #[test]
    fn the_same_happening_is_the_same_message_and_no_other_is() {
        let account: AccountId = "acme".parse().unwrap();
        let id = |level, arming| crossing(&account, level, arming).message().id;
        assert_eq!(id(Level::Soft, 1), id(Level::Soft, 1));
        let other: AccountId = "globex".parse().unwrap();
        let recovered = threshold::Kind::Recovered;
        let mut back = crossing(&account, Level::Soft, 1);
        back.change.kind = recovered;
        let all = [
            id(Level::Soft, 1),
            id(Level::Hard, 1),
            id(Level::Soft, 2),
            crossing(&other, Level::Soft, 1).message().id,
            back.message().id,
            test("e", "1", at("2026-11-22T23:50:16Z")).id,
            test("e", "2", at("2026-11-22T23:50:16Z")).id,
            test("e1", "", at("2026-11-22T23:50:16Z")).id,
        ];
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
    }

    #[test]
    fn a_request_is_told_without_its_contact_and_a_flag_with_its_reason() {
        let plan = PlanId { plan: "team".to_owned(), version: 3 };
        let request = Request {
            id: "8c1f",
            tenant: "acme",
            display_name: "Acme Legal",
            plan: Some(&plan),
            profile: "prod",
            submitted_at: at("2026-11-22T23:50:16Z"),
        };
        let told = request.message(Kind::OnboardingApproved, at("2026-11-23T08:00:00Z"));
        let body: Value = serde_json::from_str(&told.body).unwrap();
        assert_eq!(
            body,
            json!({"type": "onboarding.approved", "timestamp": "2026-11-23T08:00:00Z", "data": {
                "request": "8c1f", "tenant": "acme", "display_name": "Acme Legal", "profile": "prod",
                "plan": {"key": "team", "version": 3}, "submitted_at": "2026-11-22T23:50:16Z"}})
        );
        let account = "acme".parse().unwrap();
        let flag = Flag {
            account: &account,
            raised: true,
            health: Some(BasisPoints(7_100)),
            costs: Some("payment: 40 days overdue"),
            helps: None,
            at: at("2026-11-23T08:00:00Z"),
        };
        let body: Value = serde_json::from_str(&flag.message().body).unwrap();
        assert_eq!(
            body,
            json!({"type": "health.flagged", "timestamp": "2026-11-23T08:00:00Z", "data": {
                "account": "acme", "health_basis_points": 7_100,
                "costs_most": "payment: 40 days overdue", "helps_most": null}})
        );
        let other = Flag { raised: false, ..flag }.message();
        assert_eq!(other.kind, Kind::HealthRecovered);
    }
}
