//! Evidence and journals: what can be read has one form, and nothing is vouched for without a key.

#![no_main]

use std::str::FromStr;

use evidence::{Checkpoint, Contents, Entry, Keyring, Note, Request, Verifier, verify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &[u8])| {
    let (text, bytes) = input;
    one_form::<Checkpoint>(text);
    one_form::<Verifier>(text);
    let _ = Keyring::from_str(text);
    let _ = Entry::read(bytes);
    if let Ok(read) = conductor::read(bytes) {
        assert_eq!(read.whole_bytes + read.torn_bytes, bytes.len() as u64);
        assert_eq!(read.tree.len(), read.entries.len() as u64);
    }
    let contents = Contents {
        entries: Some(bytes.to_vec()),
        checkpoint: Some(text.as_bytes().to_vec()),
        ..Contents::default()
    };
    let seen: Option<Note> = text.parse().ok();
    let keyring = Keyring::default();
    let request = Request {
        contents: &contents,
        keyring: Some(&keyring),
        seen: seen.as_ref(),
        may_be_open: true,
    };
    assert!(!verify(&request).is_sound(), "nobody is trusted");
    let _ = verify(&Request { keyring: None, ..request });
});

/// What is read and written again is the same text.
fn one_form<T: FromStr + ToString>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        assert_eq!(read.to_string(), text);
    }
}
