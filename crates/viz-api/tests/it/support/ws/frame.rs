//! Frames of RFC 6455, 5: written as a client has to, and read as a server has to write them.

use std::io::{ErrorKind, Read};

use flate2::{Decompress, FlushDecompress};

pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// What a server sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

/// Returns a whole message, or a control frame.
pub(crate) fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    raw(FIN | opcode, payload)
}

/// Returns a masked frame with this first byte.
pub(crate) fn raw(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match payload.len() {
        short @ ..=125 => out.push(0x80 | short as u8),
        medium @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend((medium as u16).to_be_bytes());
        }
        long => {
            out.push(0x80 | 127);
            out.extend((long as u64).to_be_bytes());
        }
    }
    out.extend(MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

/// Returns the pieces of a message of text.
pub(crate) fn fragmented(pieces: &[&[u8]]) -> Vec<u8> {
    let last = pieces.len() - 1;
    let piece = |(at, piece): (usize, &&[u8])| {
        let opcode = if at == 0 { TEXT } else { CONTINUATION };
        raw(if at == last { FIN | opcode } else { opcode }, piece)
    };
    pieces.iter().enumerate().flat_map(piece).collect()
}

/// Reads a frame, and how many bytes its payload had on the wire; `None` where the connection ends,
/// also in the middle of one.
pub(super) fn read(reader: &mut impl Read, deflates: bool) -> Option<(Frame, usize)> {
    let [first, second] = bytes::<2>(reader)?;
    assert_eq!(first & FIN, FIN, "a server of ours sends whole messages");
    assert_eq!(first & 0x30, 0, "a reserved bit is set");
    assert_eq!(second & 0x80, 0, "a server masks nothing");
    let opcode = first & 0x0f;
    let is_compressed = first & RSV1 != 0;
    assert!(!is_compressed || (deflates && opcode < CLOSE), "compressed, which was not agreed on");
    let length = match second & 0x7f {
        126 => {
            let length = u64::from(u16::from_be_bytes(bytes(reader)?));
            assert!(length > 125, "a length is as short as can be");
            length
        }
        127 => {
            let length = u64::from_be_bytes(bytes(reader)?);
            assert!(length > 0xffff, "a length is as short as can be");
            length
        }
        short => u64::from(short),
    };
    assert!(opcode < CLOSE || length <= 125, "a control frame is short");
    let mut payload = Vec::new();
    match reader.take(length).read_to_end(&mut payload) {
        Ok(read) if read as u64 == length => {}
        Ok(_) => return None,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
        Err(error) => panic!("no payload came: {error}"),
    }
    if is_compressed {
        payload = inflated(&payload);
    }
    Some((frame(opcode, payload), length as usize))
}

fn frame(opcode: u8, payload: Vec<u8>) -> Frame {
    let text = |bytes| String::from_utf8(bytes).expect("text is UTF-8");
    match opcode {
        TEXT => Frame::Text(text(payload)),
        BINARY => Frame::Binary(payload),
        PING => Frame::Ping(payload),
        PONG => Frame::Pong(payload),
        CLOSE => match payload.split_first_chunk::<2>() {
            Some((code, reason)) => {
                Frame::Close(Some(u16::from_be_bytes(*code)), text(reason.to_vec()))
            }
            None => {
                assert!(payload.is_empty(), "half a code");
                Frame::Close(None, String::new())
            }
        },
        other => panic!("no opcode: {other}"),
    }
}

fn bytes<const N: usize>(reader: &mut impl Read) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    match reader.read_exact(&mut bytes) {
        Ok(()) => Some(bytes),
        Err(error)
            if [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset].contains(&error.kind()) =>
        {
            None
        }
        Err(error) => panic!("no frame came: {error}"),
    }
}

/// What a compressed message lost at its end (RFC 7692, 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Inflates a message without the context of earlier ones.
fn inflated(payload: &[u8]) -> Vec<u8> {
    let input = [payload, &TAIL].concat();
    let mut inflater = Decompress::new(false);
    let mut out = Vec::with_capacity(4 << 20);
    inflater.decompress_vec(&input, &mut out, FlushDecompress::Sync).expect("it is DEFLATE");
    assert_eq!(inflater.total_in(), input.len() as u64, "all of it is one message");
    out
}

/// Returns a compressed message of text.
pub(crate) fn compressed(text: &str) -> Vec<u8> {
    let mut deflater = flate2::Compress::new(flate2::Compression::best(), false);
    let mut out = Vec::with_capacity(text.len() + 64);
    let flush = flate2::FlushCompress::Sync;
    deflater.compress_vec(text.as_bytes(), &mut out, flush).expect("there is room");
    assert!(out.ends_with(&TAIL));
    out.truncate(out.len() - TAIL.len());
    raw(FIN | RSV1 | TEXT, &out)
}
