//! A cursor is read exactly as it is written, and whatever a client sends is some place to begin.

#![no_main]

use event::{After, Position};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(position) = text.parse::<Position>() {
        assert_eq!(position.to_string(), text, "one text for one place");
    }
    let _some_place = After::from_client(Some(text));
});
