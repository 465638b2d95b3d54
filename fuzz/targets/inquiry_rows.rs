//! An inquiry file of a municipality, in either encoding and with either kind of number.
#![no_main]

use std::collections::BTreeMap;

use chukan::domain::{
    batch_file::{self, InquiryFile, InquiryRow, LocalRows, RowNumbers},
    files::{CharacterTable, Encoding, TextForm},
    institution::{Institution, InstitutionClass, KeyHolding},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((mode, bytes)) = data.split_first() else {
        return;
    };
    let encoding = if mode & 1 == 0 { Encoding::Utf8 } else { Encoding::ShiftJis };
    let form = TextForm {
        encoding,
        table: CharacterTable::default(),
    };
    let numbers = if mode & 2 == 0 {
        RowNumbers::Addressee
    } else {
        let named = batch_file::local_numbers(bytes, &form);
        let number = "000000000012345".parse().unwrap();
        let known = named.into_iter().map(|local| (local, number)).collect();
        let sender = sender();
        RowNumbers::Local(Box::new(LocalRows { known, sender }))
    };
    let file = InquiryFile::read(bytes, &form, &numbers);
    assert!(file.rows.len() as u64 <= file.lines);
    assert!(!file.rows.is_empty() || !file.flaws.is_empty());
    for (line, row) in &file.rows {
        let again = InquiryRow::read(*line, &row.write());
        assert_eq!(again.as_ref(), Ok(row));
    }
});

/// A municipality in which every unit and user may handle every affair.
fn sender() -> Institution {
    Institution {
        code: "9900000000001100".parse().unwrap(),
        name: "見本市".into(),
        class: InstitutionClass::MunicipalMayor,
        resolves_to: None,
        holds: Vec::new(),
        key_holding: KeyHolding::default(),
        units: BTreeMap::new(),
        users: BTreeMap::new(),
        systems: BTreeMap::new(),
        identity_use: BTreeMap::new(),
    }
}
