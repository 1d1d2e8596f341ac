//! A process that is killed while it appends: what it acknowledged is there, whole and once.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use journal::{Journal, Options, Seq};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::{group, open, read_all, seq};

const FOLDER: &str = "JOURNAL_TEST_CHILD_FOLDER";
const ROUNDS: usize = 12;

fn child_options(folder: &Path) -> Options {
    Options { segment_bytes_max: 20_000, retain_records: u64::MAX, ..Options::new(folder) }
}

/// The process that is killed; does nothing when it is run as a test.
#[tokio::test]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let (journal, recovered) = Journal::open(child_options(Path::new(&folder))).unwrap();
    let (writer, mut tail) = (journal.writer(), journal.tail(recovered.next));
    let mut out = std::io::stdout();
    writeln!(out, "\nopened {}", recovered.next).unwrap();
    let mut number = 0;
    loop {
        for _ in 0..20 {
            number += 1;
            writer.append(group(number, 1 + (number % 4) as usize)).await.unwrap();
        }
        let upto = tail.next().await.unwrap().next();
        writeln!(out, "acknowledged {upto}").unwrap();
    }
}

/// Runs the child until it acknowledged some, kills it, and answers what came behind the last
/// record that it acknowledged.
fn kill_after(folder: &Path, lines: usize, open: &mut u64) -> Seq {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = Seq::FIRST;
    let mut left = lines;
    let out = BufReader::new(child.stdout.take().unwrap());
    for line in out.lines() {
        let line = line.unwrap();
        if let Some(next) = line.strip_prefix("opened ") {
            *open = next.parse().unwrap();
        }
        let Some(next) = line.strip_prefix("acknowledged ") else { continue };
        // What was in the pipe when it was killed was acknowledged too.
        acknowledged = seq(next.parse().unwrap());
        left = left.saturating_sub(1);
        if left == 0 {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    acknowledged
}

#[tokio::test]
async fn what_a_killed_process_acknowledged_is_there_once() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let mut next = Seq::FIRST;
    for _ in 0..ROUNDS {
        let mut opened = 0;
        let acknowledged = kill_after(folder.path(), random.random_range(1..40), &mut opened);
        assert!(opened >= next.get(), "a number was given again");
        let (journal, recovered) = open(child_options(folder.path()));
        assert!(recovered.next >= acknowledged, "{recovered:?} lacks {acknowledged}");
        assert!(recovered.damaged.is_empty(), "{recovered:?}");
        let (records, damaged) = read_all(&journal).await;
        assert!(damaged.is_empty());
        assert_eq!(records.len() as u64, recovered.next.get() - 1);
        next = recovered.next;
        journal.close(crate::support::LONG).await;
    }
}
