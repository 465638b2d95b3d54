//! Places in a ledger tree as page tokens.

use data_encoding::BASE64URL_NOPAD;
use tonic::Status;

use super::status::foreign_page_token;
use crate::store::SearchPlace;

/// The token of a place.
pub(super) fn token(place: SearchPlace) -> String {
    let SearchPlace { fiscal_year, index } = place;
    let bytes = [&fiscal_year.to_be_bytes()[..], &index.to_be_bytes()[..]].concat();
    BASE64URL_NOPAD.encode(&bytes)
}

/// The place that a token names; nothing for an empty one.
pub(super) fn place(token: &str) -> Result<Option<SearchPlace>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).ok();
    let read = |bytes: Vec<u8>| {
        let (year, index) = bytes.split_first_chunk()?;
        Some(SearchPlace {
            fiscal_year: u16::from_be_bytes(*year),
            index: u64::from_be_bytes(index.try_into().ok()?),
        })
    };
    let read = bytes.and_then(read).ok_or_else(foreign_page_token)?;
    Ok(Some(read))
}
