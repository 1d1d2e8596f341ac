//! Properties: however bytes are cut, and whatever they are.

use super::*;

/// A client's message, and how it is sent.
#[derive(Clone, Debug)]
struct Sent {
    incoming: Incoming,
    mask: [u8; 4],
    is_compressed: bool,
    /// Where it is cut into frames.
    cuts: Vec<prop::sample::Index>,
}

impl Sent {
    /// Writes its frames, with a ping between any two of them.
    fn frames(&self, deflater: &mut Deflater) -> (Vec<u8>, Vec<Incoming>) {
        let (opcode, payload) = match &self.incoming {
            Incoming::Text(text) => (Opcode::Text, text.as_bytes()),
            Incoming::Binary(bytes) => (Opcode::Binary, &**bytes),
            Incoming::Ping(bytes) => (Opcode::Ping, &**bytes),
            Incoming::Pong | Incoming::Close(_) => (Opcode::Pong, &b"pong"[..]),
        };
        if opcode as u8 >= 8 {
            let bytes = masked(&message(opcode, payload), self.mask);
            return (bytes, vec![self.incoming.clone()]);
        }
        let whole = match self.is_compressed {
            true => compressed(opcode, payload, deflater),
            false => message(opcode, payload),
        };
        let (first, payload) = (whole[0] & 0x7f, &whole[2 + length_bytes(whole[1])..]);
        let mut cuts: Vec<_> = self.cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
        cuts.extend([0, payload.len()]);
        cuts.sort_unstable();
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for (number, cut) in cuts.windows(2).enumerate() {
            let is_last = number + 2 == cuts.len();
            let first = if number == 0 { first } else { 0 } | if is_last { 0x80 } else { 0 };
            let mut frame = message(opcode, &payload[cut[0]..cut[1]]);
            frame[0] = first;
            bytes.extend(masked(&frame, self.mask));
            if !is_last {
                bytes.extend(masked(&message(Opcode::Ping, b"!"), self.mask));
                expected.push(Incoming::Ping(b"!".to_vec()));
            }
        }
        expected.push(self.incoming.clone());
        (bytes, expected)
    }
}

fn incoming() -> impl Strategy<Value = Incoming> {
    prop_oneof![
        4 => "\\PC{0,90}|[ab]{60,300}".prop_map(Incoming::Text),
        1 => prop::collection::vec(any::<u8>(), 0..400).prop_map(Incoming::Binary),
        1 => prop::collection::vec(any::<u8>(), 0..=125).prop_map(Incoming::Ping),
        1 => Just(Incoming::Pong),
    ]
}

fn sent() -> impl Strategy<Value = Sent> {
    let cuts = prop::collection::vec(any::<prop::sample::Index>(), 0..4);
    (incoming(), any::<[u8; 4]>(), any::<bool>(), cuts).prop_map(
        |(incoming, mask, is_compressed, cuts)| Sent { incoming, mask, is_compressed, cuts },
    )
}

/// Cuts bytes at these places.
fn cut<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|two| &bytes[two[0]..two[1]]).collect()
}

/// Frames that are nearly right: the first byte, a payload, whether it is masked.
fn nearly_right() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        prop::sample::select(vec![
            0x00, 0x01, 0x02, 0x41, 0x80, 0x81, 0x82, 0xc1, 0x88, 0x89, 0x8a
        ]),
        any::<u8>(),
    ];
    let payload = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        "[a-z]{0,40}".prop_map(String::into_bytes),
        Just(vec![0x03, 0xe8]),
        (100..3000_usize).prop_map(|length| vec![b'n'; length]),
    ];
    (first, payload, prop::bool::weighted(0.95)).prop_map(|(first, payload, is_masked)| {
        let mut plain = message(Opcode::Text, &payload);
        plain[0] = first;
        if is_masked { frame(first, &payload) } else { plain }
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_sent_arrives_however_it_is_cut(
        sent in prop::collection::vec(sent(), 0..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut deflater = Deflater::default();
        let frames: Vec<_> = sent.iter().map(|sent| sent.frames(&mut deflater)).collect();
        let bytes: Vec<u8> = frames.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        let expected: Vec<_> = frames.into_iter().flat_map(|(_, expected)| expected).collect();
        for pieces in [vec![&*bytes], cut(&bytes, &cuts), bytes.chunks(1).collect()] {
            prop_assert_eq!(decode(DEFLATE, pieces), (expected.clone(), Ok(())));
        }
    }

    #[test]
    fn any_cut_of_anything_gives_the_same(
        frames in prop::collection::vec(nearly_right(), 0..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        most in prop::sample::select(vec![0, 1, 20, 125, 1000, MOST]),
        deflate in any::<bool>(),
    ) {
        let bytes = frames.concat();
        let options = DecoderOptions { message_bytes_max: most, deflate };
        let whole = decode(options, [&*bytes]);
        prop_assert_eq!(&decode(options, cut(&bytes, &cuts)), &whole);
        prop_assert_eq!(&decode(options, bytes.chunks(1)), &whole);
    }

    #[test]
    fn no_bytes_make_it_panic_or_hold_more_than_its_limit(
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
        most in prop::sample::select(vec![0, 1, 20, 1000, MOST]),
    ) {
        let options = DecoderOptions { message_bytes_max: most, deflate: true };
        let _ = decode(options, bytes.chunks(97));
    }
}
