//! The end of a day, or of a month.

use std::time::Duration;

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// How much of a day a test may need.
const OF_A_DAY: i64 = 5 * 60;
/// How much of a month one with a control plane may.
const OF_A_MONTH: i64 = 15 * 60;

/// For tests whose answers are of one day, or of a month: waits until the next one in UTC begins, if that is soon.
pub async fn past_midnight() {
    past(OF_A_DAY, |today| today.tomorrow().unwrap()).await;
}

/// Accounts are by months of UTC, and what is used counts from the beginning of one: a test does not begin shortly before.
pub async fn past_month_end() {
    past(OF_A_MONTH, |today| today.last_of_month().tomorrow().unwrap()).await;
}

/// Waits until the day that comes next begins in UTC, where less than so many seconds are left until then.
async fn past(needed: i64, next: impl FnOnce(Date) -> Date) {
    let now = Timestamp::now();
    let next = next(now.to_zoned(TimeZone::UTC).date()).to_zoned(TimeZone::UTC).unwrap();
    let left = next.timestamp().as_second() - now.as_second();
    if left < needed {
        tokio::time::sleep(Duration::from_secs(u64::try_from(left + 2).unwrap())).await;
    }
}
