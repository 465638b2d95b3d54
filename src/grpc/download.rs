//! Results that are too big for a message: how a message names them, and the door through which they are fetched.

use std::{ops::Range, sync::Arc};

use data_encoding::HEXLOWER;
use tonic::Status;

use super::{
    batch::own_batch,
    caller::{Caller, Entered, Surface},
    fields::timestamp,
    proto::v1,
    status::{ToStatus, status_of},
};
use crate::{
    domain::{
        codes::InstitutionCode,
        download::{Download, DownloadId, DownloadOf},
        refusal::{Refusal, Thing},
    },
    store::DownloadReader,
    world::World,
};

/// What begins the path of every download.
pub const DOWNLOADS_PATH: &str = "/downloads/";

/// A download that its owner may fetch.
pub struct Fetch {
    /// What is fetched.
    pub download: Download,
    world: Arc<World>,
    institution: InstitutionCode,
}

impl Surface {
    /// The download at `path`, for its owner.
    ///
    /// # Errors
    /// In this order: no path of a download or no such world; a caller who may not, an attempt at another institution's is on
    /// record; no such download; its time has passed; a batch of a system that speaks another kind of number.
    pub async fn fetch(&self, caller: &Caller, path: &str) -> Result<Fetch, Status> {
        let unknown = || status_of(&Refusal::NotFound(Thing::Download));
        let path = path.strip_prefix(DOWNLOADS_PATH).ok_or_else(unknown)?;
        let parts: Vec<_> = path.split('/').collect();
        let [world, owner, id] = parts.as_slice() else {
            return Err(unknown());
        };
        if owner.is_empty() {
            return Err(unknown());
        }
        let world = self.worlds().find(world).to_status()?;
        let entered = self.let_in(world, caller)?;
        entered.speaks_for_itself(owner).await?;
        let id: DownloadId = id.parse().map_err(|_| unknown())?;
        let now = entered.world.now();
        let download = entered.server()?.download(&id, now).to_status()?;
        if let DownloadOf::Batch(name) = &download.of {
            own_batch(&entered, name)?;
        }
        Ok(Fetch {
            download,
            world: entered.world,
            institution: entered.institution,
        })
    }
}

impl Fetch {
    /// Reads a part of the file.
    ///
    /// # Errors
    /// When the file is not there any more, or cannot be read.
    pub fn read(&self, range: &Range<u64>) -> Result<DownloadReader, Status> {
        let server = self.world.server(self.institution).to_status()?;
        server.read_download(&self.download, range).to_status()
    }
}

/// The message that says where a download lies.
pub(super) fn message(entered: &Entered, download: Download) -> v1::Download {
    let (at, world, owner) = (
        &entered.reached_at,
        entered.world.name(),
        entered.institution,
    );
    v1::Download {
        url: format!(
            "https://{at}{DOWNLOADS_PATH}{world}/{owner}/{}",
            download.id
        ),
        file_name: download.of.file_name(),
        bytes: i64::try_from(download.bytes).unwrap_or(i64::MAX),
        // The state keeps it as it was made: always hexadecimal.
        sha256: HEXLOWER
            .decode(download.sha256.as_bytes())
            .unwrap_or_default(),
        expires_at: Some(timestamp(download.expires_at)),
    }
}
