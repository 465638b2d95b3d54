//! The development PKI on disk: one authority, one server, one certificate per client, one revocation list.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{
    certificate::{Authority, CertificateFault, Issued, Validity, not_after},
    digest::random_bytes,
    files::{self, Access},
    identity::Identity,
    signing::KeyFault,
};

/// The names under which a client reaches the server on its own machine.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What a new PKI contains.
#[derive(Debug, Clone, Copy)]
pub struct PkiPlan<'a> {
    /// DNS names and IP addresses of the server, besides `localhost`, `127.0.0.1` and `::1`.
    pub server_names: &'a [String],
    /// Who gets a client certificate, besides the operator and the portal.
    pub clients: &'a [Identity],
    /// The validity of every certificate; the revocation list is due again at its end.
    pub validity: Validity,
}

/// A directory with the files of a PKI. Private keys are readable by their owner only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevelopmentPki {
    dir: PathBuf,
}

impl DevelopmentPki {
    /// Opens the PKI in `dir`, or makes one there when the directory is missing or empty.
    ///
    /// # Errors
    /// As [`DevelopmentPki::load`] and [`DevelopmentPki::create`].
    pub fn load_or_create(dir: &Path, plan: &PkiPlan<'_>) -> Result<Self, PkiFault> {
        if dir.join("ca.pem").exists() {
            Self::load(dir)
        } else {
            Self::create(dir, plan)
        }
    }

    /// Opens a PKI that a server can use. The authority's key may be absent: then nothing can be issued or revoked.
    ///
    /// # Errors
    /// When one of the four files that a server needs is missing.
    pub fn load(dir: &Path) -> Result<Self, PkiFault> {
        let pki = Self {
            dir: dir.to_owned(),
        };
        let needed = [
            pki.authority_certificate(),
            pki.server_certificate(),
            pki.server_key(),
            pki.revocation_list(),
        ];
        match needed.into_iter().find(|path| !path.is_file()) {
            Some(path) => Err(PkiFault::Missing { path }),
            None => Ok(pki),
        }
    }

    /// Makes a PKI in `dir`; the directory appears complete or not at all.
    ///
    /// # Errors
    /// When something stands in `dir` already (it is never overwritten), or a file cannot be made.
    pub fn create(dir: &Path, plan: &PkiPlan<'_>) -> Result<Self, PkiFault> {
        if !is_missing_or_empty(dir)? {
            return Err(PkiFault::AlreadyThere {
                path: dir.to_owned(),
            });
        }
        let partial = Self {
            dir: partial_name(dir)?,
        };
        let made = partial
            .fill(plan)
            .and_then(|()| fs::rename(&partial.dir, dir).map_err(|source| fault_at(dir, source)));
        if let Err(fault) = made {
            // The first fault is the one to tell; what cannot be removed stays in sight beside `dir`.
            drop(fs::remove_dir_all(&partial.dir));
            return Err(fault);
        }
        files::sync_parent(dir).map_err(|source| fault_at(dir, source))?;
        Self::load(dir)
    }

    /// Issues a certificate to `identity` with the authority's key in the directory.
    ///
    /// # Errors
    /// When one stands there already, or the authority's key is missing.
    pub fn issue_client(&self, identity: &Identity, validity: Validity) -> Result<(), PkiFault> {
        let _alone = self.lock()?;
        self.write_client(&self.authority()?, identity, validity)
    }

    /// Puts a certificate of this PKI on the revocation list as of `now`; earlier entries stay.
    ///
    /// A certificate that stands there already is left as it is. A running server sees the change when it reads
    /// the list again.
    ///
    /// # Errors
    /// When the certificate is not of this PKI, the list cannot be read, or the authority's key is missing.
    pub fn revoke(&self, certificate_pem: &[u8], now: Timestamp) -> Result<(), PkiFault> {
        let _alone = self.lock()?;
        let path = self.revocation_list();
        let old = read(&path)?;
        let validity = Validity {
            not_before: now,
            not_after: not_after(&read(&self.authority_certificate())?)?,
        };
        match self
            .authority()?
            .next_list(&old, certificate_pem, validity)?
        {
            Some(list) => {
                files::replace(&path, list.as_bytes()).map_err(|source| fault_at(&path, source))
            }
            None => Ok(()),
        }
    }

    /// The authority's certificate: what clients and the server trust.
    pub fn authority_certificate(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// The server's certificate.
    pub fn server_certificate(&self) -> PathBuf {
        self.dir.join("server.pem")
    }

    /// The server's private key.
    pub fn server_key(&self) -> PathBuf {
        self.dir.join("server.key.pem")
    }

    /// The revocation list.
    pub fn revocation_list(&self) -> PathBuf {
        self.dir.join("crl.pem")
    }

    /// Where the certificate of `identity` is, whether or not it was issued.
    pub fn client_certificate(&self, identity: &Identity) -> PathBuf {
        self.client_file(identity, "pem")
    }

    /// Where the private key of `identity` is, whether or not it was issued.
    pub fn client_key(&self, identity: &Identity) -> PathBuf {
        self.client_file(identity, "key.pem")
    }

    fn authority_key(&self) -> PathBuf {
        self.dir.join("ca.key.pem")
    }

    fn client_file(&self, identity: &Identity, ending: &str) -> PathBuf {
        let name = match identity {
            Identity::Institution { code, system: None } => format!("{code}.{ending}"),
            Identity::Institution {
                code,
                system: Some(system),
            } => format!("{code}-{system}.{ending}"),
            Identity::Operator => format!("operator.{ending}"),
            Identity::Portal => format!("portal.{ending}"),
        };
        self.dir.join("clients").join(name)
    }

    fn authority(&self) -> Result<Authority, PkiFault> {
        let [certificate, key] = [self.authority_certificate(), self.authority_key()].map(|path| {
            fs::read_to_string(&path)
                .map(zeroize::Zeroizing::new)
                .map_err(|source| fault_at(&path, source))
        });
        Ok(Authority::load(&certificate?, &key?)?)
    }

    /// Two revocations at once must not lose one of the two.
    fn lock(&self) -> Result<File, PkiFault> {
        let path = self.authority_certificate();
        let locked = File::open(&path).and_then(|file| file.lock().map(|()| file));
        locked.map_err(|source| fault_at(&path, source))
    }

    fn fill(&self, plan: &PkiPlan<'_>) -> Result<(), PkiFault> {
        for dir in [self.dir.clone(), self.dir.join("clients")] {
            files::make_private_dir(&dir).map_err(|source| fault_at(&dir, source))?;
        }
        let (authority, issued) = Authority::create(plan.validity)?;
        write_pair(
            &self.authority_certificate(),
            &self.authority_key(),
            &issued,
        )?;

        let local = LOCAL_NAMES.iter().map(|&name| name.to_owned());
        let names = local.chain(plan.server_names.iter().cloned()).collect();
        let issued = authority.server(names, plan.validity)?;
        write_pair(&self.server_certificate(), &self.server_key(), &issued)?;

        let list = self.revocation_list();
        files::create(
            &list,
            authority.empty_list(plan.validity)?.as_bytes(),
            Access::Anyone,
        )
        .map_err(|source| fault_at(&list, source))?;

        let always = [Identity::Operator, Identity::Portal];
        for identity in plan.clients.iter().chain(&always) {
            self.write_client(&authority, identity, plan.validity)?;
        }
        Ok(())
    }

    fn write_client(
        &self,
        authority: &Authority,
        identity: &Identity,
        validity: Validity,
    ) -> Result<(), PkiFault> {
        let (certificate, key) = (self.client_certificate(identity), self.client_key(identity));
        if certificate.exists() {
            return Err(PkiFault::AlreadyThere { path: certificate });
        }
        write_pair(&certificate, &key, &authority.client(identity, validity)?)
    }
}

/// The PKI could not be made, read or changed.
#[derive(Debug, thiserror::Error)]
pub enum PkiFault {
    /// A file or directory could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Something is there already and is not overwritten.
    #[error("{} is there already and is not overwritten", path.display())]
    AlreadyThere {
        /// What is there.
        path: PathBuf,
    },
    /// A file that a server needs is missing.
    #[error("{} is missing", path.display())]
    Missing {
        /// Which one.
        path: PathBuf,
    },
    /// A certificate or a revocation list could not be made.
    #[error(transparent)]
    Certificate(#[from] CertificateFault),
    /// No random name could be drawn.
    #[error(transparent)]
    Key(#[from] KeyFault),
}

fn fault_at(path: &Path, source: io::Error) -> PkiFault {
    let path = path.to_owned();
    if source.kind() == io::ErrorKind::AlreadyExists {
        PkiFault::AlreadyThere { path }
    } else {
        PkiFault::File { path, source }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, PkiFault> {
    fs::read(path).map_err(|source| fault_at(path, source))
}

/// The key first: a certificate without its key would look issued.
fn write_pair(certificate: &Path, key: &Path, issued: &Issued) -> Result<(), PkiFault> {
    files::create(key, issued.key_pem.as_bytes(), Access::Owner)
        .map_err(|source| fault_at(key, source))?;
    files::create(
        certificate,
        issued.certificate_pem.as_bytes(),
        Access::Anyone,
    )
    .map_err(|source| fault_at(certificate, source))
}

fn is_missing_or_empty(dir: &Path) -> Result<bool, PkiFault> {
    match fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(source) => Err(fault_at(dir, source)),
    }
}

/// A name beside `dir` on the same file system, so that the finished directory can be renamed.
fn partial_name(dir: &Path) -> Result<PathBuf, PkiFault> {
    let mut name = OsString::from(".");
    name.push(dir.file_name().unwrap_or_default());
    let [a, b] = random_bytes::<2>()?;
    name.push(format!(".{a:02x}{b:02x}.partial"));
    Ok(dir.with_file_name(name))
}

#[cfg(test)]
mod tests;
