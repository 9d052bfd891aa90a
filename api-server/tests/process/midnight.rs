//! The end of a day.

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};

/// How much of a day a test may need.
const NEEDED: i64 = 5 * 60;

/// For tests whose answers are of one day, or of a month: waits until the next one in UTC begins, if that is soon.
pub async fn past_midnight() {
    let now = Timestamp::now();
    let tomorrow = now.to_zoned(TimeZone::UTC).date().tomorrow().unwrap();
    let next = tomorrow.to_zoned(TimeZone::UTC).unwrap().timestamp();
    let left = next.as_second() - now.as_second();
    if left < NEEDED {
        tokio::time::sleep(Duration::from_secs(u64::try_from(left + 2).unwrap())).await;
    }
}
