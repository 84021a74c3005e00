//! The transport without credentials: each message becomes a file. Used by mail, SMS and push; read by developers and the demo.

use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::outbound::{SendError, Sent, SetupError};

/// A folder of messages, one file each, named by the message's id: a repeat replaces its own file.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Without the dot.
    extension: &'static str,
}

impl Folder {
    /// Creates the folder if it is missing.
    pub(super) fn open(option: &'static str, path: &Path, extension: &'static str) -> Result<Self, SetupError> {
        std::fs::create_dir_all(path).map_err(|source| SetupError::File { option, path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), extension })
    }

    pub(super) async fn write(&self, id: Uuid, content: &[u8]) -> Result<Sent, SendError> {
        let name = format!("{id}.{}", self.extension);
        self.replace(&name, content)
            .await
            .map_err(|error| SendError::unavailable(format!("the message folder cannot be written: {error}")))?;
        Ok(Sent { transport: "folder", reference: name })
    }

    /// Under a name of its own first: a reader never meets half a file, and two writers of one message never share one.
    async fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let unfinished = self.path.join(format!("{name}.{}.tmp", Uuid::new_v4().simple()));
        let written = match tokio::fs::write(&unfinished, content).await {
            Ok(()) => tokio::fs::rename(&unfinished, self.path.join(name)).await,
            Err(error) => Err(error),
        };
        if written.is_err() {
            // What went wrong is already being reported; a remainder that cannot be removed adds nothing to it.
            let _ = tokio::fs::remove_file(&unfinished).await;
        }
        written
    }
}
