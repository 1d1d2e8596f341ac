//! What was written is read; a file that is cut, torn or of something else is told of.

use std::io::Cursor;

use alloy_primitives::{Address, B256, Bytes, U256};
use chain::{BlockRef, ChainKey};
use sim::{Said, StateAnswer, StateError, StateKey, StateSource, StateValue};

use super::{StateFileError, StateFileReader, StateFileWriter};

const AT: BlockRef = BlockRef { number: 7, hash: B256::repeat_byte(7) };
const WHO: Address = Address::repeat_byte(1);

fn key(text: &str) -> ChainKey {
    text.parse().unwrap()
}

fn written() -> String {
    let mut writer = StateFileWriter::new(Vec::new()).unwrap();
    let code = Said::Value(StateValue::Code(Bytes::from(vec![0x5b; 24_576])));
    for (chain, asked, said) in [
        ("a", StateKey::Code(WHO), code),
        ("a", StateKey::Storage(WHO, U256::MAX), Said::Value(StateValue::Storage(U256::ONE))),
        ("b", StateKey::BlockHash(3), Said::Error(StateError::Pruned)),
    ] {
        writer.add(&key(chain), &StateAnswer { block: AT, key: asked, said }).unwrap();
    }
    String::from_utf8(writer.finish().unwrap()).unwrap()
}

#[tokio::test]
async fn what_was_written_is_read() {
    let states = StateFileReader::read(Cursor::new(written())).unwrap();
    assert_eq!(states.len(), 2);
    let asked = [StateKey::Storage(WHO, U256::MAX), StateKey::BlockHash(3)];
    let told = states[&key("a")].fetch(AT, &asked).await;
    assert_eq!(told, [Ok(StateValue::Storage(U256::ONE)), Err(StateError::Unavailable)]);
    let told = states[&key("b")].fetch(AT, &asked).await;
    assert_eq!(told, [Err(StateError::Unavailable), Err(StateError::Pruned)]);
}

fn refused(text: &str) -> StateFileError {
    StateFileReader::read(Cursor::new(text)).expect_err("it is refused")
}

#[test]
fn a_file_that_is_cut_anywhere_is_told_of() {
    let whole = written();
    for end in (0..whole.len()).step_by(97).chain([whole.len() - 1]) {
        let error = refused(&whole[..end]);
        let is_cut = matches!(error, StateFileError::Cut { .. } | StateFileError::NotState);
        assert!(is_cut, "{end}: {error}");
    }
}

#[test]
fn what_is_no_file_of_state_is_told_of() {
    let whole = written();
    let later = whole.replacen("\"version\":1", "\"version\":2", 1);
    assert!(matches!(refused(&later), StateFileError::Version { version: 2 }));
    let feed = whole.replacen("tidegate-state", "tidegate-feed", 1);
    assert!(matches!(refused(&feed), StateFileError::NotState));
    let miscounted = whole.replacen("\"lines\":4", "\"lines\":5", 1);
    assert!(matches!(refused(&miscounted), StateFileError::Count { counted: 5, lines: 4 }));
    assert!(matches!(refused(&format!("{whole}\n")), StateFileError::Behind));
    assert!(matches!(refused(&format!("{whole}{{")), StateFileError::Behind));
    let odd = whole.replacen("\"block_hash\"", "\"block_rash\"", 1);
    assert!(matches!(refused(&odd), StateFileError::Line { line: 4, .. }));
    let (head, rest) = whole.split_once('\n').unwrap();
    let long = format!("{head}\n{}\n{rest}", " ".repeat(2 << 20));
    assert!(matches!(refused(&long), StateFileError::TooLong { line: 2 }));
}
