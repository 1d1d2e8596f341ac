//! Blocks of an event stream: an empty line ends each.

use memchr::memmem;

use super::{Message, keep};

const END: &[u8] = b"\n\n";

/// What has come of a block that is not whole.
#[derive(Debug, Default)]
pub(in crate::soak) struct Events {
    beginning: Vec<u8>,
    /// Whether the last byte was the end of a line.
    is_at_line_end: bool,
}

impl Events {
    pub(super) fn feed(&mut self, mut bytes: &[u8], mut take: impl FnMut(Message<'_>)) {
        while !bytes.is_empty() {
            let end = if self.is_at_line_end && bytes[0] == b'\n' {
                Some(1)
            } else {
                memmem::find(bytes, END).map(|at| at + END.len())
            };
            let Some(end) = end else {
                self.is_at_line_end = bytes.last() == Some(&b'\n');
                keep(&mut self.beginning, bytes);
                return;
            };
            let (part, rest) = bytes.split_at(end);
            if self.beginning.is_empty() {
                take(Message::Event(part));
            } else {
                keep(&mut self.beginning, part);
                take(Message::Event(&self.beginning));
                self.beginning.clear();
            }
            self.is_at_line_end = false;
            bytes = rest;
        }
    }
}
