//! Blocks of an event stream: an empty line ends each.

use memchr::{memchr, memmem};

use super::{Beginning, Message};

const END: &[u8] = b"\n\n";

/// What has come of a block that is not whole.
#[derive(Debug)]
pub(crate) struct Events {
    beginning: Beginning,
    /// Whether the last byte was the end of a line.
    is_at_line_end: bool,
}

impl Events {
    pub(super) fn new(kept: usize) -> Self {
        Events { beginning: Beginning::new(kept), is_at_line_end: false }
    }

    pub(super) fn feed(&mut self, mut bytes: &[u8], mut take: impl FnMut(Message<'_>)) {
        while !bytes.is_empty() {
            let end = if self.is_at_line_end && bytes[0] == b'\n' {
                Some(1)
            } else {
                memmem::find(bytes, END).map(|at| at + END.len())
            };
            let Some(end) = end else {
                self.is_at_line_end = bytes.last() == Some(&b'\n');
                self.beginning.keep(bytes);
                return;
            };
            let (part, rest) = bytes.split_at(end);
            if self.beginning.bytes.is_empty() {
                take(Message::Event(part));
            } else {
                self.beginning.keep(part);
                take(Message::Event(&self.beginning.bytes));
                self.beginning.bytes.clear();
            }
            self.is_at_line_end = false;
            bytes = rest;
        }
    }
}

/// What a block of a server of ours says; what it does not have is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields<'a> {
    pub(crate) id: &'a [u8],
    pub(crate) name: &'a [u8],
    pub(crate) data: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Reads a block, whose data stands on one line, the last one.
    pub(crate) fn of(block: &'a [u8]) -> Self {
        let mut fields = Fields::default();
        let mut rest = block;
        while let Some(end) = memchr(b'\n', rest).or((!rest.is_empty()).then_some(rest.len())) {
            let line = &rest[..end];
            if let Some(value) = line.strip_prefix(b"id: ") {
                fields.id = value;
            } else if let Some(value) = line.strip_prefix(b"event: ") {
                fields.name = value;
            } else if let Some(value) = line.strip_prefix(b"data: ") {
                fields.data = value;
                // It may be long.
                break;
            }
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        fields
    }
}
