//! The terminal without TLS: on the loopback only, by flag, with a cookie that a browser takes there.

use chukan::sample::staff::TRAINING_PASSWORD;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::net::{self, Net, WARD};

async fn send(net: &Net, head: &str, body: &str) -> String {
    let (host, length) = (net.console(), body.len());
    let mut socket = TcpStream::connect(host).await.unwrap();
    let kind = "content-type: application/x-www-form-urlencoded";
    let message = format!(
        "{head}host: {host}\r\nconnection: close\r\n{kind}\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    socket.write_all(message.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn the_terminal_works_without_tls_where_that_was_asked_for() {
    let net = net::start_with(&["--console-plain-http"]);
    let form = format!("institution={WARD}&account=clerk1&password={TRAINING_PASSWORD}");
    let foreign = "POST /login HTTP/1.1\r\norigin: http://evil.example\r\n";
    let answer = send(&net, foreign, &form).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    let own = format!(
        "POST /login HTTP/1.1\r\norigin: http://{}\r\n",
        net.console()
    );
    let answer = send(&net, &own, &form).await;
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    let (_, cookie) = answer.split_once("set-cookie: ").unwrap();
    let cookie = cookie.lines().next().unwrap();
    assert!(cookie.starts_with("chukan=") && !cookie.contains("Secure"));
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
    let cookie = cookie.split(';').next().unwrap();
    let queue = format!("GET /queue HTTP/1.1\r\ncookie: {cookie}\r\n");
    assert!(send(&net, &queue, "").await.starts_with("HTTP/1.1 200"));
    let without = "GET /queue HTTP/1.1\r\n";
    assert!(send(&net, without, "").await.starts_with("HTTP/1.1 303"));
}

#[test]
fn plain_http_for_the_network_is_refused() {
    let dir = tempfile::TempDir::new().unwrap();
    let listen = "console.listen=0.0.0.0:0";
    let mut command = net::serve(dir.path(), &["--console-plain-http", "--set", listen]);
    let output = command
        .stderr(std::process::Stdio::piped())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("console.listen = 0.0.0.0:0"), "{said}");
    assert!(!dir.path().join("worlds").exists(), "nothing was begun");
}
