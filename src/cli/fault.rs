//! Why a command failed, in Japanese for the person at the terminal, and with which exit code.

use std::{
    error::Error,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use tonic_types::StatusExt as _;

use crate::{
    config::ConfigFlaw,
    crypto::{identity::IdentityFault, pki::PkiFault},
    ledger::{EvidenceFault, LedgerFault},
    sample::flaw::DefinitionFlaw,
    server::{ServerFault, TlsFault, connect::ConnectFault, telemetry::TelemetryFault},
    world::{WorldFault, backup::BackupFault},
};

/// Tells a line on the standard error. Where nobody reads it nobody can be told that either.
pub(super) fn aside(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}

/// What is said of a file that somebody writes while it is read.
pub(super) const CHANGED: &str = "読み取り中にファイルが変更されました。何も取り込まれていません。書き終えてから、もう一度実行してください";

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliFault {
    #[error("設定に誤りがあります: {0}")]
    Config(#[from] ConfigFlaw),
    #[error("ログを開始できません: {0}")]
    Telemetry(#[from] TelemetryFault),
    #[error("世界を開けません: {0}")]
    World(WorldFault),
    #[error("定義ファイルに誤りがあります（{}件）", .0.len())]
    Definitions(Vec<DefinitionFlaw>),
    #[error("証明書を用意できません: {0}")]
    Pki(#[from] PkiFault),
    #[error("TLSの設定を読み込めません: {0}")]
    Tls(#[from] TlsFault),
    #[error("サーバーを起動できません: {}", said_of_server(.0))]
    Server(#[from] ServerFault),
    #[error("接続できません: {0}")]
    Connect(#[from] ConnectFault),
    #[error("呼び出しが失敗しました: {}", said(.0))]
    Call(#[from] Box<tonic::Status>),
    #[error("台帳に問題があります: {0}")]
    Ledger(#[from] LedgerFault),
    #[error("バックアップに問題があります: {}", super::backup::ja(.0))]
    Backup(#[from] BackupFault),
    #[error("証明が成り立ちません: {0}")]
    Evidence(#[from] EvidenceFault),
    #[error("証跡のファイルとして読み取れません")]
    NotEvidence,
    #[error("{}: {}", file.display(), said_by_system(source))]
    File { file: PathBuf, source: io::Error },
    #[error("{}", said_by_system(.0))]
    Io(#[from] io::Error),
    #[error("機関の指定が正しくありません: {0}")]
    Identity(#[from] IdentityFault),
    #[error("ファイルに{0}件の誤りがあります")]
    Flawed(usize),
    #[error("終わらなかったものが{count}件あります。上の表示を確かめてください")]
    SomeFailed { count: usize, flawed: bool },
    #[error("ファイルに誤りが{0}件あるため、何も登録していません")]
    FileRefused(u64),
    #[error("文字コードで表せない副本{0}件は書き出していません")]
    ReplicasUnwritable(u64),
    #[error("ファイルの{0}行目を読み取れません。取込で誤りの内容を確かめてください")]
    FileLine(u64),
    #[error("原本と副本が{0}件異なります")]
    Differences(u64),
    #[error(
        "台帳に損傷が{0}か所あります。`chukan backup restore` で新しいディレクトリーに復元してください"
    )]
    Damaged(usize),
    #[error("状態と台帳が{0}件一致しません。`chukan state rebuild` で作り直せます")]
    StateDiffers(u64),
    #[error("三者の記録が{0}件一致しないか、読み取れません")]
    SidesDiffer(u64),
    #[error("{0}")]
    Explained(String),
    #[error("{0}")]
    Said(&'static str),
}

/// The server's Japanese message with its fields, or its status where it has none.
fn said(status: &tonic::Status) -> String {
    let message = match status.get_details_localized_message() {
        Some(said) if said.locale == "ja" => said.message,
        _ => format!("{} {}", status.code(), status.message()),
    };
    let flawed = status.get_details_bad_request();
    let fields = flawed
        .into_iter()
        .flat_map(|flawed| flawed.field_violations);
    let fields = fields.map(|flaw| {
        // English and Japanese stand in one text.
        let (_, ja) = flaw.description.split_once(" / ").unwrap_or_default();
        format!("\n  {}: {ja}", flaw.field)
    });
    message + &fields.collect::<String>()
}

impl From<WorldFault> for CliFault {
    fn from(fault: WorldFault) -> Self {
        match fault {
            WorldFault::Definitions(flaws) => Self::Definitions(flaws),
            WorldFault::Ledger(fault @ LedgerFault::Damaged { .. }) => Self::Ledger(fault),
            WorldFault::Backup(fault) => Self::Backup(fault),
            other => Self::World(other),
        }
    }
}

fn said_of_server(fault: &ServerFault) -> String {
    match fault {
        ServerFault::Bind { listen, source } => {
            format!("{listen} で待ち受けられません: {}", said_by_system(source))
        }
        other => other.to_string(),
    }
}

/// What the operating system said, in Japanese where it is something that happens to a user.
fn said_by_system(source: &io::Error) -> String {
    use io::ErrorKind;
    let ja = match source.kind() {
        ErrorKind::NotFound => "ファイル又はフォルダがありません",
        ErrorKind::PermissionDenied => "権限がありません",
        ErrorKind::AlreadyExists => "同じ名前のものがあります",
        ErrorKind::NotADirectory => "フォルダではありません",
        ErrorKind::IsADirectory => "フォルダです",
        ErrorKind::DirectoryNotEmpty => "フォルダが空ではありません",
        ErrorKind::ReadOnlyFilesystem => "書き込めない場所です",
        ErrorKind::StorageFull => "ディスクに空きがありません",
        ErrorKind::AddrInUse => "このアドレスは使われています",
        ErrorKind::AddrNotAvailable => "このアドレスはこの計算機にありません",
        ErrorKind::ConnectionRefused => "接続を拒否されました",
        _ => return source.to_string(),
    };
    ja.to_owned()
}

impl From<tonic::Status> for CliFault {
    fn from(status: tonic::Status) -> Self {
        Self::Call(Box::new(status))
    }
}

impl CliFault {
    pub(super) fn file(file: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let file = file.into();
        |source| Self::File { file, source }
    }

    /// Whether who reads the output has seen enough of it and has gone, as `head` does.
    pub(super) fn is_enough(&self) -> bool {
        matches!(self, Self::Io(source) if source.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Writes the fault and its causes to the standard error.
    pub(super) fn show(&self) {
        aside(&format!("chukan: {self}"));
        if let Self::Definitions(flaws) = self {
            for flaw in flaws {
                aside(&format!("  {}", flaw.ja()));
            }
        }
        let mut cause = self.source().and_then(Error::source);
        if matches!(self, Self::Server(ServerFault::Bind { .. })) {
            // It has been said.
            cause = None;
        }
        while let Some(fault) = cause {
            match fault.downcast_ref::<io::Error>() {
                Some(source) => aside(&format!("  原因: {}", said_by_system(source))),
                None => aside(&format!("  原因: {fault}")),
            }
            cause = fault.source();
        }
    }

    /// The exit code, as the help text lists them.
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Backup(
                BackupFault::Exists(_) | BackupFault::File { .. } | BackupFault::Stopped,
            ) => 1,
            Self::Backup(_) => 3,
            Self::Damaged(_) | Self::StateDiffers(_) | Self::SidesDiffer(_) => 3,
            Self::Ledger(_) | Self::Differences(_) | Self::Evidence(_) | Self::NotEvidence => 3,
            Self::Flawed(_) | Self::SomeFailed { flawed: true, .. } => 5,
            Self::Config(_) | Self::Definitions(_) => 4,
            Self::Telemetry(_)
            | Self::World(_)
            | Self::Pki(_)
            | Self::Tls(_)
            | Self::Server(_)
            | Self::Connect(_)
            | Self::Call(_)
            | Self::File { .. }
            | Self::Io(_)
            | Self::Identity(_)
            | Self::Explained(_)
            | Self::FileRefused(_)
            | Self::SomeFailed { flawed: false, .. }
            | Self::ReplicasUnwritable(_)
            | Self::FileLine(_)
            | Self::Said(_) => 1,
        })
    }
}
