//! The stamp in a payload: whose event it is, which one, and when it was sent.
//!
//! It has a fixed width and a rare beginning, so that readers find it in raw bytes without knowing
//! the frames around it, and so that every frame of a run has the same length.

#[cfg(test)]
mod tests;

use memchr::memmem::Finder;

const PREFIX_BYTES: usize = 12;
const STREAM_DIGITS: usize = 6;
const NUMBER_DIGITS: usize = 10;
const SENT_DIGITS: usize = 12;

/// How long a stamp is.
pub(crate) const STAMP_BYTES: usize = PREFIX_BYTES + STREAM_DIGITS + NUMBER_DIGITS + SENT_DIGITS;

/// The value of each hexadecimal digit; `NO_DIGIT` for all other bytes.
const DIGITS: [u8; 256] = digits();
const NO_DIGIT: u8 = 0xff;

/// What an event says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Which of the run's streams it is on.
    pub(crate) stream: u32,
    /// Its number on that stream: 1, 2, 3 …
    pub(crate) number: u64,
    /// When it was due to be sent, in microseconds of the run.
    pub(crate) sent_us: u64,
}

/// What tells a run's own events from all others.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    prefix: [u8; PREFIX_BYTES],
    finder: Finder<'static>,
}

impl Mark {
    /// Returns the mark of a run.
    pub(crate) fn new(run: u32) -> Self {
        let mut prefix = *b"tgb00000000.";
        put_hex(&mut prefix[3..11], u64::from(run));
        Mark { prefix, finder: Finder::new(&prefix).into_owned() }
    }

    /// Writes a stamp to the end of a buffer.
    pub(crate) fn write(&self, stamp: Stamp, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.prefix);
        let at = out.len();
        out.resize(at + STAMP_BYTES - PREFIX_BYTES, 0);
        let (stream, rest) = out[at..].split_at_mut(STREAM_DIGITS);
        let (number, sent) = rest.split_at_mut(NUMBER_DIGITS);
        put_hex(stream, u64::from(stamp.stream));
        put_hex(number, stamp.number);
        put_hex(sent, stamp.sent_us);
    }

    /// Gives every whole stamp in the bytes to `see`, in order, and returns from where on the bytes
    /// are still needed: a stamp may be cut at their end.
    pub(crate) fn scan(&self, bytes: &[u8], mut see: impl FnMut(Stamp)) -> usize {
        let mut at = 0;
        while let Some(found) = self.finder.find(&bytes[at..]) {
            let start = at + found;
            let Some(rest) = bytes[start..].get(..STAMP_BYTES) else { return start };
            match read(&rest[PREFIX_BYTES..]) {
                Some(stamp) => {
                    see(stamp);
                    at = start + STAMP_BYTES;
                }
                None => at = start + 1,
            }
        }
        at.max(bytes.len().saturating_sub(PREFIX_BYTES - 1))
    }
}

fn read(digits: &[u8]) -> Option<Stamp> {
    let (stream, rest) = digits.split_at(STREAM_DIGITS);
    let (number, sent) = rest.split_at(NUMBER_DIGITS);
    Some(Stamp {
        stream: u32::try_from(hex(stream)?).ok()?,
        number: hex(number)?,
        sent_us: hex(sent)?,
    })
}

fn hex(digits: &[u8]) -> Option<u64> {
    let mut value = 0;
    let mut all = 0;
    for digit in digits {
        let digit = DIGITS[usize::from(*digit)];
        all |= digit;
        value = value << 4 | u64::from(digit & 0xf);
    }
    (all & 0xf0 == 0).then_some(value)
}

fn put_hex(out: &mut [u8], mut value: u64) {
    for place in out.iter_mut().rev() {
        *place = b"0123456789abcdef"[(value & 0xf) as usize];
        value >>= 4;
    }
}

const fn digits() -> [u8; 256] {
    let mut table = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value] as usize] = value as u8;
        value += 1;
    }
    table
}
