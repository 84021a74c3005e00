//! A TCP proxy before the broker that speaks between the frames of whoever consumes through it: what a consumer would only send by
//! mistake, the broker gets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// `AMQP`, 0, and the version: what a client sends before its first frame (AMQP 0-9-1, 4.2.2).
const PROTOCOL_HEADER: usize = 8;
/// Type, channel, size (4.2.3); behind the payload stands one byte more.
const FRAME_HEADER: usize = 7;
const METHOD: u8 = 1;
const FRAME_END: u8 = 0xce;
/// Class and method of `channel.close` with the reply code 406.
const CLOSED_BY_406: [u8; 6] = [0, 20, 0, 40, 1, 150];
/// Class and method of `basic.consume`.
const CONSUME: [u8; 4] = [0, 60, 0, 20];
/// Class and method of `basic.ack`, a delivery tag that no channel has reached, and not multiple.
const ACK_OF_THE_UNKNOWN: [u8; 13] = [0, 60, 0, 80, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0];

pub struct Intruder {
    word: watch::Sender<usize>,
    refused: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Intruder {
    /// Stands before the broker of this address; answers with the address through it.
    pub async fn before(amqp_url: &str) -> (Self, String) {
        let (user, rest) = amqp_url.split_once('@').expect("AMQP_URL has a user");
        let (server, path) = rest.split_once('/').expect("AMQP_URL names a virtual host");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (word, heard) = watch::channel(0);
        let refused = Arc::new(AtomicUsize::new(0));
        let accepting = tokio::spawn(accept(listener, server.to_owned(), heard, Arc::clone(&refused)));
        (Self { word, refused, accepting }, format!("{user}@{address}/{path}"))
    }

    /// Every consumer acknowledges a delivery that it never had.
    pub fn acknowledge_the_unknown(&self) {
        self.word.send_modify(|said| *said += 1);
    }

    /// Channels that the broker has closed for that.
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Drop for Intruder {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, server: String, word: watch::Receiver<usize>, refused: Arc<AtomicUsize>) {
    while let Ok((client, _)) = listener.accept().await {
        let (server, mut word, refused) = (server.clone(), word.clone(), Arc::clone(&refused));
        word.mark_unchanged();
        tokio::spawn(async move {
            let server = TcpStream::connect(server).await.expect("the broker listens");
            let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
            // either side's end is the end of both: the sockets are closed by being dropped
            tokio::select! {
                _ = speak_between(BufReader::new(from_client), to_server, word) => {}
                _ = listen_to(BufReader::new(from_server), to_client, &refused) => {}
            }
        });
    }
}

/// Client to broker, frame by frame.
async fn speak_between(
    mut from: BufReader<OwnedReadHalf>,
    mut to: OwnedWriteHalf,
    mut word: watch::Receiver<usize>,
) -> std::io::Result<()> {
    let mut greeting = [0; PROTOCOL_HEADER];
    from.read_exact(&mut greeting).await?;
    to.write_all(&greeting).await?;
    let mut consuming: Vec<u16> = Vec::new();
    loop {
        // whole frames only: this waits for the first byte of one and takes nothing
        tokio::select! {
            begun = from.fill_buf() => if begun?.is_empty() { return Ok(()) },
            heard = word.changed(), if !consuming.is_empty() => {
                if heard.is_ok() {
                    for channel in consuming.drain(..) {
                        to.write_all(&frame(channel, &ACK_OF_THE_UNKNOWN)).await?;
                    }
                }
                continue;
            }
        }
        let frame = next_frame(&mut from).await?;
        if frame[0] == METHOD && frame[FRAME_HEADER..].starts_with(&CONSUME) {
            consuming.push(u16::from_be_bytes([frame[1], frame[2]]));
        }
        to.write_all(&frame).await?;
    }
}

/// Broker to client, frame by frame.
async fn listen_to(
    mut from: BufReader<OwnedReadHalf>,
    mut to: OwnedWriteHalf,
    refused: &AtomicUsize,
) -> std::io::Result<()> {
    loop {
        let frame = next_frame(&mut from).await?;
        if frame[0] == METHOD && frame[FRAME_HEADER..].starts_with(&CLOSED_BY_406) {
            refused.fetch_add(1, Ordering::Relaxed);
        }
        to.write_all(&frame).await?;
    }
}

async fn next_frame(from: &mut BufReader<OwnedReadHalf>) -> std::io::Result<Vec<u8>> {
    let mut frame = vec![0; FRAME_HEADER];
    from.read_exact(&mut frame).await?;
    let size = u32::from_be_bytes([frame[3], frame[4], frame[5], frame[6]]);
    frame.resize(FRAME_HEADER + usize::try_from(size).expect("64 bits") + 1, 0);
    from.read_exact(&mut frame[FRAME_HEADER..]).await?;
    Ok(frame)
}

fn frame(channel: u16, method: &[u8]) -> Vec<u8> {
    let size = u32::try_from(method.len()).expect("short");
    [&[METHOD], channel.to_be_bytes().as_slice(), &size.to_be_bytes(), method, &[FRAME_END]].concat()
}
