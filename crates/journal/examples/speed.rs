//! How fast the journal is: appending with fsync, and opening a log of a million records.
//!
//! `cargo run --release -p journal --example speed [RECORDS] [FOLDER]`; the folder is emptied.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use journal::{Entry, Group, Journal, Options, Seq};

const RECORD_BYTES: usize = 300;
const GROUP_RECORDS: usize = 2;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let records: usize = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let temporary = tempfile::tempdir()?;
    let folder = arguments.next().map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let mut out = std::io::stdout();

    let (journal, _) = Journal::open(Options::new(&folder))?;
    let writer = journal.writer();
    let record = Bytes::from(vec![7; RECORD_BYTES]);
    let start = Instant::now();
    for stamp in 0..records / GROUP_RECORDS {
        let group = Group { records: vec![record.clone(); GROUP_RECORDS], stamp: stamp as u64 };
        writer.append(group).await?;
    }
    let closed = journal.close(Duration::from_secs(60)).await;
    say(&mut out, "append", records, start.elapsed())?;
    let (unwritten, fsyncs) = (closed.unwritten_records, journal.metrics().fsyncs);
    writeln!(out, "unwritten {unwritten}, fsyncs {fsyncs}")?;
    drop(journal);

    let start = Instant::now();
    let (journal, recovered) = Journal::open(Options::new(&folder))?;
    say(&mut out, "recover", recovered.records as usize, start.elapsed())?;

    let start = Instant::now();
    let (mut tail, mut read) = (journal.tail(Seq::FIRST), 0);
    while tail.position() < journal.next_seq() {
        for entry in tail.next_batch(10_000, 4 << 20).await? {
            if let Entry::Group(group) = entry {
                read += group.records.len();
            }
        }
    }
    say(&mut out, "read", read, start.elapsed())?;
    Ok(())
}

fn say(
    out: &mut impl Write,
    what: &str,
    records: usize,
    took: Duration,
) -> Result<(), Box<dyn Error>> {
    let rate = records as f64 / took.as_secs_f64();
    writeln!(out, "{what}: {records} records in {:.3} s, {rate:.0}/s", took.as_secs_f64())?;
    Ok(())
}
