//! Which numbers the rows of a file speak, as the business system that sends it does.

use std::collections::{BTreeMap, BTreeSet};

use super::{Column, ROWS_MAX};
use crate::domain::{
    addressee::LocalNumber,
    codes::AddresseeNumber,
    files::{LineEnds, LineReader, TextForm},
    institution::Institution,
};

/// The numbers of the rows.
#[derive(Debug, Clone, Default)]
pub enum RowNumbers {
    /// 団体内統合宛名番号 in their column; 宛名番号 are not looked at.
    #[default]
    Addressee,
    /// 宛名番号 of one business system. The column of the 団体内統合宛名番号 is blank.
    Local(Box<LocalRows>),
}

/// What the rows of a business system that speaks 宛名番号 are held against.
#[derive(Debug, Clone)]
pub struct LocalRows {
    /// Whom the numbers name that the addressee system knows.
    pub known: BTreeMap<LocalNumber, AddresseeNumber>,
    /// The sender, which says who may handle an affair: a row of others does not tell whether its number is known.
    pub sender: Institution,
}

/// The well-formed 宛名番号 of a file, to be looked up before its rows are read.
pub fn local_numbers(bytes: &[u8], form: &TextForm) -> BTreeSet<LocalNumber> {
    let mut reader = LineReader::new(form.clone(), LineEnds::CrLf);
    let mut lines = reader.push(bytes);
    lines.extend(reader.finish());
    let texts = lines.into_iter().take(ROWS_MAX);
    let texts = texts.filter_map(|line| line.text.ok());
    texts
        .filter_map(|text| local_number(&text)?.parse().ok())
        .collect()
}

/// What stands in the column of the 宛名番号, without the blanks that fill it.
pub fn local_number(line: &str) -> Option<&str> {
    let column = line.split(',').nth(Column::LocalNumber.number() - 1)?;
    Some(column.trim_end_matches(' '))
}

/// The line with a blank column of the 団体内統合宛名番号.
pub fn without_addressee_number(line: &str) -> String {
    let blank = " ".repeat(Column::AddresseeNumber.width());
    let at = Column::AddresseeNumber.number() - 1;
    let mut columns: Vec<_> = line.split(',').collect();
    if let Some(column) = columns.get_mut(at) {
        *column = &blank;
    }
    columns.join(",")
}

#[cfg(test)]
mod tests {
    use super::{
        super::{InquiryRow, tests::ROW},
        *,
    };
    use crate::domain::institution::{InstitutionClass, KeyHolding};

    #[test]
    fn only_who_may_handle_the_affair_learns_whether_a_number_is_known() {
        let read = |unit: &str, number: &str| {
            let mut sender = Institution {
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
            };
            let affair = "JM01000000121000".parse().unwrap();
            sender
                .units
                .insert(affair, vec!["FUKUSHI".parse().unwrap()]);
            let known = [("77".parse().unwrap(), "000000000012345".parse().unwrap())].into();
            let numbers = RowNumbers::Local(Box::new(LocalRows { known, sender }));
            let mut values: Vec<_> = ROW.split(',').map(str::to_owned).collect();
            for (column, value) in [
                (Column::LocalNumber, number),
                (Column::AddresseeNumber, ""),
                (Column::Unit, unit),
            ] {
                values[column.number() - 1] = format!("{value:<width$}", width = column.width());
            }
            let read = InquiryRow::read_numbered(1, &values.join(","), &numbers);
            read.map_err(|flaws| {
                flaws
                    .iter()
                    .map(|flaw| flaw.column.unwrap())
                    .collect::<Vec<_>>()
            })
        };
        assert!(read("FUKUSHI", "77").is_ok());
        assert_eq!(read("FUKUSHI", "78").unwrap_err(), [Column::LocalNumber]);
        for number in ["77", "78"] {
            assert_eq!(read("ZEIMU", number).unwrap_err(), [Column::Unit]);
            assert_eq!(read("あ", number).unwrap_err(), [Column::Unit]);
        }
    }
}
