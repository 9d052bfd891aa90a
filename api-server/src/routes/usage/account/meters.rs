//! Meters, where they will end and what that costs, on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::Money;
use crate::domain::meter::Meter;
use crate::domain::projection::{Cost, Forecast, Interval, Projection};
use crate::domain::snapshot::MeterSnapshot;
use crate::routes::wire::MoneyOnWire;
use crate::store::snapshots::level_name;

/// A meter in the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MeterOut {
    /// Its name.
    #[schema(example = "ingestion")]
    pub name: String,
    /// What one unit of it is.
    #[schema(example = "GB")]
    pub unit: String,
    /// What was used.
    #[schema(example = "402.5")]
    pub used: String,
    /// What is included; null when no plan charges for it.
    #[schema(example = "500")]
    pub quota: Option<String>,
    /// Used ÷ included.
    pub ratio: Option<String>,
    /// `ok`, `soft` from 80 % on, `hard` from 95 % on.
    #[schema(example = "soft")]
    pub level: String,
    /// Where the period will end; null while it is too early to say.
    pub projection: Option<ProjectionOut>,
}

/// Where a meter will end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectionOut {
    /// The mean.
    pub units: String,
    /// Holds the end with 80 %.
    pub likely: EdgesOut,
    /// Holds the end with 95 %.
    pub nearly_certain: EdgesOut,
    /// For comparison: a straight line from nothing through what is used.
    pub linear: String,
    /// What an average day counts.
    pub per_day: String,
    /// The first day at whose end the quota is used up, by the account's calendar; null when it will
    /// not be within the period.
    #[schema(format = Date)]
    pub exhausted_on: Option<String>,
}

/// A range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EdgesOut {
    /// Its lower edge.
    pub low: String,
    /// Its upper edge.
    pub high: String,
}

/// What a period will cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CostOut {
    /// Of the mean.
    pub mean: MoneyOnWire,
    /// Of the edges of all meters' 80 % ranges at once.
    pub likely: CostEdgesOut,
    /// Of the edges of their 95 % ranges.
    pub nearly_certain: CostEdgesOut,
}

/// The costs of two edges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CostEdgesOut {
    /// Of the lower.
    pub low: MoneyOnWire,
    /// Of the upper.
    pub high: MoneyOnWire,
}

pub(super) fn meter(name: Meter, of: &MeterSnapshot) -> MeterOut {
    MeterOut {
        name: name.name().to_owned(),
        unit: name.unit().to_owned(),
        used: of.used.to_string(),
        quota: of.quota.map(|quota| quota.to_string()),
        ratio: of.ratio.map(|ratio| ratio.to_string()),
        level: level_name(of.level).to_owned(),
        projection: match &of.projection {
            Projection::TooEarly => None,
            Projection::Forecast(forecast) => Some(projection(forecast)),
        },
    }
}

fn projection(forecast: &Forecast) -> ProjectionOut {
    let edges = |Interval { low, high }: Interval| EdgesOut {
        low: low.to_string(),
        high: high.to_string(),
    };
    ProjectionOut {
        units: forecast.units.to_string(),
        likely: edges(forecast.likely),
        nearly_certain: edges(forecast.nearly_certain),
        linear: forecast.linear.to_string(),
        per_day: forecast.rate.to_string(),
        exhausted_on: forecast.exhausted_on.map(|day| day.to_string()),
    }
}

pub(super) fn cost(cost: Cost) -> CostOut {
    let edges = |(low, high): (Money, Money)| CostEdgesOut { low: low.into(), high: high.into() };
    CostOut {
        mean: cost.units.into(),
        likely: edges(cost.likely),
        nearly_certain: edges(cost.nearly_certain),
    }
}
