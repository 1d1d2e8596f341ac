//! What readers make of the bytes of their streams.

use crate::{check::Check, stamp::Mark};

/// Hears what comes on the streams of one thread's readers.
pub(crate) trait Ear: Send + 'static {
    /// Takes bytes of a reader's stream into the reader's account, and gives the moment at which each
    /// event was due to be sent to `see`. Returns from where on the bytes must come again; no more
    /// than a stamp's length may be left.
    ///
    /// # Errors
    /// Fails where the stream can't go on, with what the server did.
    fn hear(
        &mut self,
        reader: usize,
        check: &mut Check,
        bytes: &[u8],
        see: impl FnMut(u64),
    ) -> Result<usize, String>;
}

/// Finds stamps in raw bytes, whatever the frames around them.
#[derive(Clone, Debug)]
pub(crate) struct Stamps(pub(crate) Mark);

impl Ear for Stamps {
    fn hear(
        &mut self,
        _: usize,
        check: &mut Check,
        bytes: &[u8],
        mut see: impl FnMut(u64),
    ) -> Result<usize, String> {
        Ok(self.0.scan(bytes, |stamp| {
            check.see(stamp.stream, stamp.number);
            see(stamp.sent_us);
        }))
    }
}
