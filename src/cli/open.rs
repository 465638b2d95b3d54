//! `chukan key new` and `chukan open`: for an institution whose business system holds the key itself.

use std::io::Write as _;

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use data_encoding::{BASE64, HEXLOWER};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::fault::CliFault;
use crate::crypto::{
    files::create_private,
    sealing::{Sealed, open},
    sealing_key::SealingKeyPair,
};

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// X25519の鍵の組を作り、秘密鍵をファイルに、公開鍵（Base64）を標準出力に書く
    New(New),
}

#[derive(Debug, Args)]
pub(super) struct New {
    /// 秘密鍵を書くファイル（所有者のみ読めます。上書きはしません）
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Open {
    /// 秘密鍵のファイル（`chukan key new` が書いたもの）
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// 封印された回答（SealedAnswer のJSON表現）。省略または - で標準入力
    answer: Option<PathBuf>,
}

/// `chukan.v1.SealedAnswer` in its JSON form, as grpcurl and buf print it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnswerJson {
    encapsulated_key: String,
    ciphertext: String,
    info: String,
    aad: String,
    /// A printer of JSON may leave out what is empty.
    #[serde(default)]
    export_context: String,
}

impl KeyCommand {
    pub(super) fn run(self) -> Result<(), CliFault> {
        let Self::New(new) = self;
        let pair = SealingKeyPair::generate()
            .map_err(|_| CliFault::Said("鍵を作れません: 乱数が得られません"))?;
        let text = Zeroizing::new(HEXLOWER.encode(&*pair.secret_bytes()) + "\n");
        create_private(&new.out, text.as_bytes()).map_err(CliFault::file(new.out.as_path()))?;
        writeln!(
            std::io::stdout(),
            "{}",
            BASE64.encode(pair.public().as_bytes())
        )?;
        Ok(())
    }
}

impl Open {
    pub(super) fn run(self) -> Result<(), CliFault> {
        let pair = read_key(&self.key)?;
        let json = self.read_answer()?;
        let answer: AnswerJson = serde_json::from_slice(&json)
            .map_err(|_| CliFault::Said("SealedAnswer のJSONとして読み取れません（encapsulatedKey、ciphertext、info、aad が必要です）"))?;
        let bytes = |text: &str| {
            let decoded = BASE64.decode(text.as_bytes());
            decoded.map_err(|_| CliFault::Said("Base64として読み取れない項目があります"))
        };
        let encapsulated_key = bytes(&answer.encapsulated_key)?
            .try_into()
            .map_err(|_| CliFault::Said("encapsulatedKey は32バイトである必要があります"))?;
        let sealed = Sealed {
            encapsulated_key,
            ciphertext: bytes(&answer.ciphertext)?,
            export_context: bytes(&answer.export_context)?,
        };
        let plain =
            open(&pair, &bytes(&answer.info)?, &bytes(&answer.aad)?, &sealed).map_err(|_| {
                CliFault::Said("この鍵では開けません（鍵が違うか、回答が改変されています）")
            })?;
        let value: serde_json::Value = serde_json::from_slice(&plain)
            .map_err(|_| CliFault::Said("開いた内容が回答の形式ではありません"))?;
        writeln!(std::io::stdout(), "{value:#}")?;
        Ok(())
    }

    fn read_answer(&self) -> Result<Vec<u8>, CliFault> {
        match self.answer.as_deref() {
            Some(file) if file.as_os_str() != "-" => fs::read(file).map_err(CliFault::file(file)),
            _ => {
                let mut bytes = Vec::new();
                io::stdin().read_to_end(&mut bytes)?;
                Ok(bytes)
            }
        }
    }
}

/// Reads the private key that `chukan key new` wrote.
pub(super) fn read_key(file: &Path) -> Result<SealingKeyPair, CliFault> {
    let text = fs::read_to_string(file).map_err(CliFault::file(file))?;
    let text = Zeroizing::new(text);
    HEXLOWER
        .decode(text.trim().as_bytes())
        .ok()
        .map(Zeroizing::new)
        .and_then(|bytes| SealingKeyPair::from_bytes(&bytes).ok())
        .ok_or(CliFault::Said(
            "秘密鍵のファイルを読み取れません（16進64文字）",
        ))
}
