//! A real Redis for one test: it can be killed, and started again on the same port.

use std::net::TcpListener;
use std::process::Stdio;

use tokio::process::{Child, Command};

use super::eventually;

/// Killed when dropped.
pub struct Redis {
    port: u16,
    process: Child,
}

impl Redis {
    pub async fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address").port();
        let redis = Self { port, process: launch(port) };
        redis.answers().await;
        redis
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub async fn kill(&mut self) {
        self.process.kill().await.expect("it is killed");
    }

    /// On the same port, with nothing in it.
    pub async fn start_again(&mut self) {
        self.process = launch(self.port);
        self.answers().await;
    }

    async fn answers(&self) {
        eventually("Redis answers", async || {
            tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.ok().map(drop)
        })
        .await;
    }
}

fn launch(port: u16) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("redis-server is installed: ./dev test does it, or apt-get install redis-server")
}
