//! What a program writes: its beginning and its end, and what is counted on the way.

use std::{collections::VecDeque, io};

use tokio::io::{AsyncRead, AsyncReadExt};

/// How much is kept of the beginning, and as much of the end.
const PART_BYTES_MAX: usize = 1 << 20;

/// The longest line that is looked at.
const LINE_BYTES_MAX: usize = 4096;

/// The longest last line that is quoted.
const QUOTE_CHARS_MAX: usize = 300;

/// What is kept of an output.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: u64,
    line: Vec<u8>,
    last_line: Vec<u8>,
    tests: TestCounts,
}

/// What `cargo test` says of the tests that it ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TestCounts {
    /// That passed.
    pub(crate) passed: u64,
    /// That were begun.
    pub(crate) running: u64,
}

/// An output that is read.
pub(super) struct Reading<R> {
    from: Option<R>,
    kept: Kept,
}

impl<R> Reading<R> {
    pub(super) fn of(from: Option<R>) -> Self {
        Reading { from, kept: Kept::default() }
    }

    pub(super) fn into_kept(self) -> Kept {
        self.kept
    }
}

/// Reads to the end.
///
/// # Cancel safety
/// What was read is kept.
pub(super) async fn read<R: AsyncRead + Unpin>(reading: &mut Reading<R>) -> io::Result<()> {
    let Some(from) = &mut reading.from else { return Ok(()) };
    let mut buffer = [0; 8192];
    loop {
        let bytes = from.read(&mut buffer).await?;
        if bytes == 0 {
            reading.kept.end_line();
            return Ok(());
        }
        reading.kept.take(&buffer[..bytes]);
    }
}

impl Kept {
    fn take(&mut self, bytes: &[u8]) {
        self.look_at_lines(bytes);
        let to_head = bytes.len().min(PART_BYTES_MAX - self.head.len());
        self.head.extend(&bytes[..to_head]);
        self.tail.extend(&bytes[to_head..]);
        let surplus = self.tail.len().saturating_sub(PART_BYTES_MAX);
        self.tail.drain(..surplus);
        self.left_out += surplus as u64;
    }

    fn look_at_lines(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, is_end) = part.strip_suffix(b"\n").map_or((part, false), |it| (it, true));
            let room = LINE_BYTES_MAX - self.line.len();
            self.line.extend(&text[..text.len().min(room)]);
            if is_end {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        if !self.line.trim_ascii().is_empty() {
            std::mem::swap(&mut self.line, &mut self.last_line);
            self.tests.take(&self.last_line);
        }
        self.line.clear();
    }

    /// Returns the last line that is not empty, shortened.
    pub(crate) fn last_line(&self) -> Option<String> {
        let line = [&self.line, &self.last_line].into_iter().find(|it| !it.trim_ascii().is_empty());
        let text = String::from_utf8_lossy(line?.trim_ascii()).into_owned();
        let is_long = text.chars().count() > QUOTE_CHARS_MAX;
        let short: String = text.chars().take(QUOTE_CHARS_MAX).collect();
        Some(if is_long { format!("{short}…") } else { short })
    }

    /// Returns what `cargo test` said.
    pub(crate) const fn tests(&self) -> TestCounts {
        self.tests
    }

    /// Returns what was kept as text, with a line that says how much was left out.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.clone();
        if self.left_out > 0 {
            bytes.extend(format!("\n[{} bytes left out]\n", self.left_out).as_bytes());
        }
        bytes.extend(&self.tail);
        bytes
    }
}

impl TestCounts {
    /// Takes a line in: `running 3 tests`, `test result: ok. 3 passed; …`.
    fn take(&mut self, line: &[u8]) {
        let Ok(line) = std::str::from_utf8(line) else { return };
        let line = line.trim();
        let number = |text: &str| text.split(' ').next()?.parse::<u64>().ok();
        if let Some(rest) = line.strip_prefix("running ")
            && (rest.ends_with(" test") || rest.ends_with(" tests"))
        {
            self.running += number(rest).unwrap_or(0);
        }
        if let Some(rest) = line.strip_prefix("test result: ok. ") {
            self.passed += number(rest).unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests;
