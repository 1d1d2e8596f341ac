//! Which events a reader wants, as it asks for them.

use std::str::FromStr;

use delivery::{Filter, FilterError};
use event::EventName;

/// A filter with its text: over SSE the server is sent the text, over WebSocket, where it has no
/// filters, the client looks for itself.
#[derive(Clone, Debug)]
pub(crate) struct EventFilter {
    text: String,
    filter: Filter,
}

impl EventFilter {
    /// Returns the text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether events of this name are wanted; of a name that none can have, they are, so
    /// that they are seen.
    pub(super) fn wants(&self, name: &[u8]) -> bool {
        let name = std::str::from_utf8(name).ok().and_then(|name| name.parse::<EventName>().ok());
        name.is_none_or(|name| self.filter.wants(&name))
    }
}

impl FromStr for EventFilter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        Ok(EventFilter { text: text.to_owned(), filter: text.parse()? })
    }
}
