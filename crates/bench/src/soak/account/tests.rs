//! Loss is told from gaps, across reconnects.

use super::*;

fn cursor(number: u64) -> Vec<u8> {
    format!("01abc-{number}").into_bytes()
}

/// Lets a reader that begins after event 2 receive these numbers.
fn reader(numbers: &[u64]) -> Account {
    let mut account = Account::new(4);
    account.opened(&cursor(2));
    see(&mut account, numbers);
    account
}

fn see(account: &mut Account, numbers: &[u64]) {
    for number in numbers {
        account.event(&cursor(*number), Stamp { stream: 4, number: *number, sent_us: 0 });
    }
}

#[track_caller]
fn has(account: &Account, last: u64, expected: Faults) {
    assert_eq!(account.faults(last), Some(expected));
    assert_eq!(account.garbled(), 0);
}

#[test]
fn it_goes_on_after_its_last_event_on_every_connection() {
    let mut account = reader(&[3, 4, 5]);
    assert_eq!(account.cursor().as_deref(), Some("01abc-5"));
    account.opened(&cursor(5));
    see(&mut account, &[6, 7]);
    has(&account, 7, Faults::default());
    assert!(account.has(7) && !account.has(8));
    assert_eq!(account.told_missing(), 0);
}

#[test]
fn a_hole_without_a_word_is_a_loss() {
    let mut account = reader(&[3, 4]);
    account.opened(&cursor(9));
    see(&mut account, &[10]);
    has(&account, 11, Faults { lost: 6, ..Faults::default() });
}

#[test]
fn a_hole_that_is_told_is_counted() {
    let mut account = reader(&[3, 4]);
    account.gap(&cursor(9));
    assert_eq!(account.cursor().as_deref(), Some("01abc-9"));
    see(&mut account, &[10]);
    has(&account, 10, Faults::default());
    assert_eq!(account.told_missing(), 5);
    see(&mut account, &[12]);
    has(&account, 12, Faults { lost: 1, ..Faults::default() });
}

#[test]
fn repeats_and_wrong_orders_are_found() {
    let mut account = reader(&[3, 4, 4]);
    account.opened(&cursor(3));
    see(&mut account, &[4, 6, 5]);
    has(&account, 6, Faults { repeated: 2, reordered: 1, ..Faults::default() });
}

#[test]
fn a_cursor_is_that_of_its_event() {
    let mut account = reader(&[3]);
    account.event(&cursor(5), Stamp { stream: 4, number: 4, sent_us: 0 });
    account.event(b"nonsense", Stamp { stream: 4, number: 5, sent_us: 0 });
    assert_eq!(account.garbled(), 2);
    let mut nobody = Account::new(0);
    nobody.opened(b"nonsense");
    assert_eq!((nobody.garbled(), nobody.cursor(), nobody.faults(3)), (1, None, None));
}
