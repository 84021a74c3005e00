//! A small SMTP server (RFC 5321, with STARTTLS of RFC 3207): keeps each mail, and misbehaves when told to.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::http::Shared;
use super::keys::Authority;

/// How the server treats a mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SmtpManners {
    #[default]
    Polite,
    /// 550 to RCPT.
    RejectRecipient,
    /// 451 to RCPT.
    Temporary,
    /// 554 to the content.
    RejectContent,
    /// 421 in the greeting.
    Closed,
    /// Takes the connection and never greets.
    HangAtGreeting,
    /// Takes the content and never answers.
    HangAtContent,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedMail {
    pub sender: String,
    pub recipients: Vec<String>,
    /// Headers and body with lone line feeds.
    pub content: String,
    pub encrypted: bool,
    /// Counts the connections, from 1.
    pub connection: usize,
}

impl ReceivedMail {
    /// The unfolded value of a header, matched without regard to case.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.content.split("\n\n").next()?.replace("\n ", " ");
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    }
}

#[derive(Default)]
struct Book {
    mails: Vec<ReceivedMail>,
    manners: SmtpManners,
    connections: usize,
}

/// Encryption the server offers.
enum Security {
    None,
    StartTls(TlsAcceptor),
    Implicit(TlsAcceptor),
}

struct House {
    book: Shared<Book>,
    security: Security,
}

pub struct SmtpServer {
    pub port: u16,
    house: Arc<House>,
    task: JoinHandle<()>,
}

impl SmtpServer {
    pub async fn start() -> Self {
        Self::listen(Security::None).await
    }

    pub async fn start_with_starttls(authority: &Authority) -> Self {
        Self::listen(Security::StartTls(authority.acceptor())).await
    }

    pub async fn start_with_tls(authority: &Authority) -> Self {
        Self::listen(Security::Implicit(authority.acceptor())).await
    }

    async fn listen(security: Security) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let house = Arc::new(House { book: Shared::default(), security });
        let shared = Arc::clone(&house);
        let task = tokio::spawn(async move {
            let mut guests = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                // A guest that breaks off is part of the tests; what was kept is what counts.
                guests.spawn(welcome(stream, Arc::clone(&shared)));
            }
        });
        Self { port, house, task }
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    pub fn set_manners(&self, manners: SmtpManners) {
        self.house.book.with(|book| book.manners = manners);
    }

    pub fn mails(&self) -> Vec<ReceivedMail> {
        self.house.book.with(|book| book.mails.clone())
    }

    pub fn connections(&self) -> usize {
        self.house.book.with(|book| book.connections)
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn welcome(stream: TcpStream, house: Arc<House>) -> io::Result<()> {
    let connection = house.book.with(|book| {
        book.connections += 1;
        book.connections
    });
    let guest = |encrypted| Guest { house: &house, connection, encrypted };
    match &house.security {
        Security::None => guest(false).converse(BufReader::new(stream), true).await.map(drop),
        Security::Implicit(acceptor) => {
            let stream = BufReader::new(acceptor.accept(stream).await?);
            guest(true).converse(stream, true).await.map(drop)
        }
        Security::StartTls(acceptor) => match guest(false).converse(BufReader::new(stream), true).await? {
            Some(plain) => {
                let stream = BufReader::new(acceptor.accept(plain.into_inner()).await?);
                guest(true).converse(stream, false).await.map(drop)
            }
            None => Ok(()),
        },
    }
}

struct Guest<'a> {
    house: &'a House,
    connection: usize,
    encrypted: bool,
}

impl Guest<'_> {
    fn manners(&self) -> SmtpManners {
        self.house.book.with(|book| book.manners)
    }

    /// Until QUIT or the end of the stream; gives the stream back to be encrypted after STARTTLS.
    async fn converse<S>(&self, mut stream: BufReader<S>, greet: bool) -> io::Result<Option<BufReader<S>>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if greet {
            match self.manners() {
                SmtpManners::HangAtGreeting => std::future::pending().await,
                SmtpManners::Closed => {
                    stream.write_all(b"421 4.3.2 closed for today\r\n").await?;
                    return Ok(None);
                }
                SmtpManners::Polite
                | SmtpManners::RejectRecipient
                | SmtpManners::Temporary
                | SmtpManners::RejectContent
                | SmtpManners::HangAtContent => stream.write_all(b"220 test ESMTP\r\n").await?,
            }
        }
        let offers_tls = matches!(self.house.security, Security::StartTls(_)) && !self.encrypted;
        let (mut sender, mut recipients, mut line) = (String::new(), Vec::new(), String::new());
        loop {
            line.clear();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(None);
            }
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            let answer = match verb.as_str() {
                "EHLO" if offers_tls => "250-test\r\n250-8BITMIME\r\n250 STARTTLS".to_owned(),
                "EHLO" => "250-test\r\n250 8BITMIME".to_owned(),
                "STAR" if offers_tls => {
                    stream.write_all(b"220 2.0.0 go ahead\r\n").await?;
                    return Ok(Some(stream));
                }
                "MAIL" => {
                    (sender, recipients) = (path(&line), Vec::new());
                    "250 2.1.0 sender noted".to_owned()
                }
                "RCPT" => match self.manners() {
                    SmtpManners::RejectRecipient => format!("550 5.1.1 <{}>: nobody of that name", path(&line)),
                    SmtpManners::Temporary => "451 4.3.0 try later".to_owned(),
                    SmtpManners::Polite
                    | SmtpManners::RejectContent
                    | SmtpManners::Closed
                    | SmtpManners::HangAtGreeting
                    | SmtpManners::HangAtContent => {
                        recipients.push(path(&line));
                        "250 2.1.5 recipient noted".to_owned()
                    }
                },
                "DATA" => {
                    stream.write_all(b"354 go ahead\r\n").await?;
                    let content = read_content(&mut stream).await?;
                    self.keep(std::mem::take(&mut sender), std::mem::take(&mut recipients), content).await
                }
                "RSET" | "NOOP" => "250 2.0.0 done".to_owned(),
                "QUIT" => {
                    stream.write_all(b"221 2.0.0 good bye\r\n").await?;
                    return Ok(None);
                }
                _ => "502 5.5.1 not known here".to_owned(),
            };
            stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
        }
    }

    async fn keep(&self, sender: String, recipients: Vec<String>, content: String) -> String {
        match self.manners() {
            SmtpManners::HangAtContent => std::future::pending().await,
            SmtpManners::RejectContent => "554 5.7.1 looks like spam".to_owned(),
            SmtpManners::Polite
            | SmtpManners::RejectRecipient
            | SmtpManners::Temporary
            | SmtpManners::Closed
            | SmtpManners::HangAtGreeting => {
                let (encrypted, connection) = (self.encrypted, self.connection);
                let mail = ReceivedMail { sender, recipients, content, encrypted, connection };
                self.house.book.with(|book| book.mails.push(mail));
                "250 2.0.0 kept".to_owned()
            }
        }
    }
}

/// The lines up to the lone dot, with the doubled dots undone (RFC 5321, 4.5.2).
async fn read_content<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> io::Result<String> {
    let (mut content, mut line) = (String::new(), String::new());
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = line.trim_end_matches(['\r', '\n']);
        if text == "." {
            return Ok(content);
        }
        content.push_str(text.strip_prefix('.').unwrap_or(text));
        content.push('\n');
    }
}

/// What stands between the angle brackets.
fn path(line: &str) -> String {
    let inner = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map(|(path, _)| path.to_owned()).unwrap_or_default()
}
