//! The transport without credentials: each message becomes a file. Used by mail, SMS and push; read by developers and the demo.

use std::path::{Path, PathBuf};
use std::{fs, io};

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
        fs::create_dir_all(path).map_err(|source| SetupError::File { option, path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), extension })
    }

    /// Without a thread for blocking work: to hand the file over to one costs more than to write it.
    pub(super) fn write(&self, id: Uuid, content: &[u8]) -> Result<Sent, SendError> {
        let name = format!("{id}.{}", self.extension);
        self.replace(&name, content)
            .map_err(|error| SendError::unavailable(format!("the message folder cannot be written: {error}")))?;
        Ok(Sent { transport: "folder", reference: name })
    }

    /// Under a name of its own first: a reader never meets half a file, and two writers of one message never share one.
    fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let unfinished = self.path.join(format!("{name}.{:016x}.tmp", fastrand::u64(..)));
        let written = fs::write(&unfinished, content).and_then(|()| fs::rename(&unfinished, self.path.join(name)));
        if written.is_err() {
            // What went wrong is already being reported; a remainder that cannot be removed adds nothing to it.
            let _ = fs::remove_file(&unfinished);
        }
        written
    }
}
