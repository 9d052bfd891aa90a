//! However much is sent, the cluster is written at the stated rate. `scripts/bench.sh writes` has a
//! thousand tenants.

use std::time::Duration;

use crate::rate::{Extent, is_within, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_that_sends_all_the_time_is_written_once_in_the_interval() {
    let pause = Duration::from_secs(1);
    let extent = Extent { tenants: 30, every: 10, summary: 2, intervals: 2, pause };
    let report = run(extent).await;
    assert!(report.writes > 0 && report.events > 0, "{report:?}");
    is_within(&report, extent).unwrap();
}
