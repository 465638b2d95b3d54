//! A member of staff at a page: who they are comes from the cookie of their session.

use std::sync::Arc;

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{
        HeaderMap,
        header::{COOKIE, SET_COOKIE},
        request::Parts,
    },
    response::{AppendHeaders, IntoResponse, IntoResponseParts, Redirect, Response},
};
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use super::{Console, Peer, reply::refused};
use crate::{
    crypto::digest::sha256,
    domain::{codes::InstitutionCode, refusal::Refusal, staff::StaffRefusal},
    institution::{ActFault, AtWork, IntermediateServer},
    world::{DEFAULT_WORLD, World, WorldFault},
};

/// `__Host-`: only over TLS, only this host, for every path. Source: RFC 6265bis §4.1.3.2.
const COOKIE_NAME: &str = "__Host-chukan";

/// A member of staff in a session, at a page.
pub(super) struct Desk {
    pub(super) world: Arc<World>,
    pub(super) institution: InstitutionCode,
    pub(super) staff: AtWork,
    pub(super) token: Zeroizing<String>,
}

/// The world and where the request comes from; nobody has signed in.
pub(super) struct Door {
    pub(super) world: Arc<World>,
    pub(super) origin: String,
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
        })
    }
}

impl FromRequestParts<Console> for Desk {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Response> {
        let Door { world, origin } = Door::from_request_parts(parts, console).await?;
        let to_login = || Redirect::to("/login").into_response();
        let (institution, token) = session(&parts.headers).ok_or_else(to_login)?;
        let server = world.server(institution).map_err(|_| to_login())?;
        match server.at_work(&token, &origin, world.now()) {
            Ok(staff) => Ok(Self {
                world,
                institution,
                staff,
                token,
            }),
            Err(ActFault::Refused(_)) => Err(to_login()),
            Err(fault) => Err(refused(&fault.into())),
        }
    }
}

/// The institution and the token in the cookie.
fn session(headers: &HeaderMap) -> Option<(InstitutionCode, Zeroizing<String>)> {
    let cookies = headers.get_all(COOKIE).into_iter();
    let mut cookies = cookies
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split("; "));
    let own = cookies.find_map(|cookie| cookie.strip_prefix(COOKIE_NAME)?.strip_prefix('='))?;
    let (institution, token) = own.split_once('.')?;
    Some((institution.parse().ok()?, Zeroizing::new(token.to_owned())))
}

/// Sets the cookie of a session.
pub(super) fn begin_session(
    institution: InstitutionCode,
    token: &str,
) -> impl IntoResponseParts + use<> {
    let cookie =
        format!("{COOKIE_NAME}={institution}.{token}; Path=/; Secure; HttpOnly; SameSite=Strict");
    AppendHeaders([(SET_COOKIE, cookie)])
}

/// Takes the cookie away.
pub(super) fn end_session() -> impl IntoResponseParts {
    let cookie = format!("{COOKIE_NAME}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
    AppendHeaders([(SET_COOKIE, cookie)])
}
