//! What is told of backups.

use jiff::Timestamp;
use opentelemetry::metrics::{AsyncInstrumentBuilder, Meter, ObservableGauge};
use tokio::sync::watch;

use super::Newest;

type Gauge<'a> = AsyncInstrumentBuilder<'a, ObservableGauge<u64>, u64>;

fn gauge<'a>(meter: &'a Meter) -> impl Fn(&'static str, &'static str, &'static str) -> Gauge<'a> {
    |name, what, unit| meter.u64_observable_gauge(name).with_description(what).with_unit(unit)
}

/// Tells of the newest that is kept.
pub(super) fn tell(meter: &Meter, kept: &watch::Receiver<Option<Newest>>) {
    let gauge = gauge(meter);
    // Nothing is said until there is something to say: 0 would be a backup of 1970.
    let of = kept.clone();
    let _ =
        gauge("backup_last_success_timestamp", "When the newest backup that is kept was made", "s")
            .with_callback(move |gauge| {
                if let Some(newest) = *of.borrow() {
                    gauge.observe(newest.made_at.as_second().unsigned_abs(), &[]);
                }
            })
            .build();
    let of = kept.clone();
    let _ = gauge("backup_size", "Size of the newest backup that is kept", "By")
        .with_callback(move |gauge| {
            if let Some(newest) = *of.borrow() {
                gauge.observe(newest.bytes, &[]);
            }
        })
        .build();
}

/// Tells of those that a schedule makes: how often one is expected, and for how long none was kept.
pub(super) fn expect(
    meter: &Meter,
    kept: &watch::Receiver<Option<Newest>>,
    every: u64,
    since: Timestamp,
) {
    let gauge = gauge(meter);
    let what = "The longest time from one scheduled backup to the next";
    let _ = gauge("tenantry_gateway_backup_interval", what, "s")
        .with_callback(move |gauge| gauge.observe(every, &[]))
        .build();
    let (of, what) = (kept.clone(), "Since when a first backup is awaited");
    let _ = gauge("tenantry_gateway_backup_awaited_since_timestamp", what, "s")
        .with_callback(move |gauge| {
            if of.borrow().is_none() {
                gauge.observe(since.as_second().unsigned_abs(), &[]);
            }
        })
        .build();
}
