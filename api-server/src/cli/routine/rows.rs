//! What is kept of a page.

use anyhow::Context;
use serde_json::Value;

/// As what a round is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// The server's own lines.
    Csv,
    /// A line of JSON for each row.
    Ndjson,
    /// A few lines for each account to call.
    Calls,
    /// A document, as it is.
    Json,
    /// A page, as it is.
    Html,
}

impl Format {
    pub(super) const fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Calls => "txt",
            Self::Json => "json",
            Self::Html => "html",
        }
    }
}

/// What is kept of a page, and the path of the next one. Only the first page of a table has its head.
pub(super) fn kept(
    format: Format,
    text: &str,
    first: bool,
    link: Option<String>,
) -> anyhow::Result<(String, Option<String>)> {
    match format {
        Format::Json | Format::Html => Ok((text.to_owned(), None)),
        Format::Csv => {
            // Columns have plain names: the first line end is the head's.
            let (head, rest) = text.split_once("\r\n").context("the answer is no table")?;
            let head = if first { format!("{head}\r\n") } else { String::new() };
            Ok((head + rest, link))
        }
        Format::Ndjson | Format::Calls => {
            let page: Value = serde_json::from_str(text).context("the answer is no JSON")?;
            let rows =
                page.get("data").and_then(Value::as_array).context("the answer has no rows")?;
            let line = |row: &Value| match format {
                Format::Calls => call(row),
                _ => format!("{row}\n"),
            };
            let mut lines: String = rows.iter().map(line).collect();
            if format == Format::Calls && first && rows.is_empty() {
                "Nobody needs a call.\n".clone_into(&mut lines);
            }
            let next = page.pointer("/meta/page/next").and_then(Value::as_str);
            Ok((lines, next.map(str::to_owned)))
        }
    }
}

/// An account to call, in words. Control characters of names cannot forge lines.
fn call(row: &Value) -> String {
    let text = |name: &str| {
        let text = row.get(name).and_then(Value::as_str).unwrap_or("–");
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>()
    };
    format!(
        "{} ({})\n  {}\n  costs most: {}\n  helps most: {}\n",
        text("name"),
        text("account"),
        text("reason"),
        text("costs_most"),
        text("helps_most")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_first_page_has_the_head() {
        let page = "\"a\",\"b\"\r\n\"x\r\ny\",1\r\n";
        assert_eq!(kept(Format::Csv, page, true, None).unwrap().0, page);
        let (rest, next) = kept(Format::Csv, page, false, Some("/n".to_owned())).unwrap();
        assert_eq!((rest.as_str(), next.as_deref()), ("\"x\r\ny\",1\r\n", Some("/n")));
        assert!(kept(Format::Csv, "", true, None).is_err());
    }

    #[test]
    fn rows_are_lines() {
        let page = json!({"data": [{"a": 1}, {"a": "x\ny"}], "meta": {"page": {"next": "/n"}}});
        let (lines, next) = kept(Format::Ndjson, &page.to_string(), true, None).unwrap();
        assert_eq!(
            (lines.as_str(), next.as_deref()),
            ("{\"a\":1}\n{\"a\":\"x\\ny\"}\n", Some("/n"))
        );
    }

    #[test]
    fn a_call_says_whom_why_and_what_helps() {
        let row = json!({"account": "acme", "name": "Acme\nLegal", "reason": "Health is 0.63.",
            "costs_most": "adoption: 2 of 5", "helps_most": null});
        let page = json!({"data": [row], "meta": {"page": {"next": null}}}).to_string();
        let (text, _) = kept(Format::Calls, &page, true, None).unwrap();
        assert_eq!(
            text,
            "Acme Legal (acme)\n  Health is 0.63.\n  costs most: adoption: 2 of 5\n  helps most: –\n"
        );
        let none = json!({"data": [], "meta": {"page": {"next": null}}}).to_string();
        assert_eq!(kept(Format::Calls, &none, true, None).unwrap().0, "Nobody needs a call.\n");
    }
}
