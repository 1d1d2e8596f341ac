//! Texts and answers, however the bytes are cut.

use super::{Frames, Over};

/// Feeds pieces; returns the texts, what is to be sent without its masks, and how it ended.
fn fed(pieces: &[&[u8]]) -> (Vec<String>, Vec<u8>, Option<Over>) {
    let mut frames = Frames::new();
    let mut texts = Vec::new();
    let mut on = |text: &str| texts.push(text.to_owned());
    let over = pieces.iter().find_map(|piece| frames.feed(piece, &mut on).err());
    let sent = unmasked(frames.out());
    (texts, sent, over)
}

/// Takes the masks out of short frames.
fn unmasked(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        assert!(second & 0x80 != 0, "a client masks");
        let (mask, rest) = rest.split_at(4);
        let (payload, rest) = rest.split_at(usize::from(second & 0x7f));
        out.extend([*first, second & 0x7f]);
        out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes = rest;
    }
    out
}

#[track_caller]
fn check(bytes: &[u8], texts: &[&str], sent: &[u8], over: Option<&str>) {
    let whole = fed(&[bytes]);
    assert_eq!(whole.0, texts, "{bytes:?}");
    assert_eq!(whole.1, sent, "{bytes:?}");
    let found = whole.2.as_ref().map(|over| format!("{over:?}"));
    assert_eq!(found.is_some(), over.is_some(), "{bytes:?}: {found:?}");
    assert!(found.iter().all(|found| found.contains(over.unwrap())), "{bytes:?}: {found:?}");
    for at in 0..=bytes.len() {
        let (a, b) = bytes.split_at(at);
        assert_eq!(fed(&[a, b]), whole, "{bytes:?} cut at {at}");
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(fed(&single), whole, "{bytes:?} byte by byte");
}

#[test]
fn texts_pings_and_closes_are_told_apart() {
    check(b"", &[], b"", None);
    check(b"\x81\x01a\x81\x02bc", &["a", "bc"], b"", None);
    check(b"\x01\x01a\x80\x01b", &["ab"], b"", None);
    check(b"\x01\x01a\x89\x01p\x80\x01b", &["ab"], b"\x8a\x01p", None);
    check(b"\x89\x00\x81\x01a\x8a\x00", &["a"], b"\x8a\x00", None);
    check(
        b"\x81\x01a\x88\x04\x03\xe9hi",
        &["a"],
        b"\x88\x04\x03\xe9hi",
        Some(r#"Closed { code: 1001, reason: "hi" }"#),
    );
    check(b"\x88\x00", &[], b"\x88\x00", Some("Closed { code: 1005"));
    check(b"\x88\x02\x03\xf5", &[], b"\x88\x02\x03\xf5", Some("Closed { code: 1013"));
}

#[test]
fn what_is_no_websocket_is_garbled() {
    check(b"\x82\x01a", &[], b"", Some("no text"));
    check(b"\x81\x01a\x81\x02\xff\xff", &["a"], b"", Some("no WebSocket"));
    check(b"\x81\x81abcda", &[], b"", Some("no WebSocket"));
    check(b"\xc1\x01a", &[], b"", Some("no WebSocket"));
    check(b"\x80\x01a", &[], b"", Some("no WebSocket"));
    check(b"\x81\x7f\x00\x00\x00\x00\x10\x00\x00\x00", &[], b"", Some("Message too long"));
}

#[test]
fn long_texts_come_whole() {
    let text = "x".repeat(70_000);
    let mut bytes = b"\x81\x7f\x00\x00\x00\x00\x00\x01\x11\x70".to_vec();
    bytes.extend_from_slice(text.as_bytes());
    let pieces: Vec<&[u8]> = bytes.chunks(16 << 10).collect();
    assert_eq!(fed(&pieces), (vec![text], Vec::new(), None));
}

#[test]
fn what_is_said_is_masked() {
    let mut frames = Frames::new();
    frames.say("hi").unwrap();
    assert_eq!(unmasked(frames.out()), b"\x81\x02hi");
    let over = frames.feed(b"\x88\x00", &mut |_| ());
    assert_eq!(frames.say("late"), over, "it is closed, and nothing else is wrong");
    assert!(over.is_err());
}
