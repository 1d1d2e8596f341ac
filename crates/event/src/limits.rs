//! The fixed limits of the vocabulary, each with what happens when it is met.
//!
//! Limits that an operator may set are settings and live with the composition root.

/// Longest organisation id, in bytes; a longer one is refused where it is parsed.
pub const ORG_ID_BYTES_MAX: usize = 64;

/// Longest name of a thread or a chain in a stream name, in bytes; a longer one is refused.
pub const STREAM_KEY_BYTES_MAX: usize = 128;

/// Longest event name, in bytes; a longer one is refused.
pub const EVENT_NAME_BYTES_MAX: usize = 64;

/// Deepest nesting of a payload, in objects and arrays; a deeper one is refused.
///
/// Half of what common parsers take, so that an envelope can be embedded in another document.
pub const PAYLOAD_DEPTH_MAX: usize = 64;

/// Most epochs that a lineage remembers; the oldest is forgotten first, and a cursor that names it
/// is then answered with a gap, and events of its time are no longer served.
pub const LINEAGE_EPOCHS_MAX: usize = 64;

/// Longest text that is looked at as a cursor, in bytes; a longer one is an unreadable cursor.
pub const CURSOR_BYTES_MAX: usize = 64;
