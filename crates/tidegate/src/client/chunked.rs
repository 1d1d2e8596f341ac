//! Takes the chunk marks out of a body, piece by piece (RFC 9112, section 7.1).
//!
//! The server's streams have none; a proxy between may add them.

/// The longest line of a chunk's size with its extensions.
const SIZE_LINE_MAX: usize = 4096;

/// Where in the marks the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In the digits of a size.
    Size,
    /// In what may follow a size on its line.
    Extension,
    /// In a chunk's data, with so many bytes left.
    Data(u64),
    /// In the line end after a chunk's data.
    DataEnd,
    /// Behind the last chunk; trailers are of no interest.
    End,
}

/// The state between two pieces.
#[derive(Debug)]
pub(super) struct Chunked {
    at: At,
    /// The size as far as its digits have come, absent before the first.
    size: Option<u64>,
    line_bytes: usize,
}

/// The marks are malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body's chunks are malformed")]
pub(super) struct ChunkError;

impl Chunked {
    pub(super) fn new() -> Self {
        Chunked { at: At::Size, size: None, line_bytes: 0 }
    }

    /// Returns whether the body is over.
    pub(super) fn is_over(&self) -> bool {
        self.at == At::End
    }

    /// Reads a piece and hands on the data in it.
    ///
    /// # Errors
    /// Fails on malformed marks.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut on: impl FnMut(&[u8]),
    ) -> Result<(), ChunkError> {
        while let Some((&first, rest)) = bytes.split_first() {
            match self.at {
                At::End => return Ok(()),
                At::Data(left) => {
                    let now = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    on(&bytes[..now]);
                    bytes = &bytes[now..];
                    let left = left - now as u64;
                    self.at = if left == 0 { At::DataEnd } else { At::Data(left) };
                }
                _ => {
                    self.mark(first)?;
                    bytes = rest;
                }
            }
        }
        Ok(())
    }

    fn mark(&mut self, byte: u8) -> Result<(), ChunkError> {
        self.line_bytes += 1;
        match (self.at, byte) {
            (At::Size | At::Extension, b'\n') => return self.size_line_ends(),
            (At::Size, b';' | b'\r' | b' ' | b'\t') => self.at = At::Extension,
            (At::Size, byte) => {
                let digit = char::from(byte).to_digit(16).ok_or(ChunkError)?;
                let shifted = self.size.unwrap_or(0).checked_mul(16).ok_or(ChunkError)?;
                self.size = Some(shifted + u64::from(digit));
            }
            (At::DataEnd, b'\r') | (At::Extension, _) => {}
            (At::DataEnd, b'\n') => {
                (self.at, self.size, self.line_bytes) = (At::Size, None, 0);
            }
            _ => return Err(ChunkError),
        }
        if self.line_bytes > SIZE_LINE_MAX { Err(ChunkError) } else { Ok(()) }
    }

    fn size_line_ends(&mut self) -> Result<(), ChunkError> {
        self.at = match self.size {
            None => return Err(ChunkError),
            Some(0) => At::End,
            Some(size) => At::Data(size),
        };
        self.line_bytes = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Option<(String, bool)> {
        let mut chunked = Chunked::new();
        let mut out = Vec::new();
        for piece in pieces {
            chunked.feed(piece, |data| out.extend_from_slice(data)).ok()?;
        }
        Some((String::from_utf8(out).unwrap(), chunked.is_over()))
    }

    #[track_caller]
    fn check(body: &str, expected: Option<(&str, bool)>) {
        let expected = expected.map(|(text, over)| (text.to_owned(), over));
        for at in 0..=body.len() {
            let (a, b) = body.as_bytes().split_at(at);
            assert_eq!(read(&[a, b]), expected, "{body:?} cut at {at}");
        }
    }

    #[test]
    fn marks_are_taken_out_wherever_the_body_is_cut() {
        check("3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n", Some(("abcd", true)));
        check("A\r\n0123456789\r\n", Some(("0123456789", false)));
        check("3\r\na\r\n\r\n0\r\nx: y\r\n\r\n", Some(("a\r\n", true)));
        check("5\r\nab", Some(("ab", false)));
        check("", Some(("", false)));
        check("g\r\n", None);
        check("\r\n\n", None);
        check("1\r\nab", None);
        check("fffffffffffffffff\r\n", None);
    }
}
