//! What kind of event it is.

use std::{fmt, str::FromStr};

use crate::limits::EVENT_NAME_BYTES_MAX;

/// An event's kind: `[a-z0-9][a-z0-9_.-]{0,63}`, and none of the server's own names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventName(Box<str>);

/// The names that the server itself sends; a publisher may not use them.
pub const RESERVED_EVENT_NAMES: [&str; 7] =
    ["connected", "gap", "goodbye", "message", "error", "open", "ping"];

/// The text can't be a published event's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventNameError {
    /// The grammar does not hold.
    #[error(
        "an event name is 1 to {EVENT_NAME_BYTES_MAX} of a-z 0-9 _ . - and begins with a letter \
         or a digit"
    )]
    Malformed,
    /// The name is one that the server itself sends.
    #[error("the event name `{0}` is the server's own")]
    Reserved(String),
}

impl EventName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EventName {
    type Err = EventNameError;

    fn from_str(text: &str) -> Result<Self, EventNameError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let first_ok = text.bytes().next().is_some_and(plain);
        let rest_ok = text.bytes().all(|b| plain(b) || b"_.-".contains(&b));
        if !(first_ok && rest_ok && text.len() <= EVENT_NAME_BYTES_MAX) {
            return Err(EventNameError::Malformed);
        }
        if RESERVED_EVENT_NAMES.contains(&text) {
            return Err(EventNameError::Reserved(text.to_owned()));
        }
        Ok(EventName(text.into()))
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
