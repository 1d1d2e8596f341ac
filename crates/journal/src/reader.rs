//! Reads entries from the segments, from a record on.
//!
//! Owns which segment is read. Blocks; called where that is allowed.

use std::io;
use std::sync::Arc;

use crate::error::TailError;
use crate::group::Entry;
use crate::scan::{Scanner, Step};
use crate::segment;
use crate::seq::{Damaged, Seq};
use crate::shared::Shared;

/// Reads the segments.
pub(crate) struct Reader {
    shared: Arc<Shared>,
    position: Seq,
    open: Option<(Seq, Scanner)>,
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>, position: Seq) -> Self {
        Self { shared, position, open: None }
    }

    /// The number of the record that comes next.
    pub(crate) fn position(&self) -> Seq {
        self.position
    }

    /// Entries below `until`, at least one where there is one.
    pub(crate) fn read(
        &mut self,
        until: Seq,
        records_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<Entry>, TailError> {
        let (mut entries, mut records, mut bytes) = (Vec::new(), 0, 0);
        while self.position < until {
            let entry = self.entry(until)?;
            self.position = entry.next();
            if let Entry::Group(group) = &entry {
                records += group.records.len();
                bytes += group.bytes();
            }
            entries.push(entry);
            if records >= records_max || bytes >= bytes_max {
                break;
            }
        }
        Ok(entries)
    }

    fn entry(&mut self, until: Seq) -> Result<Entry, TailError> {
        let shared = Arc::clone(&self.shared);
        loop {
            let Some((segment, limit)) = shared.segments.holding(self.position) else {
                let first = shared.first_seq();
                return Err(TailError::Removed { wanted: self.position, first });
            };
            let behind = limit.unwrap_or(until);
            let Some(salt) = segment.salt else {
                return Ok(self.hole(behind));
            };
            let scanner = self.scanner(segment.first, salt)?;
            let step = scanner.step(segment.bytes, limit).map_err(TailError::Io)?;
            match step {
                Step::Group(group) if group.last() >= self.position => {
                    return Ok(Entry::Group(group.behind(self.position)));
                }
                Step::Damaged(damaged) if damaged.to >= self.position => {
                    return Ok(self.hole(damaged.to.plus(1)));
                }
                Step::End { .. } => return Ok(self.hole(behind)),
                Step::Group(_) | Step::Damaged(_) | Step::Note(_) | Step::DamagedNote => {}
            }
        }
    }

    fn scanner(&mut self, first: Seq, salt: u32) -> Result<&mut Scanner, TailError> {
        let scanner = match self.open.take().filter(|(open, _)| *open == first) {
            Some((_, scanner)) => scanner,
            None => self.begin(first, salt)?,
        };
        Ok(&mut self.open.insert((first, scanner)).1)
    }

    fn begin(&self, first: Seq, salt: u32) -> Result<Scanner, TailError> {
        let opened = self.shared.disk.open(&segment::path(&self.shared.folder, first));
        match opened {
            Ok(file) => Ok(Scanner::new(file.into(), salt, first)),
            Err(failed) if failed.kind() == io::ErrorKind::NotFound => {
                let kept = self.shared.segments.holding(first);
                Err(match kept {
                    Some((segment, _)) if segment.first == first => TailError::Io(failed),
                    _ => {
                        TailError::Removed { wanted: self.position, first: self.shared.first_seq() }
                    }
                })
            }
            Err(failed) => Err(TailError::Io(failed)),
        }
    }

    fn hole(&self, next: Seq) -> Entry {
        let to = next.before().unwrap_or(self.position).max(self.position);
        Entry::Damaged(Damaged { from: self.position, to })
    }
}
