//! What a tail remembers from one connection to the next.

use std::io;

use super::show;
use crate::{cli::Style, console, sse::Message};

/// What a tail remembers.
#[derive(Debug)]
pub(super) struct Session {
    cursor: Vec<u8>,
    /// How many events are still wanted, where that is limited.
    left: Option<u64>,
    /// Whether the next gap is the answer to asking for the oldest event.
    expects_gap: bool,
    style: Style,
}

/// Whether to read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// There is more to show.
    More,
    /// Everything that was asked for was shown, or nobody looks any more.
    Enough,
}

impl Session {
    pub(super) fn new(
        begin: Option<String>,
        from_start: bool,
        count: Option<u64>,
        style: Style,
    ) -> Self {
        let cursor = begin.unwrap_or_default().into_bytes();
        Session { cursor, left: count, expects_gap: from_start, style }
    }

    /// Returns what to resume after; a text that can't stand in a header is none of ours.
    pub(super) fn cursor(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.cursor);
        let sendable = !text.is_empty() && !text.bytes().any(|b| b.is_ascii_control());
        sendable.then(|| text.into_owned())
    }

    /// Prints an event, and only then counts it as had.
    ///
    /// # Errors
    /// Fails where it can't be printed; a closed pipe only means that nobody looks any more.
    pub(super) fn take(&mut self, message: Message<'_>) -> io::Result<Shown> {
        match message.name {
            b"connected" => console::note(&show::connected(message.data)),
            b"goodbye" => console::note(&show::goodbye(message.data)),
            b"" => console::note(&show::strange(message.data)),
            b"gap" => {
                if !std::mem::take(&mut self.expects_gap) {
                    console::note(&show::gap(message.data));
                }
            }
            _ => {
                match console::say(&show::event(&message, self.style)) {
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                        return Ok(Shown::Enough);
                    }
                    printed => printed?,
                }
                self.left = self.left.map(|left| left - 1);
            }
        }
        self.passed(message.id);
        Ok(if self.left == Some(0) { Shown::Enough } else { Shown::More })
    }

    /// Moves the cursor; an id without an event does so too, where filtered events were passed.
    pub(super) fn passed(&mut self, id: &[u8]) {
        if !id.is_empty() && self.left != Some(0) {
            self.cursor.clear();
            self.cursor.extend_from_slice(id);
        }
    }
}
