//! Records that a sink refuses for good, set aside in a file.
//!
//! Owns the format: one JSON object a line with `seq`, `stamp`, `reason`, and the record in
//! hexadecimal. A crash can leave one there twice; its number tells.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::Disk;
use crate::group::Committed;

/// The file with what a sink refused.
#[derive(Clone)]
pub(crate) struct Rejected {
    disk: Arc<dyn Disk>,
    path: PathBuf,
}

impl Rejected {
    pub(crate) fn new(disk: Arc<dyn Disk>, folder: &Path, name: &str) -> Self {
        Self { disk, path: folder.join(format!("{name}.rejected")) }
    }

    /// Adds the records of a group.
    pub(crate) fn add(&self, group: &Committed, reason: &str) -> io::Result<()> {
        let file = match self.disk.open(&self.path) {
            Err(failed) if failed.kind() == io::ErrorKind::NotFound => {
                self.disk.create(&self.path)?
            }
            opened => opened?,
        };
        let mut lines = String::new();
        for (seq, record) in group.numbered() {
            let line = serde_json::json!({
                "seq": seq.get(),
                "stamp": group.stamp,
                "reason": reason,
                "record": hex(record),
            });
            lines.push_str(&line.to_string());
            lines.push('\n');
        }
        file.write_at(lines.as_bytes(), file.len()?)?;
        file.sync()
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |byte: u8| char::from(DIGITS[usize::from(byte & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}
