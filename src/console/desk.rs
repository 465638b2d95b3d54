//! A member of staff at a page: who they are comes from the cookie of their session.

use std::sync::Arc;

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{
        HeaderMap, HeaderName, StatusCode,
        header::{COOKIE, SET_COOKIE},
        request::Parts,
    },
    response::{AppendHeaders, IntoResponse, IntoResponseParts, Redirect, Response},
};
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::{Carrier, Console, Peer, reply::refused};
use crate::{
    crypto::digest::sha256,
    domain::{
        codes::InstitutionCode,
        refusal::Refusal,
        staff::{Act, StaffRefusal},
    },
    institution::{ActFault, AtWork, IntermediateServer},
    world::{DEFAULT_WORLD, World, WorldFault},
};

/// `__Host-`: only over TLS, only this host, for every path. Source: RFC 6265bis §4.1.3.2.
const COOKIE_NAME: &str = "__Host-chukan";

/// The cookie where there is no TLS: a browser takes no `__Host-` and no `Secure` from there.
const PLAIN_COOKIE_NAME: &str = "chukan";

/// A member of staff in a session, at a page.
pub(super) struct Desk {
    pub(super) world: Arc<World>,
    pub(super) institution: InstitutionCode,
    pub(super) staff: AtWork,
    pub(super) token: Zeroizing<String>,
    pub(super) carrier: Carrier,
}

/// The world and where the request comes from; nobody has signed in.
pub(super) struct Door {
    pub(super) world: Arc<World>,
    pub(super) origin: String,
    pub(super) carrier: Carrier,
}

impl Desk {
    /// The institution's intermediate server.
    pub(super) fn server(&self) -> Result<&IntermediateServer, Refusal> {
        self.world.server(self.institution)
    }

    /// What every form of this session carries, so that a form made elsewhere is known.
    pub(super) fn guard(&self) -> String {
        HEXLOWER.encode(&sha256(&[b"form\0", self.token.as_bytes()]))
    }

    /// Whether a form carries it.
    ///
    /// # Errors
    /// When it does not: then the session it was made in has ended.
    pub(super) fn check(&self, guard: &str) -> Result<(), Refusal> {
        if guard == self.guard() {
            Ok(())
        } else {
            Err(StaffRefusal::NoSession.into())
        }
    }

    /// Puts an act on record, if it is allowed.
    ///
    /// # Errors
    /// When it is not, or cannot be recorded.
    pub(super) async fn begin(&self, act: Act, on: Option<String>) -> Result<(), WorldFault> {
        self.see_through(move |world, institution, staff| async move {
            let server = world.server(institution)?;
            server.begin_act(&staff, act, on, world.now()).await?;
            Ok(())
        })
        .await
    }

    /// Refuses who may not do this, and puts the refusal on record; what is allowed goes on record where it is done.
    ///
    /// # Errors
    /// When it is not allowed.
    pub(super) async fn may(&self, act: Act, on: Option<String>) -> Result<(), WorldFault> {
        if self.staff.authority(act).is_ok() {
            return Ok(());
        }
        self.begin(act, on).await
    }

    /// Runs an act to its end, also when the browser goes away.
    ///
    /// # Errors
    /// As the act.
    pub(super) async fn see_through<T, F>(
        &self,
        act: impl FnOnce(Arc<World>, InstitutionCode, AtWork) -> F,
    ) -> Result<T, WorldFault>
    where
        F: Future<Output = Result<T, WorldFault>> + Send + 'static,
        T: Send + 'static,
    {
        let act = act(
            Arc::clone(&self.world),
            self.institution,
            self.staff.clone(),
        );
        self.world.see_through(act).await
    }
}

impl FromRequestParts<Console> for Door {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Response> {
        let world = console.worlds.find(DEFAULT_WORLD);
        let world = world.map_err(|fault| refused(&fault.into()))?;
        let peer = parts.extensions.get::<ConnectInfo<Peer>>();
        let origin = peer.map(|ConnectInfo(Peer(peer))| peer.ip().to_string());
        Ok(Self {
            world,
            origin: origin.unwrap_or_default(),
            carrier: console.carrier,
        })
    }
}

impl FromRequestParts<Console> for Desk {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Response> {
        let door = Door::from_request_parts(parts, console).await?;
        let desk = door.desk(&parts.headers, IntermediateServer::at_work);
        desk.map_err(|shut| match shut {
            Shut::NoSession => Redirect::to("/login").into_response(),
            Shut::Fault(fault) => refused(&fault),
        })
    }
}

/// A member of staff whose page asks for something by itself: no sign of life of the session.
pub(super) struct Onlooker(pub(super) Desk);

impl FromRequestParts<Console> for Onlooker {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Response> {
        let door = Door::from_request_parts(parts, console).await?;
        let desk = door.desk(&parts.headers, IntermediateServer::still_at_work);
        desk.map(Self).map_err(|shut| match shut {
            Shut::NoSession => StatusCode::UNAUTHORIZED.into_response(),
            Shut::Fault(fault) => refused(&fault),
        })
    }
}

/// Why nobody sits at a desk.
enum Shut {
    NoSession,
    Fault(Box<WorldFault>),
}

type WhoWorks = fn(&IntermediateServer, &str, &str, Timestamp) -> Result<AtWork, ActFault>;

impl Door {
    fn desk(self, headers: &HeaderMap, who: WhoWorks) -> Result<Desk, Shut> {
        let (institution, token) = session(headers, self.carrier).ok_or(Shut::NoSession)?;
        let server = self.world.server(institution);
        let server = server.map_err(|_| Shut::NoSession)?;
        match who(server, &token, &self.origin, self.world.now()) {
            Ok(staff) => Ok(Desk {
                world: self.world,
                institution,
                staff,
                token,
                carrier: self.carrier,
            }),
            Err(ActFault::Refused(_)) => Err(Shut::NoSession),
            Err(fault) => Err(Shut::Fault(Box::new(fault.into()))),
        }
    }
}

fn cookie_name(carrier: Carrier) -> &'static str {
    match carrier {
        Carrier::Tls => COOKIE_NAME,
        Carrier::PlainHttp => PLAIN_COOKIE_NAME,
    }
}

/// The institution and the token in the cookie.
fn session(headers: &HeaderMap, carrier: Carrier) -> Option<(InstitutionCode, Zeroizing<String>)> {
    let cookies = headers.get_all(COOKIE).into_iter();
    let mut cookies = cookies
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split("; "));
    let name = cookie_name(carrier);
    let own = cookies.find_map(|cookie| cookie.strip_prefix(name)?.strip_prefix('='))?;
    let (institution, token) = own.split_once('.')?;
    Some((institution.parse().ok()?, Zeroizing::new(token.to_owned())))
}

/// Sets the cookie of a session.
pub(super) fn begin_session(
    carrier: Carrier,
    institution: InstitutionCode,
    token: &str,
) -> impl IntoResponseParts + use<> {
    set_cookie(carrier, &format!("{institution}.{token}"), "")
}

/// Takes the cookie away.
pub(super) fn end_session(carrier: Carrier) -> impl IntoResponseParts {
    set_cookie(carrier, "", "; Max-Age=0")
}

fn set_cookie(
    carrier: Carrier,
    value: &str,
    end: &str,
) -> AppendHeaders<[(HeaderName, String); 1]> {
    let name = cookie_name(carrier);
    let secure = match carrier {
        Carrier::Tls => "; Secure",
        Carrier::PlainHttp => "",
    };
    let cookie = format!("{name}={value}; Path=/{secure}; HttpOnly; SameSite=Strict{end}");
    AppendHeaders([(SET_COOKIE, cookie)])
}
