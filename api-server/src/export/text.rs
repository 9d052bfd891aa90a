//! How records are written.

use std::io::{self, Write};

use serde_json::Value;

use super::records::{Cell, Record};
use crate::http::csv::{self, Csv};

/// As what records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// A JSON object in each line, which begins with the kind of record; the last line says how many
    /// there are.
    Ndjson,
    /// A table with a line of names, of one kind of record.
    Csv,
}

/// Records on their way out.
pub struct Text<'a, W> {
    form: Form,
    out: &'a mut W,
    count: u64,
}

impl<'a, W: Write> Text<'a, W> {
    pub(super) fn new(form: Form, out: &'a mut W) -> Self {
        Self { form, out, count: 0 }
    }

    pub(super) fn record(&mut self, record: &Record) -> io::Result<()> {
        let text = match self.form {
            Form::Ndjson => line(record),
            Form::Csv => self.table(record),
        };
        self.count += 1;
        self.out.write_all(text.as_bytes())
    }

    /// Names once, before the first record.
    fn table(&self, record: &Record) -> String {
        let names: Vec<&str> = record.cells.iter().map(|(name, _)| *name).collect();
        let mut table = if self.count == 0 { Csv::new(&names) } else { Csv::default() };
        table.row(record.cells.iter().map(|(_, cell)| match cell {
            Cell::Text(text) => csv::Cell::Text(text.as_deref().unwrap_or_default()),
            Cell::Whole(None) | Cell::Decimal(None) => csv::Cell::Text(""),
            Cell::Whole(Some(number)) => csv::Cell::Number(number.to_string()),
            Cell::Decimal(Some(number)) => csv::Cell::Number(number.clone()),
            Cell::Flag(flag) => csv::Cell::Text(if *flag { "true" } else { "false" }),
            Cell::Json(text) => csv::Cell::Text(text.as_deref().unwrap_or_default()),
        }));
        table.as_str().to_owned()
    }

    /// Says how much it was, where that can be said; answers how many records.
    pub(super) fn finish(&mut self, accounts: u64) -> io::Result<u64> {
        if self.form == Form::Ndjson {
            let count = self.count;
            let end =
                format!("{{\"record\":\"end\",\"accounts\":{accounts},\"records\":{count}}}\n");
            self.out.write_all(end.as_bytes())?;
        }
        self.out.flush()?;
        Ok(self.count)
    }
}

/// A record as one JSON object, its names in their own order.
fn line(record: &Record) -> String {
    let mut text = format!("{{\"record\":\"{}\"", record.kind);
    for (name, cell) in &record.cells {
        let value = match cell {
            Cell::Text(text) | Cell::Decimal(text) => Value::from(text.clone()).to_string(),
            Cell::Whole(number) => Value::from(*number).to_string(),
            Cell::Flag(flag) => flag.to_string(),
            Cell::Json(json) => json.clone().unwrap_or_else(|| "null".to_owned()),
        };
        text.push_str(&format!(",\"{name}\":{value}"));
    }
    text.push_str("}\n");
    text
}
