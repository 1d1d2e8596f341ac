//! An event's bytes as readers get them.

use std::cell::RefCell;

use bytes::Bytes;
use event::{Event, Gap};

use crate::{
    sse,
    ws::{self, Deflater},
};

/// A wire form in which an event is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Server-Sent Events.
    Sse,
    /// A WebSocket text message.
    WebSocket,
    /// A compressed WebSocket text message.
    WebSocketDeflate,
    /// Server-Sent Events with payloads alone.
    Messages,
}

impl Framing {
    pub(crate) const COUNT: usize = 4;
}

/// Encodes for readers of one framing and one stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encoder<'a> {
    pub(crate) framing: Framing,
    /// The name by which clients know the stream.
    pub(crate) label: &'a str,
    pub(crate) deflater: &'a RefCell<Deflater>,
    #[cfg(feature = "inject")]
    pub(crate) faults: crate::inject::OnStream,
}

impl<'a> Encoder<'a> {
    /// Returns what encodes for a framing and a stream with this name.
    pub(crate) fn new(
        framing: Framing,
        label: &'a str,
        deflater: &'a RefCell<Deflater>,
    ) -> Encoder<'a> {
        Encoder {
            framing,
            label,
            deflater,
            #[cfg(feature = "inject")]
            faults: crate::inject::OnStream::default(),
        }
    }

    /// Returns an event's frame.
    pub(crate) fn event(&self, event: &Event) -> Bytes {
        let mut frame = Vec::new();
        self.add_event(event, &mut frame);
        frame.into()
    }

    /// Writes an event's frame behind others.
    pub(crate) fn add_event(&self, event: &Event, frames: &mut Vec<u8>) {
        self.add_once(event, frames);
        #[cfg(feature = "inject")]
        if self.faults.repeats(event) {
            self.add_once(event, frames);
        }
    }

    fn add_once(&self, event: &Event, frames: &mut Vec<u8>) {
        match self.framing {
            Framing::Sse => sse::add_event(event, frames),
            Framing::Messages => sse::add_message(event, frames),
            Framing::WebSocket => ws::add_event(self.label, event, frames),
            Framing::WebSocketDeflate => {
                ws::add_compressed_event(
                    self.label,
                    event,
                    &mut self.deflater.borrow_mut(),
                    frames,
                );
            }
        }
    }

    /// Writes a hole.
    pub(crate) fn gap(&self, gap: &Gap) -> Bytes {
        match self.framing {
            Framing::Sse | Framing::Messages => sse::gap(gap),
            Framing::WebSocket | Framing::WebSocketDeflate => ws::gap(self.label, gap),
        }
    }
}
