//! 操作記録 and the uses of identity information in the record book, the newest first.

use jiff::Timestamp;

use super::{
    Keeper, RecordBook, RecordFault, SearchPlace,
    record_book::{SEARCHED_AT_ONCE, read_entry, recorded_at},
};
use crate::{
    domain::{
        deletion::PlacedDeletion, identity::PlacedIdentityUse, jst::fiscal_year,
        operation::PlacedOperation, record::Entry,
    },
    ledger::LedgerFault,
};

impl RecordBook {
    /// The operations of an institution's staff that pass, the newest first, beginning before `before`. No more than
    /// 10,000 entries are read at a time.
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
        self.newest_first(keeper, before, limit, |at, entry| {
            let Entry::Operation(operation) = entry else {
                return None;
            };
            Some(PlacedOperation { at, operation }).filter(&passes)
        })
    }

    /// The uses of identity information by an institution, the newest first, beginning before `before`. No more than
    /// 10,000 entries are read at a time.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn identity_uses(
        &self,
        keeper: Keeper,
        before: Option<SearchPlace>,
        limit: usize,
    ) -> Result<(Vec<PlacedIdentityUse>, Option<SearchPlace>), RecordFault> {
        self.newest_first(keeper, before, limit, |at, entry| {
            let Entry::IdentityInformationUsed(used) = entry else {
                return None;
            };
            Some(PlacedIdentityUse { at, used: *used })
        })
    }

    /// What `pick` takes of an institution's entries, the newest first, beginning before `before`. Returns them with the
    /// place of the last entry that was read; nothing when there are no more. No more than 10,000 entries are read, so
    /// that a page can be short, or empty, and still have a next one.
    fn newest_first<T>(
        &self,
        keeper: Keeper,
        before: Option<SearchPlace>,
        limit: usize,
        pick: impl Fn(Timestamp, Entry) -> Option<T>,
    ) -> Result<(Vec<T>, Option<SearchPlace>), RecordFault> {
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
                found.extend(pick(recorded_at(&stored)?, read_entry(&stored)?));
            }
        }
        Ok((found, None))
    }

    /// The operations of an institution's staff since `from`, the newest first, and whether these are all: no more than
    /// `entries_max` entries of its records are read, the newest of each fiscal year first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn operations_since(
        &self,
        keeper: Keeper,
        from: Timestamp,
        entries_max: u64,
    ) -> Result<(Vec<PlacedOperation>, bool), RecordFault> {
        self.entries_since(keeper, (from, entries_max), |at, entry| match entry {
            Entry::Operation(operation) => Some(PlacedOperation { at, operation }),
            _ => None,
        })
    }

    /// What was deleted since `from` because its period had passed, as [`Self::operations_since`].
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn deletions_since(
        &self,
        keeper: Keeper,
        from: Timestamp,
        entries_max: u64,
    ) -> Result<(Vec<PlacedDeletion>, bool), RecordFault> {
        self.entries_since(keeper, (from, entries_max), |at, entry| match entry {
            Entry::Deleted {
                what,
                count,
                ended_before,
            } => Some(PlacedDeletion {
                at,
                what,
                count,
                ended_before,
            }),
            _ => None,
        })
    }

    fn entries_since<T>(
        &self,
        keeper: Keeper,
        (from, entries_max): (Timestamp, u64),
        pick: impl Fn(Timestamp, Entry) -> Option<T>,
    ) -> Result<(Vec<T>, bool), RecordFault> {
        let owner = keeper.owner()?;
        let earliest = fiscal_year(from);
        let mut trees = self.ledger().trees();
        trees.retain(|(tree, _)| {
            tree.owner == owner && i32::from(tree.fiscal_year) >= earliest.into()
        });
        trees.sort_by_key(|(tree, _)| std::cmp::Reverse(tree.fiscal_year));
        let mut places = trees
            .into_iter()
            .flat_map(|(tree, size)| (0..size).rev().map(move |index| (tree, index)));
        let mut found = Vec::new();
        for _ in 0..entries_max {
            let Some((tree, index)) = places.next() else {
                return Ok((found, true));
            };
            let stored = match self.ledger().read(tree, index) {
                Err(LedgerFault::Destroyed(_)) => continue,
                stored => stored?,
            };
            let at = recorded_at(&stored)?;
            if at >= from {
                found.extend(pick(at, read_entry(&stored)?));
            }
        }
        Ok((found, places.next().is_none()))
    }
}
