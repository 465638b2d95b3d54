use jiff::{Timestamp, civil::date};
use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::*;
use crate::{
    domain::{
        files::Encoding,
        layout::{DataSetLayout, ItemKind, ItemLayout},
        replica::{
            DataSetDraft, ItemDraft, ItemValue, MissingReason, Publication, Replica, ReplicaDraft,
        },
        replica_file::{Entry, Extent, FilePlan, FileReader},
    },
    sample::{layouts::embedded, population::Population},
};

/// Awkward in files, and in both encodings.
const CHARACTERS: [char; 12] = [
    '#', '"', ',', ' ', '\'', '漢', 'ｱ', '～', '①', '髙', '0', '／',
];

fn value(item: &ItemLayout, rng: &mut StdRng) -> ItemValue {
    if rng.random_ratio(1, 5) {
        let at = rng.random_range(0..MissingReason::ALL.len());
        return ItemValue::Missing(MissingReason::ALL[at]);
    }
    let chars = rng.random_range(1..=item.length_max.min(8));
    ItemValue::Present(match &item.kind {
        ItemKind::Text => {
            let any = |rng: &mut StdRng| CHARACTERS[rng.random_range(0..CHARACTERS.len())];
            let mut text: String = (1..chars).map(|_| any(rng)).collect();
            text.push('#');
            text
        }
        ItemKind::Digits => "0".repeat(chars),
        ItemKind::Integer => rng.random_range(0..10).to_string(),
        ItemKind::Date => "20260401".into(),
        ItemKind::Code { permitted } => {
            let at = rng.random_range(0..permitted.len());
            permitted.keys().nth(at).unwrap().clone()
        }
        ItemKind::Flag => "1".into(),
    })
}

fn records(sets: &[DataSetLayout], rng: &mut StdRng) -> Vec<DataSetDraft> {
    let mut drafts = Vec::new();
    for set in sets {
        for _ in 0..rng.random_range(set.min..=set.max.min(set.min + 2)) {
            let items = set.items.iter();
            let items: Vec<_> = items
                .filter(|item| item.required || rng.clone().random())
                .collect();
            drafts.push(DataSetDraft {
                code: set.code.to_string(),
                items: items
                    .into_iter()
                    .map(|item| ItemDraft {
                        code: item.code.to_string(),
                        value: Some(value(item, rng)),
                    })
                    .collect(),
                children: records(&set.data_sets, rng),
            });
        }
    }
    drafts
}

fn replica(layout: &Layout, at: u32, rng: &mut StdRng) -> Replica {
    let mut content = records(&layout.data_sets, rng);
    if content.is_empty() {
        content = records(&layout.data_sets, &mut StdRng::seed_from_u64(1));
    }
    let draft = ReplicaDraft {
        addressee: format!("{:015}", rng.random_range(0..9)).parse().unwrap(),
        specific_info: layout.specific_info,
        layout_version: layout.version.clone(),
        record_key: format!("K{at}"),
        fiscal_year: rng.random::<bool>().then_some(2026),
        date: rng.random::<bool>().then_some(date(2026, 4, 1)),
        publication: Publication {
            from: date(2026, 6, 1),
            to: rng.random::<bool>().then_some(date(2027, 5, 31)),
        },
        content,
    };
    let checked = check(layout, draft).unwrap_or_else(|flaws| panic!("{flaws:?}"));
    checked.register(Timestamp::UNIX_EPOCH, 1)
}

fn plan(form: FileForm, encoding: Encoding) -> FilePlan {
    FilePlan {
        form,
        text: TextForm {
            encoding,
            ..TextForm::default()
        },
        extent: Extent::Full,
    }
}

fn read(plan: FilePlan, file: &[u8], piece: usize) -> Vec<Replica> {
    let layouts = embedded().unwrap();
    let holds: Vec<_> = layouts.specific_infos().collect();
    let mut reader = FileReader::new(plan, &layouts, &holds);
    let mut found = Vec::new();
    for piece in file.chunks(piece) {
        found.extend(reader.push(piece));
    }
    found.extend(reader.finish());
    let replica = |found: crate::domain::replica_file::Assembled| match found.entry {
        Ok(Entry::Register { replica, .. }) => replica.register(Timestamp::UNIX_EPOCH, 1),
        other => panic!("{other:?}"),
    };
    found.into_iter().map(replica).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_is_written_is_read_in_every_layout_form_and_encoding(seed: u64, piece in 1_usize..400) {
        let layouts = embedded().unwrap();
        let mut rng = StdRng::seed_from_u64(seed);
        for layout in layouts.specific_infos().flat_map(|info| layouts.versions(info)) {
            let columns = Columns::of(layout);
            let replicas: Vec<_> = (0..3).map(|at| replica(layout, at, &mut rng)).collect();
            for form in [FileForm::Csv, FileForm::Dat] {
                for encoding in [Encoding::Utf8, Encoding::ShiftJis] {
                    let plan = plan(form, encoding);
                    let (mut writer, mut file) = (LineWriter::new(plan.text.clone()), Vec::new());
                    if form == FileForm::Csv {
                        writer.write(&names(&columns), &mut file).unwrap();
                    }
                    for line in replicas.iter().flat_map(|one| rows(&columns, form, one).unwrap()) {
                        writer.write(&line, &mut file).unwrap();
                    }
                    prop_assert_eq!(&read(plan, &file, piece), &replicas);
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>, dat: bool) {
        let form = if dat { FileForm::Dat } else { FileForm::Csv };
        let layouts = embedded().unwrap();
        let holds: Vec<_> = layouts.specific_infos().collect();
        let mut reader = FileReader::new(plan(form, Encoding::ShiftJis), &layouts, &holds);
        let mut found = reader.push(&bytes);
        found.extend(reader.finish());
        prop_assert!(found.iter().all(|one| one.entry.is_err()));
    }
}

#[test]
fn a_sample_file_is_sound_and_has_everybody_who_lives_there() {
    let (population, layouts) = (Population::new(1, 60), embedded().unwrap());
    let city = "9900000000001100".parse().unwrap();
    let municipalities = [city];
    let info = "TM00000000000002".parse().unwrap();
    let source = ReplicaFileSource {
        replicas: ReplicaSource {
            population: &population,
            layouts: &layouts,
            today: date(2026, 11, 22),
        },
        municipalities: &municipalities,
        institution: city,
        layout: layouts.find(info, &"2026.06".parse().unwrap()).unwrap(),
        form: FileForm::Csv,
        text: TextForm::default(),
    };
    let pieces: Vec<_> = source.pieces().map(Result::unwrap).collect();
    let count: u64 = pieces.iter().map(|(_, count)| count).sum();
    let file: Vec<u8> = pieces.into_iter().flat_map(|(piece, _)| piece).collect();
    let found = read(plan(FileForm::Csv, Encoding::Utf8), &file, 1_000);
    assert_eq!(found.len() as u64, count);
    assert!(count > 50, "{count}");
}
