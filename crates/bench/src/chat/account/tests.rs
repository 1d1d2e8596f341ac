//! An account finds whatever is wrong with one message.

use super::*;
use crate::stamp::{Mark, Stamp};

const COUNT: u64 = 6;

fn sent(number: u64) -> Sent {
    Sent { thread: 0, author: 1, stamp: Stamp { stream: 4, number, sent_us: 50 * number } }
}

fn bodies() -> Bodies {
    Bodies::new(Mark::new(7), 60)
}

fn said(number: u64) -> Said {
    Said {
        thread_id: "thread".to_owned(),
        message_id: format!("msg_{number}"),
        seq: number,
        author_id: "author-1".to_owned(),
        body: bodies().text(sent(number).stamp),
        attachments: Vec::new(),
        created_at_ms: 1000 + number,
        edited_at_ms: None,
        deleted_at_ms: None,
        request_id: Some(format!("r-{number}")),
        correlation_id: None,
    }
}

/// Returns an account of messages 1 to `COUNT`, each acknowledged under its own number.
fn account() -> Account {
    let mut account = Account::new(bodies());
    account.add_thread("thread".to_owned());
    (1..=COUNT).for_each(|number| account.acknowledge(&sent(number), said(number)));
    assert_eq!((account.acknowledged(), account.faults()), (COUNT, Faults::default()));
    account
}

/// Checks what is found in what is read back.
#[track_caller]
fn finds(back: impl FnOnce(&mut Vec<Said>), expected: Faults) {
    let account = account();
    let mut rows: Vec<_> = (1..=COUNT).map(said).collect();
    back(&mut rows);
    let mut reading = account.reading(0);
    rows.iter().for_each(|row| reading.take(row));
    assert_eq!(reading.end(account.last(0)), expected);
}

#[test]
fn what_is_all_there_is_right() {
    finds(|_| {}, Faults::default());
}

#[test]
fn a_lost_message_is_found_wherever_it_was() {
    for at in 0..COUNT as usize {
        finds(|rows| drop(rows.remove(at)), Faults { lost: 1, ..Faults::default() });
    }
    finds(Vec::clear, Faults { lost: COUNT, ..Faults::default() });
}

#[test]
fn a_repeated_one_is_found() {
    let again = Faults { repeated: 1, ..Faults::default() };
    finds(|rows| rows.insert(3, rows[2].clone()), again);
    finds(|rows| rows.push(rows[0].clone()), again);
    // The same message under a number that nobody was told: it took effect twice.
    let twice = Faults { unacknowledged: 1, ..Faults::default() };
    finds(|rows| rows.push(Said { seq: COUNT + 1, ..said(2) }), twice);
}

#[test]
fn a_reordered_one_is_found() {
    finds(|rows| rows.swap(1, 2), Faults { reordered: 1, ..Faults::default() });
}

#[test]
fn an_altered_one_is_found_whatever_it_is_that_differs() {
    let altered = Faults { altered: 1, ..Faults::default() };
    finds(|rows| rows[3].body.push('!'), altered);
    finds(|rows| rows[3].author_id = "author-0".to_owned(), altered);
    finds(|rows| rows[3].message_id.push('x'), altered);
    finds(|rows| rows[3].created_at_ms += 1, altered);
    finds(|rows| rows[3].edited_at_ms = Some(1), altered);
    // Two messages that changed places under the same numbers.
    let exchange = |rows: &mut Vec<Said>| {
        rows.swap(1, 2);
        (rows[1].seq, rows[2].seq) = (2, 3);
    };
    finds(exchange, Faults { altered: 2, ..Faults::default() });
}

#[test]
fn acknowledgements_have_to_be_right_themselves() {
    let check = |said: Said, expected: Faults| {
        let mut account = account();
        account.acknowledge(&sent(COUNT + 1), said);
        assert_eq!(account.faults(), expected);
    };
    let next = || said(COUNT + 1);
    check(next(), Faults::default());
    let altered = Faults { altered: 1, ..Faults::default() };
    check(Said { body: "another".to_owned(), ..next() }, altered);
    check(Said { author_id: "author-2".to_owned(), ..next() }, altered);
    check(Said { thread_id: "other".to_owned(), ..next() }, altered);
    // A number that was given before, behind which the sender's own message stands.
    check(Said { seq: 2, ..next() }, Faults { altered: 1, reordered: 1, ..Faults::default() });
}

#[test]
fn a_page_is_what_was_asked_for() {
    let account = account();
    let rows: Vec<_> = (3..=5).map(said).collect();
    assert_eq!(account.thread(0).page(2, 3, &rows), Faults::default());
    assert_eq!(account.thread(0).page(2, 3, &rows[..2]), Faults { lost: 1, ..Faults::default() });
    assert_eq!(account.thread(0).page(1, 4, &rows), Faults { lost: 1, ..Faults::default() });
}
