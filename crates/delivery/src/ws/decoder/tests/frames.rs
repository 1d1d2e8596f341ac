//! Tables: frames, and what is said to them.

use super::*;

#[test]
fn whole_messages() {
    let long = "y".repeat(65_536);
    let (medium, short) = (&long[..300], &long[..125]);
    let cases = [
        (frame(0x81, b""), text("")),
        (frame(0x81, "gr\u{fc}\u{df} \u{1f600}".as_bytes()), text("gr\u{fc}\u{df} \u{1f600}")),
        (frame(0x81, short.as_bytes()), text(short)),
        (frame(0x81, medium.as_bytes()), text(medium)),
        (frame(0x81, long.as_bytes()), text(&long)),
        (frame(0x82, &[0xff, 0]), Incoming::Binary(vec![0xff, 0])),
        (frame(0x89, b""), Incoming::Ping(vec![])),
        (frame(0x89, &[0xff; 125]), Incoming::Ping(vec![0xff; 125])),
        (frame(0x8a, b"late"), Incoming::Pong),
    ];
    for (bytes, expected) in &cases {
        check(PLAIN, bytes, std::slice::from_ref(expected), Ok(()));
    }
    let (bytes, expected): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    check(PLAIN, &bytes.concat(), &expected, Ok(()));
}

/// RFC 6455, 5.2 tells a sender to use the shortest form; it tells nobody to fail on another.
#[test]
fn a_longer_form_of_a_length_counts_the_same() {
    let mask = [0; 4];
    for head in [vec![0x81, 0xfe, 0, 2], vec![0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 2]] {
        check(PLAIN, &[&*head, &mask, b"ab"].concat(), &[text("ab")], Ok(()));
    }
}

#[test]
fn a_length_that_is_too_large_is_found_before_its_bytes() {
    let most = (MOST as u64 + 1).to_be_bytes();
    for length in [most, [0x80, 0, 0, 0, 0, 0, 0, 0], [0xff; 8]] {
        let head = [&[0x82, 0xff], &length[..], &[0; 4]].concat();
        check(PLAIN, &head, &[], Err(CloseCode::TooLarge));
        check(
            PLAIN,
            &[frame(2, b"a"), [&[0x80], &head[1..]].concat()].concat(),
            &[],
            Err(CloseCode::TooLarge),
        );
    }
}

#[test]
fn a_message_may_have_its_limit_and_no_more() {
    let exact = vec![b'm'; MOST];
    let whole = String::from_utf8(exact.clone()).expect("ASCII");
    check(PLAIN, &frame(0x81, &exact), &[text(&whole)], Ok(()));
    let (first, second) = exact.split_at(40_000);
    let sum = [frame(1, first), frame(0x80, second)].concat();
    check(PLAIN, &sum, &[text(&whole)], Ok(()));
    let over = [frame(1, first), frame(0, second), frame(0x80, b"m")].concat();
    check(PLAIN, &over, &[], Err(CloseCode::TooLarge));
}

#[test]
fn reserved_bits_and_opcodes() {
    for first in [0xc1, 0xa1, 0x91, 0xb1, 0xc2, 0xc0, 0x90, 0xc9, 0xa8, 0xda] {
        check(PLAIN, &frame(first, b"x"), &[], Err(CloseCode::Protocol));
    }
    for first in [0x83, 0x84, 0x85, 0x86, 0x87, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x03, 0x0b] {
        check(PLAIN, &frame(first, b"x"), &[], Err(CloseCode::Protocol));
        // It is known from the first two bytes.
        check(PLAIN, &frame(first, b"x")[..2], &[], Err(CloseCode::Protocol));
    }
    // Bits that were not negotiated; the first one neither on control frames nor on continuations.
    for first in [0xa1, 0x91, 0xe1, 0xd1, 0xc8, 0xc9, 0xca] {
        check(DEFLATE, &frame(first, b""), &[], Err(CloseCode::Protocol));
    }
    let continued = [frame(0x41, b"\x4a"), frame(0xc0, b"\x04\x00")].concat();
    check(DEFLATE, &continued, &[], Err(CloseCode::Protocol));
    let continued = [frame(0x01, b"a"), frame(0xc0, b"b")].concat();
    check(DEFLATE, &continued, &[], Err(CloseCode::Protocol));
}

#[test]
fn a_frame_without_a_mask() {
    for bytes in [message(Opcode::Text, b"a"), message(Opcode::Ping, b""), vec![0x88, 0]] {
        check(PLAIN, &bytes, &[], Err(CloseCode::Protocol));
        let after = [frame(0x81, b"a"), bytes].concat();
        check(PLAIN, &after, &[text("a")], Err(CloseCode::Protocol));
    }
}

#[test]
fn control_frames_are_whole_and_short() {
    for opcode in [0x8, 0x9, 0xa] {
        check(PLAIN, &frame(opcode, b"x"), &[], Err(CloseCode::Protocol));
        for length in [126, 300, 65_536] {
            let long = frame(0x80 | opcode, &vec![b'x'; length]);
            check(PLAIN, &long, &[], Err(CloseCode::Protocol));
            check(PLAIN, &long[..2], &[], Err(CloseCode::Protocol));
        }
    }
}

#[test]
fn a_message_in_pieces() {
    let pieces = [frame(1, b"a"), frame(0, b""), frame(0, b"b"), frame(0x80, b"c")].concat();
    check(PLAIN, &pieces, &[text("abc")], Ok(()));
    let binary = [frame(2, &[0xff]), frame(0x80, &[0xfe])].concat();
    check(PLAIN, &binary, &[Incoming::Binary(vec![0xff, 0xfe])], Ok(()));
    check(PLAIN, &[frame(1, b""), frame(0x80, b"")].concat(), &[text("")], Ok(()));
    let (ping, pong) = (Incoming::Ping(b"?".to_vec()), Incoming::Pong);
    let between = [
        frame(1, "\u{1f600}".as_bytes().split_at(1).0),
        frame(0x89, b"?"),
        frame(0, "\u{1f600}".as_bytes().split_at(1).1),
        frame(0x8a, &[0xff; 125]),
        frame(0x80, b"!"),
    ];
    check(PLAIN, &between.concat(), &[ping.clone(), pong, text("\u{1f600}!")], Ok(()));
    let closed = [frame(1, b"a"), frame(0x89, b"?"), frame(0x88, b"")].concat();
    check(PLAIN, &closed, &[ping, Incoming::Close(None)], Ok(()));
}

#[test]
fn pieces_in_the_wrong_order() {
    for first in [0x00, 0x80] {
        check(PLAIN, &frame(first, b"a"), &[], Err(CloseCode::Protocol));
        let after = [frame(0x81, b"a"), frame(first, b"b")].concat();
        check(PLAIN, &after, &[text("a")], Err(CloseCode::Protocol));
    }
    for first in [0x01, 0x81, 0x02, 0x82] {
        let within = [frame(1, b"a"), frame(first, b"b")].concat();
        check(PLAIN, &within, &[], Err(CloseCode::Protocol));
    }
}

#[test]
fn a_message_has_so_many_pieces_and_no_more() {
    let empty = frame(0, b"").repeat(FRAGMENTS_MAX as usize - 2);
    let good = [frame(1, b"a"), empty.clone(), frame(0x80, b"b")].concat();
    check(PLAIN, &good, &[text("ab")], Ok(()));
    let bad = [frame(1, b"a"), empty, frame(0, b""), frame(0x80, b"b")].concat();
    check(PLAIN, &bad, &[], Err(CloseCode::TooLarge));
}

#[test]
fn close_frames() {
    for code in [1000, 1001, 1002, 1003, 1007, 1011, 1013, 1014, 3000, 3999, 4000, 4999_u16] {
        let closed = [Incoming::Close(Some(code))];
        let code = code.to_be_bytes();
        check(PLAIN, &frame(0x88, &code), &closed, Ok(()));
        check(PLAIN, &frame(0x88, &[&code[..], "ade\u{301}".as_bytes()].concat()), &closed, Ok(()));
        // What follows counts nothing, whatever it is.
        check(PLAIN, &[frame(0x88, &code), vec![0xff; 99]].concat(), &closed, Ok(()));
    }
    check(PLAIN, &frame(0x88, b""), &[Incoming::Close(None)], Ok(()));
    check(PLAIN, &frame(0x88, b"\x03"), &[], Err(CloseCode::Protocol));
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535_u16] {
        check(PLAIN, &frame(0x88, &code.to_be_bytes()), &[], Err(CloseCode::Protocol));
    }
    check(PLAIN, &frame(0x88, b"\x03\xe8\xff"), &[], Err(CloseCode::InvalidData));
    check(PLAIN, &frame(0x88, b"\x03\xe8\xe2\x82"), &[], Err(CloseCode::InvalidData));
}

/// RFC 6455, 8.1 and 3629: overlong forms, surrogates, what lies beyond, and what is cut off.
#[test]
fn text_that_is_no_utf8() {
    let cases: [&[u8]; 10] = [
        b"\xff",
        b"a\x80",
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"ok\xe2\x82",
        b"\xf0\x9f\x98",
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
    ];
    for bad in cases {
        check(PLAIN, &frame(0x81, bad), &[], Err(CloseCode::InvalidData));
        for at in 0..=bad.len() {
            let (first, second) = bad.split_at(at);
            let split = [frame(1, first), frame(0x89, b""), frame(0x80, second)].concat();
            let (_, ended) = decode(PLAIN, [&*split]);
            assert_eq!(ended.map_err(|broken| broken.code), Err(CloseCode::InvalidData));
        }
        check(PLAIN, &frame(0x82, bad), &[Incoming::Binary(bad.to_vec())], Ok(()));
    }
    // It is found with the piece that breaks it, long before the message's end.
    let early = &frame(0x81, &[b"good \xff".as_slice(), &[b'x'; 500]].concat())[..20];
    check(PLAIN, early, &[], Err(CloseCode::InvalidData));
}

#[test]
fn compressed_messages() {
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    check(DEFLATE, &frame(0xc1, &hello), &[text("Hello")], Ok(()));
    check(DEFLATE, &frame(0xc2, &hello), &[Incoming::Binary(b"Hello".to_vec())], Ok(()));
    check(PLAIN, &frame(0xc1, &hello), &[], Err(CloseCode::Protocol));
    // In pieces (RFC 7692, 7.2.3.1), with a frame of another kind between; then one that is not
    // compressed.
    let pieces = [
        frame(0x41, &hello[..3]),
        frame(0x89, b"?"),
        frame(0, b""),
        frame(0x80, &hello[3..]),
        frame(0x81, b"plain"),
    ];
    let expected = [Incoming::Ping(b"?".to_vec()), text("Hello"), text("plain")];
    check(DEFLATE, &pieces.concat(), &expected, Ok(()));
    // A block of a kind that there is not; what inflates to no UTF-8.
    check(DEFLATE, &frame(0xc1, &[0xff; 9]), &[], Err(CloseCode::InvalidData));
    let stored = [0x00, 0x01, 0x00, 0xfe, 0xff, 0xff, 0x00];
    check(DEFLATE, &frame(0xc1, &stored), &[], Err(CloseCode::InvalidData));
    check(DEFLATE, &frame(0xc2, &stored), &[Incoming::Binary(vec![0xff])], Ok(()));
}

#[test]
fn a_compressed_bomb_is_too_large() {
    let mut deflater = Deflater::default();
    for length in [MOST + 1, 100 * MOST] {
        let bomb = compressed(Opcode::Text, &vec![b'0'; length], &mut deflater);
        assert!(bomb.len() < MOST && bomb[0] == 0xc1);
        check(DEFLATE, &masked(&bomb, [9; 4]), &[], Err(CloseCode::TooLarge));
    }
    let fits = compressed(Opcode::Text, &vec![b'0'; MOST], &mut deflater);
    check(DEFLATE, &masked(&fits, [9; 4]), &[text(&"0".repeat(MOST))], Ok(()));
}

#[test]
fn midway_is_from_the_first_byte_to_the_last() {
    let bytes = [frame(1, b"a"), frame(0x89, b"?"), frame(0x80, b"b")].concat();
    let mut decoder = Decoder::new(PLAIN);
    let mut inflater = Inflater::default();
    assert!(!decoder.is_midway());
    for (at, byte) in bytes.iter().enumerate() {
        let _ = decoder.next(&mut std::slice::from_ref(byte), &mut inflater);
        assert_eq!(decoder.is_midway(), at + 1 < bytes.len(), "after {at}");
    }
    assert_eq!(decoder.held_bytes(), 0);
}
