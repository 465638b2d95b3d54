//! The replica whose lines are coming, and where each of its records stands in the file.

use jiff::civil::Date;

use super::{Action, FileFlaw, FileMisfit, HeadColumn, Place};
use crate::domain::{
    codes::AddresseeNumber,
    replica::{DataSetDraft, Publication},
};

/// The replica whose lines are coming.
pub(super) struct Open {
    pub(super) line: u64,
    pub(super) head: Vec<String>,
    pub(super) action: Option<Action>,
    pub(super) addressee: Option<AddresseeNumber>,
    pub(super) fiscal_year: Option<i16>,
    pub(super) date: Option<Date>,
    pub(super) publication: Option<Publication>,
    pub(super) content: Vec<DataSetDraft>,
    pub(super) rows: Vec<Row>,
    pub(super) stated: Vec<usize>,
    pub(super) flaws: Vec<FileFlaw>,
}

/// One line with a record of a data set; `items_from` is where its items begin among all that are stated.
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) depth: usize,
    pub(super) items_from: usize,
}

/// The columns that a replica's lines have in common.
pub(super) const SHARED: [HeadColumn; 7] = [
    HeadColumn::Action,
    HeadColumn::Addressee,
    HeadColumn::RecordKey,
    HeadColumn::FiscalYear,
    HeadColumn::Date,
    HeadColumn::PublicFrom,
    HeadColumn::PublicTo,
];

impl Open {
    /// Whether the line itself is wrong there: what the form check then misses follows from it.
    pub(super) fn has_own_flaw_at(&self, place: Place) -> bool {
        let own = |flaw: &FileFlaw| !matches!(flaw.why, FileMisfit::Form(_));
        self.flaws
            .iter()
            .any(|flaw| flaw.place == place && own(flaw))
    }

    /// What the first line says in a column that all lines of the replica have in common.
    pub(super) fn shared(&self, column: HeadColumn) -> &str {
        let at = SHARED.iter().position(|shared| *shared == column);
        let text = at.and_then(|at| self.head.get(at));
        text.map(String::as_str).unwrap_or_default()
    }

    /// The line, and the item among all of the layout, of a path such as `content[0].children[1].items[2].value`.
    pub(super) fn locate(&self, path: &str) -> (u64, Option<usize>) {
        let mut row = None;
        for (depth, step) in path.split('.').enumerate() {
            let Some((name, rest)) = step.split_once('[') else {
                break;
            };
            let nth: usize = rest.trim_end_matches(']').parse().unwrap_or_default();
            if name == "items" {
                let from = row.and_then(|row: usize| self.rows.get(row));
                let stated = from.and_then(|row| self.stated.get(row.items_from + nth));
                return (self.line_of(row), stated.copied());
            }
            row = self.nth_below(row, depth, nth);
        }
        (self.line_of(row), None)
    }

    /// The `nth` record at `depth` below the record `above`: records stand in the order of their lines.
    fn nth_below(&self, above: Option<usize>, depth: usize, nth: usize) -> Option<usize> {
        let from = above.map_or(0, |above| above + 1);
        let below = self.rows.iter().enumerate().skip(from);
        let below = below.take_while(|(_, row)| above.is_none() || row.depth >= depth);
        below
            .filter(|(_, row)| row.depth == depth)
            .nth(nth)
            .map(|(at, _)| at)
    }

    fn line_of(&self, row: Option<usize>) -> u64 {
        let row = row.and_then(|row| self.rows.get(row));
        row.map_or(self.line, |row| row.line)
    }
}
