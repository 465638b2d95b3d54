//! Reflection lists every service, in both versions that clients speak.

use std::collections::BTreeSet;

use tonic_reflection::pb::{v1, v1alpha};

use crate::{
    bare,
    support::{Pki, soon},
};

fn expected() -> BTreeSet<String> {
    let set: prost_types::FileDescriptorSet =
        prost::Message::decode(chukan::grpc::proto::FILE_DESCRIPTOR_SET).unwrap();
    let ours = set.file.iter().flat_map(|file| {
        let named = file.service.iter();
        named.map(|service| format!("{}.{}", file.package(), service.name()))
    });
    let others = [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ];
    ours.chain(others.map(str::to_owned)).collect()
}

macro_rules! lists_all_services {
    ($version:ident) => {
        #[tokio::test]
        async fn $version() {
            use super::*;
            use $version::{
                ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
                server_reflection_request::MessageRequest,
                server_reflection_response::MessageResponse,
            };
            let pki = Pki::new();
            let server = bare(&pki).await;
            let channel = pki.operator().channel(server.address).await.unwrap();
            let request = ServerReflectionRequest {
                host: String::new(),
                message_request: Some(MessageRequest::ListServices(String::new())),
            };
            let mut client = ServerReflectionClient::new(channel);
            let asked = client.server_reflection_info(tokio_stream::once(request));
            let mut answers = soon(asked).await.unwrap().into_inner();
            let answer = soon(answers.message()).await.unwrap().unwrap();
            let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
                panic!("{answer:?}");
            };
            let listed: BTreeSet<_> = list.service.into_iter().map(|s| s.name).collect();
            assert_eq!(listed, expected());
        }
    };
}

mod lists_all_services_in {
    lists_all_services!(v1);
    lists_all_services!(v1alpha);
}
