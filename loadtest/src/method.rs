//! A unary gRPC method by its descriptor: from a file, or from the server's reflection.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use prost::{Message as _, bytes::Bytes};
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use prost_types::FileDescriptorProto;
use tonic::{codegen::http::uri::PathAndQuery, transport::Channel};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::Fault;

/// What stands in a request for the number of the call, from 0.
const NUMBER: &str = "{{number}}";

/// A unary method.
#[derive(Debug, Clone)]
pub(crate) struct Method(MethodDescriptor);

/// A request, as JSON that fits the method.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    /// The same each time.
    Same(Bytes),
    /// With the call's number in it.
    Numbered(String),
}

impl Method {
    /// The method `package.Service/Method` of a set of descriptors, as `protoc --include_imports --descriptor_set_out` and
    /// `buf build` write it.
    pub(crate) fn of_file(file: &Path, name: &str) -> Result<Self, Fault> {
        let read = fs::read(file).map_err(|fault| format!("{}: {fault}", file.display()))?;
        let pool = DescriptorPool::decode(&read[..]);
        let pool = pool.map_err(|fault| format!("{}: {fault}", file.display()))?;
        Self::of(&pool, name)
    }

    /// The method `package.Service/Method` as the server describes it.
    pub(crate) async fn of_server(channel: Channel, name: &str) -> Result<Self, Fault> {
        let (service, _) = parts(name)?;
        let files = described(channel, service).await.map_err(|fault| {
            format!("the server does not describe {service}: {fault}; give --descriptor-set")
        })?;
        let mut pool = DescriptorPool::new();
        pool.add_file_descriptor_protos(files)?;
        Self::of(&pool, name)
    }

    fn of(pool: &DescriptorPool, name: &str) -> Result<Self, Fault> {
        let (service, method) = parts(name)?;
        let found = pool.get_service_by_name(service).ok_or_else(|| {
            let known: Vec<_> = pool
                .services()
                .map(|own| own.full_name().to_owned())
                .collect();
            format!("no service {service}; there is {}", known.join(", "))
        })?;
        let own = found.methods().find(|own| own.name() == method);
        let own = own.ok_or_else(|| {
            let known: Vec<_> = found.methods().map(|own| own.name().to_owned()).collect();
            format!("{service} has no {method}; it has {}", known.join(", "))
        })?;
        if own.is_client_streaming() || own.is_server_streaming() {
            return Err(format!("{name} streams; only unary methods can be called").into());
        }
        Ok(Self(own))
    }

    /// Where it is called.
    pub(crate) fn path(&self) -> Result<PathAndQuery, Fault> {
        let (service, name) = (self.0.parent_service().full_name(), self.0.name());
        Ok(format!("/{service}/{name}").parse()?)
    }

    /// A request that fits the method.
    pub(crate) fn request(&self, json: &str) -> Result<Request, Fault> {
        let first = self.encode(&json.replace(NUMBER, "0"))?;
        Ok(if json.contains(NUMBER) {
            Request::Numbered(json.to_owned())
        } else {
            Request::Same(first)
        })
    }

    /// The bytes of the request of this call.
    pub(crate) fn bytes(&self, request: &Request, number: u64) -> Result<Bytes, Fault> {
        match request {
            Request::Same(bytes) => Ok(bytes.clone()),
            Request::Numbered(json) => self.encode(&json.replace(NUMBER, &number.to_string())),
        }
    }

    fn encode(&self, json: &str) -> Result<Bytes, Fault> {
        let name = self.0.input().full_name().to_owned();
        let mut text = serde_json::Deserializer::from_str(json);
        let read = DynamicMessage::deserialize(self.0.input(), &mut text);
        let read = read.and_then(|message| text.end().map(|()| message));
        let message = read.map_err(|fault| format!("the request is no {name}: {fault}"))?;
        Ok(message.encode_to_vec().into())
    }

    /// An answer as JSON, for a person.
    pub(crate) fn shown(&self, answer: Bytes) -> Result<String, Fault> {
        let message = DynamicMessage::decode(self.0.output(), answer)?;
        Ok(serde_json::to_string_pretty(&message)?)
    }
}

fn parts(name: &str) -> Result<(&str, &str), Fault> {
    let parts = name.trim_start_matches('/').rsplit_once('/');
    parts.ok_or_else(|| format!("`{name}` is no method: write package.Service/Method").into())
}

/// The file of a service and every file that it rests on.
async fn described(
    channel: Channel,
    service: &str,
) -> Result<impl Iterator<Item = FileDescriptorProto>, Fault> {
    let mut client = ServerReflectionClient::new(channel);
    let mut found = BTreeMap::new();
    let mut wanted = vec![MessageRequest::FileContainingSymbol(service.to_owned())];
    let mut asked = BTreeSet::new();
    while let Some(next) = wanted.pop() {
        let request = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(next),
        };
        let answers = client.server_reflection_info(tokio_stream::once(request));
        let answer = answers.await?.into_inner().message().await?;
        let answer = answer.and_then(|answer| answer.message_response);
        let files = match answer.ok_or("no answer")? {
            MessageResponse::FileDescriptorResponse(files) => files.file_descriptor_proto,
            MessageResponse::ErrorResponse(error) => return Err(error.error_message.into()),
            _ => return Err("another answer than a file".into()),
        };
        for file in files {
            let file = FileDescriptorProto::decode(&file[..])?;
            let new = file
                .dependency
                .iter()
                .filter(|name| asked.insert((*name).clone()));
            wanted.extend(new.cloned().map(MessageRequest::FileByFilename));
            found.insert(file.name().to_owned(), file);
        }
    }
    Ok(found.into_values())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(name: &str) -> Result<Method, String> {
        let pool = DescriptorPool::decode(chukan::grpc::proto::FILE_DESCRIPTOR_SET).unwrap();
        Method::of(&pool, name).map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_method_is_found_by_its_name_or_what_there_is_is_said() {
        let found = method("chukan.v1.InquiryService/GetInquiry").unwrap();
        assert_eq!(
            found.path().unwrap(),
            "/chukan.v1.InquiryService/GetInquiry"
        );
        let refused = |name: &str| method(name).unwrap_err();
        assert!(refused("GetInquiry").contains("package.Service/Method"));
        assert!(refused("chukan.v1.Nothing/Get").contains("chukan.v1.InquiryService"));
        assert!(refused("chukan.v1.InquiryService/Get").contains("GetInquiry"));
        assert!(refused("chukan.v1.InquiryService/WatchInquiry").contains("streams"));
    }

    #[test]
    fn a_request_is_checked_before_it_is_sent_and_each_call_has_its_number() {
        let get = method("chukan.v1.InquiryService/GetInquiry").unwrap();
        let same = get.request(r#"{"receiptNumber": "7"}"#).unwrap();
        assert_eq!(get.bytes(&same, 0).unwrap(), get.bytes(&same, 9).unwrap());
        let numbered = get.request(r#"{"receiptNumber": "{{number}}"}"#).unwrap();
        let sent = get.bytes(&numbered, 41).unwrap();
        let read = chukan::grpc::proto::v1::GetInquiryRequest::decode(sent).unwrap();
        assert_eq!(read.receipt_number, "41");
        for wrong in [r#"{"receipt": "7"}"#, "{", r#"{"receiptNumber": "7"} x"#] {
            let refused = get.request(wrong).unwrap_err().to_string();
            assert!(refused.contains("GetInquiryRequest"), "{refused}");
        }
    }
}
