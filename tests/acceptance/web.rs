//! A service of ours over gRPC-Web, and the trace that a call belongs to.

use std::sync::Arc;

use chukan::{
    grpc::proto::v1::{
        GetServiceHoursRequest, GetServiceHoursResponse, system_service_client::SystemServiceClient,
    },
    server::connect::{ClientPem, settings},
};
use prost::Message;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::Request;

use crate::net::{self, CITY, Net};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A connection of あさひ野市 that speaks HTTP/1.1.
pub(crate) async fn http_1_1(net: &Net) -> TlsStream<TcpStream> {
    let (authority, certificate, key) = (
        net.pki("ca.pem"),
        net.pki(&format!("clients/{CITY}.pem")),
        net.pki(&format!("clients/{CITY}.key.pem")),
    );
    let pem = ClientPem {
        authority: &authority,
        certificate: &certificate,
        key: &key,
    };
    let mut settings = settings(pem).unwrap();
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    let socket = TcpStream::connect(net.address()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connecting = TlsConnector::from(Arc::new(settings)).connect(name, socket);
    connecting.await.unwrap()
}

/// The answer to a call over HTTP/1.1: its head, and its body without the chunks' lengths.
async fn call(net: &Net, path: &str, message: &[u8]) -> (String, Vec<u8>) {
    let mut stream = http_1_1(net).await;
    let length = message.len() + 5;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\nconnection: close\r\n\
         content-type: application/grpc-web+proto\r\ntraceparent: 00-{TRACE}-b7ad6b7169203331-01\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let prefix = u32::try_from(message.len()).unwrap().to_be_bytes();
    stream
        .write_all(&[&[0], &prefix[..], message].concat())
        .await
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer
        .windows(4)
        .position(|part| part == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let (mut body, mut rest) = (Vec::new(), &answer[end + 4..]);
    while let Some(line) = rest.windows(2).position(|part| part == b"\r\n") {
        let size = std::str::from_utf8(&rest[..line]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        body.extend_from_slice(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 4 + size..];
    }
    (head.to_lowercase(), body)
}

#[tokio::test]
async fn a_browser_reads_the_same_message_and_status() {
    let net = net::start();
    let path = "/chukan.v1.SystemService/GetServiceHours";
    let (head, body) = call(&net, path, &[]).await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let length = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
    let told = GetServiceHoursResponse::decode(&body[5..5 + length]).unwrap();
    assert!(told.network_open);
    assert_eq!(body[5 + length], 0x80, "the trailers' frame");
    let trailers = String::from_utf8_lossy(&body[10 + length..]);
    assert!(trailers.contains("grpc-status:0"), "{trailers}");
    assert!(
        head.contains(&format!("traceparent: 00-{TRACE}-")),
        "{head}"
    );

    let path = "/chukan.v1.InquiryService/GetInquiry";
    let (head, body) = call(&net, path, &[]).await;
    let told = head + &String::from_utf8_lossy(&body);
    assert!(
        told.contains("grpc-status: 3") || told.contains("grpc-status:3"),
        "{told}"
    );
}

#[tokio::test]
async fn the_answer_goes_on_with_the_callers_trace() {
    let net = net::start();
    let mut client = SystemServiceClient::new(net.channel(CITY).await);
    let sent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let mut request = Request::new(GetServiceHoursRequest {});
    request
        .metadata_mut()
        .insert("traceparent", sent.parse().unwrap());
    let answered = client.get_service_hours(request).await.unwrap();
    let span = answered.metadata().get("traceparent").unwrap();
    let span = span.to_str().unwrap();
    assert!(
        span.starts_with(&format!("00-{TRACE}-")) && span != sent,
        "{span}"
    );
    let untraced = client.get_service_hours(GetServiceHoursRequest {}).await;
    assert!(untraced.unwrap().metadata().get("traceparent").is_none());
}
