//! `chukan replica reconcile`: compares the business system's original file with the registered replicas.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufReader, BufWriter, Read, Seek as _, Write as _, stdout},
    path::PathBuf,
};

use clap::Args;

use super::{
    super::{client::ClientOptions, fault::CliFault},
    export::export,
    file::{TextOptions, beside, form_of},
};
use crate::{
    crypto::digest::{DIGEST_BYTES, Digesting},
    domain::{
        files::{CharacterTable, LineEnds, LineReader, TextForm},
        replica_file::{Cutter, FileForm, HeadColumn, dat_layout, dat_name},
    },
    grpc::proto::v1,
};

const PIECE_BYTES: usize = 256 * 1024;

#[derive(Debug, Args)]
pub(in crate::cli) struct Reconcile {
    #[command(flatten)]
    client: ClientOptions,
    #[command(flatten)]
    text: TextOptions,
    /// 結果の一覧（CSV）を書くファイル。省略時は <FILE>.differences.csv
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// 原本のファイル（.DAT は固定長、それ以外はCSV）。形式は取込のファイルと同じ
    file: PathBuf,
}

/// The digest of each replica's lines, by addressee number and record key.
type Contents = HashMap<(String, String), [u8; DIGEST_BYTES]>;

impl Reconcile {
    pub(super) async fn run(self) -> Result<(), CliFault> {
        let form = FileForm::of_name(&self.file.to_string_lossy());
        let original = File::open(&self.file).map_err(CliFault::file(self.file.as_path()))?;
        let original = Contained::read(original, form, self.text_form()?)?;
        let Some((specific_info, layout_version)) = original.subject else {
            return Err(CliFault::Said("原本のファイルに副本の行がありません"));
        };
        let mut copy = tempfile()?;
        let wanted = v1::ExportReplicasRequest {
            specific_info,
            layout_version,
            form: form_of(&self.file).into(),
            text: Some(self.text.message()?),
        };
        let report = export(&self.client, wanted, &mut BufWriter::new(&mut copy)).await?;
        copy.rewind()?;
        let registered = Contained::read(copy, form, self.text_form()?)?;
        let counts = self.compare(&original.contents, &registered.contents)?;
        writeln!(
            stdout(),
            "一致{}件、副本にないもの{}件、原本にないもの{}件、内容が違うもの{}件",
            counts.same,
            counts.missing_here,
            counts.missing_there,
            counts.different
        )?;
        if report.other_versions > 0 {
            writeln!(
                stdout(),
                "ほかのレイアウト版の副本{}件は突き合わせていません。",
                report.other_versions
            )?;
        }
        if report.unnamed > 0 {
            writeln!(
                stdout(),
                "この業務システムの宛名番号がない対象者の副本{}件は突き合わせていません。",
                report.unnamed
            )?;
        }
        match counts.missing_here + counts.missing_there + counts.different {
            0 => Ok(()),
            differences => Err(CliFault::Differences(differences)),
        }
    }

    fn text_form(&self) -> Result<TextForm, CliFault> {
        let text = self.text.message()?;
        let encoding = text.encoding.parse();
        let table = CharacterTable::read(&text.character_table);
        Ok(TextForm {
            encoding: encoding
                .map_err(|_| CliFault::Said("文字コードは utf-8 か shift_jis です"))?,
            table: table.map_err(|_| CliFault::Said("文字変換表を読み取れません"))?,
        })
    }

    fn compare(&self, original: &Contents, registered: &Contents) -> Result<Counts, CliFault> {
        let mut counts = Counts::default();
        let mut rows = Vec::new();
        for (name, digest) in original {
            let (what, count) = match registered.get(name) {
                None => ("副本にない", &mut counts.missing_here),
                Some(other) if other != digest => ("内容が違う", &mut counts.different),
                Some(_) => {
                    counts.same += 1;
                    continue;
                }
            };
            *count += 1;
            rows.push((name, what));
        }
        for name in registered
            .keys()
            .filter(|name| !original.contains_key(*name))
        {
            counts.missing_there += 1;
            rows.push((name, "原本にない"));
        }
        rows.sort_unstable();
        let report = self
            .report
            .clone()
            .unwrap_or_else(|| beside(&self.file, ".differences.csv"));
        let file = File::create(&report).map_err(CliFault::file(report.as_path()))?;
        let mut file = BufWriter::new(file);
        writeln!(file, "団体内統合宛名番号,レコードキー,差異")?;
        for ((addressee, record_key), what) in rows {
            writeln!(file, "{addressee},{record_key},{what}")?;
        }
        file.flush()?;
        writeln!(stdout(), "差異の一覧: {}", report.display())?;
        Ok(counts)
    }
}

#[derive(Default)]
struct Counts {
    same: u64,
    missing_here: u64,
    missing_there: u64,
    different: u64,
}

/// What a file has.
#[derive(Default)]
struct Contained {
    subject: Option<(String, String)>,
    contents: Contents,
}

impl Contained {
    fn read(file: impl Read, form: FileForm, text: TextForm) -> Result<Self, CliFault> {
        let mut file = BufReader::new(file);
        let mut lines = LineReader::new(text, LineEnds::Uniform);
        let mut taken = Taking {
            form,
            cutter: Cutter::default(),
            begun: form == FileForm::Dat,
            open: None,
            found: Self::default(),
        };
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let read = file.read(&mut piece)?;
            if read == 0 {
                break;
            }
            for line in lines.push(piece.get(..read).unwrap_or_default()) {
                taken.line(line.number, line.text.ok())?;
            }
        }
        if let Some(line) = lines.finish() {
            taken.line(line.number, line.text.ok())?;
        }
        taken.close();
        Ok(taken.found)
    }
}

struct Taking {
    form: FileForm,
    cutter: Cutter,
    begun: bool,
    open: Option<((String, String), Digesting)>,
    found: Contained,
}

impl Taking {
    fn line(&mut self, number: u64, text: Option<String>) -> Result<(), CliFault> {
        let text = text.ok_or(CliFault::FileLine(number))?;
        if !std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        let owned = |(one, other): (&str, &str)| (one.to_owned(), other.to_owned());
        let (name, subject, content) = match self.form {
            FileForm::Dat => (owned(dat_name(&text)), owned(dat_layout(&text)), text),
            FileForm::Csv => {
                let cut = self.cutter.csv(&text);
                let fields = cut.map_err(|_| CliFault::FileLine(number))?;
                let head = |column| fields.head(column);
                let name = (head(HeadColumn::Addressee), head(HeadColumn::RecordKey));
                let subject = (
                    head(HeadColumn::SpecificInfo),
                    head(HeadColumn::LayoutVersion),
                );
                let content: Vec<_> = fields.all().collect();
                (owned(name), owned(subject), content.join("\u{1f}"))
            }
        };
        self.found.subject.get_or_insert(subject);
        if self.open.as_ref().is_some_and(|(open, _)| *open != name) {
            self.close();
        }
        let (_, digest) = self
            .open
            .get_or_insert_with(|| (name, Digesting::default()));
        digest.add(content.as_bytes());
        digest.add(b"\n");
        Ok(())
    }

    fn close(&mut self) {
        if let Some((name, digest)) = self.open.take() {
            self.found.contents.insert(name, digest.finish());
        }
    }
}

/// A file without a name, which goes when it is closed.
fn tempfile() -> Result<File, CliFault> {
    let name = crate::crypto::digest::random_bytes::<16>();
    let name = name.map_err(|_| CliFault::Said("乱数が得られません"))?;
    let name = format!("chukan-{}", data_encoding::HEXLOWER.encode(&name));
    let path = std::env::temp_dir().join(name);
    let mut options = File::options();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options
        .open(&path)
        .map_err(CliFault::file(path.as_path()))?;
    std::fs::remove_file(&path).map_err(CliFault::file(path.as_path()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CSV: &str = "処理区分,特定個人情報名コード,レイアウト版,団体内統合宛名番号,レコードキー\r\n\
                       1,TM00000000000002,2026.06,119240102220245,2026\r\n\
                       1,TM00000000000002,2026.06,388129905213370,\"20,26\"\r\n";

    fn read(bytes: &[u8], form: FileForm) -> Result<Contained, CliFault> {
        Contained::read(bytes, form, TextForm::default())
    }

    proptest! {
        #[test]
        fn an_original_of_any_bytes_is_read_or_its_line_is_named(
            bytes: Vec<u8>,
            spoilt in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..4, prop::collection::vec(any::<u8>(), 0..6)), 0..4),
        ) {
            let mut file = CSV.as_bytes().to_vec();
            for (at, gone, new) in &spoilt {
                let at = at.index(file.len() + 1);
                let end = file.len().min(at + gone);
                file.splice(at..end, new.iter().copied());
            }
            for bytes in [&bytes, &file] {
                for form in [FileForm::Csv, FileForm::Dat] {
                    if let Err(fault) = read(bytes, form) {
                        let CliFault::FileLine(line) = fault else {
                            panic!("{fault}");
                        };
                        prop_assert!(line >= 1);
                    }
                }
            }
            let found = read(&file, FileForm::Csv);
            prop_assert!(!spoilt.is_empty() || found.unwrap().contents.len() == 2);
        }
    }
}
