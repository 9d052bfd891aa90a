//! `GET /billing/plans`: the price list.

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::wire::MoneyOnWire;
use super::{App, Routes, route};
use crate::auth::{Caller, rule::Public};
use crate::domain::catalogue::VersionDocument;
use crate::domain::catalogue::{Catalogue, PlanVersion, PriceDocument, TierDocument};
use crate::domain::meter::Meter;
use crate::http::Problem;
use crate::http::query::Parameters;

pub(super) fn routes(routes: Routes) -> Routes {
    route!(routes, list)
}

/// The price list at an instant.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PriceList {
    /// The instant.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What is on sale then, the smallest base fee first.
    pub plans: Vec<Plan>,
}

/// One version of a plan. It never changes; a new price is a new version.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Plan {
    /// The plan's key.
    #[schema(example = "team")]
    pub key: String,
    /// The version, from 1.
    #[schema(minimum = 1)]
    pub version: u32,
    /// Since when it is on sale.
    #[schema(format = DateTime)]
    pub effective_from: Option<String>,
    /// Until when, if that is known.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub effective_to: Option<Timestamp>,
    /// The fee of a period.
    pub base: MoneyOnWire,
    /// Support answers within so many hours.
    pub support_hours: u32,
    /// What each meter costs.
    pub meters: Vec<PlanMeter>,
}

/// What one meter costs under a plan.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PlanMeter {
    /// Its name.
    #[schema(example = "ingestion")]
    pub name: String,
    /// What is counted.
    #[schema(example = "GB")]
    pub unit: String,
    /// Units that the base fee pays for.
    #[schema(example = "500")]
    pub included: String,
    /// The price of the units beyond, in the plan's currency.
    pub price: PlanPrice,
    /// The least that the line comes to.
    pub minimum: Option<MoneyOnWire>,
    /// The most that the line comes to.
    pub maximum: Option<MoneyOnWire>,
}

/// The price of units beyond the included ones.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PlanPrice {
    /// Every unit costs the same.
    Flat {
        /// Of one unit.
        price: String,
    },
    /// Each unit costs what its own tier says.
    Graduated {
        /// The last has no end.
        tiers: Vec<PlanTier>,
    },
    /// Every unit costs what the tier of the whole quantity says.
    Volume {
        /// The last has no end.
        tiers: Vec<PlanTier>,
    },
    /// Each started package.
    Package {
        /// Units in a package.
        size: String,
        /// Of one package.
        price: String,
    },
}

/// A tier of units.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PlanTier {
    /// The last unit in it, counted from the first beyond the included ones.
    pub up_to: Option<String>,
    /// Of one unit.
    pub price: String,
}

/// The price list
///
/// Every plan version on sale at an instant, now unless asked otherwise.
#[utoipa::path(
    get, path = "/billing/plans", operation_id = "list_plans", tag = "plans",
    params(("at" = Option<String>, Query, description = "An instant (RFC 3339); now without it.", format = DateTime)),
    responses((status = 200, description = "The price list.", body = PriceList))
)]
async fn list(
    _: Caller<Public>,
    State(app): State<App>,
    parameters: Parameters,
) -> Result<axum::Json<PriceList>, Problem> {
    let at = match parameters.only(&["at"])?.get("at") {
        None => (app.clock)(),
        Some(text) => text.parse().map_err(|_| {
            Problem::field("at", "invalid_value", "Give an instant such as 2026-05-01T00:00:00Z.")
        })?,
    };
    let plans = app.catalogue.live_plans(at).into_iter();
    let plans = plans.map(|version| plan(&app.catalogue, version)).collect();
    Ok(axum::Json(PriceList { at, plans }))
}

fn plan(catalogue: &Catalogue, version: &PlanVersion) -> Plan {
    let effective_to = catalogue.ends(version);
    let VersionDocument {
        plan: key,
        version: number,
        effective_from,
        effective_to: _,
        currency,
        base,
        support_hours,
        meters,
    } = VersionDocument::from(version);
    let money = |amount: String| MoneyOnWire { amount, currency: currency.clone() };
    let meters = meters
        .into_iter()
        .map(|(name, charge)| PlanMeter {
            unit: name.parse().map_or("", Meter::unit).to_owned(),
            name,
            included: charge.included,
            price: price(charge.price),
            minimum: charge.minimum.map(&money),
            maximum: charge.maximum.map(&money),
        })
        .collect();
    Plan {
        key,
        version: number,
        effective_from,
        effective_to,
        base: money(base),
        support_hours,
        meters,
    }
}

fn price(price: PriceDocument) -> PlanPrice {
    let tiers = |tiers: Vec<TierDocument>| {
        tiers.into_iter().map(|TierDocument { up_to, price }| PlanTier { up_to, price }).collect()
    };
    match price {
        PriceDocument::Flat(price) => PlanPrice::Flat { price },
        PriceDocument::Graduated(all) => PlanPrice::Graduated { tiers: tiers(all) },
        PriceDocument::Volume(all) => PlanPrice::Volume { tiers: tiers(all) },
        PriceDocument::Package { size, price } => PlanPrice::Package { size, price },
    }
}
