//! An event's bytes as one reader gets them: encoded once for each framing, kept in the event.

use std::cell::RefCell;

use bytes::Bytes;
use event::{Event, Framing, Gap};

use crate::{
    sse,
    ws::{self, Deflater, Opcode},
};

/// Encodes for readers of one framing and one stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encoder<'a> {
    pub(crate) framing: Framing,
    /// The name by which clients know the stream.
    pub(crate) label: &'a str,
    pub(crate) deflater: &'a RefCell<Deflater>,
}

impl<'e> Encoder<'_> {
    /// Returns an event's frame.
    pub(crate) fn event(&self, event: &'e Event) -> &'e Bytes {
        event.encoded(self.framing, |event| match self.framing {
            Framing::Sse => sse::event(event),
            Framing::WebSocket => {
                ws::message(Opcode::Text, &ws::event_json(self.label, event)).into()
            }
            Framing::WebSocketDeflate => {
                let json = ws::event_json(self.label, event);
                ws::compressed(Opcode::Text, &json, &mut self.deflater.borrow_mut()).into()
            }
        })
    }

    /// Writes a hole.
    pub(crate) fn gap(&self, gap: &Gap) -> Bytes {
        match self.framing {
            Framing::Sse => sse::gap(gap),
            Framing::WebSocket | Framing::WebSocketDeflate => ws::gap(self.label, gap),
        }
    }
}
