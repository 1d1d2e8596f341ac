//! The bytes of one stream: frames of one length, end to end, so that whatever a reader has not got
//! is one piece.

/// How much longer than it must be a log becomes before it is cut.
const SLACK_BYTES: usize = 1 << 20;

/// The last bytes of a stream, by their place in it.
#[derive(Debug, Default)]
pub(super) struct Log {
    base: u64,
    bytes: Vec<u8>,
    frame: usize,
    /// Up to where readers were served.
    served: u64,
}

impl Log {
    /// Adds frames.
    pub(super) fn push(&mut self, frames: &[u8], count: usize) {
        self.frame = frames.len() / count.max(1);
        self.bytes.extend_from_slice(frames);
    }

    /// Returns how much is held.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    /// Returns the place so many frames before the end.
    pub(super) fn back(&self, frames: u64) -> u64 {
        self.end().saturating_sub(frames * self.frame as u64).max(self.base)
    }

    /// Returns everything from a place on.
    pub(super) fn from(&self, place: u64) -> &[u8] {
        &self.bytes[place.saturating_sub(self.base) as usize..]
    }

    /// Returns the rest of the frame that a place is in.
    pub(super) fn frame_at(&self, place: u64) -> &[u8] {
        let rest = self.from(place);
        let within = if self.frame == 0 { 0 } else { (place % self.frame as u64) as usize };
        &rest[..rest.len().min(self.frame - within)]
    }

    /// Returns where the frames begin that no reader was served.
    pub(super) fn new_frames(&self) -> impl Iterator<Item = u64> + use<> {
        (self.served..self.end()).step_by(self.frame.max(1))
    }

    /// Notes that readers were served.
    pub(super) fn served(&mut self) {
        self.served = self.end();
    }

    /// Returns whether it is worth cutting.
    pub(super) fn is_long(&self, kept: usize) -> bool {
        self.bytes.len() > kept + SLACK_BYTES
    }

    /// Cuts what is neither kept nor before the slowest reader.
    pub(super) fn trim(&mut self, slowest: Option<u64>, kept: usize) {
        let keep_from = self.end().saturating_sub(kept as u64);
        let place = slowest.map_or(keep_from, |slowest| slowest.min(keep_from));
        let cut = place.saturating_sub(self.base) as usize;
        if cut > SLACK_BYTES / 2 {
            self.bytes.drain(..cut);
            self.base += cut as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_stay_what_they_are_when_it_is_cut() {
        let mut log = Log::default();
        assert_eq!((log.back(5), log.frame_at(0)), (0, &b""[..]));
        log.push(b"aabbcc", 3);
        assert_eq!(log.new_frames().collect::<Vec<_>>(), [0, 2, 4]);
        assert_eq!((log.back(2), log.back(9)), (2, 0));
        assert_eq!(
            (log.from(2), log.frame_at(2), log.frame_at(3)),
            (&b"bbcc"[..], &b"bb"[..], &b"b"[..])
        );
        log.served();
        assert_eq!(log.new_frames().count(), 0);
        let much = vec![b'd'; SLACK_BYTES * 2];
        log.push(&much, SLACK_BYTES);
        assert!(log.is_long(4));
        log.trim(Some(6), 4);
        assert_eq!(log.from(4).len(), SLACK_BYTES * 2 + 2);
        log.trim(Some(u64::MAX), 4);
        assert_eq!((log.len(), log.back(2), log.from(log.back(1))), (4, log.base, &b"dd"[..]));
    }
}
