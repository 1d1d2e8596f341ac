//! A log that was cut or has flipped bits.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use journal::{Damaged, Options, Recovered};
use proptest::prelude::{Strategy, any, prop};
use proptest::test_runner::{Config, TestRunner};

use crate::support::{LONG, group, open, options, read_all};

type Records = BTreeMap<u64, Bytes>;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

async fn write(options: Options, groups: &[usize]) -> Records {
    let (journal, _) = open(options);
    for (number, records) in (0..).zip(groups) {
        journal.writer().append(group(number, *records)).await.unwrap();
        if number % 3 == 0 {
            tokio::task::yield_now().await;
        }
    }
    journal.close(LONG).await;
    read_all(&journal).await.0
}

/// Opens it, reads it, appends to it, reads it again, and again after a restart.
async fn reopen(options: Options) -> (Recovered, Records, Vec<Damaged>) {
    let (journal, recovered) = open(options.clone());
    let (records, damaged) = read_all(&journal).await;
    journal.writer().append(group(9_999, 2)).await.unwrap();
    journal.close(LONG).await;
    let (with_new, _) = read_all(&journal).await;
    assert_eq!(with_new.len(), records.len() + 2);
    drop(journal);
    let (journal, again) = open(options);
    assert_eq!(again.torn_bytes, 0);
    assert_eq!(again.next, recovered.next.plus(2));
    assert_eq!(read_all(&journal).await.0, with_new);
    assert_eq!(again.damaged, recovered.damaged);
    journal.close(LONG).await;
    (recovered, records, damaged)
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut wal: Vec<_> =
        names.filter(|path| path.extension().is_some_and(|ending| ending == "wal")).collect();
    wal.sort();
    wal
}

fn count(damaged: &[Damaged]) -> u64 {
    damaged.iter().map(|hole| hole.to.get() - hole.from.get() + 1).sum()
}

#[test]
fn a_cut_at_any_byte_of_the_last_segment_leaves_a_prefix() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let whole =
            write(options(folder.path()), &[2, 3, 1, 4, 2, 5, 1, 2, 3, 3, 2, 2, 7, 1]).await;
        let files: Vec<_> = segments(folder.path());
        let last = std::fs::read(files.last().unwrap()).unwrap();
        for cut in 0..last.len() {
            for zeroes in [false, true] {
                let copy = tempfile::tempdir().unwrap();
                for path in &files {
                    std::fs::copy(path, copy.path().join(path.file_name().unwrap())).unwrap();
                }
                let mut bytes = last[..cut].to_vec();
                if zeroes {
                    bytes.resize(last.len(), 0);
                }
                let name = files.last().unwrap().file_name().unwrap();
                std::fs::write(copy.path().join(name), bytes).unwrap();
                check_prefix(copy.path(), &whole, cut).await;
            }
        }
    });
}

async fn check_prefix(folder: &Path, whole: &Records, cut: usize) {
    let (recovered, records, damaged) = reopen(options(folder)).await;
    let prefix = whole.iter().zip(&records).all(|(one, other)| one == other);
    assert!(prefix && records.len() <= whole.len(), "cut at {cut}: {records:?}");
    assert!(damaged.is_empty() || records.is_empty(), "cut at {cut}: {damaged:?}");
    assert_eq!(recovered.next.get(), records.len() as u64 + 1 + count(&damaged), "cut at {cut}");
}

#[test]
fn a_flipped_bit_costs_what_it_hit_and_is_told() {
    let groups = prop::collection::vec(1_usize..6, 1..25);
    let places = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_u8..8);
    let mut runner = TestRunner::new(Config { cases: 150, ..Config::default() });
    let checked = runner.run(&(groups, places).boxed(), |(groups, (file, byte, bit))| {
        runtime().block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let whole = write(options(folder.path()), &groups).await;
            let files = segments(folder.path());
            let path = file.get(&files);
            let mut bytes = std::fs::read(path).unwrap();
            let at = byte.index(bytes.len());
            bytes[at] ^= 1 << bit;
            std::fs::write(path, bytes).unwrap();
            let (recovered, records, damaged) = reopen(options(folder.path())).await;
            assert!(records.iter().all(|(seq, record)| whole[seq] == *record), "made up");
            assert_eq!(damaged, recovered.damaged);
            assert_eq!(records.len() as u64 + count(&damaged), whole.len() as u64, "not told");
            assert!(recovered.next.get() > whole.len() as u64, "a number is given again");
            assert!(count(&damaged) <= 5, "more than one group is lost");
            assert_eq!(recovered.torn_bytes, 0);
        });
        Ok(())
    });
    checked.unwrap();
}
