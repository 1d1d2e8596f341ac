//! A client's end of a WebSocket, which believes nothing: every byte is held against RFC 6455, 5
//! and RFC 7692, 7.

use flate2::{Decompress, FlushDecompress};

/// Most bytes of a message in these tests.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// What a server said, in one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Text(String),
    Binary(Vec<u8>),
    Ping,
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

/// Bytes come in as they like; whole frames come out.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    unread: Vec<u8>,
    is_closed: bool,
    /// Whether compression was negotiated.
    deflate: bool,
    /// How many messages came compressed.
    pub(crate) compressed: usize,
}

impl Parser {
    /// Returns a parser; with compression where that was negotiated.
    pub(crate) fn new(deflate: bool) -> Self {
        Parser { deflate, ..Parser::default() }
    }

    /// Takes in bytes; returns the frames that have ended with them.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Said> {
        assert!(!self.is_closed || bytes.is_empty(), "nothing follows a close frame");
        self.unread.extend_from_slice(bytes);
        let mut said = Vec::new();
        let mut from = 0;
        while let Some(length) = frame_length(&self.unread[from..]) {
            assert!(!self.is_closed, "nothing follows a close frame");
            let frame = self.unread[from..from + length].to_vec();
            said.push(self.frame(&frame));
            from += length;
        }
        self.unread.drain(..from);
        said
    }

    /// Returns whether a frame has begun and has not ended.
    pub(crate) fn is_midway(&self) -> bool {
        !self.unread.is_empty()
    }

    fn frame(&mut self, frame: &[u8]) -> Said {
        let (first, payload) = (frame[0], &frame[head_length(frame[1])..]);
        assert_eq!(first & 0x30, 0, "bits that nobody negotiated");
        let is_compressed = first & 0x40 != 0;
        assert!(!is_compressed || self.deflate, "compression was not negotiated");
        self.compressed += usize::from(is_compressed);
        let inflated = is_compressed.then(|| inflate(payload));
        let payload = inflated.as_deref().unwrap_or(payload);
        match first & 0xf {
            1 => Said::Text(String::from_utf8(payload.to_vec()).expect("a text is UTF-8")),
            2 => Said::Binary(payload.to_vec()),
            opcode => {
                assert!(payload.len() <= 125 && !is_compressed, "a control frame is short");
                self.is_closed = opcode == 8;
                control(opcode, payload)
            }
        }
    }
}

fn control(opcode: u8, payload: &[u8]) -> Said {
    match (opcode, payload) {
        (8, []) => Said::Close(None, String::new()),
        (8, [high, low, reason @ ..]) => {
            let reason = String::from_utf8(reason.to_vec()).expect("a reason is UTF-8");
            Said::Close(Some(u16::from_be_bytes([*high, *low])), reason)
        }
        (9, []) => Said::Ping,
        (10, payload) => Said::Pong(payload.to_vec()),
        other => panic!("no frame of ours: {other:?}"),
    }
}

fn head_length(second: u8) -> usize {
    match second {
        127 => 10,
        126 => 4,
        _ => 2,
    }
}

/// Returns the length of the first frame, once all of it is there.
fn frame_length(bytes: &[u8]) -> Option<usize> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    assert!(first & 0x80 != 0, "each message is one frame: {first:#x}");
    assert!(second & 0x80 == 0, "a server does not mask");
    let head = head_length(second);
    let length = match bytes.get(2..head)? {
        [] => usize::from(second),
        wide => wide.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)),
    };
    let least = [0, 126, 0x1_0000][[2, 4, 10].iter().position(|&h| h == head).expect("a head")];
    assert!((least..=MESSAGE_BYTES_MAX).contains(&length), "not the shortest form, or too much");
    (bytes.len() >= head + length).then_some(head + length)
}

fn inflate(payload: &[u8]) -> Vec<u8> {
    let all = [payload, &[0, 0, 0xff, 0xff]].concat();
    let mut out = Vec::with_capacity(MESSAGE_BYTES_MAX);
    let mut state = Decompress::new(false);
    state.decompress_vec(&all, &mut out, FlushDecompress::Sync).expect("a deflate stream");
    assert_eq!(state.total_in(), all.len() as u64);
    out
}

/// Returns a client's frame with this first byte; it is masked.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x5a, 0x00, 0xff, 0x13];
    let mut out = vec![first];
    match payload.len() {
        short @ ..126 => out.push(0x80 | short as u8),
        medium @ ..0x1_0000 => {
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

/// Returns a client's text message.
pub(crate) fn text(text: &str) -> Vec<u8> {
    frame(0x81, text.as_bytes())
}

/// Returns a client's close frame.
pub(crate) fn close(code: u16) -> Vec<u8> {
    frame(0x88, &code.to_be_bytes())
}

/// Returns a text field of one of the server's own JSON objects.
pub(crate) fn field<'a>(json: &'a str, name: &str) -> &'a str {
    let key = format!(r#""{name}":""#);
    let from = json.find(&key).unwrap_or_else(|| panic!("no {name} in {json}")) + key.len();
    &json[from..from + json[from..].find('"').expect("the text ends")]
}
