//! Small logs for tests, and what is in them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use journal::{Damaged, Entry, Group, Journal, Options, Recovered, Seq};

/// Longer than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// The number `value`.
pub(crate) fn seq(value: u64) -> Seq {
    Seq::new(value).unwrap()
}

/// A small journal in `folder`.
pub(crate) fn options(folder: &Path) -> Options {
    Options {
        segment_bytes_max: 1_000,
        log_bytes_max: 1 << 30,
        retain_records: u64::MAX,
        queue_bytes_max: 1 << 20,
        flush_bytes_max: 300,
        retry_delay_max: Duration::from_millis(20),
        ..Options::new(folder)
    }
}

/// A group of records that say where they are from.
pub(crate) fn group(number: u64, records: usize) -> Group {
    let record = |at| Bytes::from(format!("group {number} record {at}"));
    Group { records: (0..records).map(record).collect(), stamp: number }
}

/// Opens the journal.
pub(crate) fn open(options: Options) -> (Journal, Recovered) {
    Journal::open(options).unwrap()
}

/// All that can be read, by number, and what can't.
pub(crate) async fn read_all(journal: &Journal) -> (BTreeMap<u64, Bytes>, Vec<Damaged>) {
    let mut tail = journal.tail(journal.first_seq());
    let (mut records, mut damaged) = (BTreeMap::new(), Vec::new());
    while tail.position() < journal.next_seq() {
        let at = tail.position();
        match tail.next().await.unwrap() {
            Entry::Group(group) => {
                assert_eq!(group.first, at, "a hole that nobody told of");
                for (seq, record) in group.numbered() {
                    assert!(records.insert(seq.get(), record.clone()).is_none(), "{seq} twice");
                }
            }
            Entry::Damaged(hole) => {
                assert_eq!(hole.from, at, "a hole that nobody told of");
                damaged.push(hole);
            }
        }
    }
    (records, damaged)
}

/// Looks until it is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let look = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(LONG, look).await.is_ok(), "never: {what}");
}
