//! How far a sink got, in a file of its own.
//!
//! Owns the format: one line, `journal-checkpoint 1 SEQ CRC`, the checksum in hexadecimal over
//! what is before it. It is replaced whole by a rename. One that can't be read counts as missing:
//! the sink is given all that is kept once more.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::Disk;
use crate::frame::crc;
use crate::seq::Seq;

const BYTES_MAX: usize = 100;

/// The file that says how far a sink got.
#[derive(Clone)]
pub(crate) struct Checkpoint {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    name: String,
}

impl Checkpoint {
    pub(crate) fn new(disk: Arc<dyn Disk>, folder: &Path, name: &str) -> Self {
        Self { disk, folder: folder.to_owned(), name: name.to_owned() }
    }

    fn path(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.name))
    }

    /// The last record that the sink took.
    pub(crate) fn read(&self) -> io::Result<Option<Seq>> {
        let file = match self.disk.open(&self.path("checkpoint")) {
            Ok(file) => file,
            Err(failed) if failed.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(failed) => return Err(failed),
        };
        let mut line = [0; BYTES_MAX];
        let read = file.read_at(&mut line, 0)?;
        let seq = std::str::from_utf8(&line[..read]).ok().and_then(parse);
        if seq.is_none() {
            tracing::warn!(sink = %self.name, "a sink's checkpoint can't be read; it begins anew");
        }
        Ok(seq)
    }

    /// Says that the sink took all up to `taken`.
    pub(crate) fn write(&self, taken: Seq) -> io::Result<()> {
        let (new, path) = (self.path("checkpoint-new"), self.path("checkpoint"));
        match self.disk.remove(&new) {
            Err(failed) if failed.kind() != io::ErrorKind::NotFound => return Err(failed),
            _ => {}
        }
        let file = self.disk.create(&new)?;
        file.write_at(line(taken).as_bytes(), 0)?;
        file.sync()?;
        drop(file);
        self.disk.rename(&new, &path)?;
        self.disk.sync_folder(&self.folder)
    }
}

fn line(taken: Seq) -> String {
    let text = format!("journal-checkpoint 1 {taken}");
    let sum = crc(0, text.as_bytes());
    format!("{text} {sum:08x}\n")
}

fn parse(text: &str) -> Option<Seq> {
    let number = text.split(' ').nth(2)?.parse().ok().and_then(Seq::new)?;
    (text == line(number)).then_some(number)
}
