//! Tables whose columns are as wide as their widest cell.

use std::fmt::{self, Write as _};

use anstyle::Style;

use super::HEAD;

/// A table under construction.
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
}

/// A cell with its colour.
#[derive(Clone)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Table {
    pub(crate) fn new(heading: &[&str]) -> Self {
        let cell = |text: &&str| Cell { text: (*text).to_owned(), style: HEAD };
        Self { rows: vec![heading.iter().map(cell).collect()] }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }
}

impl Cell {
    pub(crate) fn styled(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), style: Style::new() }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.text.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let Cell { text, style } = cell;
                write!(line, "{style}{text}{style:#}")?;
                if at + 1 < row.len() {
                    let gap = width - text.chars().count() + GAP;
                    write!(line, "{:gap$}", "")?;
                }
            }
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

/// Blanks between columns.
const GAP: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_have_no_tail() {
        let mut table = Table::new(&["A", "LONG"]);
        table.row(["wide cell".into(), Cell::from("x")]);
        let text = anstream::adapter::strip_str(&table.to_string()).to_string();
        assert_eq!(text, "A           LONG\nwide cell   x\n");
    }
}
