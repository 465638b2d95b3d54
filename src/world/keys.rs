//! The keys of a world: made once from the operating system's random source, kept in a file that only its owner reads.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fs, io,
    path::Path,
};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{WorldFault, digest};
use crate::{
    crypto::{
        digest::{random_bytes, sha256},
        files::replace_private,
        sealing_key::SealingKeyPair,
        signing::SigningKey,
        symbol::SymbolSecret,
        vault::{VAULT_KEY_BYTES, Vault},
    },
    domain::{codes::InstitutionCode, institution::Directory},
    ledger::{LedgerKeys, Owner},
};

/// The keys as the file holds them: seeds in hexadecimal.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Stored {
    core: String,
    /// What the resident network's queues are sealed with.
    #[serde(default)]
    resident_network: String,
    /// What results are sealed with that lie ready to be fetched.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    downloads: String,
    #[zeroize(skip)]
    institutions: BTreeMap<InstitutionCode, StoredPair>,
    /// Of the fields above. A file without it was made before there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[zeroize(skip)]
    sha256: Option<String>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct StoredPair {
    signing: String,
    sealing: String,
    /// What the addressee system's numbers are sealed with.
    #[serde(default)]
    numbers: String,
}

/// The keys of a world.
pub(super) struct WorldKeys {
    stored: Stored,
}

impl WorldKeys {
    /// Reads the keys in `file`, makes those that are missing for the institutions of `directory`, and keeps them.
    pub(super) fn load_or_create(file: &Path, directory: &Directory) -> Result<Self, WorldFault> {
        let made = file.with_file_name("ledger").exists();
        let mut stored = match fs::read(file) {
            Ok(bytes) => read(&Zeroizing::new(bytes))?,
            // The keys are on disk before the ledger that they sign: one without the other has lost them.
            Err(error) if error.kind() == io::ErrorKind::NotFound && made => {
                return Err(WorldFault::Keys);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Stored {
                core: hex_seed(&SigningKey::generate()?),
                resident_network: String::new(),
                downloads: String::new(),
                institutions: BTreeMap::new(),
                sha256: None,
            },
            Err(error) => return Err(WorldFault::file(file)(error)),
        };
        if stored.resident_network.is_empty() {
            stored.resident_network = hex_vault_key()?;
        }
        if stored.downloads.is_empty() {
            stored.downloads = hex_vault_key()?;
        }
        for institution in directory.iter() {
            if let Entry::Vacant(missing) = stored.institutions.entry(institution.code) {
                missing.insert(StoredPair {
                    signing: hex_seed(&SigningKey::generate()?),
                    sealing: HEXLOWER.encode(&*SealingKeyPair::generate()?.secret_bytes()),
                    numbers: hex_vault_key()?,
                });
            }
        }
        for pair in stored.institutions.values_mut() {
            if pair.numbers.is_empty() {
                pair.numbers = hex_vault_key()?;
            }
        }
        stored.sha256 = Some(digest::of(&stored).map_err(|_| WorldFault::Keys)?);
        let bytes = serde_json::to_vec_pretty(&stored).map_err(|_| WorldFault::Keys)?;
        let bytes = Zeroizing::new(bytes);
        replace_private(file, &bytes).map_err(WorldFault::file(file))?;
        Ok(Self { stored })
    }

    /// Reads the keys in `file` as they are.
    pub(super) fn load(file: &Path) -> Result<Self, WorldFault> {
        let bytes = Zeroizing::new(fs::read(file).map_err(WorldFault::file(file))?);
        Ok(Self {
            stored: read(&bytes)?,
        })
    }

    /// The core system's signing key.
    pub(super) fn core(&self) -> Result<SigningKey, WorldFault> {
        signing(&self.stored.core)
    }

    /// What the resident network's queues are sealed with.
    pub(super) fn resident_network(&self) -> Result<Vault, WorldFault> {
        vault(&self.stored.resident_network)
    }

    /// What results are sealed with that lie ready to be fetched.
    pub(super) fn downloads(&self) -> Result<Vault, WorldFault> {
        vault(&self.stored.downloads)
    }

    /// What the numbers in an institution's addressee system are sealed with.
    pub(super) fn numbers(&self, code: InstitutionCode) -> Result<Vault, WorldFault> {
        let pair = self.stored.institutions.get(&code);
        vault(&pair.ok_or(WorldFault::Keys)?.numbers)
    }

    /// The keys that checkpoints are signed with.
    pub(super) fn ledger(&self) -> Result<LedgerKeys, WorldFault> {
        let mut institutions = BTreeMap::new();
        for (code, pair) in &self.stored.institutions {
            let owner: Owner = code.as_str().parse().map_err(|_| WorldFault::Keys)?;
            institutions.insert(owner, signing(&pair.signing)?);
        }
        Ok(LedgerKeys::new(self.core()?, institutions))
    }

    /// The key that answers to an institution are opened with.
    pub(super) fn sealing(&self, code: InstitutionCode) -> Result<SealingKeyPair, WorldFault> {
        let pair = self.stored.institutions.get(&code);
        let bytes = pair.and_then(|pair| HEXLOWER.decode(pair.sealing.as_bytes()).ok());
        Ok(SealingKeyPair::from_bytes(&bytes.ok_or(WorldFault::Keys)?)?)
    }
}

fn read(bytes: &[u8]) -> Result<Stored, WorldFault> {
    let mut stored: Stored = serde_json::from_slice(bytes).map_err(|_| WorldFault::Keys)?;
    if let Some(digest) = stored.sha256.take() {
        let right = digest::of(&stored).is_ok_and(|right| right == digest);
        right.then_some(()).ok_or(WorldFault::Keys)?;
    }
    Ok(stored)
}

fn hex_seed(key: &SigningKey) -> String {
    HEXLOWER.encode(key.seed())
}

fn hex_vault_key() -> Result<String, WorldFault> {
    Ok(HEXLOWER.encode(&random_bytes::<VAULT_KEY_BYTES>()?))
}

fn vault(hex: &str) -> Result<Vault, WorldFault> {
    let key = HEXLOWER.decode(hex.as_bytes()).ok();
    let key = key.and_then(|key| key.try_into().ok());
    Ok(Vault::new(&key.ok_or(WorldFault::Keys)?)?)
}

fn signing(hex: &str) -> Result<SigningKey, WorldFault> {
    let seed = HEXLOWER
        .decode(hex.as_bytes())
        .map_err(|_| WorldFault::Keys)?;
    Ok(SigningKey::from_seed(&seed)?)
}

/// The secret that the core system makes symbols with: the same seed gives the same symbols.
pub(super) fn symbol_secret(seed: u64) -> SymbolSecret {
    SymbolSecret::from_seed(&sha256(&[b"chukan symbol secret", &seed.to_be_bytes()]))
}
