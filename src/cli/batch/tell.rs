//! What `chukan batch` tells.

use std::{
    io::{Write as _, stdout},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use crate::{
    cli::fault::CliFault,
    crypto::files::replace_private,
    domain::{
        batch_file::{ReportLine, report as report_text, report_of_files},
        jst::jst_datetime,
    },
    grpc::proto::v1,
};

pub(in crate::cli) fn line(text: &str) -> Result<(), CliFault> {
    writeln!(stdout(), "{text}")?;
    Ok(())
}

pub(super) fn taken(response: &v1::SubmitBatchResponse) -> Result<(), CliFault> {
    let Some(batch) = &response.batch else {
        return Ok(());
    };
    let left_out = match batch.rows_left_out {
        0 => String::new(),
        rows => format!("（誤りのある{rows}行を除きました）"),
    };
    line(&format!(
        "受け付けました: {} {}行{left_out}",
        batch.file_name, batch.rows
    ))
}

/// What was found wrong in the files of one command.
#[derive(Default)]
pub(super) struct Found {
    /// Whether each flaw is told with the name of its file: there are several.
    names_files: bool,
    flaws: Vec<(String, v1::BatchFlaw)>,
    /// Files that were refused because of their flaws.
    pub(super) refused_files: u64,
}

impl Found {
    pub(super) fn of(files: &[PathBuf]) -> Self {
        Self {
            names_files: files.len() > 1,
            ..Self::default()
        }
    }

    /// Tells the flaws of a file one by one, and keeps them for the report.
    pub(super) fn tell(&mut self, file: &str, flaws: Vec<v1::BatchFlaw>) -> Result<(), CliFault> {
        for flaw in flaws {
            let name = match self.names_files {
                true => format!("{file} "),
                false => String::new(),
            };
            let place = match flaw.column {
                0 => format!("{}行目 {}文字目", flaw.line, flaw.position),
                column => format!("{}行目 項目{column}", flaw.line),
            };
            let shape = match flaw.shape.as_str() {
                "" => String::new(),
                shape => format!("（値の形: {shape}）"),
            };
            line(&format!("{name}{place} {}{shape}", flaw.description_ja))?;
            self.flaws.push((file.to_owned(), flaw));
        }
        Ok(())
    }

    /// Writes the flaws to a report where one is wanted.
    pub(super) fn report(&self, report: Option<&Path>) -> Result<(), CliFault> {
        let Some(report) = report else {
            return Ok(());
        };
        let lines = self.flaws.iter().map(|(file, flaw)| {
            let line = ReportLine {
                line: flaw.line.unsigned_abs().into(),
                position: usize::try_from(flaw.position).unwrap_or_default(),
                column: usize::try_from(flaw.column).unwrap_or_default(),
                column_name: flaw.column_name.clone(),
                shape: flaw.shape.clone(),
                description_ja: flaw.description_ja.clone(),
            };
            (file.clone(), line)
        });
        let text = match self.names_files {
            true => report_of_files(lines),
            false => report_text(lines.map(|(_, line)| line)),
        };
        replace_private(report, text.as_bytes()).map_err(CliFault::file(report))
    }
}

pub(super) fn batch(batch: &v1::Batch) -> Result<(), CliFault> {
    line(&format!("ファイル  {}", batch.file_name))?;
    line(&format!("状態      {}", state(batch)))?;
    if !batch.stopped_by_ja.is_empty() {
        line(&format!("停止中    {}", batch.stopped_by_ja))?;
    }
    line(&format!("受付      {}", time(batch.accepted_at)))?;
    if batch.ended_at.is_some() {
        line(&format!("終了      {}", time(batch.ended_at)))?;
    }
    line(&format!(
        "行        {}行中{}行が終了",
        batch.rows, batch.rows_ended
    ))?;
    if batch.rows_left_out > 0 {
        line(&format!("除いた行  {}行", batch.rows_left_out))?;
    }
    for of in &batch.results {
        let result = of.result.clone().unwrap_or_default();
        line(&format!(
            "  {} {:>6}行  {}",
            result.status_code, of.rows, result.message
        ))?;
    }
    Ok(())
}

pub(super) fn list(batches: &[v1::Batch]) -> Result<(), CliFault> {
    if batches.is_empty() {
        return line("バッチ照会はありません。");
    }
    for batch in batches {
        line(&format!(
            "{}  {}  {:>5}/{:>5}行  {}",
            time(batch.accepted_at),
            batch.file_name,
            batch.rows_ended,
            batch.rows,
            state(batch)
        ))?;
    }
    Ok(())
}

fn state(batch: &v1::Batch) -> &'static str {
    match batch.state() {
        v1::BatchState::Unspecified => "不明",
        v1::BatchState::Running => "処理中",
        v1::BatchState::Cancelling => "取消中",
        v1::BatchState::Ended => "終了",
    }
}

/// A time in Japan.
pub(in crate::cli) fn time(at: Option<prost_types::Timestamp>) -> String {
    let at = at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok());
    at.map(|at| jst_datetime(at).strftime("%Y-%m-%d %H:%M:%S").to_string())
        .unwrap_or_default()
}
