//! The command line: one subcommand per file.

mod backup;
mod batch;
mod certs;
mod client;
mod completions;
mod config;
mod demo;
mod download;
mod fault;
mod japanese;
mod layout;
mod ledger;
mod network;
mod open;
mod options;
mod people;
mod portal;
mod reconcile;
mod replica;
mod report;
mod residents;
mod sample;
mod serve;
mod start;
mod state;
mod symbols;
mod wall_clock;
mod world;
mod world_dir;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, error::ErrorKind};

/// The exit code of a command line that cannot be understood.
const EXIT_USAGE: u8 = 2;

/// 中間サーバーと情報提供ネットワークシステムのシミュレーター（個人番号制度の情報連携を1台で再現します）
#[derive(Debug, Parser)]
#[command(
    name = "chukan",
    version,
    after_help = "終了コード: 0 正常、1 失敗、2 使い方の誤り、3 検証で不一致または損傷を検出、4 設定または定義ファイルの誤り、5 送ったファイルの誤り\n\
                  環境変数: CHUKAN_CONFIG（設定ファイル）、CHUKAN_SERVER_LISTEN など（`chukan config show` のキーを大文字と _ で書いたもの）"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// 世界を作り、1件の情報照会を実際の通信で流して、各段階を説明する
    Demo(demo::Demo),
    /// サーバーを起動する
    Serve(serve::Serve),
    /// バッチ照会ファイルを送り、状況を見て、結果を取得する
    #[command(subcommand)]
    Batch(batch::BatchCommand),
    /// 大容量の結果をURLから取得する。中断した取得は続きから行う
    Download(download::Download),
    /// 封印された回答やバックアップを開くための鍵を作る
    #[command(subcommand)]
    Key(open::KeyCommand),
    /// 封印された回答（JSON）を開いて表示する
    Open(open::Open),
    /// 業務統計を表示する（表・CSV・棒グラフ）
    Report(report::Report),
    /// 見本のファイルを作る
    #[command(subcommand)]
    Sample(sample::SampleCommand),
    /// レイアウトのファイルを検査・比較・表示する
    #[command(subcommand)]
    Layout(layout::LayoutCommand),
    /// 副本ファイルの取込・書出・突合をする
    #[command(subcommand)]
    Replica(replica::ReplicaCommand),
    /// 見本の住民を表示する・探す
    #[command(subcommand)]
    People(people::PeopleCommand),
    /// 本人がマイナポータルで見るもの（情報提供等記録・自己情報・お知らせ）を表示する
    Portal(portal::PortalCommand),
    /// 符号取得の状況を見る
    #[command(subcommand)]
    Symbols(symbols::SymbolsCommand),
    /// 世界を作る・消す・作り直す、世界の時計を進める
    World(world::WorldCommand),
    /// 住基ネットの本人確認情報を通知する・照会する
    #[command(subcommand)]
    Residents(residents::ResidentsCommand),
    /// 情報提供ネットワークと提供機関を止める・遅らせる、運用のお知らせを出す
    Network(network::NetworkCommand),
    /// 記録台帳を検証する
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// 台帳の三者（照会側・コアシステム・提供側）の記録をすべて突き合わせる
    Reconcile(reconcile::Reconcile),
    /// 停止中の世界の状態を、台帳と突き合わせる・作り直す
    #[command(subcommand)]
    State(state::StateCommand),
    /// 世界のバックアップを作る・検証する・復元する
    #[command(subcommand)]
    Backup(backup::BackupCommand),
    /// 開発用の証明書を発行・失効する
    #[command(subcommand)]
    Certs(certs::CertsCommand),
    /// 設定を検査・表示する
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// シェルの補完スクリプトを出力する
    Completions(completions::Completions),
}

/// Runs the command that the process was called with.
pub fn run() -> ExitCode {
    let cli = match read_command_line() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let done = match cli.command {
        Command::Demo(demo) => demo.run(),
        Command::Serve(serve) => serve.run(),
        Command::Batch(batch) => batch.run(),
        Command::Download(download) => download.run(),
        Command::Key(key) => key.run(),
        Command::Open(open) => open.run(),
        Command::Report(report) => report.run(),
        Command::Sample(sample) => sample.run(),
        Command::Layout(layout) => layout.run(),
        Command::Replica(replica) => replica.run(),
        Command::People(people) => people.run(),
        Command::Portal(portal) => portal.run(),
        Command::Symbols(symbols) => symbols.run(),
        Command::World(world) => world.run(),
        Command::Residents(residents) => residents.run(),
        Command::Network(network) => network.run(),
        Command::Ledger(ledger) => ledger.run(),
        Command::Reconcile(reconcile) => reconcile.run(),
        Command::State(state) => state.run(),
        Command::Backup(backup) => backup.run(),
        Command::Certs(certs) => certs.run(),
        Command::Config(config) => config.run(),
        Command::Completions(completions) => completions.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) if fault.is_enough() => ExitCode::SUCCESS,
        Err(fault) => {
            fault.show();
            fault.exit_code()
        }
    }
}

/// The command that the process was called with; or the exit code after help, version or a mistake was shown.
fn read_command_line() -> Result<Cli, ExitCode> {
    let read = japanese::japanese(Cli::command()).try_get_matches();
    match read.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => Ok(cli),
        Err(shown)
            if matches!(
                shown.kind(),
                ErrorKind::DisplayHelp
                    | ErrorKind::DisplayVersion
                    | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            ) =>
        {
            shown.exit()
        }
        Err(wrong) => {
            fault::aside(&japanese::message(&wrong));
            Err(ExitCode::from(EXIT_USAGE))
        }
    }
}
