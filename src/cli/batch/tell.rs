//! What `chukan batch` tells.

use std::{
    io::{Write as _, stdout},
    path::Path,
};

use jiff::Timestamp;

use crate::{
    cli::fault::CliFault,
    crypto::files::replace_private,
    domain::{
        batch_file::{ReportLine, report as report_text},
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

/// Tells flaws one by one, and writes them to a report where one is wanted.
pub(super) fn flaws(flaws: &[v1::BatchFlaw], report: Option<&Path>) -> Result<(), CliFault> {
    for flaw in flaws {
        let place = match flaw.column {
            0 => format!("{}行目 {}文字目", flaw.line, flaw.position),
            column => format!("{}行目 項目{column}", flaw.line),
        };
        let shape = match flaw.shape.as_str() {
            "" => String::new(),
            shape => format!("（値の形: {shape}）"),
        };
        line(&format!("{place} {}{shape}", flaw.description_ja))?;
    }
    let Some(report) = report else {
        return Ok(());
    };
    let lines = flaws.iter().map(|flaw| ReportLine {
        line: flaw.line.unsigned_abs().into(),
        position: usize::try_from(flaw.position).unwrap_or_default(),
        column: usize::try_from(flaw.column).unwrap_or_default(),
        column_name: flaw.column_name.clone(),
        shape: flaw.shape.clone(),
        description_ja: flaw.description_ja.clone(),
    });
    let text = report_text(lines);
    replace_private(report, text.as_bytes()).map_err(CliFault::file(report))
}

pub(super) fn batch(batch: &v1::Batch) -> Result<(), CliFault> {
    line(&format!("ファイル  {}", batch.file_name))?;
    line(&format!("状態      {}", state(batch)))?;
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
