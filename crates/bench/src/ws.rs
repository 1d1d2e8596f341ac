//! As much of WebSocket (RFC 6455) as a reader of unfragmented text needs: the upgrade's request, a
//! masked text frame, and a walk over a server's frames that finds pings and the close.

/// The upgrade's headers; the key is the example of RFC 6455, and its answer is not checked.
pub(crate) const UPGRADE: &str = "connection: Upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// The answer's headers to that key.
pub(crate) const ACCEPT: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\n\
    upgrade: websocket\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

/// A control frame has no more than this.
const CONTROL_BYTES_MAX: usize = 125;

/// What a walk found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// The server wants this pong.
    Ping(Vec<u8>),
    /// The server ends the connection.
    Close,
}

/// Writes the head of an unmasked text frame, as a server sends it.
pub(crate) fn text_head(length: usize, out: &mut Vec<u8>) {
    out.push(FINAL | TEXT);
    put_length(0, length, out);
}

/// Returns a masked text frame, as a client sends it.
pub(crate) fn masked_text(text: &str) -> Vec<u8> {
    masked(TEXT, text.as_bytes())
}

/// Returns the answer to a ping.
pub(crate) fn pong(payload: &[u8]) -> Vec<u8> {
    masked(PONG, payload)
}

/// A constant mask is as good as any where both ends are ours.
const MASK: [u8; 4] = [0x5a, 0xa5, 0x3c, 0xc3];

fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![FINAL | opcode];
    put_length(MASKED, payload.len(), &mut out);
    out.extend_from_slice(&MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

fn put_length(flag: u8, length: usize, out: &mut Vec<u8>) {
    match length {
        0..=125 => out.push(flag | length as u8),
        126..=0xffff => {
            out.push(flag | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(flag | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// Walks over the frames of a server, whose frames are never masked.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// How much of a data frame is still to come.
    skip: u64,
    /// The beginning of a frame that is cut.
    cut: Vec<u8>,
}

impl Walk {
    /// Takes bytes in, and gives each control frame to `found`.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut found: impl FnMut(Control)) {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len() as u64);
                self.skip -= skipped;
                bytes = &bytes[skipped as usize..];
                continue;
            }
            if self.cut.is_empty()
                && let Some(used) = self.step(bytes, &mut found)
            {
                bytes = &bytes[used..];
                continue;
            }
            // The head, or a control frame, is cut: it is gathered byte by byte.
            self.cut.push(bytes[0]);
            bytes = &bytes[1..];
            let cut = std::mem::take(&mut self.cut);
            if self.step(&cut, &mut found).is_none() {
                self.cut = cut;
            }
        }
    }

    /// Reads one frame's head, and all of a control frame; returns how much it was.
    fn step(&mut self, bytes: &[u8], found: &mut impl FnMut(Control)) -> Option<usize> {
        let (length, head) = match *bytes.get(1)? & 0x7f {
            126 => (u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
            127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?), 10),
            length => (u64::from(length), 2),
        };
        let opcode = bytes[0] & 0xf;
        if opcode & 0x8 == 0 || length > CONTROL_BYTES_MAX as u64 {
            self.skip = length;
            return Some(head);
        }
        let payload = bytes.get(head..head + length as usize)?;
        match opcode {
            PING => found(Control::Ping(payload.to_vec())),
            CLOSE => found(Control::Close),
            _ => {}
        }
        Some(head + payload.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(pieces: &[&[u8]]) -> Vec<Control> {
        let (mut walk, mut found) = (Walk::default(), Vec::new());
        pieces.iter().for_each(|piece| walk.feed(piece, |control| found.push(control)));
        assert_eq!((walk.skip, walk.cut.len()), (0, 0));
        found
    }

    #[test]
    fn controls_are_found_wherever_frames_are_cut() {
        let mut bytes = Vec::new();
        for length in [0, 5, 125, 126, 300, 70_000] {
            text_head(length, &mut bytes);
            bytes.resize(bytes.len() + length, 0x89);
            bytes.extend_from_slice(&[FINAL | PING, 2, b'h', b'i']);
        }
        bytes.extend_from_slice(&[FINAL | CLOSE, 2, 3, 0xe9]);
        let mut expected = vec![Control::Ping(b"hi".to_vec()); 6];
        expected.push(Control::Close);
        assert_eq!(walk(&[&bytes]), expected);
        for size in [1, 2, 3, 7, 1000] {
            let pieces: Vec<_> = bytes.chunks(size).collect();
            assert_eq!(walk(&pieces), expected, "{size}");
        }
    }

    #[test]
    fn a_clients_frame_has_its_golden_bytes() {
        let check = |frame: Vec<u8>, bytes: &[u8]| assert_eq!(frame, bytes);
        check(masked_text("a"), &[0x81, 0x81, 0x5a, 0xa5, 0x3c, 0xc3, b'a' ^ 0x5a]);
        check(pong(b""), &[0x8a, 0x80, 0x5a, 0xa5, 0x3c, 0xc3]);
        assert_eq!(masked_text(&"x".repeat(200))[..4], [0x81, 0xfe, 0, 200]);
    }
}
