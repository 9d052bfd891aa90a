//! Columns of text. Pure.

use super::words::{Style, Tone};

/// One cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// What stands in it.
    pub text: String,
    /// What its colour stands for.
    pub tone: Tone,
}

impl Cell {
    /// A cell with a colour.
    #[must_use]
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), tone: Tone::Plain }
    }
}

/// Rows under each other, three blanks between columns, none at a line's end.
#[must_use]
pub fn table(rows: &[Vec<Cell>], indent: usize, style: Style) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let texts = rows.iter().filter_map(|row| row.get(column));
        texts.map(|cell| cell.text.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut all = String::new();
    for row in rows {
        let last = row.iter().rposition(|cell| !cell.text.is_empty());
        all.push_str(&" ".repeat(indent));
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            if last.is_none_or(|last| column > last) {
                break;
            }
            all.push_str(&style.paint(cell.tone, &cell.text));
            if Some(column) != last {
                let gap = width - cell.text.chars().count() + 3;
                all.push_str(&" ".repeat(gap));
            }
        }
        all.push('\n');
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_do_not_move_columns() {
        let rows = [
            vec!["NAME".into(), "READY".into()],
            vec!["a".into(), Cell::toned("True", Tone::Good)],
        ];
        assert_eq!(table(&rows, 0, Style::default()), "NAME   READY\na      True\n");
        let painted = table(&rows, 2, Style { color: true });
        assert_eq!(painted, "  NAME   READY\n  a      \x1b[32mTrue\x1b[0m\n");
    }

    #[test]
    fn nothing_hangs_over_a_line() {
        let rows = [vec!["a".into(), "".into()], vec!["b".into(), "c".into()]];
        assert_eq!(table(&rows, 0, Style::default()), "a\nb   c\n");
    }
}
