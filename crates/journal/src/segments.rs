//! The segments that are kept, as the writer, the readers and the retention see them.
//!
//! Owns the table. Must not know frames.

use parking_lot::Mutex;

use crate::seq::Seq;

/// One segment that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) first: Seq,
    /// `None` where its header can't be read.
    pub(crate) salt: Option<u32>,
    /// As far as it is on disk for sure.
    pub(crate) bytes: u64,
}

/// The segments in order.
pub(crate) struct Segments(Mutex<Vec<Segment>>);

impl Segments {
    pub(crate) fn new(list: Vec<Segment>) -> Self {
        Self(Mutex::new(list))
    }

    /// The segment that holds `seq`, and where the one behind it begins.
    pub(crate) fn holding(&self, seq: Seq) -> Option<(Segment, Option<Seq>)> {
        let list = self.0.lock();
        let at = list.partition_point(|segment| segment.first <= seq).checked_sub(1)?;
        Some((list[at], list.get(at + 1).map(|next| next.first)))
    }

    pub(crate) fn first(&self) -> Option<Seq> {
        self.0.lock().first().map(|segment| segment.first)
    }

    pub(crate) fn last(&self) -> Option<Segment> {
        self.0.lock().last().copied()
    }

    /// The first segment with where the second begins, where there are two.
    pub(crate) fn oldest(&self) -> Option<(Segment, Seq)> {
        let list = self.0.lock();
        Some((*list.first()?, list.get(1)?.first))
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.lock().len() as u64
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.lock().iter().map(|segment| segment.bytes).sum()
    }

    pub(crate) fn push(&self, segment: Segment) {
        self.0.lock().push(segment);
    }

    pub(crate) fn remove(&self, first: Seq) {
        self.0.lock().retain(|segment| segment.first != first);
    }

    pub(crate) fn grow(&self, first: Seq, bytes: u64) {
        if let Some(last) = self.0.lock().iter_mut().rfind(|segment| segment.first == first) {
            last.bytes = bytes;
        }
    }
}
