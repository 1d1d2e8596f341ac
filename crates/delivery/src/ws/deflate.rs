//! Compression of single messages: every message begins with an empty window, so that one
//! compressed form serves all, and no connection holds a window.

#[cfg(test)]
mod tests;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// What each compressed message ends with, and what is not sent (RFC 7692, 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Messages shorter than this are sent as they are.
const WORTH_BYTES_MIN: usize = 64;

/// Speed over size: a message is compressed once, but before anybody has it.
const LEVEL: u32 = 3;

/// How much the output grows at a time.
const GROW_BYTES: usize = 4 << 10;

/// Compresses messages.
#[derive(Debug)]
pub struct Deflater {
    state: Compress,
    out: Vec<u8>,
}

impl Default for Deflater {
    fn default() -> Self {
        Deflater { state: Compress::new(Compression::new(LEVEL), false), out: Vec::new() }
    }
}

impl Deflater {
    /// Returns a shorter form of a message, if there is one.
    pub(super) fn deflate(&mut self, payload: &[u8]) -> Option<&[u8]> {
        if payload.len() < WORTH_BYTES_MIN {
            return None;
        }
        self.state.reset();
        self.out.clear();
        self.out.reserve(payload.len());
        loop {
            let taken = self.state.total_in() as usize;
            let left = &payload[taken..];
            self.state.compress_vec(left, &mut self.out, FlushCompress::Sync).ok()?;
            if self.out.len() >= payload.len() + TAIL.len() {
                return None;
            }
            let is_done = self.state.total_in() as usize == payload.len()
                && self.out.len() < self.out.capacity();
            if is_done {
                break;
            }
            self.out.reserve(GROW_BYTES);
        }
        let shorter = self.out.strip_suffix(&TAIL)?;
        (shorter.len() < payload.len()).then_some(shorter)
    }
}

/// A message could not be inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InflateError {
    /// It is no deflate stream.
    Broken,
    /// It would be too large.
    TooLarge,
}

/// Inflates messages.
#[derive(Debug)]
pub struct Inflater {
    state: Decompress,
}

impl Default for Inflater {
    fn default() -> Self {
        Inflater { state: Decompress::new(false) }
    }
}

impl Inflater {
    /// Returns a message as it was before it was compressed.
    ///
    /// # Errors
    /// Fails where it is broken, or larger than `most` bytes; no more than those are held.
    pub(super) fn inflate(
        &mut self,
        compressed: &[u8],
        most: usize,
    ) -> Result<Vec<u8>, InflateError> {
        self.state.reset(false);
        let first = compressed.len().saturating_mul(3).min(most.saturating_add(1));
        let mut out = Vec::with_capacity(first);
        for input in [compressed, &TAIL] {
            self.inflate_piece(input, &mut out, most)?;
        }
        Ok(out)
    }

    fn inflate_piece(
        &mut self,
        mut input: &[u8],
        out: &mut Vec<u8>,
        most: usize,
    ) -> Result<(), InflateError> {
        loop {
            if input.is_empty() && out.len() < out.capacity() {
                return Ok(());
            }
            if out.len() == out.capacity() {
                let room = most.saturating_add(1) - out.len();
                out.reserve_exact(out.len().max(GROW_BYTES).min(room));
            }
            let (had_in, had_out) = (self.state.total_in(), out.len());
            let step = self.state.decompress_vec(input, out, FlushDecompress::Sync);
            let taken = (self.state.total_in() - had_in) as usize;
            input = &input[taken..];
            if out.len() > most {
                return Err(InflateError::TooLarge);
            }
            match step {
                // A final block ends the data; what follows in the message is the next one's.
                Ok(Status::StreamEnd) => self.state.reset(false),
                // There is no more to be had from what there is.
                Ok(_) if taken == 0 && out.len() == had_out => return Ok(()),
                Ok(Status::Ok | Status::BufError) => {}
                Err(_) => return Err(InflateError::Broken),
            }
        }
    }
}
