//! How a client talks to a server: requests with an answer, and streams.
//!
//! Owns HTTP and what its failures mean. Must not know what is printed.

mod api;
mod backoff;
mod chunked;
mod head;
mod refusal;
mod stream;

pub(crate) use self::{
    api::{Api, Receipt},
    backoff::Backoff,
    refusal::Refusal,
    stream::{Stream, StreamRequest},
};
