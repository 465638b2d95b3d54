//! Daily backups.

use std::path::PathBuf;

use data_encoding::BASE64;
use jiff::civil::Time;
use serde::{Deserialize, Serialize};

use super::flaw::Range;
use crate::crypto::sealing_key::SealingPublicKey;

/// Daily backups of every world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackupConfig {
    /// Where the archives are put. Default: none, no backup is made by itself.
    pub folder: Option<PathBuf>,
    /// When, in Japan's time by each world's clock. Default: `03:00:00`.
    pub daily_at: Time,
    /// The X25519 public key to which they are sealed, in Base64, as `chukan key new` shows it. Needed with `folder`.
    pub recipient: Option<String>,
    /// How many archives of each world are kept; older ones are deleted. Default: 14.
    pub keep: u32,
}

impl Default for BackupConfig {
    fn default() -> Self {
        Self {
            folder: None,
            daily_at: Time::constant(3, 0, 0, 0),
            recipient: None,
            keep: 14,
        }
    }
}

impl BackupConfig {
    /// The recipient's key; nothing where there is none or it is no key.
    pub fn key(&self) -> Option<SealingPublicKey> {
        let bytes = BASE64.decode(self.recipient.as_ref()?.as_bytes()).ok()?;
        SealingPublicKey::from_bytes(&bytes).ok()
    }

    pub(super) fn ranges(&self) -> Vec<Range> {
        vec![Range::new("backup.keep", self.keep.into(), 1, 10_000)]
    }
}
