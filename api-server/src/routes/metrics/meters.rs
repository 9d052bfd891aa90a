//! What a meter is called among metrics: one name per unit, and never a label for it.

use crate::domain::meter::Meter;

/// The names of a meter's two series.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    /// Of what the ledger took, by tenant.
    pub(super) ledger: &'static str,
    /// Of what a gateway took.
    pub(super) gateway: &'static str,
    /// What both count.
    pub(super) about: &'static str,
}

impl Names {
    /// Those of a meter.
    pub(super) const fn of(meter: Meter) -> Self {
        let (ledger, gateway, about) = match meter {
            Meter::Ingestion => (
                "tenant_usage_ingestion_gigabytes",
                "tenantry_gateway_ingestion_gigabytes",
                "GB taken in",
            ),
            Meter::Query => (
                "tenant_usage_query_requests",
                "tenantry_gateway_query_requests",
                "Queries answered",
            ),
            Meter::Timeline => (
                "tenant_usage_timeline_entries",
                "tenantry_gateway_timeline_entries",
                "Timeline entries written",
            ),
            Meter::Agents => {
                ("tenant_usage_agents_runs", "tenantry_gateway_agents_runs", "Agent runs")
            }
            Meter::Signup => (
                "tenant_usage_signups",
                "tenantry_gateway_signups",
                "Sign-ups, which are never billed",
            ),
        };
        Self { ledger, gateway, about }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_series_of_a_meter_have_one_name_behind_whose_they_are() {
        for meter in Meter::ALL {
            let Names { ledger, gateway, .. } = Names::of(meter);
            let (of_ledger, of_gateway) =
                (ledger.strip_prefix("tenant_usage_"), gateway.strip_prefix("tenantry_gateway_"));
            assert!(of_ledger.is_some() && of_ledger == of_gateway, "{meter}: {ledger} {gateway}");
        }
    }
}
