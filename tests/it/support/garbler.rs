//! A TCP proxy that garbles a marker on its way to the broker: what a client library would never let through, the broker gets.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

/// What clients write where the broker is to get [`GARBLED`]; of the same length, so that no frame changes its size.
pub const MARKER: &[u8] = b"=garble=me=";
/// Not UTF-8.
const GARBLED: &[u8] = b"=garbl\xff=me=";

/// Carries one connection to `server` (host:port), garbling every marker. The address is where to connect.
pub async fn garbling_proxy(server: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.expect("a client");
        let server = TcpStream::connect(server).await.expect("the broker listens");
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        tokio::spawn(async move { copy(&mut from_server, &mut to_client).await });
        let mut chunk = vec![0; 1 << 16];
        while let Ok(read @ 1..) = from_client.read(&mut chunk).await {
            let bytes = &mut chunk[..read];
            while let Some(at) = bytes.windows(MARKER.len()).position(|window| window == MARKER) {
                bytes[at..at + GARBLED.len()].copy_from_slice(GARBLED);
            }
            if to_server.write_all(bytes).await.is_err() {
                return;
            }
        }
    });
    address
}
