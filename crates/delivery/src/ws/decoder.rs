//! What a client sends: frames to messages, a piece at a time, without IO.
//!
//! Invariants: never holds more than one message of at most its limit, compressed or not; what
//! breaks the protocol is found at the frame's head, and text that is no UTF-8 with the piece that
//! breaks it.

use std::mem;

#[cfg(test)]
mod tests;

use super::{CONTROL_BYTES_MAX, CloseCode, Inflater, Opcode, deflate::InflateError};

/// Longest head of a frame: two bytes, eight of length, four of mask.
const HEAD_BYTES_MAX: usize = 14;

/// Most pieces of one message: each costs a look, and none need have a byte.
const FRAGMENTS_MAX: u32 = 65_536;

/// What came from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A message in UTF-8.
    Text(String),
    /// A message of any bytes.
    Binary(Vec<u8>),
    /// A question whether the server is there.
    Ping(Vec<u8>),
    /// An answer to such a question.
    Pong,
    /// The last frame, with its code where it has one.
    Close(Option<u16>),
}

/// The client broke the protocol or a limit: the connection is closed with this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The close frame's code.
    pub code: CloseCode,
    /// What is wrong, in a few words.
    pub reason: &'static str,
}

/// What a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecoderOptions {
    /// Most bytes of one message, as it is after inflating.
    pub message_bytes_max: usize,
    /// Whether compression was negotiated.
    pub deflate: bool,
}

/// Turns bytes into messages.
#[derive(Debug)]
pub struct Decoder {
    options: DecoderOptions,
    head: [u8; HEAD_BYTES_MAX],
    head_len: u8,
    frame: Option<Frame>,
    message: Option<Box<Message>>,
    control: Vec<u8>,
    is_closed: bool,
}

/// A frame whose payload is under way.
#[derive(Clone, Copy, Debug)]
struct Frame {
    opcode: Opcode,
    is_last: bool,
    left: u64,
    mask: [u8; 4],
    /// Where in the mask the next byte is.
    turn: u8,
}

/// A message that is under way.
#[derive(Debug)]
struct Message {
    is_text: bool,
    is_compressed: bool,
    fragments: u32,
    bytes: Vec<u8>,
    /// How many bytes are known to be UTF-8.
    checked: usize,
}

impl Decoder {
    /// Returns a decoder of a new connection.
    pub fn new(options: DecoderOptions) -> Self {
        Decoder {
            options,
            head: [0; HEAD_BYTES_MAX],
            head_len: 0,
            frame: None,
            message: None,
            control: Vec::new(),
            is_closed: false,
        }
    }

    /// Returns whether a message or a frame has begun and has not come to its end.
    pub fn is_midway(&self) -> bool {
        self.message.is_some() || self.frame.is_some() || self.head_len > 0
    }

    /// Returns how many bytes of a message that is under way it holds.
    pub fn held_bytes(&self) -> usize {
        self.control.len() + self.message.as_ref().map_or(0, |message| message.bytes.len())
    }

    /// Takes bytes from the front of the input, up to the end of the next message; `None` once all
    /// of it is taken.
    ///
    /// # Errors
    /// Fails where the client broke the protocol or a limit. Nothing counts after that, nor after
    /// a close frame: what is still to come is thrown away.
    pub fn next(
        &mut self,
        input: &mut &[u8],
        inflater: &mut Inflater,
    ) -> Result<Option<Incoming>, Broken> {
        if self.is_closed {
            *input = &[];
            return Ok(None);
        }
        let next = self.next_open(input, inflater);
        self.is_closed = matches!(next, Err(_) | Ok(Some(Incoming::Close(_))));
        if self.is_closed {
            (self.frame, self.message, self.head_len) = (None, None, 0);
            self.control = Vec::new();
        }
        next
    }

    fn next_open(
        &mut self,
        input: &mut &[u8],
        inflater: &mut Inflater,
    ) -> Result<Option<Incoming>, Broken> {
        loop {
            if self.frame.is_none() && !self.take_head(input)? {
                return Ok(None);
            }
            if !self.take_payload(input)? {
                return Ok(None);
            }
            if let Some(incoming) = self.end_frame(inflater)? {
                return Ok(Some(incoming));
            }
        }
    }

    /// Takes a frame's head; returns whether it is whole.
    fn take_head(&mut self, input: &mut &[u8]) -> Result<bool, Broken> {
        loop {
            let have = self.head_len as usize;
            let need = match have {
                0 | 1 => 2,
                _ => 6 + length_bytes(self.head[1]),
            };
            if have == 2 {
                check_head(self.head[0], self.head[1], self.options.deflate)?;
            }
            if have >= 2 && have == need {
                self.head_len = 0;
                return self.begin_frame().map(|()| true);
            }
            let take = (need - have).min(input.len());
            if take == 0 {
                return Ok(false);
            }
            self.head[have..have + take].copy_from_slice(&input[..take]);
            *input = &input[take..];
            self.head_len += take as u8;
        }
    }

    fn begin_frame(&mut self) -> Result<(), Broken> {
        let (first, second) = (self.head[0], self.head[1]);
        let wide = length_bytes(second);
        let left = match wide {
            0 => u64::from(second & 0x7f),
            wide => self.head[2..2 + wide].iter().fold(0, |n, &byte| n << 8 | u64::from(byte)),
        };
        let opcode = opcode(first).ok_or(protocol("an opcode that is reserved"))?;
        let mask = &self.head[2 + wide..6 + wide];
        let mask = mask.try_into().expect("four bytes");
        match opcode {
            Opcode::Close | Opcode::Ping | Opcode::Pong => {}
            _ => self.begin_piece(opcode, first & super::RSV1 != 0, left)?,
        }
        let is_last = first & super::FIN != 0;
        self.frame = Some(Frame { opcode, is_last, left, mask, turn: 0 });
        Ok(())
    }

    fn begin_piece(
        &mut self,
        opcode: Opcode,
        is_compressed: bool,
        length: u64,
    ) -> Result<(), Broken> {
        let message = match (opcode, &mut self.message) {
            (Opcode::Continuation, Some(_)) if is_compressed => {
                return Err(protocol("a compressed piece in the middle of a message"));
            }
            (Opcode::Continuation, Some(message)) => message,
            (Opcode::Continuation, None) => {
                return Err(protocol("a continuation of nothing"));
            }
            (_, Some(_)) => return Err(protocol("a message within another")),
            (_, none) => none.insert(Box::new(Message {
                is_text: opcode == Opcode::Text,
                is_compressed,
                fragments: 0,
                bytes: Vec::new(),
                checked: 0,
            })),
        };
        message.fragments += 1;
        let most = self.options.message_bytes_max as u64;
        if length > most || message.bytes.len() as u64 + length > most {
            return Err(TOO_LARGE);
        }
        if message.fragments > FRAGMENTS_MAX {
            return Err(Broken { code: CloseCode::TooLarge, reason: "too many pieces" });
        }
        Ok(())
    }

    /// Takes what there is of the frame's payload; returns whether it is whole.
    fn take_payload(&mut self, input: &mut &[u8]) -> Result<bool, Broken> {
        let Some(frame) = &mut self.frame else { return Ok(false) };
        let take = usize::try_from(frame.left).unwrap_or(usize::MAX).min(input.len());
        let (piece, rest) = input.split_at(take);
        *input = rest;
        frame.left -= take as u64;
        let target = match frame.opcode {
            Opcode::Close | Opcode::Ping | Opcode::Pong => &mut self.control,
            _ => &mut self.message.as_mut().expect("its head began it").bytes,
        };
        let begin = target.len();
        target.extend_from_slice(piece);
        unmask(&mut target[begin..], frame.mask, &mut frame.turn);
        if let Some(message) = &mut self.message {
            message.check(false)?;
        }
        Ok(frame.left == 0)
    }

    fn end_frame(&mut self, inflater: &mut Inflater) -> Result<Option<Incoming>, Broken> {
        let Some(frame) = self.frame.take() else { return Ok(None) };
        match frame.opcode {
            Opcode::Ping => Ok(Some(Incoming::Ping(mem::take(&mut self.control)))),
            Opcode::Pong => {
                self.control = Vec::new();
                Ok(Some(Incoming::Pong))
            }
            Opcode::Close => close(&mem::take(&mut self.control)).map(Some),
            _ if !frame.is_last => Ok(None),
            _ => {
                let message = self.message.take().expect("its head began it");
                message.end(self.options.message_bytes_max, inflater).map(Some)
            }
        }
    }
}

impl Message {
    /// Looks whether what came is UTF-8 so far; a character may go on in the next piece.
    fn check(&mut self, is_whole: bool) -> Result<(), Broken> {
        if !self.is_text || self.is_compressed {
            return Ok(());
        }
        match std::str::from_utf8(&self.bytes[self.checked..]) {
            Ok(text) => self.checked += text.len(),
            Err(error) if error.error_len().is_none() && !is_whole => {
                self.checked += error.valid_up_to();
            }
            Err(_) => return Err(NOT_UTF8),
        }
        Ok(())
    }

    fn end(mut self, most: usize, inflater: &mut Inflater) -> Result<Incoming, Broken> {
        if self.is_compressed {
            self.bytes = inflater.inflate(&self.bytes, most).map_err(|error| match error {
                InflateError::Broken => INFLATE,
                InflateError::TooLarge => TOO_LARGE,
            })?;
        } else {
            self.check(true)?;
        }
        if !self.is_text {
            return Ok(Incoming::Binary(self.bytes));
        }
        String::from_utf8(self.bytes).map(Incoming::Text).map_err(|_| NOT_UTF8)
    }
}

const TOO_LARGE: Broken = Broken { code: CloseCode::TooLarge, reason: "the message is too large" };
const NOT_UTF8: Broken = Broken { code: CloseCode::InvalidData, reason: "the text is not UTF-8" };
const INFLATE: Broken =
    Broken { code: CloseCode::InvalidData, reason: "the message can't be inflated" };

fn protocol(reason: &'static str) -> Broken {
    Broken { code: CloseCode::Protocol, reason }
}

fn length_bytes(second: u8) -> usize {
    match second & 0x7f {
        127 => 8,
        126 => 2,
        _ => 0,
    }
}

fn opcode(first: u8) -> Option<Opcode> {
    match first & 0x0f {
        0 => Some(Opcode::Continuation),
        1 => Some(Opcode::Text),
        2 => Some(Opcode::Binary),
        8 => Some(Opcode::Close),
        9 => Some(Opcode::Ping),
        10 => Some(Opcode::Pong),
        _ => None,
    }
}

/// Checks what the first two bytes of a frame can show.
fn check_head(first: u8, second: u8, deflate: bool) -> Result<(), Broken> {
    let Some(opcode) = opcode(first) else { return Err(protocol("an opcode that is reserved")) };
    let is_control = matches!(opcode, Opcode::Close | Opcode::Ping | Opcode::Pong);
    let reserved = first & 0x70;
    if reserved & !super::RSV1 != 0 || (reserved != 0 && (!deflate || is_control)) {
        return Err(protocol("a bit that is reserved"));
    }
    if second & 0x80 == 0 {
        return Err(protocol("a frame without a mask"));
    }
    if is_control && (first & super::FIN == 0 || usize::from(second & 0x7f) > CONTROL_BYTES_MAX) {
        return Err(protocol("a control frame in pieces, or too long"));
    }
    Ok(())
}

fn unmask(bytes: &mut [u8], mask: [u8; 4], turn: &mut u8) {
    let at = usize::from(*turn);
    let turned = [0, 1, 2, 3].map(|i| mask[(at + i) % 4]);
    let wide = u32::from_ne_bytes(turned);
    let mut words = bytes.chunks_exact_mut(4);
    for word in &mut words {
        let plain = u32::from_ne_bytes(word.try_into().expect("four bytes")) ^ wide;
        word.copy_from_slice(&plain.to_ne_bytes());
    }
    for (byte, mask) in words.into_remainder().iter_mut().zip(turned) {
        *byte ^= mask;
    }
    *turn = ((at + bytes.len()) % 4) as u8;
}

/// Reads a close frame's payload (RFC 6455, 5.5.1 and 7.4).
fn close(payload: &[u8]) -> Result<Incoming, Broken> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return match payload {
            [] => Ok(Incoming::Close(None)),
            _ => Err(protocol("a close frame with half a code")),
        };
    };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(protocol("a close code that nobody may send"));
    }
    match std::str::from_utf8(reason) {
        Ok(_) => Ok(Incoming::Close(Some(code))),
        Err(_) => Err(NOT_UTF8),
    }
}
