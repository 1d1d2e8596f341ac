//! Writes frames to the last segment and begins new ones.
//!
//! Owns the files. What `write` fails at is not acknowledged: it is cut off again, and after a
//! failed fsync, which may have lost pages without saying so twice, a new segment is begun.

use std::io;
use std::sync::Arc;

use crate::disk::DiskFile;
use crate::frame;
use crate::group::{Committed, Group};
use crate::metrics::Dropped;
use crate::segment::{self, HEADER_BYTES, Header, VERSION};
use crate::segments::Segment;
use crate::seq::Seq;
use crate::shared::{Shared, now_unix_ms};

struct Current {
    file: Arc<dyn DiskFile>,
    segment: Segment,
}

/// The end of the log.
pub(crate) struct Log {
    shared: Arc<Shared>,
    segment_bytes_max: u64,
    current: Option<Current>,
    next: Seq,
    /// What the log itself tells of dropped records.
    told: Dropped,
    buffer: Vec<u8>,
}

impl Log {
    pub(crate) fn new(
        shared: Arc<Shared>,
        segment_bytes_max: u64,
        file: Option<Arc<dyn DiskFile>>,
    ) -> Self {
        let current =
            file.zip(shared.segments.last()).map(|(file, segment)| Current { file, segment });
        let (next, told) = (shared.recent.end().next, shared.dropped_before);
        Self { shared, segment_bytes_max, current, next, told, buffer: Vec::new() }
    }

    /// The number of the next record.
    pub(crate) fn next(&self) -> Seq {
        self.next
    }

    /// Whether there are dropped records that the log does not tell of.
    pub(crate) fn has_untold(&self) -> bool {
        self.shared.dropped_ever() != self.told
    }

    /// Writes groups, with a note of dropped records where there are new ones, and makes it last.
    pub(crate) fn write(&mut self, groups: &[Group]) -> io::Result<Vec<Committed>> {
        let current = self.current()?;
        let (salt, at, first) = (
            current.segment.salt.unwrap_or_default(),
            current.segment.bytes,
            current.segment.first,
        );
        let (written, ever) = (now_unix_ms(), self.shared.dropped_ever());
        let committed = self.encode(groups, salt, written, ever);
        self.put(at)?;
        let bytes = at + self.buffer.len() as u64;
        if let Some(current) = &mut self.current {
            current.segment.bytes = bytes;
        }
        self.shared.segments.grow(first, bytes);
        self.told = ever;
        self.next = committed.last().map_or(self.next, |group| group.last().plus(1));
        Ok(committed)
    }

    /// The bytes that the last write had.
    pub(crate) fn written_bytes(&self) -> usize {
        self.buffer.len()
    }

    fn encode(
        &mut self,
        groups: &[Group],
        salt: u32,
        written: u64,
        ever: Dropped,
    ) -> Vec<Committed> {
        self.buffer.clear();
        let mut first = self.next;
        if ever != self.told {
            let since = std::array::from_fn(|at| ever.0[at] - self.told.0[at]);
            frame::put_note(&mut self.buffer, salt, first, written, Dropped(since), ever);
        }
        let number = |group: &Group| {
            let (stamp, records) = (group.stamp, group.records.as_slice().into());
            frame::put_group(&mut self.buffer, salt, first, (stamp, written), &group.records);
            let committed = Committed { first, records, stamp, persisted_unix_ms: written };
            first = committed.last().plus(1);
            committed
        };
        groups.iter().map(number).collect()
    }

    fn put(&mut self, at: u64) -> io::Result<()> {
        let Some(current) = &self.current else { return Err(io::ErrorKind::NotFound.into()) };
        if let Err(failed) = current.file.write_at(&self.buffer, at) {
            // Where the cut fails too, what is left there has numbers of the next segment, and so
            // does not count.
            if current.file.truncate(at).is_err() {
                self.current = None;
            }
            return Err(failed);
        }
        if let Err(failed) = current.file.sync() {
            let _may_fail_too = current.file.truncate(at);
            self.current = None;
            return Err(failed);
        }
        Ok(())
    }

    /// The segment to write to, a new one where the last one is long enough or lost.
    fn current(&mut self) -> io::Result<&Current> {
        let max = self.segment_bytes_max;
        let good =
            |current: &Current| current.segment.bytes < max || current.segment.first == self.next;
        let current = match self.current.take().filter(good) {
            Some(current) => current,
            None => self.begin()?,
        };
        Ok(self.current.insert(current))
    }

    fn begin(&self) -> io::Result<Current> {
        let (shared, first) = (&self.shared, self.next);
        let path = segment::path(&shared.folder, first);
        if shared.segments.last().is_some_and(|last| last.first == first) {
            // It was begun for the same number, and nothing in it was acknowledged.
            shared.segments.remove(first);
        }
        if shared.disk.list(&shared.folder)?.iter().any(|name| path.ends_with(name)) {
            shared.disk.remove(&path)?;
        }
        let salt = rand::random();
        let header = Header { version: VERSION, salt, first, dropped: self.told };
        let file: Arc<dyn DiskFile> = shared.disk.create(&path)?.into();
        file.write_at(&header.bytes(), 0)?;
        file.sync()?;
        shared.disk.sync_folder(&shared.folder)?;
        let segment = Segment { first, salt: Some(salt), bytes: HEADER_BYTES as u64 };
        shared.segments.push(segment);
        Ok(Current { file, segment })
    }
}
