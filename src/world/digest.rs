//! The digest that a small file of a world carries of itself: a flipped digit would read as another number.

use data_encoding::HEXLOWER;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::crypto::digest::sha256;

/// SHA-256, in hexadecimal, of what `content` is as JSON.
pub(super) fn of(content: &impl Serialize) -> Result<String, serde_json::Error> {
    let json = Zeroizing::new(serde_json::to_vec(content)?);
    Ok(HEXLOWER.encode(&sha256(&[json.as_slice()])))
}
