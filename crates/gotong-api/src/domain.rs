//! The rules of chat as plain data: what a message may hold, who may do what. No IO, no clock.

mod draft;
mod message;
mod names;
mod rights;

pub(crate) use self::{
    draft::fingerprint,
    message::{event_name, shown_envelope},
};
pub use self::{
    draft::{ATTACHMENTS_MAX, BODY_CHARS_MAX, Draft},
    message::{Record, RecordError, message_id, shown_json},
    names::{Slip, checked_request_id, checked_scope, checked_user},
    rights::{Act, Refusal, Who, may},
};
