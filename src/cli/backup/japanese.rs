//! Why a backup was refused, in Japanese.

use crate::{crypto::sealed_stream::StreamFault, world::backup::BackupFault};

/// What is wrong and where; the fault's own words where they name files of ours.
pub(in crate::cli) fn ja(fault: &BackupFault) -> String {
    match fault {
        BackupFault::Stream(StreamFault::Foreign) => {
            "chukan のバックアップではないか、先頭が損傷しています".into()
        }
        BackupFault::Stream(StreamFault::OtherKey) => {
            "ほかの鍵で暗号化されています。--key に、作成時の公開鍵と組になる秘密鍵を指定してください".into()
        }
        BackupFault::Stream(StreamFault::Damaged { offset }) => {
            format!("{offset}バイト目からの部分が損傷しているか、並べ替えられています")
        }
        BackupFault::Stream(StreamFault::Cut { offset }) => {
            format!("途中で切れています（{offset}バイト目からの部分がそろっていません）")
        }
        BackupFault::Stream(StreamFault::Trailing { offset }) => {
            format!("末尾に余分なバイトがあります（{offset}バイト目から）")
        }
        BackupFault::Form(what) => format!("内容がこの版の形式ではありません（{what}）"),
        BackupFault::Signature => "目録の署名が、この世界のコアシステムのものではありません".into(),
        BackupFault::OtherSigner => {
            "指定された公開鍵の世界のバックアップではありません".into()
        }
        BackupFault::Member(name) => format!("{name} が目録と一致しません"),
        BackupFault::Exists(dir) => format!(
            "{} は既にあります。まだないディレクトリーを指定してください",
            dir.display()
        ),
        BackupFault::Stopped => "作成中に世界が閉じられました".into(),
        BackupFault::Ledger(_)
        | BackupFault::Store(_)
        | BackupFault::Key(_)
        | BackupFault::File { .. }
        | BackupFault::Io(_) => fault.to_string(),
    }
}
