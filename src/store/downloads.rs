//! Which results lie ready to be fetched, and until when.

use jiff::Timestamp;

use super::{Batch, Key, State, StoreFault};
use crate::domain::{
    codes::InstitutionCode,
    download::{Download, DownloadId},
};

fn downloads(institution: InstitutionCode) -> Key {
    Key::new("download").text(institution.as_str())
}

fn row(institution: InstitutionCode, id: &DownloadId) -> Key {
    downloads(institution).text(id.as_str())
}

impl State {
    /// Notes that a result lies ready; one of the same name gets a new end.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn keep_download(
        &self,
        institution: InstitutionCode,
        download: &Download,
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        batch.put_value(row(institution, &download.id), download)?;
        self.engine.write(batch).await
    }

    /// A download, also one whose time has passed, until it is deleted.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn download(
        &self,
        institution: InstitutionCode,
        id: &DownloadId,
    ) -> Result<Option<Download>, StoreFault> {
        self.engine.read_value(&row(institution, id))
    }

    /// Everything that lies ready.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn downloads(&self, institution: InstitutionCode) -> Result<Vec<Download>, StoreFault> {
        self.all(&downloads(institution))
    }

    /// Forgets the downloads whose time had passed before `before`: from then on they are unknown.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn forget_downloads(
        &self,
        institution: InstitutionCode,
        before: Timestamp,
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        for download in self.downloads(institution)? {
            if download.expires_at < before {
                batch.remove(row(institution, &download.id));
            }
        }
        self.engine.write(batch).await
    }
}
