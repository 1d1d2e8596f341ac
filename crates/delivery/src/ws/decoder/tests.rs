//! Every rule of RFC 6455 about what a client may send, and what RFC 7692 adds.

use proptest::prelude::*;

use super::*;
use crate::ws::{Deflater, compressed, message};

mod frames;
mod pieces;

/// Most bytes of a message in these tests.
const MOST: usize = 70_000;

const PLAIN: DecoderOptions = DecoderOptions { message_bytes_max: MOST, deflate: false };
const DEFLATE: DecoderOptions = DecoderOptions { message_bytes_max: MOST, deflate: true };

/// What came out of some bytes: messages, and how it ended.
type Decoded = (Vec<Incoming>, Result<(), Broken>);

/// Turns a server's frame into a client's, which is masked.
fn masked(frame: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let head = 2 + length_bytes(frame[1]);
    let mut out = frame[..head].to_vec();
    out[1] |= 0x80;
    out.extend_from_slice(&mask);
    out.extend(frame[head..].iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

/// Returns a client's frame with this first byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = message(Opcode::Text, payload);
    out[0] = first;
    masked(&out, [0x12, 0x00, 0xff, 0x81])
}

fn text(text: &str) -> Incoming {
    Incoming::Text(text.to_owned())
}

/// Decodes bytes that come in these pieces, and looks after each that it holds no more than it may.
fn decode<'a>(options: DecoderOptions, pieces: impl IntoIterator<Item = &'a [u8]>) -> Decoded {
    let mut decoder = Decoder::new(options);
    let mut inflater = Inflater::default();
    let mut all = Vec::new();
    for mut piece in pieces {
        loop {
            let had = piece.len();
            let next = decoder.next(&mut piece, &mut inflater);
            assert!(decoder.held_bytes() <= options.message_bytes_max + CONTROL_BYTES_MAX);
            match next {
                Ok(Some(incoming)) => {
                    assert!(piece.len() < had, "a message is made of bytes");
                    all.push(incoming);
                }
                Ok(None) => break,
                Err(broken) => {
                    assert!(!decoder.is_midway());
                    assert_eq!(decoder.next(&mut &[0x81, 0x80][..], &mut inflater), Ok(None));
                    return (all, Err(broken));
                }
            }
        }
        assert!(piece.is_empty(), "all of it is taken");
    }
    (all, Ok(()))
}

/// Asserts that bytes give these messages and this end, at once and byte for byte.
fn check(options: DecoderOptions, bytes: &[u8], messages: &[Incoming], end: Result<(), CloseCode>) {
    for size in [bytes.len().max(1), 1] {
        let (all, ended) = decode(options, bytes.chunks(size));
        assert_eq!((&*all, ended.map_err(|broken| broken.code)), (messages, end), "by {size}");
    }
}
