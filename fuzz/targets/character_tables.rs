//! A user's table of characters.
#![no_main]

use chukan::domain::files::CharacterTable;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = CharacterTable::read(text);
});
