//! 操作記録 in the record book, the newest first.

use super::{
    Keeper, RecordBook, RecordFault, SearchPlace,
    record_book::{SEARCHED_AT_ONCE, read_entry, recorded_at},
};
use crate::{
    domain::{operation::PlacedOperation, record::Entry},
    ledger::LedgerFault,
};

impl RecordBook {
    /// The operations of an institution's staff that pass, the newest first, beginning before `before`. Returns them
    /// with the place of the last entry that was read; nothing when there are no more. No more than 10,000 entries are
    /// read, so that a page can be short, or empty, and still have a next one.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn operations(
        &self,
        keeper: Keeper,
        before: Option<SearchPlace>,
        limit: usize,
        passes: impl Fn(&PlacedOperation) -> bool,
    ) -> Result<(Vec<PlacedOperation>, Option<SearchPlace>), RecordFault> {
        let owner = keeper.owner()?;
        let mut trees = self.ledger().trees();
        trees.retain(|(tree, _)| tree.owner == owner);
        trees.sort_by_key(|(tree, _)| std::cmp::Reverse(tree.fiscal_year));
        let (mut found, mut read) = (Vec::new(), 0);
        for (tree, size) in trees {
            let end = match before {
                Some(place) if tree.fiscal_year > place.fiscal_year => continue,
                Some(place) if tree.fiscal_year == place.fiscal_year => place.index.min(size),
                Some(_) | None => size,
            };
            for index in (0..end).rev() {
                if found.len() == limit || read == SEARCHED_AT_ONCE {
                    let fiscal_year = tree.fiscal_year;
                    let index = index + 1;
                    return Ok((found, Some(SearchPlace { fiscal_year, index })));
                }
                read += 1;
                let stored = match self.ledger().read(tree, index) {
                    Err(LedgerFault::Destroyed(_)) => continue,
                    stored => stored?,
                };
                if let Entry::Operation(operation) = read_entry(&stored)? {
                    let at = recorded_at(&stored)?;
                    let placed = PlacedOperation { at, operation };
                    found.extend(passes(&placed).then_some(placed));
                }
            }
        }
        Ok((found, None))
    }
}
