//! How members lie in an archive, inside the sealed stream.
//!
//! ```text
//! member    1 | length of the name 2 | name | piece* | 0 4
//! piece     length 4, not 0 | bytes
//! manifest  2 | length 4 | JSON | signature 64
//! ```
//! Numbers are big-endian. The manifest comes last: it names every member with its length and digest.

use std::io::{Read, Write};

use data_encoding::HEXLOWER;

use super::{
    BackupFault,
    manifest::{Manifest, Member},
};
use crate::{
    crypto::{
        digest::Digesting,
        sealed_stream::{SealedReader, SealedWriter},
        sealing_key::{SealingKeyPair, SealingPublicKey},
        signing::{SIGNATURE_BYTES, SigningKey},
    },
    ledger::{Owner, PublicKeys},
};

const MEMBER: u8 = 1;
const MANIFEST: u8 = 2;
/// Longest piece that is written or read, in bytes.
const PIECE_BYTES_MAX: usize = 4 << 20;
const MANIFEST_BYTES_MAX: usize = 256 << 20;

/// The public keys of the world's ledger; the core's verifies the manifest.
pub(super) const KEYS: &str = "world/ledger/keys.pub";
/// The rows of the state.
pub(super) const STATE: &str = "world/state";
/// Before the names of segments.
pub(super) const LEDGER: &str = "world/ledger/";
/// Before the names of checkpoints.
pub(super) const CHECKPOINTS: &str = "world/ledger/checkpoints/";
/// Before the names of segments.
pub(super) const SEGMENTS: &str = "world/ledger/segments/";

/// Writes an archive.
pub(super) struct ArchiveWriter<W: Write> {
    out: SealedWriter<W>,
    open: Option<Open>,
    members: Vec<Member>,
}

/// A member that is being written or read.
struct Open {
    name: String,
    bytes: u64,
    digest: Digesting,
}

impl Open {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            bytes: 0,
            digest: Digesting::default(),
        }
    }

    fn take(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        self.digest.add(piece);
    }

    fn close(self) -> Member {
        Member {
            name: self.name,
            bytes: self.bytes,
            sha256: HEXLOWER.encode(&self.digest.finish()),
        }
    }
}

impl<W: Write> ArchiveWriter<W> {
    pub(super) fn begin(out: W, recipient: &SealingPublicKey) -> Result<Self, BackupFault> {
        Ok(Self {
            out: SealedWriter::begin(out, recipient)?,
            open: None,
            members: Vec::new(),
        })
    }

    /// Begins a member and ends the one before.
    pub(super) fn member(&mut self, name: &str) -> Result<(), BackupFault> {
        self.end()?;
        let length = u16::try_from(name.len()).map_err(|_| BackupFault::Form("names"))?;
        self.out.write_all(&[MEMBER])?;
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(name.as_bytes())?;
        self.open = Some(Open::new(name));
        Ok(())
    }

    /// Adds bytes to the member that was begun last.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), BackupFault> {
        for piece in bytes.chunks(PIECE_BYTES_MAX) {
            if let Some(open) = &mut self.open {
                open.take(piece);
            }
            self.out.write_all(&(piece.len() as u32).to_be_bytes())?;
            self.out.write_all(piece)?;
        }
        Ok(())
    }

    /// Writes the manifest, signed, and the end.
    pub(super) fn finish(
        mut self,
        mut manifest: Manifest,
        key: &SigningKey,
    ) -> Result<(W, Manifest), BackupFault> {
        self.end()?;
        manifest.members = std::mem::take(&mut self.members);
        let (json, signature) = manifest.sign(key)?;
        let length = u32::try_from(json.len()).map_err(|_| BackupFault::Form("manifest"))?;
        self.out.write_all(&[MANIFEST])?;
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(&json)?;
        self.out.write_all(&signature)?;
        Ok((self.out.finish()?, manifest))
    }

    fn end(&mut self) -> Result<(), BackupFault> {
        if let Some(open) = self.open.take() {
            self.out.write_all(&0_u32.to_be_bytes())?;
            self.members.push(open.close());
        }
        Ok(())
    }
}

/// Takes what is read out of an archive, piece by piece, each member with its beginning and its end.
pub(super) trait Sink {
    fn begin(&mut self, name: &str) -> Result<(), BackupFault>;
    fn piece(&mut self, piece: &[u8]) -> Result<(), BackupFault>;
    fn end(&mut self) -> Result<(), BackupFault>;
}

/// Reads an archive to its end. What `sink` was given counts only when this returns: the manifest comes last. `keys` were
/// kept elsewhere; without them the archive's own say who signed, which shows damage but not a forger.
pub(super) fn read(
    from: impl Read,
    key: &SealingKeyPair,
    keys: Option<&PublicKeys>,
    sink: &mut impl Sink,
) -> Result<(Manifest, PublicKeys), BackupFault> {
    let mut stream = SealedReader::begin(from, key)?;
    let (mut members, mut own_keys) = (Vec::new(), Vec::new());
    let mut piece = Vec::new();
    while take::<1>(&mut stream)? == [MEMBER] {
        let length = u16::from_be_bytes(take(&mut stream)?).into();
        take_bytes(&mut stream, &mut piece, length)?;
        let name = std::str::from_utf8(&piece).map_err(|_| BackupFault::Form("names"))?;
        let name = well_formed(name)?.to_owned();
        sink.begin(&name)?;
        let mut open = Open::new(&name);
        loop {
            let length = u32::from_be_bytes(take(&mut stream)?) as usize;
            if length == 0 {
                break;
            }
            if length > PIECE_BYTES_MAX {
                return Err(BackupFault::Form("members"));
            }
            take_bytes(&mut stream, &mut piece, length)?;
            open.take(&piece);
            if name == KEYS && own_keys.len() < PIECE_BYTES_MAX {
                own_keys.extend_from_slice(&piece);
            }
            sink.piece(&piece)?;
        }
        sink.end()?;
        members.push(open.close());
    }
    let length = u32::from_be_bytes(take(&mut stream)?) as usize;
    if length > MANIFEST_BYTES_MAX {
        return Err(BackupFault::Form("manifest"));
    }
    take_bytes(&mut stream, &mut piece, length)?;
    let signature: [u8; SIGNATURE_BYTES] = take(&mut stream)?;
    stream.end()?;
    let own_keys = std::str::from_utf8(&own_keys).ok();
    let own_keys = own_keys.and_then(|text| text.parse::<PublicKeys>().ok());
    let own_keys = own_keys.ok_or(BackupFault::Form(KEYS))?;
    let core = own_keys.of(Owner::CORE).ok_or(BackupFault::Form(KEYS))?;
    if keys.is_some_and(|kept| kept.of(Owner::CORE) != Some(core)) {
        return Err(BackupFault::OtherSigner);
    }
    let manifest = Manifest::read(&piece, &signature, &core)?;
    let mut read = members.iter();
    for wanted in &manifest.members {
        if read.next() != Some(wanted) {
            return Err(BackupFault::Member(wanted.name.clone()));
        }
    }
    match read.next() {
        Some(more) => Err(BackupFault::Member(more.name.clone())),
        None => Ok((manifest, own_keys)),
    }
}

/// A name stays below the directory it is restored in.
fn well_formed(name: &str) -> Result<&str, BackupFault> {
    let known = ["definitions/", "pki/", "world/"];
    let plain = name.split('/').all(|part| {
        !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', '\0'])
    });
    (plain && known.iter().any(|folder| name.starts_with(folder)))
        .then_some(name)
        .ok_or(BackupFault::Form("names"))
}

fn take<const N: usize>(stream: &mut impl Read) -> Result<[u8; N], BackupFault> {
    let mut bytes = [0; N];
    exactly(stream, &mut bytes)?;
    Ok(bytes)
}

fn take_bytes(
    stream: &mut impl Read,
    into: &mut Vec<u8>,
    length: usize,
) -> Result<(), BackupFault> {
    into.clear();
    into.resize(length, 0);
    exactly(stream, into)
}

/// A stream that ends well may still end too early for its content.
fn exactly(stream: &mut impl Read, into: &mut [u8]) -> Result<(), BackupFault> {
    stream.read_exact(into).map_err(|fault| {
        if fault.kind() == std::io::ErrorKind::UnexpectedEof {
            BackupFault::Form("members")
        } else {
            fault.into()
        }
    })
}
