//! Ages, colours and bars, as a terminal shows them. Pure.

use k8s_openapi::jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// How lines are painted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether colours are used. They never say anything alone.
    pub color: bool,
}

/// What a text's colour stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing.
    #[default]
    Plain,
    /// It is as it should be.
    Good,
    /// It needs a look.
    Warn,
    /// It is wrong.
    Bad,
    /// It is secondary.
    Dim,
    /// It is a heading.
    Head,
}

impl Style {
    /// The text in its colour, where there are colours.
    #[must_use]
    pub fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "31",
            Tone::Dim => "2",
            Tone::Head => "1",
        };
        if self.color && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// The tone of a condition's status, where `True` is good.
#[must_use]
pub fn tone_of(status: &str) -> Tone {
    match status {
        "True" => Tone::Good,
        "False" => Tone::Bad,
        _ => Tone::Warn,
    }
}

/// The day of an instant, by the clocks of a time zone: `2026-11-01`. A zone that is not known here is UTC.
#[must_use]
pub fn day_in(instant: &str, zone: &str) -> String {
    civil(instant, zone, SignedDuration::ZERO)
}

/// The day that an instant ends, as the web pages say when something is over: `2026-12-31` of the midnight of 1 January.
#[must_use]
pub fn last_day(instant: &str, zone: &str) -> String {
    civil(instant, zone, SignedDuration::from_millis(1))
}

fn civil(instant: &str, zone: &str, before: SignedDuration) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let day = |at: Timestamp| (at - before).to_zoned(zone).date().to_string();
    instant.parse().map_or_else(|_| instant.to_owned(), day)
}

/// How long ago something was, in the words of `kubectl get`.
#[must_use]
pub fn age(then: Timestamp, now: Timestamp) -> String {
    span(now.as_second() - then.as_second())
}

/// The same of a text in RFC 3339; `–` when it is none.
#[must_use]
pub fn age_of(then: Option<&str>, now: Timestamp) -> String {
    let then = then.and_then(|text| text.parse::<Timestamp>().ok());
    then.map_or_else(|| NONE.to_owned(), |then| age(then, now))
}

/// What stands where there is nothing.
pub const NONE: &str = "–";

fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let both = |large: i64, l: &str, small: i64, s: &str| match small {
        0 => format!("{large}{l}"),
        _ => format!("{large}{l}{small}{s}"),
    };
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => both(minutes, "m", seconds % 60, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => both(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if days < 8 => both(days, "d", hours % 24, "h"),
        () if days < 730 => format!("{days}d"),
        () => both(days / 365, "y", days % 365, "d"),
    }
}

const BAR: usize = 20;

/// A bar of twenty places for a share in millionths, with the marks at 80 and 95 % left open where
/// it does not reach.
#[must_use]
pub fn bar(ratio_ppm: i64) -> String {
    let places = i64::try_from(BAR).unwrap_or(i64::MAX);
    let full = usize::try_from((ratio_ppm.max(0) * places / 1_000_000).min(places)).unwrap_or(BAR);
    let mark = |place: usize| if matches!(place, 16 | 19) { '│' } else { '·' };
    (0..BAR).map(|place| if place < full { '█' } else { mark(place) }).collect()
}

/// A share in millionths as a percentage without decimals, rounded down: 99.9 % is not all. Beyond ten
/// times nobody reads how many.
#[must_use]
pub fn percent(ratio_ppm: i64) -> String {
    if ratio_ppm > 10_000_000 { ">1000 %".to_owned() } else { format!("{} %", ratio_ppm / 10_000) }
}

/// A decimal number with two places at most, rounded half up; what is less than that keeps all, and what is
/// no such number stays as it is.
#[must_use]
pub fn quantity(number: &str) -> String {
    let told = || {
        let (whole, places) = number.split_once('.')?;
        let hundredths = format!("{whole}{:0<2}", places.get(..places.len().min(2))?);
        let up = places.as_bytes().get(2).is_some_and(|digit| (b'5'..=b'9').contains(digit));
        let rounded = hundredths.parse::<u64>().ok()?.checked_add(u64::from(up))?;
        let text = format!("{}.{:02}", rounded / 100, rounded % 100);
        (rounded > 0).then(|| text.trim_end_matches('0').trim_end_matches('.').to_owned())
    };
    told().unwrap_or_else(|| number.to_owned())
}

/// The first line of a text, shortened to so many characters.
#[must_use]
pub fn short(text: &str, longest: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= longest {
        return line.to_owned();
    }
    let kept: String = line.chars().take(longest.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// One or many: `1 pod`, `2 pods`.
#[must_use]
pub fn count(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the web pages say it: what ends at a midnight lasts for the day before, and whose midnight it is counts.
    #[test]
    fn the_last_day_is_the_one_that_a_midnight_ends() {
        for (at, zone, last, day) in [
            ("2027-01-01T00:00:00Z", "UTC", "2026-12-31", "2027-01-01"),
            ("2027-01-01T06:00:00Z", "America/Chicago", "2026-12-31", "2027-01-01"),
            ("2026-12-31T23:00:00Z", "Europe/Berlin", "2026-12-31", "2027-01-01"),
            ("2026-12-31T12:00:00Z", "UTC", "2026-12-31", "2026-12-31"),
            ("2027-01-01T00:00:00Z", "Mars/Olympus", "2026-12-31", "2027-01-01"),
            ("soon", "UTC", "soon", "soon"),
        ] {
            assert_eq!(
                (last_day(at, zone).as_str(), day_in(at, zone).as_str()),
                (last, day),
                "{zone}"
            );
        }
    }

    #[test]
    fn ages_are_those_of_kubectl() {
        for (seconds, words) in [
            (-5, "0s"),
            (119, "119s"),
            (120, "2m"),
            (245, "4m5s"),
            (600, "10m"),
            (10_799, "179m"),
            (10_860, "3h1m"),
            (8 * 3600, "8h"),
            (49 * 3600, "2d1h"),
            (9 * 86_400 + 5, "9d"),
            (800 * 86_400, "2y70d"),
        ] {
            assert_eq!(span(seconds), words, "{seconds}");
        }
    }

    #[test]
    fn a_bar_shows_its_marks_and_never_overflows() {
        assert_eq!(bar(0), "················│··│");
        assert_eq!(bar(830_000), "████████████████│··│");
        assert_eq!(bar(3_000_000), "█".repeat(20));
        assert_eq!(percent(999_999), "99 %");
        assert_eq!([percent(10_000_000), percent(10_000_001)], ["1000 %", ">1000 %"]);
    }

    #[test]
    fn a_quantity_has_two_places_at_most() {
        for (number, told) in [
            ("82077.547685", "82077.55"),
            ("99.995", "100"),
            ("12.50", "12.5"),
            ("12", "12"),
            ("0.000499", "0.000499"),
            ("0.005", "0.01"),
            ("-0.125", "-0.125"),
            ("unknown", "unknown"),
            ("", ""),
        ] {
            assert_eq!(quantity(number), told, "{number}");
        }
    }

    #[test]
    fn colours_come_only_where_they_are_wanted() {
        assert_eq!(Style { color: false }.paint(Tone::Bad, "False"), "False");
        assert_eq!(Style { color: true }.paint(Tone::Bad, "False"), "\x1b[31mFalse\x1b[0m");
        assert_eq!(Style { color: true }.paint(Tone::Bad, ""), "");
    }

    #[test]
    fn a_long_line_is_cut() {
        assert_eq!(short("one\ntwo", 9), "one");
        assert_eq!(short("a long line of text", 7), "a long…");
    }
}
