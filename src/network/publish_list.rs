//! Publishes the permission list with the core system's signature.

use data_encoding::HEXLOWER;

use super::{CoreSystem, NetworkFault};
use crate::domain::permission_list::{PlainList, SignedList};

impl CoreSystem {
    /// The list in force, signed.
    ///
    /// # Errors
    /// When the list cannot be written.
    pub fn publish_list(&self) -> Result<SignedList, NetworkFault> {
        let list = serde_json::to_string(&PlainList::from(self.parts.list.clone()))?;
        let signature = self.parts.signing.sign(&SignedList::signed_bytes(&list));
        Ok(SignedList {
            list,
            signature: HEXLOWER.encode(&signature),
        })
    }
}
