//! What one tenant may ask of the server: by its credential, never by its address.

mod in_flight;
mod rate;
mod streams;

pub use self::in_flight::{InFlight, Turn};
pub(crate) use self::{rate::PublishRate, streams::StreamQuota};
