//! A headless Chromium, driven over its DevTools protocol: what a customer's browser does with the tracking page.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::eventually;

/// A cold start on a busy machine.
const STARTING: Duration = Duration::from_secs(60);
const ANSWER: Duration = Duration::from_secs(30);
/// Where it is, by distribution.
const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Where somebody may look at the pictures afterwards.
pub fn picture(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    std::fs::create_dir_all(&folder).expect("a folder");
    folder.join(format!("{name}.png"))
}

/// One page in a browser of its own; both are gone when dropped.
pub struct Browser {
    connection: Mutex<Connection>,
    session: String,
    _process: Child,
    _profile: TempDir,
}

struct Connection {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    calls: u64,
    /// What the page complained about: exceptions, and whatever the policy refused.
    complaints: Vec<String>,
}

impl Browser {
    pub async fn start() -> Self {
        let profile = TempDir::new().expect("a folder");
        let mut process = PROGRAMS
            .iter()
            .find_map(|program| command(program, profile.path()).spawn().ok())
            .expect("there is no Chromium: `./dev test` installs it");
        let mut lines = BufReader::new(process.stderr.take().expect("a pipe")).lines();
        let address = timeout(STARTING, async {
            loop {
                let line = lines.next_line().await.expect("output").expect("Chromium has ended without a word");
                if let Some(address) = line.strip_prefix("DevTools listening on ") {
                    return address.to_owned();
                }
            }
        });
        let address = address.await.expect("Chromium starts in time");
        // nobody may block on a full pipe
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let (socket, _) = connect_async_with_config(address, Some(config), false).await.expect("DevTools answer");
        let mut connection = Connection { socket, calls: 0, complaints: Vec::new() };
        let target = connection.call(None, "Target.createTarget", json!({"url": "about:blank"})).await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = connection.call(None, "Target.attachToTarget", attach).await;
        let session = attached["sessionId"].as_str().expect("a session").to_owned();
        let browser = Self { connection: Mutex::new(connection), session, _process: process, _profile: profile };
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({})).await;
        }
        browser
    }

    async fn call(&self, method: &str, parameters: Value) -> Value {
        self.connection.lock().await.call(Some(&self.session), method, parameters).await
    }

    /// Goes to an address, as typing it does.
    pub async fn visit(&self, url: &str) {
        let gone = self.call("Page.navigate", json!({"url": url})).await;
        assert!(gone.get("errorText").is_none(), "{gone}");
        self.is_loaded().await;
    }

    pub async fn reload(&self) {
        self.evaluate("window.before = true").await;
        self.call("Page.reload", json!({})).await;
        eventually("the page is new", async || (self.evaluate("!window.before").await == true).then_some(())).await;
        self.is_loaded().await;
    }

    async fn is_loaded(&self) {
        eventually("the page is there", async || {
            (self.evaluate("document.readyState").await == "complete").then_some(())
        })
        .await;
    }

    /// The value of an expression in the page.
    pub async fn evaluate(&self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", parameters).await;
        answer["result"]["value"].clone()
    }

    /// The text that a person sees of the first element that matches.
    pub async fn text(&self, selector: &str) -> String {
        let text = self.evaluate(&format!("document.querySelector({})?.innerText", json!(selector))).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Writes into a field, as typing does.
    pub async fn fill(&self, selector: &str, text: &str) {
        let field = format!("document.querySelector({})", json!(selector));
        let written = self.evaluate(&format!("({field} !== null) && (({field}.value = {}), true)", json!(text))).await;
        assert_eq!(written, true, "there is no {selector}");
    }

    /// Clicks the first element that matches and has this text.
    pub async fn click(&self, selector: &str, text: &str) {
        let clicked = format!(
            "[...document.querySelectorAll({})].filter((one) => one.innerText.trim() === {})
             .slice(0, 1).map((one) => one.click()).length",
            json!(selector),
            json!(text)
        );
        eventually(&format!("{selector} {text:?} to click"), async || {
            (self.evaluate(&clicked).await == 1).then_some(())
        })
        .await;
    }

    /// Waits until the element has this text.
    pub async fn shows(&self, selector: &str, expected: &str) {
        eventually(&format!("{selector} shows {expected:?}"), async || {
            (self.text(selector).await == expected).then_some(())
        })
        .await;
    }

    /// Width and height in CSS pixels, and light or dark.
    pub async fn looks_like(&self, (width, height): (u32, u32), scheme: &str) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 2, "mobile": width < 500});
        self.call("Emulation.setDeviceMetricsOverride", metrics).await;
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    pub async fn without_scripts(&self) {
        self.call("Emulation.setScriptExecutionDisabled", json!({"value": true})).await;
    }

    /// The whole page as a picture.
    pub async fn screenshot(&self, file: &Path) {
        // what moves for a moment has come to rest; what moves for ever is left to move
        let moving = "document.getAnimations().filter((one) => one.effect.getComputedTiming().iterations !== Infinity)";
        self.evaluate(&format!("Promise.all({moving}.map((one) => one.finished)).then(() => 0)")).await;
        let parameters = json!({"format": "png", "captureBeyondViewport": true});
        let picture = self.call("Page.captureScreenshot", parameters).await;
        let bytes = STANDARD.decode(picture["data"].as_str().expect("a picture")).expect("base64");
        assert!(bytes.len() > 5_000, "the picture shows something");
        std::fs::write(file, bytes).expect("written");
    }

    /// Exceptions, and what the page's policy refused, since the start.
    pub async fn complaints(&self) -> Vec<String> {
        // whatever has been said before this answer has been heard
        self.evaluate("0").await;
        self.connection.lock().await.complaints.clone()
    }
}

fn command(program: &str, profile: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args([
            "--headless=new",
            "--remote-debugging-port=0",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"])
        .args(["--disable-extensions", "--hide-scrollbars", "--no-proxy-server", "--lang=en-GB"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg("about:blank")
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

impl Connection {
    async fn call(&mut self, session: Option<&str>, method: &str, params: Value) -> Value {
        self.calls += 1;
        let mut call = json!({"id": self.calls, "method": method, "params": params});
        if let Some(session) = session {
            call["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(call.to_string())).await.expect("the browser listens");
        let answer = timeout(ANSWER, async {
            loop {
                let message = self.socket.next().await.expect("the browser lives").expect("a message");
                let Message::Text(text) = message else { continue };
                let message: Value = serde_json::from_str(&text).expect("JSON");
                self.hear(&message);
                if message["id"] == self.calls {
                    return message;
                }
            }
        });
        let answer = answer.await.unwrap_or_else(|_| panic!("{method} is not answered"));
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    fn hear(&mut self, message: &Value) {
        match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => self.complaints.push(message["params"].to_string()),
            Some("Log.entryAdded") => {
                let entry = &message["params"]["entry"];
                // that a server is away is expected here
                if entry["source"] != "network" && entry["level"] == "error" {
                    self.complaints.push(entry.to_string());
                }
            }
            Some(_) | None => {}
        }
    }
}
