//! Who calls, and in which world: the identity comes from the certificate, the world from the metadata.

use std::{net::SocketAddr, sync::Arc};

use tokio_util::sync::CancellationToken;
use tonic::{Request, Status};
use zeroize::Zeroizing;

use super::status::{ToStatus, status_of};
use crate::{
    crypto::identity::Identity,
    domain::{codes::InstitutionCode, record::Entry, refusal::Refusal, words::SystemName},
    institution::{AtWork, IntermediateServer},
    store::Keeper,
    world::{DEFAULT_WORLD, World, WorldFault, Worlds},
};

/// The metadata key that chooses a world.
pub const WORLD_KEY: &str = "x-chukan-world";

/// The metadata key that carries the token of a staff session.
pub const SESSION_KEY: &str = "x-chukan-session";

/// The holder of a connection's client certificate. The listener adds it to every request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who the certificate names.
    pub identity: Arc<Identity>,
    /// The address at the other end of the connection.
    pub peer: SocketAddr,
}

/// The authority, such as `127.0.0.1:50551`, by which a caller has reached this server. The listener adds it to every request.
#[derive(Debug, Clone)]
pub struct ReachedAt(pub String);

/// What the services share.
#[derive(Clone)]
pub struct Surface {
    worlds: Arc<Worlds>,
    stopping: CancellationToken,
}

/// A call of an institution, in its world.
pub struct Entered {
    /// The world.
    pub world: Arc<World>,
    /// The institution that the certificate names; the world has it.
    pub institution: InstitutionCode,
    /// The business system that the certificate names.
    pub system: Option<SystemName>,
    /// The address at the other end, for the operation log.
    pub origin: String,
    /// The authority by which the caller has reached this server.
    pub reached_at: String,
}

/// A call of an institution or of the operator, in a world.
pub struct Visit {
    /// The world.
    pub world: Arc<World>,
    /// The institution that the certificate names; nothing for the operator.
    pub institution: Option<InstitutionCode>,
}

impl Surface {
    /// The surface of these worlds. Calls that wait end when `stopping` is cancelled.
    pub fn new(worlds: Arc<Worlds>, stopping: CancellationToken) -> Self {
        Self { worlds, stopping }
    }

    /// Cancelled when the server begins to stop.
    pub(super) fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// The worlds.
    pub fn worlds(&self) -> &Arc<Worlds> {
        &self.worlds
    }

    /// The world that the request chooses.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn world<T>(&self, request: &Request<T>) -> Result<Arc<World>, Status> {
        let name = match request.metadata().get(WORLD_KEY) {
            None => DEFAULT_WORLD,
            Some(name) => name.to_str().unwrap_or_default(),
        };
        self.worlds.find(name).to_status()
    }

    /// The caller's institution in the world that the request chooses.
    ///
    /// # Errors
    /// When the certificate is not an institution's, or the world has no such institution.
    pub fn enter<T>(&self, request: &Request<T>) -> Result<Entered, Status> {
        let mut entered = self.let_in(self.world(request)?, caller(request)?)?;
        if let Some(ReachedAt(authority)) = request.extensions().get() {
            entered.reached_at.clone_from(authority);
        }
        Ok(entered)
    }

    /// The caller's institution in `world`.
    pub(super) fn let_in(&self, world: Arc<World>, caller: &Caller) -> Result<Entered, Status> {
        match Identity::clone(&caller.identity) {
            Identity::Institution { code, system } => {
                let institution = code
                    .parse()
                    .map_err(|_| status_of(&Refusal::CallerNotEntitled))?;
                world.server(institution).to_status()?;
                Ok(Entered {
                    world,
                    institution,
                    system: system.and_then(|system| system.parse().ok()),
                    origin: caller.peer.ip().to_string(),
                    reached_at: "localhost".to_owned(),
                })
            }
            Identity::Operator | Identity::Portal => Err(status_of(&Refusal::CallerNotEntitled)),
        }
    }

    /// The world that the request chooses, for the operator or an institution of that world.
    ///
    /// # Errors
    /// When the certificate is an institution's that the world does not have, or of a business system that speaks
    /// numbers of its own: what a visit shows is not converted.
    pub fn visit<T>(&self, request: &Request<T>) -> Result<Visit, Status> {
        match identity(request)? {
            Identity::Operator => Ok(Visit {
                world: self.world(request)?,
                institution: None,
            }),
            Identity::Portal => Err(status_of(&Refusal::CallerNotEntitled)),
            Identity::Institution { .. } => {
                let entered = self.enter(request)?;
                entered.numbers()?.only_addressee()?;
                let Entered {
                    world, institution, ..
                } = entered;
                Ok(Visit {
                    world,
                    institution: Some(institution),
                })
            }
        }
    }

    /// Lets only the operator pass.
    ///
    /// # Errors
    /// When the certificate is not the operator's.
    pub fn operator<T>(&self, request: &Request<T>) -> Result<(), Status> {
        match identity(request)? {
            Identity::Operator => Ok(()),
            Identity::Portal | Identity::Institution { .. } => {
                Err(status_of(&Refusal::CallerNotEntitled))
            }
        }
    }

    /// The world that the request chooses, for the portal alone.
    ///
    /// # Errors
    /// When the certificate is not the portal's, or there is no such world.
    pub fn portal<T>(&self, request: &Request<T>) -> Result<Arc<World>, Status> {
        match identity(request)? {
            Identity::Portal => self.world(request),
            Identity::Operator | Identity::Institution { .. } => {
                Err(status_of(&Refusal::CallerNotEntitled))
            }
        }
    }
}

impl Entered {
    /// The institution's intermediate server.
    ///
    /// # Errors
    /// Never after [`Surface::enter`].
    pub fn server(&self) -> Result<&IntermediateServer, Status> {
        self.world.server(self.institution).to_status()
    }

    /// The member of staff whose session the request carries.
    ///
    /// # Errors
    /// When it carries none, or the session has ended.
    pub fn staff<T>(&self, request: &Request<T>) -> Result<AtWork, Status> {
        let (token, now) = (session_token(request), self.world.now());
        self.server()?
            .at_work(&token, &self.origin, now)
            .to_status()
    }

    /// The member of staff of a session, if it lives; no sign of life of it.
    ///
    /// # Errors
    /// When it has ended.
    pub fn still_at_work(&self, session: &str) -> Result<AtWork, Status> {
        let now = self.world.now();
        self.server()?
            .still_at_work(session, &self.origin, now)
            .to_status()
    }

    /// Runs an act of the institution to its end, also when the caller goes away or its deadline passes: what is on
    /// record is done as well.
    ///
    /// # Errors
    /// As the act.
    pub async fn see_through<T, F>(
        &self,
        act: impl FnOnce(Arc<World>, InstitutionCode) -> F,
    ) -> Result<T, Status>
    where
        F: Future<Output = Result<T, WorldFault>> + Send + 'static,
        T: Send + 'static,
    {
        let act = act(Arc::clone(&self.world), self.institution);
        self.world.see_through(act).await.to_status()
    }

    /// Refuses a body that names another institution than the certificate, and records it.
    ///
    /// # Errors
    /// When it does; when the record cannot be written.
    pub async fn speaks_for_itself(&self, named: &str) -> Result<(), Status> {
        if named.is_empty() || named == self.institution.as_str() {
            return Ok(());
        }
        let refusal = Refusal::InstitutionMismatch;
        let known = named.parse().ok();
        let entry = Entry::CallRefused {
            reason: refusal.reason().to_owned(),
            named: known.filter(|code| self.world.directory().find(*code).is_some()),
        };
        let keeper = Keeper::Institution(self.institution);
        let written = self
            .world
            .records()
            .write(keeper, &entry, self.world.now())
            .await;
        written.map_err(WorldFault::from).to_status()?;
        Err(status_of(&refusal))
    }
}

/// The token of the session that the request carries; empty where it carries none.
pub(super) fn session_token<T>(request: &Request<T>) -> Zeroizing<String> {
    let token = request.metadata().get(SESSION_KEY);
    let token = token.and_then(|token| token.to_str().ok());
    Zeroizing::new(token.unwrap_or_default().to_owned())
}

fn caller<T>(request: &Request<T>) -> Result<&Caller, Status> {
    let caller = request.extensions().get::<Caller>();
    caller.ok_or_else(|| Status::unauthenticated("a client certificate is needed"))
}

fn identity<T>(request: &Request<T>) -> Result<Identity, Status> {
    Ok(Identity::clone(&caller(request)?.identity))
}
