//! What corrections of closed periods took back in this one, and what nobody pays less for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::Quantity;
use crate::domain::bill::{Cut, Slice, below_zero};
use crate::domain::meter::Meter;
use crate::domain::rating::without_worth;
use crate::store::bill::Bill;

/// What corrections of closed periods took back in this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CorrectedOut {
    /// The meter.
    #[schema(example = "agents")]
    pub meter: String,
    /// What one unit of it is.
    #[schema(example = "runs")]
    pub unit: String,
    /// What they took back; the first line's `used` is less by it.
    #[schema(example = "5000")]
    pub taken_back: String,
    /// What of it made no line less, as it was within the included units. The bill gives nothing back for that.
    #[schema(example = "5000")]
    pub without_worth: String,
}

/// By meter; `None` when a number does not fit.
pub(super) fn corrected(bill: &Bill) -> Option<Vec<CorrectedOut>> {
    let first = (0..bill.slices.len()).find(|slice| Cut::slice(*slice) == Slice::Charged(0));
    let Some((statement, slice)) = bill.statement.as_ref().zip(first) else {
        return Some(Vec::new());
    };
    let mut all = Vec::new();
    for meter in Meter::ALL {
        let corrected = bill.slices[slice].get(&meter).map(|posted| posted.corrected);
        let back = Quantity::ZERO.checked_sub(corrected.unwrap_or_default())?;
        let lines: Vec<_> = statement.lines.iter().filter(|line| line.meter == meter).collect();
        let charged_first = lines.first().is_some_and(|line| line.stretch == 0);
        if back <= Quantity::ZERO || !charged_first {
            continue;
        }
        let lost = without_worth(&lines, back, below_zero(bill.period.formula))?;
        all.push(CorrectedOut {
            meter: meter.name().to_owned(),
            unit: meter.unit().to_owned(),
            taken_back: back.to_string(),
            without_worth: lost.to_string(),
        });
    }
    Some(all)
}
