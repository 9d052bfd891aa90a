//! Which of a route's media types a client prefers (RFC 9110 §12.5.1).

use axum::http::{HeaderMap, header};

use super::problem::{Code, Problem};

/// The offered media type that the client likes best; of equals, and without a wish, the first.
///
/// # Errors
/// 406 when it takes none of them.
pub fn choose(headers: &HeaderMap, offered: &[&'static str]) -> Result<&'static str, Problem> {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<Range<'_>> =
        values.flat_map(|value| value.split(',')).filter_map(range).collect();
    if ranges.is_empty() {
        return offered.first().copied().ok_or_else(|| not_acceptable(offered));
    }
    let mut best: Option<(&'static str, u16)> = None;
    for media_type in offered {
        let quality = quality(&ranges, media_type);
        if quality > best.map_or(0, |(_, quality)| quality) {
            best = Some((media_type, quality));
        }
    }
    best.map(|(media_type, _)| media_type).ok_or_else(|| not_acceptable(offered))
}

struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// In thousandths.
    quality: u16,
}

fn range(text: &str) -> Option<Range<'_>> {
    let mut parts = text.split(';').map(str::trim);
    let (kind, subtype) = parts.next()?.split_once('/')?;
    let quality = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
    let quality = quality.map_or(Some(1000), thousandths)?;
    Some(Range { kind, subtype, quality })
}

/// `0.5` as 500.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part: u16 = format!("{part:0<3}").parse().ok()?;
    match whole {
        "0" => Some(part),
        "1" if part == 0 => Some(1000),
        _ => None,
    }
}

/// How much a media type is liked: what the most specific range says of it.
fn quality(ranges: &[Range<'_>], media_type: &str) -> u16 {
    let (kind, subtype) = media_type.split_once('/').unwrap_or((media_type, ""));
    let fits = |range: &&Range<'_>| {
        let kinds = range.kind == "*" || range.kind.eq_ignore_ascii_case(kind);
        kinds && (range.subtype == "*" || range.subtype.eq_ignore_ascii_case(subtype))
    };
    let specific = |range: &&Range<'_>| (range.kind != "*", range.subtype != "*");
    ranges.iter().filter(fits).max_by_key(specific).map_or(0, |range| range.quality)
}

fn not_acceptable(offered: &[&str]) -> Problem {
    Problem::new(
        Code::NotAcceptable,
        format!("This route answers {}. Ask for one of them in Accept.", offered.join(", ")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &[&str]) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(header::ACCEPT, value.parse().unwrap());
        }
        choose(&headers, &["application/json", "text/csv"]).ok()
    }

    #[test]
    fn the_first_is_for_whoever_does_not_care() {
        for accept in [&[][..], &["*/*"], &["application/*"], &["text/html, */*;q=0.1"], &["x"]] {
            assert_eq!(chosen(accept), Some("application/json"), "{accept:?}");
        }
    }

    #[test]
    fn what_is_liked_better_wins_wherever_it_stands() {
        for accept in [
            &["text/csv"][..],
            &["application/json;q=0.5, text/csv"],
            &["application/json;q=0.999", "Text/CSV"],
            &["text/*, application/json;q=0"],
            &["*/*;q=0.5, text/csv;q=0.6"],
            &["text/csv; charset=utf-8; q=1.000, application/json;q=0.9"],
        ] {
            assert_eq!(chosen(accept), Some("text/csv"), "{accept:?}");
        }
        assert_eq!(chosen(&["text/csv;q=0, */*"]), Some("application/json"));
        // The more specific range counts, not the kinder one.
        assert_eq!(
            chosen(&["text/*;q=1, text/csv;q=0.1, application/json;q=0.2"]),
            Some("application/json")
        );
    }

    #[test]
    fn who_takes_neither_is_told_what_there_is() {
        for accept in ["text/html", "application/json;q=0, text/csv;q=0", "image/*"] {
            assert_eq!(chosen(&[accept]), None, "{accept}");
        }
    }
}
