//! A disk that is full, fails, or lies.

use std::time::Duration;

use journal::{Options, State};

use crate::fault::FaultyDisk;
use crate::support::{LONG, group, open, options, read_all, seq, until};

#[tokio::test]
async fn a_full_disk_acknowledges_nothing_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new();
    let (journal, _) = open(Options { disk: disk.clone(), ..options(folder.path()) });
    journal.writer().append(group(1, 2)).await.unwrap();
    until("written", || journal.next_seq() == seq(3)).await;
    disk.full(true);
    journal.writer().append(group(2, 2)).await.unwrap();
    until("degraded", || matches!(journal.health().state, State::Degraded { .. })).await;
    assert_eq!(journal.next_seq(), seq(3));
    disk.full(false);
    until("written", || journal.next_seq() == seq(5)).await;
    assert_eq!(journal.health().state, State::Writing);
    journal.close(LONG).await;
    drop(journal);
    let (journal, recovered) = open(options(folder.path()));
    assert_eq!((recovered.records, recovered.torn_bytes, recovered.damaged.len()), (4, 0, 0));
    assert_eq!(read_all(&journal).await.0.len(), 4);
}

#[tokio::test]
async fn what_failed_is_written_once_after_all() {
    for (short, syncs, truncate) in
        [(true, 0, false), (false, 1, false), (false, 1, true), (false, 5, true), (true, 3, true)]
    {
        let folder = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::new();
        let (journal, _) = open(Options { disk: disk.clone(), ..options(folder.path()) });
        for number in 0..10 {
            if short {
                disk.short_write();
            }
            disk.fail_syncs(syncs, truncate);
            journal.writer().append(group(number, 3)).await.unwrap();
            until("written", || journal.next_seq() == seq(number * 3 + 4)).await;
        }
        let live = read_all(&journal).await;
        disk.crash();
        journal.close(LONG).await;
        drop(journal);
        let (journal, recovered) = open(options(folder.path()));
        assert_eq!((recovered.next, recovered.damaged.len()), (seq(31), 0));
        assert_eq!(read_all(&journal).await, live);
    }
}

#[tokio::test]
async fn a_disk_that_lies_costs_the_newest_records_and_makes_none_up() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new();
    let whole = Options { segment_bytes_max: 1 << 20, ..options(folder.path()) };
    let (journal, _) = open(Options { disk: disk.clone(), ..whole.clone() });
    for number in 0..20 {
        if number == 10 {
            until("written", || journal.next_seq() == seq(21)).await;
            disk.lie();
        }
        journal.writer().append(group(number, 2)).await.unwrap();
    }
    journal.close(LONG).await;
    let live = read_all(&journal).await.0;
    drop(journal);
    disk.crash();
    let (journal, recovered) = open(whole);
    assert_eq!((recovered.records, recovered.damaged.len()), (20, 0));
    let (records, _) = read_all(&journal).await;
    assert!(records.iter().all(|(seq, record)| live[seq] == *record));
}

#[tokio::test]
async fn closing_gives_up_on_a_full_disk_and_says_what_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new();
    let (journal, _) = open(Options { disk: disk.clone(), ..options(folder.path()) });
    disk.full(true);
    journal.writer().append(group(1, 2)).await.unwrap();
    journal.writer().append(group(2, 3)).await.unwrap();
    let closed = journal.close(Duration::from_millis(50)).await;
    assert_eq!((closed.unwritten_groups, closed.unwritten_records), (2, 5));
    assert_eq!(journal.metrics().dropped.total(), 5);
}
