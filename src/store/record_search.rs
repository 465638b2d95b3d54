//! Finds records in the record book, in the order they were written.

use memchr::memmem::Finder;

use super::{
    Keeper, RecordBook, RecordFault,
    record_book::{SEARCHED_AT_ONCE, placed, read_entry},
};
use crate::{
    domain::record::{Entry, PlacedRecord},
    ledger::LedgerFault,
};

/// Where a search goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SearchPlace {
    /// The tree's fiscal year.
    pub fiscal_year: u16,
    /// The leaf's index.
    pub index: u64,
}

impl RecordBook {
    /// The keeper's records that mention a text and pass, in the order they were written, beginning at `from`. Returns them with the
    /// place after the last one read; nothing when there are no more. No more than 10,000 entries are read, so that a page
    /// can be short, or empty, and still have a next one.
    ///
    /// # Errors
    /// When the ledger or the state cannot be read.
    pub fn search(
        &self,
        keeper: Keeper,
        (from, limit): (SearchPlace, usize),
        mentioned: &str,
        passes: impl Fn(&PlacedRecord) -> bool,
    ) -> Result<(Vec<PlacedRecord>, Option<SearchPlace>), RecordFault> {
        let owner = keeper.owner()?;
        let mentioned = Finder::new(mentioned);
        let trees = self.ledger().trees().into_iter();
        let trees =
            trees.filter(|(tree, _)| tree.owner == owner && tree.fiscal_year >= from.fiscal_year);
        let (mut found, mut read) = (Vec::new(), 0);
        for (tree, size) in trees {
            let begin = if tree.fiscal_year == from.fiscal_year {
                from.index
            } else {
                0
            };
            for index in begin..size {
                if found.len() == limit || read == SEARCHED_AT_ONCE {
                    let fiscal_year = tree.fiscal_year;
                    return Ok((found, Some(SearchPlace { fiscal_year, index })));
                }
                read += 1;
                let stored = match self.ledger().read(tree, index) {
                    Err(LedgerFault::Destroyed(_)) => continue,
                    stored => stored?,
                };
                if mentioned.find(&stored.body).is_none() {
                    continue;
                }
                if let Entry::Provision(record) = read_entry(&stored)? {
                    let noted = self
                        .state
                        .record_place(keeper.as_str(), record.subject.serial)?;
                    let mark = noted.is_some_and(|place| place.nondisclosure);
                    let placed = placed(&stored, record, mark)?;
                    if passes(&placed) {
                        found.push(placed);
                    }
                }
            }
        }
        Ok((found, None))
    }
}
