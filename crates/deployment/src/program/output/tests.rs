//! What is kept of outputs, and what is counted in them.

use super::{Kept, PART_BYTES_MAX, TestCounts};

fn kept(pieces: &[&[u8]]) -> Kept {
    let mut kept = Kept::default();
    pieces.iter().for_each(|piece| kept.take(piece));
    kept.end_line();
    kept
}

#[test]
fn short_output_is_kept_as_it_is() {
    let text: &[u8] = b"one\ntwo \xff\n\n";
    for at in 0..text.len() {
        let kept = kept(&[&text[..at], &text[at..]]);
        assert_eq!(kept.bytes(), text);
        assert_eq!(kept.last_line().unwrap(), "two \u{fffd}");
    }
    assert_eq!(kept(&[]).last_line(), None);
}

#[test]
fn of_long_output_the_beginning_and_the_end_are_kept() {
    let piece = vec![b'a'; PART_BYTES_MAX];
    let kept = kept(&[&piece, b"b", &piece, b"c\nend"]);
    let bytes = kept.bytes();
    assert!(bytes.len() < 2 * PART_BYTES_MAX + 100);
    assert!(bytes.starts_with(b"aaa") && bytes.ends_with(b"c\nend"));
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("\n[6 bytes left out]\n"), "{}", &text[PART_BYTES_MAX..][..50]);
    assert_eq!(kept.last_line().unwrap(), "end");
}

#[test]
fn a_long_line_is_quoted_in_part() {
    let line = "x".repeat(100_000);
    let quoted = kept(&[line.as_bytes()]).last_line().unwrap();
    assert!(quoted.chars().count() < 400 && quoted.ends_with('…'));
}

#[test]
fn what_cargo_says_of_tests_is_counted() {
    let text = b"running 0 tests\n\ntest result: ok. 0 passed; 0 failed\nrunning 1 test\n\
        test a ... ok\ntest result: ok. 1 passed; 0 failed; 0 ignored\nrunning around\n";
    assert_eq!(kept(&[text]).tests(), TestCounts { passed: 1, running: 1 });
    assert_eq!(kept(&[b"ok\n"]).tests(), TestCounts::default());
    let failed = b"running 2 tests\ntest result: FAILED. 1 passed; 1 failed\n";
    assert_eq!(kept(&[failed]).tests(), TestCounts { passed: 0, running: 2 });
}
