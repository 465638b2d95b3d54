//! A file of replicas, in either form and encoding, in pieces of any size.
#![no_main]

use std::sync::LazyLock;

use chukan::{
    domain::{
        codes::SpecificInfoCode,
        files::{CharacterTable, Encoding, TextForm},
        layout::Layouts,
        replica_file::{Extent, FileForm, FilePlan, FileReader},
    },
    sample::layouts,
};
use libfuzzer_sys::fuzz_target;

static LAYOUTS: LazyLock<Layouts> = LazyLock::new(|| layouts::embedded().unwrap());
static HOLDS: LazyLock<Vec<SpecificInfoCode>> =
    LazyLock::new(|| LAYOUTS.specific_infos().collect());

fuzz_target!(|data: &[u8]| {
    let Some(([mode, piece], bytes)) = data.split_first_chunk() else {
        return;
    };
    let plan = FilePlan {
        form: if mode & 1 == 0 { FileForm::Csv } else { FileForm::Dat },
        text: TextForm {
            encoding: if mode & 2 == 0 { Encoding::Utf8 } else { Encoding::ShiftJis },
            table: CharacterTable::default(),
        },
        extent: if mode & 4 == 0 { Extent::Full } else { Extent::Differential },
    };
    let read = |piece: usize| {
        let mut reader = FileReader::new(plan.clone(), &LAYOUTS, &HOLDS);
        let mut found = Vec::new();
        for piece in bytes.chunks(piece) {
            found.extend(reader.push(piece));
        }
        found.extend(reader.finish());
        found
    };
    // Where the network cuts a file says nothing about it.
    let (whole, cut) = (read(bytes.len().max(1)), read(usize::from(*piece).max(1)));
    assert_eq!(format!("{whole:?}"), format!("{cut:?}"));
});
