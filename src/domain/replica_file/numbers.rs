//! Which numbers the lines of a replica file speak, as the business system that sends it does.

use std::sync::Arc;

use super::FileMisfit;
use crate::domain::{addressee::LocalNumber, codes::AddresseeNumber};

/// Whom a 宛名番号 names, or why that cannot be said.
pub type LookUp<'l> =
    dyn Fn(&LocalNumber) -> Result<AddresseeNumber, FileMisfit> + Send + Sync + 'l;

/// The numbers in the column of the 団体内統合宛名番号.
#[derive(Clone, Default)]
pub enum FileNumbers<'l> {
    /// 団体内統合宛名番号.
    #[default]
    Addressee,
    /// 宛名番号 of one business system, looked up by the addressee system.
    Local(Arc<LookUp<'l>>),
}

impl FileNumbers<'_> {
    /// Whom the text of the column names.
    pub(super) fn read(&self, text: &str) -> Result<AddresseeNumber, FileMisfit> {
        match self {
            Self::Addressee => text.parse().map_err(FileMisfit::Word),
            Self::Local(look_up) => {
                let number = text.parse().map_err(FileMisfit::Word)?;
                look_up(&number)
            }
        }
    }
}
