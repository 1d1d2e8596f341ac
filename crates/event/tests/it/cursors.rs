//! Epochs, cursors, and where a client asks to begin.

use event::{After, Epoch, Position, Seq, limits::CURSOR_BYTES_MAX};
use proptest::prelude::*;

fn position(epoch: u64, seq: u64) -> Position {
    Position::new(Epoch::from_bits(epoch), Seq(seq))
}

#[test]
fn cursors_are_written_as_ever() {
    let table = [
        (position(0, 0), "0000000000000-0"),
        (position(1, 1), "0000000000001-1"),
        (position(31, 42), "000000000000z-42"),
        (position(32, 7), "0000000000010-7"),
        (position(0x0123_4567_89ab_cdef, 1_000_000), "028t5cy4tqkff-1000000"),
        (position(u64::MAX, u64::MAX), "fzzzzzzzzzzzz-18446744073709551615"),
    ];
    for (position, text) in table {
        assert_eq!(position.to_string(), text);
        assert_eq!(text.parse(), Ok(position));
        assert!(text.len() <= CURSOR_BYTES_MAX);
    }
}

#[test]
fn other_texts_are_no_cursors() {
    let texts = [
        "",
        "-",
        "0000000000001",
        "0000000000001-",
        "0000000000001-01",
        "0000000000001-+1",
        "0000000000001--1",
        "0000000000001- 1",
        "0000000000001-1 ",
        "0000000000001-1x",
        "0000000000001-18446744073709551616",
        "000000000001-1",
        "00000000000001-1",
        "000000000000Z-1",
        "000000000000u-1",
        "000000000000i-1",
        "g000000000000-1",
        "00000000000é-1",
    ];
    for text in texts {
        assert!(text.parse::<Position>().is_err(), "{text:?} is taken");
    }
}

#[test]
fn a_client_asks_in_every_way() {
    let id = "evt_01HF7YAT00000000000000000A";
    let table = [
        (None, After::Head),
        (Some(""), After::Head),
        (Some("0000000000001-5"), After::At(position(1, 5))),
        (Some(id), After::Id(id.parse().expect("an id"))),
        (Some("evt_nothing"), After::Unreadable("evt_nothing".to_owned())),
        (Some("a\r\nb\0"), After::Unreadable("ab".to_owned())),
    ];
    for (text, expected) in table {
        assert_eq!(After::from_client(text), expected);
    }
}

proptest! {
    #[test]
    fn positions_round_trip(epoch in any::<u64>(), seq in any::<u64>()) {
        let position = position(epoch, seq);
        let text = position.to_string();
        prop_assert_eq!(text.parse(), Ok(position));
        prop_assert_eq!(After::from_client(Some(&text)), After::At(position));
        prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    }

    #[test]
    fn epochs_sort_as_their_texts(a in any::<u64>(), b in any::<u64>()) {
        let (a, b) = (Epoch::from_bits(a), Epoch::from_bits(b));
        prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
    }

    #[test]
    fn one_place_has_one_text(text in "[0-9a-z]{12,14}-[0-9+]{1,22}") {
        if let Ok(position) = text.parse::<Position>() {
            prop_assert_eq!(position.to_string(), text);
        }
    }

    #[test]
    fn no_bytes_of_a_client_fail(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let text = String::from_utf8_lossy(&bytes);
        let after = After::from_client(Some(&text));
        if let After::Unreadable(kept) = &after {
            prop_assert!(kept.chars().count() <= CURSOR_BYTES_MAX);
            prop_assert!(!kept.contains(char::is_control));
        }
        prop_assert!(after.to_string().chars().count() <= CURSOR_BYTES_MAX);
    }
}
