//! Which ledgers are ours.

use super::{Entry, LedgerFault, compare};
use crate::migration::file::{MigrationFile, files};

fn entry(file: &MigrationFile) -> Entry {
    Entry {
        number: i64::from(file.number),
        name: file.name.into(),
        sha256: file.sha256(),
        applied_at_ms: 1,
    }
}

fn full() -> Vec<Entry> {
    files().iter().map(entry).collect()
}

#[test]
fn what_is_missing_at_the_end_is_to_be_applied() {
    for applied in 0..=files().len() {
        let left = compare(&full()[..applied], files()).unwrap();
        assert_eq!(left, &files()[applied..]);
    }
}

#[test]
fn another_content_or_name_is_refused() {
    let mut changed = full();
    changed[1].sha256 = "00".into();
    let fault = compare(&changed, files()).unwrap_err();
    assert!(matches!(fault, LedgerFault::Differs { number: 2, .. }), "{fault}");
    assert!(fault.to_string().contains(&files()[1].sha256()), "{fault}");
    let mut renamed = full();
    renamed[0].name = "0001_other.surql".into();
    let fault = compare(&renamed, files()).unwrap_err();
    assert!(matches!(fault, LedgerFault::Differs { number: 1, .. }), "{fault}");
}

#[test]
fn a_newer_one_and_a_hole_are_refused() {
    let newer = compare(&full(), &files()[..2]).unwrap_err();
    assert!(matches!(newer, LedgerFault::Unknown { number: 3, .. }), "{newer}");
    let mut hole = full();
    hole.remove(1);
    assert_eq!(compare(&hole, files()).unwrap_err(), LedgerFault::Hole { number: 2 });
}
