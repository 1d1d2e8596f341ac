//! How a client talks to a server: requests with an answer, and streams over either transport.
//!
//! Owns HTTP, WebSocket and what its failures mean. Must not know what is printed.

mod api;
mod backoff;
mod chat;
mod chunked;
mod cutover;
mod ended;
mod filter;
mod follow;
mod head;
mod plain;
mod refusal;
mod stream;
mod web;

#[cfg(test)]
pub(crate) use self::cutover::{CutoverError, PauseMs};
pub(crate) use self::{
    api::{Api, Receipt},
    backoff::Backoff,
    chat::SentMessage,
    cutover::{CutoverAsk, CutoverSoak, CutoverStatus},
    ended::Ended,
    filter::EventFilter,
    follow::{FollowRequest, Following, Transport},
    refusal::Refusal,
    web::{Draft, WebPublisher},
};
