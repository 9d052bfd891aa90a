//! What the numbers mean: pure functions over scaled integers. Time, ids and history come in as
//! arguments; nothing here reads a clock, a file, the environment or a database.
//!
//! Scales: [`Quantity`] counts millionths of a meter's unit, [`UnitPrice`] billionths of a
//! currency's main unit, [`Money`] minor units of its currency, [`Ppm`] millionths, [`BasisPoints`]
//! ten-thousandths. Products are taken in 128 bits and rounded once, half away from zero; an overflow
//! is an error, never a wrapped number.

pub mod account;
pub mod adherence;
pub mod bill;
pub mod brief;
pub mod calendar;
pub mod catalogue;
pub mod decimal;
pub mod enforcement;
pub mod event;
pub mod facts;
pub mod health;
pub mod kpi;
pub mod meter;
pub mod money;
pub mod onboarding;
pub mod overage;
pub mod overrides;
pub mod projection;
pub mod proration;
pub mod prose;
pub mod quantity;
pub mod quota;
pub mod rating;
pub mod ratio;
pub mod recommendation;
pub mod roi;
pub mod snapshot;
pub mod subscription;
pub mod threshold;
pub mod webhook;

pub use decimal::DecimalError;
pub use money::{Money, UnitPrice};
pub use quantity::Quantity;
pub use ratio::{BasisPoints, Ppm};
