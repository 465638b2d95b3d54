//! A call of which only the bytes are known.

use std::sync::Arc;

use prost::bytes::{Buf as _, BufMut as _, Bytes};
use tonic::{
    Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
    metadata::MetadataMap,
    transport::Channel,
};

use crate::{
    Fault,
    account::End,
    method::{Method, Request},
    open::{Conversation, Terms},
};

/// Messages pass as they are.
#[derive(Debug, Clone, Copy, Default)]
struct Passed;

impl Codec for Passed {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Passed {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(item);
        Ok(())
    }
}

impl Decoder for Passed {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = from.remaining();
        Ok(Some(from.copy_to_bytes(length)))
    }
}

/// What is called, on one connection.
#[derive(Clone)]
pub(crate) struct RawCall {
    client: Grpc<Channel>,
    called: Arc<Called>,
}

struct Called {
    method: Method,
    path: PathAndQuery,
    request: Request,
    metadata: MetadataMap,
}

impl RawCall {
    /// A call of `method` with this request on each of the connections.
    pub(crate) fn on(
        connections: Vec<Channel>,
        (method, request): (Method, Request),
        metadata: MetadataMap,
    ) -> Result<Vec<Self>, Fault> {
        let path = method.path()?;
        let called = Arc::new(Called {
            method,
            path,
            request,
            metadata,
        });
        let calls = connections.into_iter().map(|channel| Self {
            client: Grpc::new(channel),
            called: Arc::clone(&called),
        });
        Ok(calls.collect())
    }

    /// Makes the call with this number.
    pub(crate) async fn call(mut self, number: u64) -> Result<Bytes, Status> {
        let bytes = self.called.method.bytes(&self.called.request, number);
        let bytes = bytes.map_err(|fault| Status::invalid_argument(fault.to_string()))?;
        let mut request = tonic::Request::new(bytes);
        *request.metadata_mut() = self.called.metadata.clone();
        let ready = self.client.ready().await;
        ready.map_err(|fault| Status::unavailable(fault.to_string()))?;
        let path = self.called.path.clone();
        Ok(self.client.unary(request, path, Passed).await?.into_inner())
    }
}

impl Conversation for RawCall {
    fn terms(&self, _number: u64) -> Terms {
        Terms::default()
    }

    async fn hold(self, number: u64) -> End {
        match self.call(number).await {
            Ok(_) => End::Answered("OK".into()),
            Err(status) => End::Failed(format!("{:?}", status.code())),
        }
    }
}
