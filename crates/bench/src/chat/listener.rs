//! What readers of a thread hear, over either transport.
//!
//! A thousand readers hear the same bytes: those of each message are kept once for each form in which
//! they came, and compared as bytes; what they say is read after the measurement.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use memchr::memmem::{self, Finder};
use serde::Deserialize;

use super::{
    account::Faults,
    said::{Said, read},
};
use crate::{
    args::Transport,
    check::Check,
    crowd::Ear,
    messages::{Fields, Message, Messages},
    stamp::Mark,
};

/// More than any message of a run has, with its frame.
const MESSAGE_BYTES_MAX: usize = 32 << 10;

const SEQ: &[u8] = br#""seq":"#;

/// Hears for one thread of readers.
#[derive(Debug)]
pub(super) struct Listener {
    mark: Mark,
    transport: Transport,
    seq: Finder<'static>,
    /// By reader: what has come of a message that is not whole.
    readers: Vec<Messages>,
    heard: Heard,
}

/// The bytes of messages, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Heard(HashMap<u64, Vec<Form>>);

/// One form in which a message came.
#[derive(Debug)]
struct Form {
    bytes: Box<[u8]>,
    /// How many readers heard it.
    count: u64,
}

impl Listener {
    pub(super) fn new(mark: Mark, transport: Transport) -> Self {
        let (seq, heard) = (Finder::new(SEQ), Heard::default());
        Listener { mark, transport, seq, readers: Vec::new(), heard }
    }

    /// Returns what was heard.
    pub(super) fn heard(self) -> Heard {
        self.heard
    }
}

impl Ear for Listener {
    fn hear(
        &mut self,
        reader: usize,
        check: &mut Check,
        bytes: &[u8],
        mut see: impl FnMut(u64),
    ) -> Result<usize, String> {
        let Listener { mark, transport, seq, readers, heard } = self;
        while readers.len() <= reader {
            readers.push(match transport {
                Transport::Sse => Messages::sse(MESSAGE_BYTES_MAX),
                Transport::Ws => Messages::ws(MESSAGE_BYTES_MAX),
            });
        }
        let mut wrong = None;
        readers[reader].feed(bytes, |message| match message_in(message) {
            Ok(Some(said)) => match number(seq, said) {
                Some(number) => {
                    check.see(0, number);
                    heard.take(number, said);
                    mark.scan(said, |stamp| see(stamp.sent_us));
                }
                None => wrong = Some(unexpected(said)),
            },
            Ok(None) => {}
            Err(what) => wrong = Some(what),
        });
        wrong.map_or(Ok(bytes.len()), Err)
    }
}

/// Returns what says a message, if something does.
fn message_in(message: Message<'_>) -> Result<Option<&[u8]>, String> {
    match message {
        Message::Event(block) => match Fields::of(block) {
            Fields { name: b"message", data, .. } => Ok(Some(data)),
            Fields { name: b"" | b"ping", .. } => Ok(None),
            _ => Err(unexpected(block)),
        },
        Message::Text(text) if text.starts_with(br#"{"type":"event""#) => Ok(Some(text)),
        Message::Text(text) => {
            let is_beginning = [br#"{"type":"connected""#.as_slice(), br#"{"type":"subscribed""#];
            match is_beginning.iter().any(|beginning| text.starts_with(beginning)) {
                true => Ok(None),
                false => Err(unexpected(text)),
            }
        }
        // The reader's seat answers pings.
        Message::Ping(_) => Ok(None),
        Message::Close(code) => Err(format!("closed a reader's WebSocket with {code}")),
    }
}

/// Says what a server sent that no reader here should get, such as a hole or its end.
fn unexpected(bytes: &[u8]) -> String {
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
    format!("sent a reader {:?}", shown.trim_end())
}

/// Finds a message's number; its text, where quotes are escaped, can't look like it.
fn number(seq: &Finder<'_>, said: &[u8]) -> Option<u64> {
    let digits = &said[seq.find(said)? + SEQ.len()..];
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

/// A WebSocket's frame around a message.
#[derive(Deserialize)]
struct Frame {
    envelope: Envelope,
}

#[derive(Deserialize)]
struct Envelope {
    payload: Said,
}

impl Heard {
    fn take(&mut self, number: u64, bytes: &[u8]) {
        let forms = self.0.entry(number).or_default();
        match forms.iter_mut().find(|form| *form.bytes == *bytes) {
            Some(form) => form.count += 1,
            None => forms.push(Form { bytes: bytes.into(), count: 1 }),
        }
    }

    /// Returns what is wrong with what messages said, given how they were read back; that each came
    /// once and in order is a matter of numbers.
    pub(super) fn faults(&self, back: &BTreeMap<u64, Said>) -> Faults {
        let mut faults = Faults::default();
        for (number, form) in self.0.iter().flat_map(|(n, forms)| forms.iter().map(move |f| (n, f)))
        {
            match (back.get(number), said_in(&form.bytes)) {
                (Some(back), Ok(said)) if *back == said => {}
                (Some(_), _) => faults.altered += form.count,
                (None, _) => faults.unacknowledged += form.count,
            }
        }
        faults
    }
}

fn said_in(bytes: &[u8]) -> Result<Said, String> {
    match memmem::find(bytes, br#""envelope":"#) {
        Some(_) => Ok(read::<Frame>(bytes)?.envelope.payload),
        None => read(bytes),
    }
}
