//! In what order the messages of a thread are.
//!
//! A message gets its number in the broker's log, in the one append that also decides whether its
//! request was made before. Then it is written to the database under that number and read back; only
//! then it is acknowledged and shown. Whoever needs it in the database writes it there: since the log
//! gives one number to one message, all of them write the same, and doing it again does no harm.
//!
//! Invariants: what is shown of a thread ascends by one, and the database has had all of it; a log
//! takes no message before its head is at the database's; a number has one message.

mod cell;
mod earlier;
mod log;
mod opening;
mod others;
mod pending;
mod recent;
mod rows;
mod sending;
mod sequencer;
mod stream;
mod writer;

pub(crate) use self::cell::Cell;
pub use self::{
    log::ThreadLog,
    opening::OpenError,
    rows::Rows,
    sending::{Placed, SendError},
    sequencer::{Sequencer, SequencerOptions},
    stream::ThreadBroker,
};

#[cfg(test)]
mod tests;
