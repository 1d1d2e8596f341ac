//! A client's frames give the same messages however they are cut, and never more than the limit.

#![no_main]

use delivery::ws::{
    Inflater,
    decoder::{Broken, Decoder, DecoderOptions, Incoming},
};
use libfuzzer_sys::fuzz_target;

const MESSAGE_BYTES_MAX: usize = 4096;

fn decode(bytes: &[u8], piece: usize, deflate: bool) -> (Vec<Incoming>, Option<Broken>) {
    let options = DecoderOptions { message_bytes_max: MESSAGE_BYTES_MAX, deflate };
    let (mut decoder, mut inflater) = (Decoder::new(options), Inflater::default());
    let mut all = Vec::new();
    for mut input in bytes.chunks(piece) {
        loop {
            match decoder.next(&mut input, &mut inflater) {
                Ok(Some(incoming)) => all.push(incoming),
                Ok(None) => break,
                Err(broken) => return (all, Some(broken)),
            }
        }
    }
    (all, None)
}

fuzz_target!(|input: (bool, u8, Vec<u8>)| {
    let (deflate, piece, bytes) = input;
    let whole = decode(&bytes, bytes.len().max(1), deflate);
    let cut = decode(&bytes, usize::from(piece).max(1), deflate);
    assert_eq!(whole.0, cut.0);
    assert_eq!(whole.1.map(|broken| broken.code), cut.1.map(|broken| broken.code));
    for incoming in &whole.0 {
        let length = match incoming {
            Incoming::Text(text) => text.len(),
            Incoming::Binary(data) => data.len(),
            Incoming::Ping(data) => data.len(),
            Incoming::Pong | Incoming::Close(_) => 0,
        };
        assert!(length <= MESSAGE_BYTES_MAX);
    }
});
