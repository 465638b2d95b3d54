//! `chukan layout check|diff|show`: the layout files, and the columns that they give to replica files.

use std::{io::Write as _, path::PathBuf};

use clap::{Args, Subcommand};

use super::fault::CliFault;
use crate::{
    domain::{
        codes::SpecificInfoCode,
        layout::{ItemKind, Layout, Layouts},
        layout_diff::{LayoutChange, differences},
        replica_file::{Columns, FileForm, HeadColumn},
        words::LayoutVersion,
    },
    sample::layouts::{embedded, read},
};

#[derive(Debug, Subcommand)]
pub(super) enum LayoutCommand {
    /// レイアウトのファイルを検査し、誤りを行と文字の位置とともに示す
    Check(Check),
    /// 二つの版の違いを示す
    Diff(Diff),
    /// 版の一覧、または一つの版の項目と、CSVの列・.DATの桁位置を示す
    Show(Show),
}

#[derive(Debug, Args)]
struct Source {
    /// レイアウトのファイル（*.toml）のディレクトリー。省略時はプログラムに付属のもの
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    source: Source,
}

#[derive(Debug, Args)]
pub(super) struct Diff {
    #[command(flatten)]
    source: Source,
    /// 特定個人情報名コード
    specific_info: SpecificInfoCode,
    /// 古い版
    from: LayoutVersion,
    /// 新しい版
    to: LayoutVersion,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    source: Source,
    /// 特定個人情報名コード。省略時はすべての一覧
    specific_info: Option<SpecificInfoCode>,
    /// 版。省略時は版の一覧
    version: Option<LayoutVersion>,
}

impl LayoutCommand {
    pub(super) fn run(self) -> Result<(), CliFault> {
        match self {
            Self::Check(check) => check.run(),
            Self::Diff(diff) => diff.run(),
            Self::Show(show) => show.run(),
        }
    }
}

impl Source {
    fn read(&self) -> Result<Layouts, CliFault> {
        let layouts = self.dir.as_deref().map_or_else(embedded, read);
        layouts.map_err(CliFault::Definitions)
    }
}

impl Check {
    fn run(self) -> Result<(), CliFault> {
        let layouts = self.source.read()?;
        let mut out = std::io::stdout().lock();
        for info in layouts.specific_infos() {
            let versions = layouts.versions(info);
            for layout in versions {
                list(&mut out, layout)?;
            }
            for pair in versions.windows(2) {
                let [before, after] = pair else { continue };
                let ends = before.effective_to.and_then(|last| last.tomorrow().ok());
                if ends.is_some_and(|next| next < after.effective_from) {
                    writeln!(
                        out,
                        "  注意: 版「{}」の終わりから版「{}」の始まりまで、有効な版がありません",
                        before.version, after.version
                    )?;
                }
            }
        }
        writeln!(out, "誤りはありません。")?;
        Ok(())
    }
}

impl Diff {
    fn run(self) -> Result<(), CliFault> {
        let layouts = self.source.read()?;
        let find = |version| {
            let found = layouts.find(self.specific_info, version);
            found.map_err(|unknown| CliFault::Explained(unknown.ja()))
        };
        let (from, to) = (find(&self.from)?, find(&self.to)?);
        let mut out = std::io::stdout().lock();
        writeln!(
            out,
            "{} {}: 版「{}」→ 版「{}」",
            to.specific_info, to.name, from.version, to.version
        )?;
        let changes = differences(from, to);
        if changes.is_empty() {
            writeln!(out, "違いはありません。")?;
        }
        for change in changes.iter().map(LayoutChange::ja) {
            writeln!(out, "{change}")?;
        }
        let chars = |layout| Columns::of(layout).line_chars;
        writeln!(out, ".DAT の1行: {}文字 → {}文字", chars(from), chars(to))?;
        Ok(())
    }
}

impl Show {
    fn run(self) -> Result<(), CliFault> {
        let layouts = self.source.read()?;
        let mut out = std::io::stdout().lock();
        let infos = layouts.specific_infos();
        let wanted = |info: &SpecificInfoCode| self.specific_info.is_none_or(|own| own == *info);
        let infos: Vec<_> = infos.filter(wanted).collect();
        if let (Some(info), true) = (self.specific_info, infos.is_empty()) {
            let said = format!("特定個人情報名コード「{info}」のレイアウトはありません");
            return Err(CliFault::Explained(said));
        }
        if let (Some(info), Some(version)) = (self.specific_info, &self.version) {
            let layout = layouts.find(info, version);
            let layout = layout.map_err(|unknown| CliFault::Explained(unknown.ja()))?;
            return Ok(columns(&mut out, layout)?);
        }
        for layout in infos.iter().flat_map(|info| layouts.versions(*info)) {
            list(&mut out, layout)?;
        }
        Ok(())
    }
}

fn list(out: &mut impl std::io::Write, layout: &Layout) -> std::io::Result<()> {
    let columns = Columns::of(layout);
    let to = layout.effective_to.map(|day| day.to_string());
    writeln!(
        out,
        "{} {} 版「{}」 {}〜{}  データセット{}、項目{}、.DAT {}文字",
        layout.specific_info,
        layout.name,
        layout.version,
        layout.effective_from,
        to.unwrap_or_default(),
        columns.sets.len(),
        columns.items.len(),
        columns.line_chars
    )?;
    for rule in &layout.conversions {
        writeln!(
            out,
            "  版「{}」の副本は、この版に変換して回答します",
            rule.from
        )?;
    }
    Ok(())
}

/// Every column with its places, as an integrator needs them.
fn columns(out: &mut impl std::io::Write, layout: &Layout) -> std::io::Result<()> {
    list(out, layout)?;
    let columns = Columns::of(layout);
    for set in &columns.sets {
        let (min, max) = (set.layout.min, set.layout.max);
        let name = &set.layout.name;
        writeln!(out, "データセット {} {name}: {min}〜{max}件", set.path)?;
    }
    writeln!(out, "\n CSV列  .DAT位置  .DAT桁  項目")?;
    for (field, width) in columns.widths.iter().enumerate() {
        let csv = columns.place(FileForm::Csv, field);
        let dat = columns.place(FileForm::Dat, field);
        let item = field.checked_sub(HeadColumn::ALL.len());
        let item = item.and_then(|at| columns.items.get(at));
        let form = item.map(|item| {
            let set = columns.sets.get(item.set);
            let path = set.map(|set| set.path.as_str()).unwrap_or_default();
            format!(
                "  {path}  {}{}",
                item.layout.form_ja(),
                permitted(&item.layout.kind)
            )
        });
        let (title, form) = (columns.title(field), form.unwrap_or_default());
        writeln!(out, "{csv:>6} {dat:>9} {width:>7}  {title}{form}")?;
    }
    Ok(())
}

fn permitted(kind: &ItemKind) -> String {
    match kind {
        ItemKind::Code { permitted } => {
            let codes = permitted
                .iter()
                .map(|(code, name)| format!("{code}={name}"));
            format!(" [{}]", codes.collect::<Vec<_>>().join(" "))
        }
        ItemKind::Text | ItemKind::Digits | ItemKind::Integer | ItemKind::Date | ItemKind::Flag => {
            String::new()
        }
    }
}
