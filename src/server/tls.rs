//! TLS 1.3 with client certificates, read again while the server runs, so that a revocation needs no restart.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime,
        pem::{self, PemObject},
    },
    server::{
        NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier,
        danger::ClientCertVerifier,
    },
};
use tokio::sync::watch;

use crate::crypto::pki::DevelopmentPki;

/// Where the four PEM files of a server are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate chain.
    pub certificate: PathBuf,
    /// The server's private key.
    pub key: PathBuf,
    /// The certification authorities whose clients are let in.
    pub authority: PathBuf,
    /// The authorities' revocation lists. A list past its next update refuses everybody.
    pub revocation_list: PathBuf,
}

impl From<&DevelopmentPki> for TlsFiles {
    fn from(pki: &DevelopmentPki) -> Self {
        Self {
            certificate: pki.server_certificate(),
            key: pki.server_key(),
            authority: pki.authority_certificate(),
            revocation_list: pki.revocation_list(),
        }
    }
}

/// The TLS settings in force.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    current: RwLock<Current>,
    generation: watch::Sender<u64>,
}

#[derive(Debug, Clone)]
struct Current {
    settings: Arc<ServerConfig>,
    for_browsers: Arc<ServerConfig>,
    verifier: Arc<dyn ClientCertVerifier>,
    list_pem: Arc<[u8]>,
}

impl Tls {
    /// Reads the four files.
    ///
    /// # Errors
    /// When one of them cannot be read or used.
    pub fn load(files: TlsFiles) -> Result<Self, TlsFault> {
        let current = RwLock::new(Current::read(&files)?);
        let (generation, _) = watch::channel(0);
        Ok(Self {
            files,
            current,
            generation,
        })
    }

    /// Reads the four files again. New connections meet them at once; a running server closes the connections
    /// whose certificates they no longer admit.
    ///
    /// # Errors
    /// When one of them cannot be read or used; then the settings stay as they were.
    pub fn reload(&self) -> Result<(), TlsFault> {
        let current = Current::read(&self.files)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
        self.generation.send_modify(|generation| *generation += 1);
        Ok(())
    }

    /// Counts the reloads.
    pub(super) fn generation(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    pub(super) fn settings(&self) -> Arc<ServerConfig> {
        self.current().settings
    }

    /// The settings for browsers: the same certificate, and no client certificate is asked for.
    pub(super) fn for_browsers(&self) -> Arc<ServerConfig> {
        self.current().for_browsers
    }

    /// Whether the revocation list on disk is another than the one in force.
    pub(super) fn list_changed(&self) -> Result<bool, TlsFault> {
        Ok(read(&self.files.revocation_list)? != *self.current().list_pem)
    }

    /// Whether a client with this chain would be let in now.
    pub(super) fn admits(&self, chain: &[CertificateDer<'_>]) -> bool {
        chain.split_first().is_some_and(|(holder, rest)| {
            let verifier = self.current().verifier;
            let verified = verifier.verify_client_cert(holder, rest, UnixTime::now());
            verified.is_ok()
        })
    }

    fn current(&self) -> Current {
        let current = self.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Current {
    fn read(files: &TlsFiles) -> Result<Self, TlsFault> {
        let provider = Arc::new(ring::default_provider());
        let list_pem = read(&files.revocation_list)?;
        let verifier = verifier(files, &list_pem, &provider)?;
        let chain = certificates(&files.certificate)?;
        let key =
            PrivateKeyDer::from_pem_slice(&read(&files.key)?).map_err(|source| TlsFault::Pem {
                path: files.key.clone(),
                source,
            })?;
        let mut for_browsers = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(chain.clone(), key.clone_key())?;
        for_browsers.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut settings = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(Arc::clone(&verifier))
            .with_single_cert(chain, key)?;
        settings.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // A resumed session would not show its certificate again, and so outlive its revocation.
        settings.session_storage = Arc::new(NoServerSessionStorage {});
        settings.send_tls13_tickets = 0;
        Ok(Self {
            settings: Arc::new(settings),
            for_browsers: Arc::new(for_browsers),
            verifier,
            list_pem: list_pem.into(),
        })
    }
}

/// The TLS settings could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// A file could not be read.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file does not hold the PEM it should.
    #[error("{}: {source}", path.display())]
    Pem {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// The file holds no revocation list; an empty list is a list, an empty file is none.
    #[error("{} holds no revocation list", path.display())]
    NoList {
        /// Which one.
        path: PathBuf,
    },
    /// Certificate, key and authority do not fit together.
    #[error("the TLS files cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// The authority or its revocation list cannot be used.
    #[error("clients cannot be verified: {0}")]
    Verifier(#[from] VerifierBuilderError),
}

fn verifier(
    files: &TlsFiles,
    list_pem: &[u8],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsFault> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(&files.authority)? {
        roots.add(authority)?;
    }
    let lists = CertificateRevocationListDer::pem_slice_iter(list_pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| TlsFault::Pem {
            path: files.revocation_list.clone(),
            source,
        })?;
    // Without any list the verifier would not look for revocations at all.
    if lists.is_empty() {
        return Err(TlsFault::NoList {
            path: files.revocation_list.clone(),
        });
    }
    let builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    Ok(builder
        .with_crls(lists)
        .enforce_revocation_expiration()
        .build()?)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    CertificateDer::pem_slice_iter(&read(path)?)
        .collect::<Result<_, _>>()
        .map_err(|source| TlsFault::Pem {
            path: path.to_owned(),
            source,
        })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsFault> {
    fs::read(path).map_err(|source| TlsFault::File {
        path: path.to_owned(),
        source,
    })
}
