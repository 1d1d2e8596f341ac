//! What one tenant may ask of the server: by its credential, never by its address.

mod in_flight;
mod rate;
mod streams;

pub(crate) use self::{in_flight::InFlight, rate::PublishRate, streams::StreamQuota};
