//! A result that is too big for a message: fetched over HTTPS on the same connection, and held against its digest.

use std::{future::poll_fn, pin::Pin};

use chukan::{crypto::digest::sha256, grpc::proto::v1::Download};
use tonic::{
    body::Body,
    client::GrpcService as _,
    codegen::{
        Body as _,
        http::{Request, StatusCode},
    },
    transport::Channel,
};

use crate::account::End;

/// The whole file.
pub(super) async fn fetch(mut channel: Channel, download: &Download) -> Result<Vec<u8>, End> {
    let gone = |_| End::Failed("download: the connection broke".into());
    let request = Request::get(&download.url).body(Body::empty());
    let request = request.map_err(|_| End::Failed("download: no URL".into()))?;
    poll_fn(|context| channel.poll_ready(context))
        .await
        .map_err(gone)?;
    let answer = channel.call(request).await.map_err(gone)?;
    if answer.status() != StatusCode::OK {
        return Err(End::Failed(format!("download: {}", answer.status())));
    }
    let mut body = answer.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|_| End::Failed("download: it broke off".into()))?;
        if let Ok(data) = frame.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    if sha256(&[&bytes]).as_slice() == download.sha256 {
        Ok(bytes)
    } else {
        Err(End::Failed("download: another digest".into()))
    }
}
