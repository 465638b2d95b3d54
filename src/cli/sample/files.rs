//! `chukan sample files`: everything that an institution's business system may send, sound and flawed, and beside each file what
//! must become of it.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use crate::{
    cli::{batch::line, fault::CliFault, options::PlanOptions, start::draw_target, wall_clock},
    crypto::files::create_private,
    domain::{
        codes::{InstitutionCode, SpecificInfoCode},
        files::{Encoding, TextForm},
        institution::Institution,
        jst::jst_date,
        layout::Layout,
        replica_file::FileForm,
    },
    sample::{
        definitions::Definitions,
        expected::{CaseFile, Expected, ExpectedOutcome},
        flawed_inquiries::flawed_inquiries,
        flawed_replicas::flawed_replicas,
        inquiry_files::InquiryFileSource,
        population::Population,
        replica_files::ReplicaFileSource,
        replicas::ReplicaSource,
    },
};

/// The forms and encodings in which every version is written.
const FORMS: [(FileForm, Encoding, &str); 4] = [
    (FileForm::Csv, Encoding::Utf8, "csv"),
    (FileForm::Csv, Encoding::ShiftJis, "csv"),
    (FileForm::Dat, Encoding::Utf8, "DAT"),
    (FileForm::Dat, Encoding::ShiftJis, "DAT"),
];

#[derive(Debug, Args)]
pub(in crate::cli) struct Files {
    #[command(flatten)]
    plan: PlanOptions,
    /// 定義ファイルのあるデータディレクトリー。なければ組み込みの定義を使います
    #[arg(long, value_name = "DIR", default_value = "chukan-data")]
    data: PathBuf,
    /// ファイルを送る機関の機関コード（16桁）
    #[arg(long, value_name = "CODE")]
    institution: InstitutionCode,
    /// ファイルを書くディレクトリー。下に inquiry と replica ができます
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

/// What all files are made from.
struct Making<'a> {
    known: &'a Definitions,
    population: Population,
    municipalities: Vec<InstitutionCode>,
    own: &'a Institution,
    now: Timestamp,
    bar: ProgressBar,
    files: usize,
}

impl Files {
    pub(super) fn run(self) -> Result<(), CliFault> {
        let known = super::definitions(&self.data)?;
        let own = known.directory.find(self.institution);
        let own = own.ok_or(CliFault::Said("この機関は定義ファイルにありません"))?;
        let versions: usize = held(own, &known)
            .map(|of| known.layouts.versions(of).len())
            .sum();
        let steps = 1 + u64::try_from(versions * FORMS.len()).unwrap_or_default();
        let people = u64::from(self.plan.people);
        let bar = ProgressBar::with_draw_target(Some(people * steps), draw_target());
        if let Ok(style) =
            ProgressStyle::with_template("ファイルを作っています {bar:30} {percent}% {eta}")
        {
            bar.set_style(style);
        }
        let mut making = Making {
            population: Population::new(self.plan.seed, self.plan.people),
            municipalities: known.directory.municipalities(),
            known: &known,
            own,
            now: wall_clock::now(),
            bar,
            files: 0,
        };
        making.inquiries(&self.out.join("inquiry"))?;
        making.replicas(&self.out.join("replica"))?;
        making.bar.finish_and_clear();
        line(&format!(
            "{}に{}ファイルを作りました。期待される結果は、それぞれの横の .expected.json にあります。",
            self.out.display(),
            making.files
        ))
    }
}

fn held<'a>(
    own: &'a Institution,
    known: &'a Definitions,
) -> impl Iterator<Item = SpecificInfoCode> + 'a {
    let all = known.layouts.specific_infos();
    all.filter(|info| own.holds.contains(info))
}

impl Making<'_> {
    fn inquiries(&mut self, dir: &Path) -> Result<(), CliFault> {
        fs::create_dir_all(dir).map_err(CliFault::file(dir))?;
        let (population, municipalities) = (self.population.clone(), self.municipalities.clone());
        let source = InquiryFileSource {
            population: &population,
            municipalities: &municipalities,
            inquirer: self.own,
            requested_at: self.now,
        };
        let unwritable = |_| CliFault::Said("見本のファイルを作れません");
        for file in source.files() {
            let file = file.map_err(unwritable)?;
            self.bar.set_position(file.people_done.into());
            self.keep(
                dir,
                &CaseFile {
                    name: file.name.to_string(),
                    bytes: file.bytes,
                    expected: file.expected,
                },
            )?;
        }
        for case in source.persons().map_err(unwritable)? {
            self.keep(dir, &case)?;
        }
        for case in flawed_inquiries(&source).map_err(unwritable)? {
            self.keep(dir, &case)?;
        }
        Ok(())
    }

    fn replicas(&mut self, dir: &Path) -> Result<(), CliFault> {
        fs::create_dir_all(dir).map_err(CliFault::file(dir))?;
        let known = self.known;
        let mut all = known.layouts.specific_infos();
        let not_held = all.find(|info| !self.own.holds.contains(info));
        for info in held(self.own, known) {
            for layout in known.layouts.versions(info) {
                for form in FORMS {
                    self.replicas_of(dir, (layout, not_held), form)?;
                }
            }
        }
        Ok(())
    }

    fn replicas_of(
        &mut self,
        dir: &Path,
        (layout, not_held): (&Layout, Option<SpecificInfoCode>),
        (form, encoding, ending): (FileForm, Encoding, &str),
    ) -> Result<(), CliFault> {
        let (population, municipalities) = (self.population.clone(), self.municipalities.clone());
        let source = ReplicaFileSource {
            replicas: ReplicaSource {
                population: &population,
                layouts: &self.known.layouts,
                today: jst_date(self.now),
            },
            municipalities: &municipalities,
            institution: self.own.code,
            layout,
            form,
            text: TextForm {
                encoding,
                ..TextForm::default()
            },
        };
        let unfit = |_| CliFault::Said("見本の値が、このレイアウトか文字コードに収まりません");
        let (info, version) = (layout.specific_info, &layout.version);
        let path = dir.join(format!("{info}-{version}.{}.{ending}", encoding.name()));
        let file = File::create(&path).map_err(CliFault::file(path.as_path()))?;
        let (mut file, mut replicas) = (BufWriter::new(file), 0);
        for piece in source.pieces() {
            let (piece, count) = piece.map_err(unfit)?;
            file.write_all(&piece)
                .map_err(CliFault::file(path.as_path()))?;
            replicas += count;
            self.bar.inc(1);
        }
        file.flush().map_err(CliFault::file(path.as_path()))?;
        if replicas == 0 {
            // Nobody has a replica in this version today: a file without one would be refused.
            return fs::remove_file(&path).map_err(CliFault::file(path.as_path()));
        }
        self.tell(
            &path,
            &Expected {
                shows: format!("{} {version}", layout.name),
                encoding,
                outcome: ExpectedOutcome::Replicas(replicas),
            },
        )?;
        if encoding == Encoding::Utf8 {
            let layouts = &self.known.layouts;
            for case in flawed_replicas(&source, layouts, not_held).map_err(unfit)? {
                self.keep(dir, &case)?;
            }
        }
        Ok(())
    }

    fn keep(&mut self, dir: &Path, file: &CaseFile) -> Result<(), CliFault> {
        let path = dir.join(&file.name);
        create_private(&path, &file.bytes).map_err(CliFault::file(path.as_path()))?;
        self.tell(&path, &file.expected)
    }

    /// Writes beside a file what must become of it.
    fn tell(&mut self, path: &Path, expected: &Expected) -> Result<(), CliFault> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".expected.json");
        let beside = path.with_file_name(name);
        let text = serde_json::to_vec_pretty(expected).map_err(std::io::Error::from)?;
        create_private(&beside, &text).map_err(CliFault::file(beside.as_path()))?;
        self.files += 1;
        Ok(())
    }
}
