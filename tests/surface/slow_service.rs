//! A service that answers when the test says so; it stands for any call that takes its time.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use chukan::grpc::Caller;
use http::{Request, Response, uri::PathAndQuery};
use tokio::sync::Semaphore;
use tonic::{
    Status,
    body::Body,
    client::Grpc,
    server::{NamedService, UnaryService},
    transport::Channel,
};
use tonic_prost::ProstCodec;
use tower::Service;

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Counts who has arrived, and lets go whom the test allows.
#[derive(Clone)]
pub(crate) struct Slow {
    pub(crate) arrived: Arc<Semaphore>,
    pub(crate) allowed: Arc<Semaphore>,
    pub(crate) caller: Arc<Mutex<Option<Caller>>>,
}

impl Slow {
    pub(crate) fn new() -> Self {
        Self {
            arrived: Arc::new(Semaphore::new(0)),
            allowed: Arc::new(Semaphore::new(0)),
            caller: Arc::default(),
        }
    }

    pub(crate) async fn call(channel: Channel) -> Result<(), Status> {
        let mut client = Grpc::new(channel);
        client
            .ready()
            .await
            .map_err(|fault| Status::unavailable(fault.to_string()))?;
        let path = PathAndQuery::from_static("/test.Slow/Call");
        let codec = ProstCodec::<(), ()>::default();
        client.unary(tonic::Request::new(()), path, codec).await?;
        Ok(())
    }

    pub(crate) async fn has_arrived(&self) {
        crate::soon(self.arrived.acquire()).await.unwrap().forget();
    }
}

impl NamedService for Slow {
    const NAME: &'static str = "test.Slow";
}

impl UnaryService<()> for Slow {
    type Response = ();
    type Future = Boxed<Result<tonic::Response<()>, Status>>;

    fn call(&mut self, request: tonic::Request<()>) -> Self::Future {
        *self.caller.lock().unwrap() = request.extensions().get().cloned();
        let (arrived, allowed) = (Arc::clone(&self.arrived), Arc::clone(&self.allowed));
        Box::pin(async move {
            arrived.add_permits(1);
            allowed.acquire().await.unwrap().forget();
            Ok(tonic::Response::new(()))
        })
    }
}

impl Service<Request<Body>> for Slow {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Boxed<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let slow = self.clone();
        Box::pin(async move {
            let mut server = tonic::server::Grpc::new(ProstCodec::<(), ()>::default());
            Ok(server.unary(slow, request).await)
        })
    }
}
