//! The network between one role and one server: a TCP proxy through which it breaks, cut, refused, delayed, stalled. Owned by the
//! fleet of a chaos run, and by the stage of a test.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// One read of the proxy; a server's whole answer mostly fits.
const BUFFER: usize = 16 * 1024;

/// The state of the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weather {
    #[default]
    Fair,
    /// Connections are closed, and new ones are closed at once.
    Cut,
    /// What is sent arrives so much later.
    Delayed(Duration),
    /// Connections stay open, nothing arrives; it does when the weather is fair again.
    Stalled,
}

pub struct Proxy {
    pub address: SocketAddr,
    weather: watch::Sender<Weather>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port. `servers` are tried in their order, for every connection anew.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(servers: Vec<SocketAddr>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (weather, forecast) = watch::channel(Weather::Fair);
        let task = tokio::spawn(accept(listener, servers.into(), forecast));
        Ok(Self { address, weather, task })
    }

    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, servers: Arc<[SocketAddr]>, weather: watch::Receiver<Weather>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    connections.spawn(carry(client, Arc::clone(&servers), weather.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection, until either side ends it or the weather does.
async fn carry(client: TcpStream, servers: Arc<[SocketAddr]>, mut weather: watch::Receiver<Weather>) -> io::Result<()> {
    if *weather.borrow_and_update() == Weather::Cut {
        return Ok(());
    }
    let server = connect(&servers).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let (up, down) = (weather.clone(), weather.clone());
    tokio::select! {
        ended = pump(from_client, to_server, up) => ended,
        ended = pump(from_server, to_client, down) => ended,
        _ = weather.wait_for(|weather| *weather == Weather::Cut) => Ok(()),
    }
}

async fn connect(servers: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for server in servers {
        match TcpStream::connect(server).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        let now = *weather.borrow_and_update();
        match now {
            Weather::Fair | Weather::Cut => {}
            Weather::Delayed(pause) => tokio::time::sleep(pause).await,
            // A proxy that ends lets its connections end.
            Weather::Stalled => drop(weather.wait_for(|weather| *weather != Weather::Stalled).await),
        }
        to.write_all(&buffer[..length]).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that sends back what it gets, and a connection to it through a proxy.
    async fn connected() -> (Proxy, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let server = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        let proxy = Proxy::start(vec![server]).await.expect("a proxy");
        let stream = TcpStream::connect(proxy.address).await.expect("connects");
        (proxy, stream)
    }

    async fn echo(stream: &mut TcpStream) -> io::Result<u8> {
        stream.write_u8(7).await?;
        tokio::time::timeout(Duration::from_millis(300), stream.read_u8()).await?
    }

    #[tokio::test]
    async fn fair_weather_carries_and_a_cut_ends_the_connection_and_refuses_new_ones() {
        let (proxy, mut stream) = connected().await;
        assert_eq!(echo(&mut stream).await.expect("an echo"), 7);
        proxy.set(Weather::Cut);
        assert!(echo(&mut stream).await.is_err());
        let mut second = TcpStream::connect(proxy.address).await.expect("the listener stays");
        assert!(echo(&mut second).await.is_err());
        proxy.set(Weather::Fair);
        let mut third = TcpStream::connect(proxy.address).await.expect("connects");
        assert_eq!(echo(&mut third).await.expect("an echo"), 7);
    }

    #[tokio::test]
    async fn what_is_stalled_arrives_later_and_nothing_of_it_is_lost() {
        let (proxy, mut stream) = connected().await;
        proxy.set(Weather::Stalled);
        assert!(echo(&mut stream).await.is_err());
        proxy.set(Weather::Fair);
        assert_eq!(stream.read_u8().await.expect("the first one"), 7);
    }

    #[tokio::test]
    async fn delayed_bytes_take_their_time_in_both_directions() {
        let (proxy, mut stream) = connected().await;
        proxy.set(Weather::Delayed(Duration::from_millis(50)));
        let started = std::time::Instant::now();
        assert_eq!(echo(&mut stream).await.expect("an echo"), 7);
        assert!(started.elapsed() >= Duration::from_millis(100));
    }
}
