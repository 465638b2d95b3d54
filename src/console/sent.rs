//! A form as a page of ours sends it; what cannot be read as one is told in Japanese.

use axum::{
    Form,
    extract::{FromRequest, Request},
    response::Response,
};
use serde::de::DeserializeOwned;

use super::reply::unreadable;

/// The fields of a form.
pub(super) struct Sent<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let form = Form::from_request(request, state).await;
        let Form(fields) = form.map_err(|rejection| unreadable(rejection.status()))?;
        Ok(Self(fields))
    }
}
