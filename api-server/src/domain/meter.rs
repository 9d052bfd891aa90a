//! What is counted: the meters, their units, and the event types that carry them.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// What stands before a meter's name in the `type` of a CloudEvent.
pub const EVENT_TYPE_PREFIX: &str = "dev.tenantry.usage.";

/// Something that is counted for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Meter {
    /// Data taken in, in GB.
    Ingestion,
    /// Answered queries, in requests.
    Query,
    /// Timeline entries written.
    Timeline,
    /// Agent runs.
    Agents,
    /// Sign-ups: recorded, never billed.
    Signup,
}

/// How the quantities of one period become one figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregation {
    /// They are added, so that the order in which events arrive never matters.
    Sum,
}

/// Why a text names no meter; the message lists those there are.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnknownMeter {
    /// The name of no meter.
    #[error("{0:?} is not a meter (one of: {list})", list = Meter::list(""))]
    Name(String),
    /// The event type of no meter.
    #[error("{0:?} is not a usage event (one of: {list})", list = Meter::list(EVENT_TYPE_PREFIX))]
    EventType(String),
}

impl Meter {
    /// Every meter, in the order in which they are listed to people.
    pub const ALL: [Self; 5] =
        [Self::Ingestion, Self::Query, Self::Timeline, Self::Agents, Self::Signup];

    /// Its name, as in event types and catalogues.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingestion => "ingestion",
            Self::Query => "query",
            Self::Timeline => "timeline",
            Self::Agents => "agents",
            Self::Signup => "signup",
        }
    }

    /// What one unit of it is.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Ingestion => "GB",
            Self::Query => "requests",
            Self::Timeline => "entries",
            Self::Agents => "runs",
            Self::Signup => "sign-ups",
        }
    }

    /// Whether a plan may charge for it.
    #[must_use]
    pub const fn billed(self) -> bool {
        !matches!(self, Self::Signup)
    }

    /// How a period's quantities become one.
    #[must_use]
    pub const fn aggregation(self) -> Aggregation {
        Aggregation::Sum
    }

    /// The `type` of its CloudEvents: `dev.tenantry.usage.<meter>`.
    #[must_use]
    pub const fn event_type(self) -> &'static str {
        match self {
            Self::Ingestion => "dev.tenantry.usage.ingestion",
            Self::Query => "dev.tenantry.usage.query",
            Self::Timeline => "dev.tenantry.usage.timeline",
            Self::Agents => "dev.tenantry.usage.agents",
            Self::Signup => "dev.tenantry.usage.signup",
        }
    }

    /// The meter of a CloudEvent's `type`, which is compared letter by letter.
    ///
    /// # Errors
    /// [`UnknownMeter::EventType`], which lists the known types.
    pub fn from_event_type(event_type: &str) -> Result<Self, UnknownMeter> {
        Self::ALL
            .into_iter()
            .find(|meter| meter.event_type() == event_type)
            .ok_or_else(|| UnknownMeter::EventType(event_type.to_owned()))
    }

    fn list(prefix: &str) -> String {
        Self::ALL.map(|meter| format!("{prefix}{}", meter.name())).join(", ")
    }
}

impl FromStr for Meter {
    type Err = UnknownMeter;

    fn from_str(name: &str) -> Result<Self, UnknownMeter> {
        Self::ALL
            .into_iter()
            .find(|meter| meter.name() == name)
            .ok_or_else(|| UnknownMeter::Name(name.to_owned()))
    }
}

impl fmt::Display for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_meter_is_found_by_its_name_and_by_its_event_type() {
        for meter in Meter::ALL {
            assert_eq!(meter.to_string().parse(), Ok(meter));
            assert_eq!(meter.event_type(), format!("dev.tenantry.usage.{meter}"));
            assert_eq!(Meter::from_event_type(meter.event_type()), Ok(meter));
        }
    }

    #[test]
    fn a_meter_says_what_it_counts_and_whether_it_costs() {
        let facts = Meter::ALL.map(|m| (m.name(), m.unit(), m.billed(), m.aggregation()));
        let sum = Aggregation::Sum;
        assert_eq!(
            facts,
            [
                ("ingestion", "GB", true, sum),
                ("query", "requests", true, sum),
                ("timeline", "entries", true, sum),
                ("agents", "runs", true, sum),
                ("signup", "sign-ups", false, sum),
            ]
        );
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        for name in ["", "Query", " query", "queries", "dev.tenantry.usage.query"] {
            let error = name.parse::<Meter>().unwrap_err();
            assert_eq!(error, UnknownMeter::Name(name.to_owned()));
        }
        assert_eq!(
            "cpu".parse::<Meter>().unwrap_err().to_string(),
            "\"cpu\" is not a meter (one of: ingestion, query, timeline, agents, signup)"
        );
    }

    #[test]
    fn an_unknown_event_type_is_answered_with_the_known_ones() {
        for text in ["", "query", "dev.tenantry.usage.", "dev.tenantry.usage.Query", "com.query"] {
            let error = Meter::from_event_type(text).unwrap_err();
            assert_eq!(error, UnknownMeter::EventType(text.to_owned()));
        }
        let message = Meter::from_event_type("dev.tenantry.usage.cpu").unwrap_err().to_string();
        for meter in Meter::ALL {
            assert!(message.contains(meter.event_type()), "{message}");
        }
    }
}
