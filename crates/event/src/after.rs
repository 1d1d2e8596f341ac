//! Where a reader asks to begin.

use std::fmt;

use crate::{EventId, Position, limits::CURSOR_BYTES_MAX};

/// Where a reader asks to begin; the text of a client becomes one without ever failing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// Only what is appended from now on.
    Head,
    /// Everything that the window still holds.
    Oldest,
    /// After this place.
    At(Position),
    /// After the event with this id, where the window still holds it.
    Id(EventId),
    /// A text that is no cursor of ours, cut to what is worth repeating to its sender.
    Unreadable(String),
}

impl After {
    /// Reads what a client sent as `Last-Event-ID` or `?after=`; an empty text counts as absent.
    ///
    /// A malformed text is not an error: a browser that is answered with an error status stops
    /// for good, so it is told with a gap instead.
    pub fn from_client(text: Option<&str>) -> Self {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return After::Head };
        if let Ok(position) = text.parse() {
            return After::At(position);
        }
        if let Ok(id) = text.parse() {
            return After::Id(id);
        }
        After::Unreadable(printable_prefix(text))
    }
}

fn printable_prefix(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(CURSOR_BYTES_MAX).collect()
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            After::Head => f.write_str("head"),
            After::Oldest => f.write_str("oldest"),
            After::At(position) => position.fmt(f),
            After::Id(id) => id.fmt(f),
            After::Unreadable(text) => f.write_str(text),
        }
    }
}
