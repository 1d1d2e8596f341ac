//! What a process writes: a file that does not grow without end.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

/// How large it may become before its first part is set aside; there are two parts at most.
const BYTES_MAX: u64 = 8 << 20;

/// How much of it an error shows.
const LINES_SHOWN: usize = 12;
const BYTES_SHOWN: u64 = 4096;

/// A log that processes append to.
#[derive(Clone, Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
}

impl LogFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        LogFile { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it for a process to write to.
    pub(crate) fn open(&self) -> io::Result<File> {
        // Each write goes to the end, wherever that is by then.
        OpenOptions::new().create(true).append(true).open(&self.path)
    }

    /// Sets its first part aside where it has become too large. What is written in that moment may be
    /// missing.
    pub(crate) fn bound(&self) -> io::Result<()> {
        self.bound_to(BYTES_MAX)
    }

    fn bound_to(&self, bytes_max: u64) -> io::Result<()> {
        let length = fs::metadata(&self.path).map_or(0, |file| file.len());
        if length > bytes_max {
            fs::copy(&self.path, self.path.with_extension("log.1"))?;
            // The process has the file open, so it stays the same one.
            OpenOptions::new().write(true).open(&self.path)?.set_len(0)?;
        }
        Ok(())
    }

    /// Returns its last lines.
    pub(crate) fn tail(&self) -> String {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(&self.path)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(BYTES_SHOWN)))?;
            let mut bytes = Vec::new();
            file.take(BYTES_SHOWN).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let mut lines: Vec<_> = text.lines().rev().take(LINES_SHOWN).collect();
        lines.reverse();
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn it_is_bounded_while_somebody_writes() {
        let folder = tempfile::tempdir().unwrap();
        let log = LogFile::new(folder.path().join("a.log"));
        let mut writer = log.open().unwrap();
        writer.write_all(b"first\n").unwrap();
        log.bound_to(3).unwrap();
        writer.write_all(b"then\n").unwrap();
        assert_eq!(log.tail(), "then");
        assert_eq!(fs::read_to_string(folder.path().join("a.log.1")).unwrap(), "first\n");
        log.bound_to(100).unwrap();
        assert_eq!(log.tail(), "then");
    }

    #[test]
    fn its_end_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let log = LogFile::new(folder.path().join("a.log"));
        assert_eq!(log.tail(), "");
        let lines: Vec<_> = (0..5000).map(|n| format!("line {n}")).collect();
        fs::write(log.path(), lines.join("\n")).unwrap();
        assert_eq!(log.tail(), lines[5000 - LINES_SHOWN..].join("\n"));
    }
}
