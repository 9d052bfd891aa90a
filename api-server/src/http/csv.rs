//! Comma-separated values (RFC 4180) that a spreadsheet shows and never runs.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, whoever wrote it.
//! Texts that begin so are led by an apostrophe, as OWASP advises; every text is quoted, also for
//! those programs that separate by semicolons. Numbers are ours and stand bare.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// The media type of [`Csv`].
pub const MEDIA_TYPE: &str = "text/csv";

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Whatever somebody wrote.
    Text(&'a str),
    /// A decimal or a count: digits, at most one point, a minus sign in front.
    Number(String),
}

/// A table as it is written, line by line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Csv(String);

impl Csv {
    /// A table with these columns.
    #[must_use]
    pub fn new(columns: &[&str]) -> Self {
        let mut table = Self(String::new());
        table.row(columns.iter().map(|name| Cell::Text(name)));
        table
    }

    /// Adds a line.
    pub fn row<'a>(&mut self, cells: impl IntoIterator<Item = Cell<'a>>) {
        for (index, cell) in cells.into_iter().enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            match cell {
                Cell::Number(number) if is_number(&number) => self.0.push_str(&number),
                Cell::Number(other) => self.text(&other),
                Cell::Text(text) => self.text(text),
            }
        }
        self.0.push_str("\r\n");
    }

    fn text(&mut self, text: &str) {
        self.0.push('"');
        if runs(text) {
            self.0.push('\'');
        }
        self.0.push_str(&text.replace('"', "\"\""));
        self.0.push('"');
    }

    /// The table.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The answer, to be saved under a name of plain letters.
    #[must_use]
    pub fn answer(self, file: &str) -> Response {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        let file: String = file.chars().map(plain).collect();
        let saved = HeaderValue::from_str(&format!("attachment; filename=\"{file}\""));
        let headers: [(HeaderName, HeaderValue); 2] = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
            (header::CONTENT_DISPOSITION, saved.unwrap_or(HeaderValue::from_static("attachment"))),
        ];
        (headers, self.0).into_response()
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let all = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all(whole) && all(part)
}

/// What formulas begin with, also as full-width and small forms, which some programs take for the same.
const FORMULAS: &str = "=+-@＝＋－＠﹦﹢﹣﹫";

/// Whether a spreadsheet might take a text for a formula.
fn runs(text: &str) -> bool {
    // Blanks and line ends in front are dropped by some programs before they look.
    let control = text.starts_with(['\t', '\r', '\n']);
    let first =
        text.trim_start_matches(|c: char| c.is_whitespace() || c.is_control()).chars().next();
    control || first.is_some_and(|c| FORMULAS.contains(c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(cells: Vec<Cell<'_>>) -> String {
        let mut csv = Csv::new(&[]);
        csv.row(cells);
        csv.as_str().trim_start_matches("\r\n").to_owned()
    }

    #[test]
    fn texts_are_quoted_and_numbers_are_not() {
        let cells = vec![Cell::Text("a \"b\", c"), Cell::Number("-12.5".to_owned())];
        assert_eq!(line(cells), "\"a \"\"b\"\", c\",-12.5\r\n");
    }

    #[test]
    fn what_a_spreadsheet_would_run_is_led_by_an_apostrophe() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r\n=1", "＝1", "﹢1", "\n"]
        {
            assert!(line(vec![Cell::Text(text)]).starts_with("\"'"), "{text:?}");
        }
        for number in ["", "-", "1e9", "=1", "1.2.3", "+1", "--1", " 1", "1.", ".5"] {
            let shown = line(vec![Cell::Number(number.to_owned())]);
            assert!(shown.starts_with('"'), "{number:?}: {shown}");
        }
        for harmless in ["acme", "", "a=b", "7"] {
            assert_eq!(line(vec![Cell::Text(harmless)]), format!("\"{harmless}\"\r\n"));
        }
    }

    #[test]
    fn a_file_name_cannot_end_its_header() {
        let answer = Csv::new(&["a"]).answer("x\"; y\r\nz.csv");
        let saved = answer.headers()[header::CONTENT_DISPOSITION].to_str().unwrap().to_owned();
        assert_eq!(saved, "attachment; filename=\"x___y__z.csv\"");
    }

    /// A reader of RFC 4180 in a few lines, to read back what was written.
    fn read(text: &str) -> Vec<Vec<String>> {
        let (mut rows, mut row, mut cell, mut quoted) = (vec![], vec![], String::new(), false);
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
                '"' => quoted = !quoted,
                ',' if !quoted => row.push(std::mem::take(&mut cell)),
                '\r' if !quoted => {}
                '\n' if !quoted => {
                    row.push(std::mem::take(&mut cell));
                    rows.push(std::mem::take(&mut row));
                }
                other => cell.push(other),
            }
        }
        rows
    }

    proptest! {
        #[test]
        fn any_text_comes_back_and_never_first_as_a_formula(texts in prop::collection::vec(".{0,12}", 1..5)) {
            let mut csv = Csv::new(&[]);
            csv.row(texts.iter().map(|text| Cell::Text(text)));
            let rows = read(csv.as_str());
            let back = &rows[1];
            prop_assert_eq!(back.len(), texts.len());
            for (cell, text) in back.iter().zip(&texts) {
                prop_assert_eq!(cell.strip_prefix('\'').filter(|_| runs(text)).unwrap_or(cell), text);
                prop_assert!(!cell.trim_start().starts_with(|c| FORMULAS.contains(c)));
            }
        }
    }
}
