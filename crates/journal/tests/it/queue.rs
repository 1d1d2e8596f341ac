//! The queue, tails, closing, and two processes.

use std::time::Duration;

use bytes::Bytes;
use journal::{AppendError, DropReason, Entry, Group, Journal, OpenError, Seq, TailError};

use crate::fault::FaultyDisk;
use crate::support::{LONG, group, open, options, read_all, seq, until};

#[tokio::test]
async fn records_are_numbered_on_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let (journal, recovered) = open(options(folder.path()));
        assert_eq!(recovered.next, seq(round * 50 + 1));
        assert_eq!((recovered.torn_bytes, recovered.damaged.len()), (0, 0));
        for number in 0..10 {
            journal.writer().append(group(number, 5)).await.unwrap();
        }
        assert_eq!(journal.close(LONG).await.unwritten_records, 0);
        let (records, damaged) = read_all(&journal).await;
        assert_eq!((records.len() as u64, damaged.len()), ((round + 1) * 50, 0));
        assert!(journal.metrics().segments > 1);
    }
}

#[tokio::test]
async fn a_tail_begins_in_the_middle_of_a_group_and_ends_when_closed() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(options(folder.path()));
    let mut live = journal.tail(Seq::FIRST);
    let mut waiting = tokio::task::JoinSet::new();
    waiting.spawn(async move { (live.next().await.unwrap(), live) });
    journal.writer().append(group(1, 5)).await.unwrap();
    let (entry, mut live) = waiting.join_next().await.unwrap().unwrap();
    assert_eq!(entry.next(), seq(6));
    let Entry::Group(part) = journal.tail(seq(3)).next().await.unwrap() else { panic!("damaged") };
    assert_eq!((part.first, part.records.len(), part.stamp), (seq(3), 3, 1));
    journal.close(LONG).await;
    assert!(matches!(live.next().await, Err(TailError::Closed)));
    assert_eq!(journal.writer().append(group(2, 1)).await, Err(AppendError::Closed));
}

#[tokio::test]
async fn a_tail_that_memory_has_left_behind_reads_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let small = journal::Options { recent_bytes_max: 100, ..options(folder.path()) };
    let (journal, _) = open(small);
    for number in 0..200 {
        journal.writer().append(group(number, 3)).await.unwrap();
    }
    until("written", || journal.next_seq() == seq(601)).await;
    let (records, damaged) = read_all(&journal).await;
    assert_eq!((records.len(), damaged.len()), (600, 0));
    assert_eq!(records[&600], Bytes::from("group 199 record 2"));
}

#[tokio::test]
async fn what_is_refused_is_counted_by_record_and_told_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new();
    let full = journal::Options { queue_records_max: 10, ..options(folder.path()) };
    let (journal, _) = open(journal::Options { disk: disk.clone(), ..full.clone() });
    let writer = journal.writer();
    disk.full(true);
    writer.try_append(group(1, 8)).unwrap();
    assert_eq!(writer.try_append(group(2, 3)), Err(AppendError::Full));
    assert!(matches!(writer.try_append(group(2, 11)), Err(AppendError::TooLarge { .. })));
    let empty = Group { records: Vec::new(), stamp: 0 };
    assert!(matches!(writer.try_append(empty), Err(AppendError::TooLarge { .. })));
    disk.full(false);
    journal.close(LONG).await;
    assert_eq!(writer.try_append(group(3, 4)), Err(AppendError::Closed));
    let dropped = journal.metrics().dropped;
    assert_eq!(DropReason::ALL.map(|reason| dropped.of(reason)), [3, 4, 11]);
    drop(journal);
    let (_journal, recovered) = open(full);
    assert_eq!(DropReason::ALL.map(|reason| recovered.dropped.of(reason)), [3, 0, 11]);
}

#[tokio::test]
async fn who_waits_for_room_goes_before_who_does_not_and_may_leave() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new();
    let full = journal::Options { queue_records_max: 10, ..options(folder.path()) };
    let (journal, _) = open(journal::Options { disk: disk.clone(), ..full });
    let writer = journal.writer();
    disk.full(true);
    writer.append(group(1, 8)).await.unwrap();
    let left = tokio::time::timeout(Duration::from_millis(20), writer.append(group(2, 5))).await;
    assert!(left.is_err(), "there was no room");
    writer.try_append(group(3, 1)).unwrap();
    {
        let waiting = writer.append(group(4, 5));
        tokio::pin!(waiting);
        let poll = tokio::time::timeout(Duration::from_millis(20), &mut waiting).await;
        assert!(poll.is_err(), "there was no room");
        assert_eq!(writer.try_append(group(5, 1)), Err(AppendError::Full));
        disk.full(false);
        waiting.await.unwrap();
    }
    journal.close(LONG).await;
    let (records, _) = read_all(&journal).await;
    assert_eq!(records.len(), 8 + 1 + 5);
    assert_eq!(records[&10], Bytes::from("group 4 record 0"));
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(options(folder.path()));
    let second = Journal::open(options(folder.path())).map(|_| ());
    assert!(matches!(second, Err(OpenError::InUse { .. })), "{second:?}");
    journal.close(LONG).await;
    open(options(folder.path())).0.close(LONG).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_under_load_loses_nothing_that_was_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(options(folder.path()));
    let mut producers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let writer = journal.writer();
        producers.spawn(async move {
            let mut taken = 0_usize;
            while writer.append(group(7, 3)).await.is_ok() {
                taken += 3;
            }
            taken
        });
    }
    until("under load", || journal.next_seq() > seq(300)).await;
    let closed = journal.close(LONG).await;
    assert_eq!(closed.unwritten_records, 0);
    let taken: usize = producers.join_all().await.into_iter().sum();
    drop(journal);
    let (journal, recovered) = open(options(folder.path()));
    assert_eq!(recovered.records, taken as u64);
    assert_eq!(read_all(&journal).await.0.len(), taken);
}
