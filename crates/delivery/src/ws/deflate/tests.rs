//! Compressed messages against a plain use of the library, and what a client may make of them.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use proptest::prelude::*;

use super::*;

const MOST: usize = 1 << 20;

/// Inflates as RFC 7692, 7.2.2 has it: the tail is added, and all of it decoded at once.
fn reference_inflate(compressed: &[u8], room: usize) -> Vec<u8> {
    let all = [compressed, &TAIL].concat();
    let mut out = Vec::with_capacity(room + 64);
    let mut state = Decompress::new(false);
    state.decompress_vec(&all, &mut out, FlushDecompress::Sync).expect("a deflate stream");
    assert_eq!(state.total_in(), all.len() as u64, "nothing lies behind it");
    out
}

/// Compresses as a client may; with these flushes, and in these pieces.
fn client_deflate(pieces: &[&[u8]], last: FlushCompress) -> Vec<u8> {
    let mut state = Compress::new(Compression::new(6), false);
    let total: usize = pieces.iter().map(|piece| piece.len()).sum();
    let mut out = Vec::with_capacity(total + 1024 + 64 * pieces.len());
    for piece in pieces {
        state.compress_vec(piece, &mut out, FlushCompress::Sync).expect("it has room");
    }
    state.compress_vec(&[], &mut out, last).expect("it has room");
    out
}

/// Bytes without a pattern, the same for the same seed.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let next = std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    });
    next.take(length).collect()
}

fn check_round_trip(deflater: &mut Deflater, inflater: &mut Inflater, payload: &[u8]) -> bool {
    let Some(shorter) = deflater.deflate(payload).map(<[u8]>::to_vec) else { return false };
    assert!(shorter.len() < payload.len());
    assert_eq!(reference_inflate(&shorter, payload.len()), payload);
    assert_eq!(inflater.inflate(&shorter, payload.len()).as_deref(), Ok(payload));
    let too_few = inflater.inflate(&shorter, payload.len() - 1);
    assert_eq!(too_few, Err(InflateError::TooLarge));
    true
}

#[test]
fn round_trips_of_every_size() {
    let (mut deflater, mut inflater) = Default::default();
    let sizes = (0..2000).chain([4095, 4096, 4097, 65_535, 65_536, 300_000]);
    for size in sizes {
        let text: Vec<u8> =
            b"{\"n\":12,\"pad\":\"xyz\"}".iter().copied().cycle().take(size).collect();
        let is_shorter = check_round_trip(&mut deflater, &mut inflater, &text);
        assert_eq!(is_shorter, size >= WORTH_BYTES_MIN, "{size}");
        let noise = noise(size, size as u64);
        assert!(!check_round_trip(&mut deflater, &mut inflater, &noise), "{size} of noise");
    }
}

/// Half of it can be made shorter, so that every relation of both sizes comes about.
#[test]
fn round_trips_of_what_is_hard_to_compress() {
    let (mut deflater, mut inflater) = Default::default();
    let mut shorter = 0;
    for size in 64..1500 {
        let mut payload = noise(size, 7);
        let same = (size % 131).min(size);
        payload[size - same..].fill(b'x');
        shorter += usize::from(check_round_trip(&mut deflater, &mut inflater, &payload));
    }
    assert!((100..1400).contains(&shorter), "{shorter}");
}

#[test]
fn what_a_client_compressed_otherwise_is_inflated() {
    let mut inflater = Inflater::default();
    let text = b"Hello and hello and hello again".as_slice();
    let halves = [&text[..7], &text[7..]];
    let sync = client_deflate(&halves, FlushCompress::Sync);
    let without = sync.strip_suffix(&TAIL).expect("a flush ends so");
    assert_eq!(inflater.inflate(without, MOST).as_deref(), Ok(text));
    // A final block, and the empty one that makes the tail a block (RFC 7692, 7.2.3.4).
    let finished = client_deflate(&halves, FlushCompress::Finish);
    assert_eq!(inflater.inflate(&finished, MOST).as_deref(), Ok(text));
    let padded = [&*finished, &[0]].concat();
    assert_eq!(inflater.inflate(&padded, MOST).as_deref(), Ok(text));
    let twice = [&*finished, &*finished, &[0]].concat();
    assert_eq!(inflater.inflate(&twice, MOST), Ok([text, text].concat()));
    assert_eq!(inflater.inflate(&[0], MOST).as_deref(), Ok([].as_slice()));
    assert_eq!(inflater.inflate(&[], MOST).as_deref(), Ok([].as_slice()));
    // Uncompressed blocks (7.2.3.3).
    let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
    assert_eq!(inflater.inflate(&stored, MOST).as_deref(), Ok(b"Hello".as_slice()));
}

#[test]
fn a_bomb_is_found_at_its_limit() {
    let mut inflater = Inflater::default();
    let bomb = client_deflate(&[&vec![0; 64 << 20]], FlushCompress::Sync);
    assert!(bomb.len() < 100 << 10, "{} bytes", bomb.len());
    for most in [0, 1, 4095, 4096, 100_000, MOST] {
        assert_eq!(inflater.inflate(&bomb, most), Err(InflateError::TooLarge));
    }
    assert_eq!(inflater.inflate(&[0x4b, 0x04, 0x00], 1).as_deref(), Ok(b"a".as_slice()));
}

/// Each of them ends a stream, and is answered by a new one: once by a call within a call.
#[test]
fn a_million_final_blocks_do_not_exhaust_the_stack() {
    let mut inflater = Inflater::default();
    let ends = [0x03, 0x00].repeat(MOST / 2);
    assert_eq!(inflater.inflate(&ends, MOST).as_deref(), Ok([].as_slice()));
}

#[test]
fn what_was_inflated_holds_little_more_than_it_has() {
    let mut inflater = Inflater::default();
    for size in [100, 5000, 70_000, MOST] {
        let compressed = client_deflate(&[&vec![7; size]], FlushCompress::Sync);
        let out = inflater.inflate(&compressed, MOST).expect("it fits");
        assert_eq!(out.len(), size);
        assert!(out.capacity() <= MOST + 1 && out.capacity() <= 2 * size + GROW_BYTES);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_message_round_trips(words in prop::collection::vec("[a-c]{0,9}|[a-z0-9]{30}", 0..200)) {
        let (mut deflater, mut inflater) = Default::default();
        check_round_trip(&mut deflater, &mut inflater, words.concat().as_bytes());
    }

    #[test]
    fn no_bytes_make_it_hold_more_than_its_limit(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        most in 0..5000_usize,
    ) {
        let mut inflater = Inflater::default();
        if let Ok(out) = inflater.inflate(&bytes, most) {
            prop_assert!(out.len() <= most && out.capacity() <= most + 1);
        }
        prop_assert_eq!(inflater.inflate(&[0x4b, 0x04, 0x00], 1), Ok(b"a".to_vec()));
    }
}
