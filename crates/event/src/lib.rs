//! The small vocabulary that every other crate speaks: who owns a stream, where an event is in it,
//! and what an event looks like.
//!
//! Owns: identifiers, positions, lineage, the envelope and its strict JSON, the rolling ledger.
//! Must not know: sockets, files, tasks, clocks of the machine. All of it is plain data and pure
//! functions.

mod after;
mod clock;
mod cursor;
mod envelope;
mod epoch;
mod gap;
mod id;
mod ledger;
pub mod limits;
mod lineage;
mod name;
mod org;
mod payload;
mod position;
mod record;
mod stream;

pub use after::After;
pub use clock::{Clock, MonoMs, UnixMs};
pub use cursor::CursorError;
pub use envelope::{ENVELOPE_VERSION, Envelope, EnvelopeError, timestamp_text};
pub use epoch::{Epoch, EpochError};
pub use gap::{Gap, GapReason};
pub use id::{EventId, EventIdError};
pub use ledger::{Ledger, RollingHash};
pub use lineage::{Fork, ForkKind, Lineage, LineageError, Standing};
pub use name::{EventName, EventNameError, RESERVED_EVENT_NAMES};
pub use org::{OrgId, OrgIdError};
pub use payload::{Payload, PayloadError};
pub use position::{Position, Seq};
pub use record::Event;
pub use stream::{StreamName, StreamNameError};
