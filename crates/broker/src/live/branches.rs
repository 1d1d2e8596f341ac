//! What of branches that were merged outlives the process while memory owns their streams, so that
//! cursors of their readers stay good. As long as Redis owns a stream it has the records itself.
//!
//! Text: the line `1`, then for each record a line `STREAM RECORD` (see `trunk/record.rs`).

use event::StreamName;

use super::{Core, SwitchError, plan::Target};
use crate::trunk::record::{BranchRecord, runs_text};

/// What the format is called; another one gets another number.
const FORMAT: &str = "1";

impl Core {
    /// Returns the records of all streams that memory owns.
    pub(super) fn branches(&self) -> String {
        let mut text = format!("{FORMAT}\n");
        for cell in self.elsewhere(Target::Redis) {
            for record in &cell.side.lock().merged {
                text.push_str(&line(&cell.stream, record));
            }
        }
        text
    }

    /// Takes up what another process wrote. What can't be read costs its branch's readers their place,
    /// which they are told.
    pub(super) fn take_up_branches(&self, text: &str) -> Result<(), SwitchError> {
        let mut lines = text.lines();
        if lines.next().is_some_and(|first| first != FORMAT) {
            tracing::warn!("records of branches are in a format that is not known, and left out");
            return Ok(());
        }
        for line in lines {
            match read(line) {
                Some((stream, record)) => self.cell(&stream)?.side.lock().merged.push(record),
                None => tracing::warn!(line, "a branch's record can't be read and is left out"),
            }
        }
        Ok(())
    }
}

fn line(stream: &StreamName, record: &BranchRecord) -> String {
    let state = if record.is_complete { "done" } else { "open" };
    let (head, runs) = (record.head_text(), runs_text(&record.runs));
    format!("{stream} {} {state} 0 {head} {runs}\n", record.merged())
}

fn read(line: &str) -> Option<(StreamName, BranchRecord)> {
    let (stream, record) = line.split_once(' ')?;
    Some((stream.parse().ok()?, BranchRecord::from_text(record)?))
}

#[cfg(test)]
mod tests {
    use event::{Epoch, Fork, ForkKind, Lineage, Seq, StreamName};

    use super::{BranchRecord, line, read};
    use crate::trunk::record::Run;

    #[test]
    fn a_record_round_trips() {
        let fork = Fork { epoch: Epoch::from_bits(7), after: Seq(3), kind: ForkKind::Whole };
        let record = BranchRecord {
            parent: Seq(3),
            lineage: Lineage::from_forks(vec![fork]).unwrap(),
            before: None,
            runs: vec![Run { first: Seq(5), count: 2 }, Run { first: Seq(9), count: 1 }],
            is_complete: true,
        };
        let stream = StreamName::thread("t").unwrap();
        let text = line(&stream, &record);
        assert_eq!(read(text.trim_end()), Some((stream, record)));
        for damaged in ["", "thread:t", "thread:t 3 done 0 nonsense", &text[1..]] {
            assert_eq!(read(damaged), None, "{damaged}");
        }
    }
}
