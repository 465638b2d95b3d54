//! An HTTP/2 connection spoken by hand: what no well-behaved client sends, and what such a client hides.

use std::{net::SocketAddr, sync::Arc};

use chukan::server::connect;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::support::{Client, soon};

/// Frame types. Source: RFC 9113 §6.
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;

/// A connection whose preface and settings are sent.
pub(crate) struct Raw(TlsStream<TcpStream>);

/// A frame as it came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) payload: Vec<u8>,
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

impl Raw {
    pub(crate) async fn connect(client: &Client, address: SocketAddr) -> Self {
        let socket = soon(TcpStream::connect(address)).await.unwrap();
        Self::over(client, socket).await.unwrap()
    }

    pub(crate) async fn over(client: &Client, socket: TcpStream) -> std::io::Result<Self> {
        let config = connect::settings(client.pem()).unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let mut stream = soon(connector.connect(name, socket)).await?;
        stream
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .await?;
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
        stream.flush().await?;
        Ok(Self(stream))
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        // The server may hang up in the middle.
        drop(self.0.write_all(bytes).await);
        drop(self.0.flush().await);
    }

    /// The next frame; none when the connection has ended.
    pub(crate) async fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        soon(self.0.read_exact(&mut head)).await.ok()?;
        let [a, b, c, kind, ..] = head;
        let length = u32::from_be_bytes([0, a, b, c]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        soon(self.0.read_exact(&mut payload)).await.ok()?;
        Some(Frame { kind, payload })
    }

    /// The payload of the next frame of this type; none when the connection ended before.
    pub(crate) async fn read_until(&mut self, kind: u8) -> Option<Vec<u8>> {
        loop {
            let frame = self.read().await?;
            if frame.kind == kind {
                return Some(frame.payload);
            }
        }
    }
}
