//! The file has what is said of it.

use chain::FeedReader;

use super::*;

#[test]
fn the_file_is_whole_and_its_last_transaction_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let made = Made::write(&folder.path().join("feed"), 450, &Stop::default()).unwrap();
    let lines: Vec<_> = FeedReader::open(&made.file).unwrap().map(Result::unwrap).collect();
    let told = lines.iter().filter_map(|line| match &line.event {
        FeedEvent::Pending(transaction) => Some(transaction.hash.to_string()),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    assert_eq!((told.len() as u64, told.last()), (made.transactions, Some(&made.last)));
    assert!(made.last.starts_with("0x") && made.last.len() == 66, "{}", made.last);
    // The genesis, two full blocks, and the rest.
    assert_eq!(lines.len(), 450 + 4);
}

#[test]
fn a_wish_to_stop_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let stop = Stop::default();
    stop.ask();
    let made = Made::write(&folder.path().join("feed"), 10, &stop);
    assert!(matches!(made, Err(BenchError::Stopped)), "{made:?}");
}
