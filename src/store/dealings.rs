//! Earlier exchanges about a person, the newest first.

use super::{
    Keeper, RecordBook, RecordFault,
    record_book::{SEARCHED_AT_ONCE, placed, read_entry},
};
use crate::{
    domain::{
        codes::InstitutionCode,
        record::{Entry, PlacedRecord},
    },
    ledger::LedgerFault,
};

impl RecordBook {
    /// The keeper's records of exchanges that this inquirer had about this person, the newest first. No more than the
    /// newest 10,000 entries of each fiscal year are read.
    ///
    /// # Errors
    /// When the ledger or the state cannot be read.
    pub fn dealings(
        &self,
        keeper: Keeper,
        (inquirer, symbol_digest): (InstitutionCode, &str),
        limit: usize,
    ) -> Result<Vec<PlacedRecord>, RecordFault> {
        let owner = keeper.owner()?;
        let mut trees = self.ledger().trees();
        trees.retain(|(tree, _)| tree.owner == owner);
        trees.sort_by_key(|(tree, _)| std::cmp::Reverse(tree.fiscal_year));
        let newest = trees.into_iter().flat_map(|(tree, size)| {
            let places = (size.saturating_sub(SEARCHED_AT_ONCE)..size).rev();
            places.map(move |index| (tree, index))
        });
        let mut found = Vec::new();
        for (tree, index) in newest {
            if found.len() == limit {
                break;
            }
            let stored = match self.ledger().read(tree, index) {
                Err(LedgerFault::Destroyed(_)) => continue,
                stored => stored?,
            };
            let Entry::Provision(record) = read_entry(&stored)? else {
                continue;
            };
            let same = record.symbol_digest.as_deref() == Some(symbol_digest);
            if same && record.subject.inquirer == inquirer {
                let mark = record.subject.nondisclosure;
                found.push(placed(&stored, record, mark)?);
            }
        }
        Ok(found)
    }
}
