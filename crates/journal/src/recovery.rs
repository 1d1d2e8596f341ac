//! Opens a log that is there: reads all of it, cuts a torn tail, sets damaged segments aside.
//!
//! Owns what is done at start. Writes nothing but the cut and the copies.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, DiskFile};
use crate::error::OpenError;
use crate::metrics::Dropped;
use crate::scan::{Scanner, Step};
use crate::segment::{self, HEADER_BYTES, Header, VERSION};
use crate::segments::Segment;
use crate::seq::{Damaged, Seq};

/// What was found in the log when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The first record that is kept; the next one's number where none is.
    pub first: Seq,
    /// The number that the next record gets.
    pub next: Seq,
    /// How many records can be read.
    pub records: u64,
    /// Bytes of a write that was not finished, cut off.
    pub torn_bytes: u64,
    /// Records that can't be read any more.
    pub damaged: Vec<Damaged>,
    /// Copies of the damaged segments, made now.
    pub set_aside: Vec<PathBuf>,
    /// Records dropped since the log began, as far as the log tells.
    pub dropped: Dropped,
}

/// The log as the writer takes it over.
pub(crate) struct Opened {
    pub(crate) recovered: Recovered,
    pub(crate) segments: Vec<Segment>,
    /// The last segment, where it can be written on.
    pub(crate) file: Option<Arc<dyn DiskFile>>,
}

/// Reads the log in `folder`; `floor` is a number that was surely given already.
pub(crate) fn open(
    disk: &dyn Disk,
    folder: &Path,
    floor: Option<Seq>,
) -> Result<Opened, OpenError> {
    let names = disk.list(folder).map_err(failed("listing the folder", folder))?;
    let mut firsts: Vec<Seq> = names.iter().filter_map(|name| segment::first_of(name)).collect();
    firsts.sort_unstable();
    let first = firsts.first().copied().unwrap_or(Seq::FIRST);
    let mut walk = Walk::new(disk, folder, names, first);
    for (at, first) in firsts.iter().enumerate() {
        walk.segment(*first, firsts.get(at + 1).copied())?;
    }
    let floor = floor.map_or(Seq::FIRST, |floor| floor.plus(1));
    if floor > walk.opened.recovered.next {
        walk.hole(floor);
        // The numbers between belong to no segment: the next write begins one of its own.
        walk.opened.file = None;
    }
    Ok(walk.opened)
}

struct Walk<'a> {
    disk: &'a dyn Disk,
    folder: &'a Path,
    names: Vec<String>,
    opened: Opened,
}

impl<'a> Walk<'a> {
    fn new(disk: &'a dyn Disk, folder: &'a Path, names: Vec<String>, first: Seq) -> Self {
        let recovered = Recovered {
            first,
            next: first,
            records: 0,
            torn_bytes: 0,
            damaged: Vec::new(),
            set_aside: Vec::new(),
            dropped: Dropped::default(),
        };
        Self { disk, folder, names, opened: Opened { recovered, segments: Vec::new(), file: None } }
    }

    /// Notes that what lies before `next` can't be read.
    fn hole(&mut self, next: Seq) {
        let from = std::mem::replace(&mut self.opened.recovered.next, next);
        let to = next.before().unwrap_or(from);
        self.damaged(Damaged { from, to });
    }

    fn damaged(&mut self, damaged: Damaged) {
        let list = &mut self.opened.recovered.damaged;
        match list.last_mut() {
            Some(last) if last.to.plus(1) == damaged.from => last.to = damaged.to,
            _ => list.push(damaged),
        }
    }

    fn segment(&mut self, first: Seq, limit: Option<Seq>) -> Result<(), OpenError> {
        let path = segment::path(self.folder, first);
        if first > self.opened.recovered.next {
            self.hole(first);
        }
        let file: Arc<dyn DiskFile> =
            self.disk.open(&path).map_err(failed("opening a segment", &path))?.into();
        let bytes = file.len().map_err(failed("measuring a segment", &path))?;
        let header = read_header(&*file).map_err(failed("reading a segment", &path))?;
        match header {
            Some(header) if header.version != VERSION => {
                Err(OpenError::Version { path, version: header.version })
            }
            Some(header) if header.first == first && bytes >= HEADER_BYTES as u64 => {
                self.opened.recovered.dropped = header.dropped;
                let info = Segment { first, salt: Some(header.salt), bytes };
                let read = self.frames(info, file, limit);
                read.map_err(failed("reading a segment", &path))
            }
            _ => self.headless(first, bytes, limit),
        }
    }

    fn frames(
        &mut self,
        mut info: Segment,
        file: Arc<dyn DiskFile>,
        limit: Option<Seq>,
    ) -> io::Result<()> {
        let salt = info.salt.unwrap_or_default();
        let mut scanner = Scanner::new(Arc::clone(&file), salt, info.first);
        let mut sound = true;
        let end = loop {
            match scanner.step(info.bytes, limit)? {
                Step::Group(group) => {
                    self.opened.recovered.records += group.records.len() as u64;
                }
                Step::Note(ever) => self.opened.recovered.dropped = ever,
                Step::Damaged(damaged) => {
                    self.damaged(damaged);
                    sound = false;
                }
                Step::DamagedNote => sound = false,
                Step::End { at } => break at,
            }
        };
        self.opened.recovered.next = scanner.expected();
        sound &= limit.is_none_or(|limit| limit == scanner.expected());
        if !sound {
            self.set_aside(info.first, &*file, info.bytes);
        }
        if limit.is_none() && end < info.bytes {
            file.truncate(end)?;
            file.sync()?;
            self.opened.recovered.torn_bytes += info.bytes - end;
            info.bytes = end;
        }
        self.opened.segments.push(info);
        self.opened.file = Some(file);
        Ok(())
    }

    /// A segment without a header: one that was just being made, or one that can't be read.
    fn headless(&mut self, first: Seq, bytes: u64, limit: Option<Seq>) -> Result<(), OpenError> {
        let path = segment::path(self.folder, first);
        self.opened.file = None;
        let file = self.disk.open(&path).map_err(failed("opening a segment", &path))?;
        let is_empty = is_zero_behind_header(&*file, bytes);
        if is_empty.map_err(failed("reading a segment", &path))? {
            self.opened.recovered.torn_bytes += bytes;
            return self.disk.remove(&path).map_err(failed("removing an empty segment", &path));
        }
        self.set_aside(first, &*file, bytes);
        self.opened.segments.push(Segment { first, salt: None, bytes });
        if limit.is_none() {
            // It can't hold more records than bytes: no number is given twice.
            self.hole(first.plus(bytes));
        }
        Ok(())
    }

    fn set_aside(&mut self, first: Seq, file: &dyn DiskFile, bytes: u64) {
        let to = segment::aside(self.folder, first);
        if self.names.iter().any(|name| to.ends_with(name)) {
            return;
        }
        match copy(self.disk, file, bytes, &to) {
            Ok(()) => self.opened.recovered.set_aside.push(to),
            Err(error) => {
                tracing::warn!(path = %to.display(), %error, "a damaged segment was not copied");
            }
        }
    }
}

fn read_header(file: &dyn DiskFile) -> io::Result<Option<Header>> {
    let mut bytes = [0; HEADER_BYTES];
    let read = file.read_at(&mut bytes, 0)?;
    Ok(Header::read(&bytes[..read]))
}

/// Whether a segment has nothing but zeroes where its frames are.
fn is_zero_behind_header(file: &dyn DiskFile, bytes: u64) -> io::Result<bool> {
    let mut buffer = vec![0; 1 << 20];
    let mut at = HEADER_BYTES as u64;
    while at < bytes {
        let read = file.read_at(&mut buffer, at)?;
        if read == 0 || buffer[..read].iter().any(|byte| *byte != 0) {
            return Ok(read == 0);
        }
        at += read as u64;
    }
    Ok(true)
}

fn copy(disk: &dyn Disk, from: &dyn DiskFile, bytes: u64, to: &Path) -> io::Result<()> {
    let file = disk.create(to)?;
    let mut buffer = vec![0; 1 << 20];
    let mut at = 0;
    while at < bytes {
        let read = from.read_at(&mut buffer, at)?;
        if read == 0 {
            break;
        }
        file.write_at(&buffer[..read], at)?;
        at += read as u64;
    }
    file.sync()
}

/// Says what was tried, on what.
pub(crate) fn failed<'a>(
    doing: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> OpenError + use<'a> {
    move |source| OpenError::Io { doing, path: path.to_owned(), source }
}
