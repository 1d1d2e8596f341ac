//! Reads a segment's frames in order, over damage too.
//!
//! Owns what is damage and what is a torn tail. Writes nothing.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::disk::DiskFile;
use crate::frame::{self, END_BYTES, HEAD_BYTES, Head, Kind, MARKER};
use crate::group::Committed;
use crate::metrics::Dropped;
use crate::segment::HEADER_BYTES;
use crate::seq::{Damaged, Seq};

/// How much is read at once.
const WINDOW_BYTES: usize = 1 << 20;

/// What comes next in a segment.
#[derive(Debug)]
pub(crate) enum Step {
    Group(Committed),
    /// Records dropped since the log began.
    Note(Dropped),
    /// Records that can't be read, with good frames or an end behind them.
    Damaged(Damaged),
    /// A note that can't be read: no record is lost by it.
    DamagedNote,
    /// Nothing can be read from here on; `at` is the end where all is well.
    End {
        at: u64,
    },
}

/// A reader of one segment.
pub(crate) struct Scanner {
    file: Arc<dyn DiskFile>,
    salt: u32,
    at: u64,
    expected: Seq,
    window: Bytes,
    window_at: u64,
}

impl Scanner {
    pub(crate) fn new(file: Arc<dyn DiskFile>, salt: u32, first: Seq) -> Self {
        let (at, window) = (HEADER_BYTES as u64, Bytes::new());
        Self { file, salt, at, expected: first, window, window_at: 0 }
    }

    /// The number of the record that comes next.
    pub(crate) fn expected(&self) -> Seq {
        self.expected
    }

    /// Reads on, up to the byte `end` of the file and to the number `limit`.
    pub(crate) fn step(&mut self, end: u64, limit: Option<Seq>) -> io::Result<Step> {
        loop {
            let Some(head) = self.head(end)? else {
                return self.resync(end, limit);
            };
            if limit.is_some_and(|limit| head.next() > limit) {
                return Ok(Step::End { at: self.at });
            }
            if head.first > self.expected {
                return Ok(self.hole_until(head.first));
            }
            let frame_end = self.at + head.frame_bytes() as u64;
            if frame_end > end {
                return Ok(Step::End { at: self.at });
            }
            let frame = self.bytes(self.at, head.frame_bytes(), end)?;
            let step = self.take(&head, &frame);
            if step.is_none() && frame::read_end(end_of(&frame), self.salt) != Some(head.next()) {
                return self.resync(end, limit);
            }
            self.at = frame_end;
            // A frame below what was read already is left from before: it says nothing new.
            if head.first < self.expected {
                continue;
            }
            self.expected = head.next();
            return Ok(step.unwrap_or_else(|| unreadable(&head)));
        }
    }

    fn take(&self, head: &Head, frame: &Bytes) -> Option<Step> {
        let payload = frame.slice(HEAD_BYTES..frame.len() - END_BYTES);
        if !head.is_payload(&payload, self.salt) {
            return None;
        }
        match head.kind {
            Kind::Note => frame::note(&payload).map(|(_, ever)| Step::Note(ever)),
            Kind::Group => Some(Step::Group(Committed {
                first: head.first,
                records: frame::records(&payload, head.count)?,
                stamp: head.stamp,
                persisted_unix_ms: head.written,
            })),
        }
    }

    fn hole_until(&mut self, next: Seq) -> Step {
        let from = std::mem::replace(&mut self.expected, next);
        Step::Damaged(Damaged { from, to: next.before().unwrap_or(from) })
    }

    /// Finds the next good frame behind bytes that are none.
    fn resync(&mut self, end: u64, limit: Option<Seq>) -> io::Result<Step> {
        let here = self.at;
        if here >= end {
            return Ok(Step::End { at: here });
        }
        let rest = self.bytes(here, (end - here) as usize, end)?;
        let found = memchr::memmem::find_iter(&rest, &MARKER)
            .filter(|at| *at > 0)
            .find_map(|at| Some((at, self.good_frame(&rest[at..])?)));
        let Some((found, head)) = found else {
            return Ok(self.damaged_end(&rest, limit));
        };
        self.at += found as u64;
        if head.first > self.expected && limit.is_none_or(|limit| head.first <= limit) {
            return Ok(self.hole_until(head.first));
        }
        Ok(Step::DamagedNote)
    }

    fn good_frame(&self, bytes: &[u8]) -> Option<Head> {
        let head = Head::read(bytes, self.salt).filter(|head| head.first >= self.expected)?;
        let payload = bytes.get(HEAD_BYTES..head.frame_bytes() - END_BYTES)?;
        head.is_payload(payload, self.salt).then_some(head)
    }

    /// Tells a whole frame with a damaged head from one that was never written whole.
    fn damaged_end(&mut self, rest: &Bytes, limit: Option<Seq>) -> Step {
        let next = frame::read_end(end_of(rest), self.salt)
            .filter(|next| *next >= self.expected)
            .filter(|next| limit.is_none_or(|limit| *next <= limit));
        match next {
            _ if Head::read(rest, self.salt).is_some() => Step::End { at: self.at },
            Some(next) => {
                self.at += rest.len() as u64;
                if next > self.expected { self.hole_until(next) } else { Step::DamagedNote }
            }
            None => Step::End { at: self.at },
        }
    }

    fn head(&mut self, end: u64) -> io::Result<Option<Head>> {
        if self.at + HEAD_BYTES as u64 > end {
            return Ok(None);
        }
        let bytes = self.bytes(self.at, HEAD_BYTES, end)?;
        Ok(Head::read(&bytes, self.salt))
    }

    /// The bytes from `at` on, `len` of them; fewer only where the file is shorter than it was.
    fn bytes(&mut self, at: u64, len: usize, end: u64) -> io::Result<Bytes> {
        let inside = at.checked_sub(self.window_at).map(|skip| skip as usize);
        if let Some(skip) = inside.filter(|skip| skip + len <= self.window.len()) {
            return Ok(self.window.slice(skip..skip + len));
        }
        let want = len.max(WINDOW_BYTES.min((end - at) as usize));
        let mut buffer = vec![0; want];
        let read = self.file.read_at(&mut buffer, at)?;
        if read < len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer.truncate(read);
        (self.window, self.window_at) = (buffer.into(), at);
        Ok(self.window.slice(..len))
    }
}

fn end_of(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.len().saturating_sub(END_BYTES)..]
}

fn unreadable(head: &Head) -> Step {
    match head.next().before() {
        Some(to) if to >= head.first => Step::Damaged(Damaged { from: head.first, to }),
        _ => Step::DamagedNote,
    }
}
