//! How long it is at most from one run of a schedule to the next.

use k8s_openapi::jiff::civil::{Date, date};

/// Days of which the schedule is looked at: in five years each date comes twice, and most on several days of the week.
const FIRST: Date = date(2024, 1, 1);
const DAYS: i32 = 5 * 366;
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A field: a bit for each value that it has, and whether that is every one, as `*` says.
struct Field {
    bits: u64,
    any: bool,
}

impl Field {
    /// As Kubernetes reads it: values, ranges and steps, separated by commas.
    fn read(text: &str, (least, most): (u32, u32), names: &[&str]) -> Option<Self> {
        let number = |text: &str| {
            let named = names.iter().position(|name| text.eq_ignore_ascii_case(name));
            let named = named.and_then(|at| u32::try_from(at).ok()).map(|at| at + least);
            named.or_else(|| text.parse().ok())
        };
        let (mut bits, mut any) = (0, false);
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, Some(step.parse::<u32>().ok().filter(|s| *s > 0)?)),
                None => (part, None),
            };
            let (from, to) = match range.split_once('-') {
                _ if range == "*" || range == "?" => (least, most),
                Some((from, to)) => (number(from)?, number(to)?),
                None => {
                    let one = number(range)?;
                    (one, if step.is_some() { most } else { one })
                }
            };
            if from < least || to > most || from > to {
                return None;
            }
            any |= (range == "*" || range == "?") && step.unwrap_or(1) == 1;
            let step = usize::try_from(step.unwrap_or(1)).ok()?;
            bits |= (from..=to).step_by(step).fold(0, |bits, value| bits | (1 << value));
        }
        Some(Self { bits, any })
    }

    fn has(&self, value: i8) -> bool {
        u32::try_from(value).is_ok_and(|value| (self.bits >> value) & 1 == 1)
    }

    fn values(&self) -> impl Iterator<Item = i32> + '_ {
        (0..60).filter(|value| (self.bits >> value) & 1 == 1)
    }
}

/// The longest time between two runs, in seconds, where no clock is changed; none of a schedule that is not cron's, or
/// that never runs twice.
pub(super) fn longest_gap(schedule: &str) -> Option<u64> {
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    let [minutes, hours, days, months, weekdays] = fields[..] else { return None };
    let (minutes, hours) = (Field::read(minutes, (0, 59), &[])?, Field::read(hours, (0, 23), &[])?);
    let (days, months) = (Field::read(days, (1, 31), &[])?, Field::read(months, (1, 12), &MONTHS)?);
    let weekdays = Field::read(weekdays, (0, 7), &WEEKDAYS)?;
    let runs_on = |day: Date| {
        let weekday = day.weekday().to_sunday_zero_offset();
        // Sunday is 0 and 7.
        let (month, week) =
            (days.has(day.day()), weekdays.has(weekday) || weekday == 0 && weekdays.has(7));
        // Where both are restricted a day needs one of them.
        let fits = if days.any || weekdays.any { month && week } else { month || week };
        fits && months.has(day.month())
    };
    let minute_of = |hour: i32| minutes.values().map(move |minute| hour * 60 + minute);
    let of_day: Vec<i32> = hours.values().flat_map(minute_of).collect();
    let (first, last) = (of_day.first()?, of_day.last()?);
    let within = of_day.windows(2).map(|two| two[1] - two[0]).max();
    let (mut longest, mut before, mut day) = (None, None, FIRST);
    for number in 0..DAYS {
        if runs_on(day) {
            let between = before.map(|before: i32| (number - before) * 24 * 60 + first - last);
            longest = longest.max(between).max(within);
            before = Some(number);
        }
        day = day.tomorrow().ok()?;
    }
    u64::try_from(longest?).ok().map(|minutes| minutes * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_gap_of_a_schedule_is_known() {
        const HOUR: u64 = 3600;
        const DAY: u64 = 24 * HOUR;
        for (schedule, gap) in [
            ("0 3 * * *", DAY),
            ("0 */6 * * *", 6 * HOUR),
            ("*/15 * * * *", HOUR / 4),
            // From the evening to the morning after.
            ("30 8-18/2 * * *", 14 * HOUR),
            ("0 3 * * 0", 7 * DAY),
            ("0 3 * * 7", 7 * DAY),
            ("0 3 * * MON-fri", 3 * DAY),
            ("0 3 1 * *", 31 * DAY),
            ("0 3 1,15 * ?", 17 * DAY),
            // One or the other; the Friday of a week is never far.
            ("0 3 13 * FRI", 7 * DAY),
            ("0 3 1 JAN *", 366 * DAY),
            ("5 0 31 12 *", 366 * DAY),
            ("0 3 29 2 *", 1461 * DAY),
        ] {
            assert_eq!(longest_gap(schedule), Some(gap), "{schedule}");
        }
    }

    #[test]
    fn what_is_no_schedule_has_none() {
        for wrong in [
            "",
            "@daily",
            "0 3 * *",
            "0 3 * * * *",
            "60 3 * * *",
            "0 24 * * *",
            "0 3 0 * *",
            "0 3 * 13 *",
            "0 3 * * 8",
            "0 3 * * funday",
            "5-1 * * * *",
            "*/0 * * * *",
            "a b c d e",
            "0 3 30 2 *",
            "1,,2 * * * *",
        ] {
            assert_eq!(longest_gap(wrong), None, "{wrong}");
        }
    }
}
