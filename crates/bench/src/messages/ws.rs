//! Frames of a server's WebSocket (RFC 6455): never masked, never in fragments.

use super::{Beginning, Message};

const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;

/// The code of a close that has none.
const NO_CODE: u16 = 1005;

/// What has come of a frame that is not whole.
#[derive(Debug)]
pub(crate) struct Frames {
    /// A head that is cut.
    head: Vec<u8>,
    /// What kind of frame it is, and how much is still to come, once its head is there.
    frame: Option<(u8, u64)>,
    beginning: Beginning,
}

impl Frames {
    pub(super) fn new(kept: usize) -> Self {
        Frames { head: Vec::new(), frame: None, beginning: Beginning::new(kept) }
    }

    pub(super) fn feed(&mut self, mut bytes: &[u8], mut take: impl FnMut(Message<'_>)) {
        loop {
            let Some((kind, left)) = self.frame else {
                let Some((&byte, rest)) = bytes.split_first() else { return };
                self.head.push(byte);
                bytes = rest;
                if let Some(length) = length(&self.head) {
                    self.frame = Some((self.head[0] & 0xf, length));
                    self.head.clear();
                }
                continue;
            };
            let here = left.min(bytes.len() as u64) as usize;
            let (part, rest) = bytes.split_at(here);
            bytes = rest;
            let left = left - here as u64;
            if left > 0 {
                self.beginning.keep(part);
                self.frame = Some((kind, left));
                return;
            }
            self.frame = None;
            if self.beginning.bytes.is_empty() {
                give(kind, part, &mut take);
            } else {
                self.beginning.keep(part);
                give(kind, &self.beginning.bytes, &mut take);
                self.beginning.bytes.clear();
            }
        }
    }
}

/// Returns a frame's length once its head is whole.
fn length(head: &[u8]) -> Option<u64> {
    let short = *head.get(1)? & 0x7f;
    let long = &head[2..];
    match short {
        126 => Some(u16::from_be_bytes(long.try_into().ok()?).into()),
        127 => Some(u64::from_be_bytes(long.try_into().ok()?)),
        _ => Some(short.into()),
    }
}

fn give(kind: u8, payload: &[u8], take: &mut impl FnMut(Message<'_>)) {
    match kind {
        TEXT => take(Message::Text(payload)),
        PING => take(Message::Ping(payload)),
        CLOSE => {
            let code = payload.first_chunk().map_or(NO_CODE, |code| u16::from_be_bytes(*code));
            take(Message::Close(code));
        }
        _ => {}
    }
}
