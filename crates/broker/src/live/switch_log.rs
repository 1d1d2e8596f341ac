//! What of a switch outlives the process: one small record, and the windows of memory.
//!
//! The switch itself is free of disks; whoever starts it lends it this.

use std::{io, path::PathBuf, sync::Arc};

use super::plan::{Record, Stage, Target};
use crate::{
    MemoryBroker,
    memory::state_dir::{StateDir, files},
};

/// Keeps what the next process has to know. Its methods may block on a disk.
pub trait SwitchLog: Send + Sync + 'static {
    /// Returns the record that was written last; `None` where there is none.
    ///
    /// # Errors
    /// Fails where it can't be read.
    fn read(&self) -> io::Result<Option<Record>>;

    /// Writes the record, so that it outlives a crash from now on.
    ///
    /// # Errors
    /// Fails where that is not certain.
    fn write(&self, record: Record) -> io::Result<()>;

    /// Reads the records of merged branches that were written last; an empty text where there are none.
    ///
    /// # Errors
    /// Fails where they can't be read.
    fn read_branches(&self) -> io::Result<String>;

    /// Writes the records of merged branches, in the place of those before.
    ///
    /// # Errors
    /// Fails where that is not certain.
    fn write_branches(&self, text: &str) -> io::Result<()>;

    /// Saves the windows of memory, so that what was acknowledged until now outlives a crash.
    ///
    /// # Errors
    /// Fails where that is not certain.
    fn save(&self, memory: &MemoryBroker) -> io::Result<()>;
}

/// The record as a file beside the windows, and `branches` with the records of those.
pub struct SwitchFile {
    path: PathBuf,
    branches: PathBuf,
    state: Arc<StateDir>,
}

impl SwitchFile {
    /// Returns the file in a state folder.
    pub fn new(state: Arc<StateDir>) -> Self {
        let [path, branches] = ["switch", "branches"].map(|name| state.path().join(name));
        SwitchFile { path, branches, state }
    }
}

impl SwitchLog for SwitchFile {
    fn read(&self) -> io::Result<Option<Record>> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => record_from(&text).map(Some).ok_or_else(|| {
                let what = format!("{} is no record of a switch", self.path.display());
                io::Error::new(io::ErrorKind::InvalidData, what)
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write(&self, record: Record) -> io::Result<()> {
        files::write_whole(&self.path, record_text(record).as_bytes())?;
        files::sync_dir(self.state.path())
    }

    fn read_branches(&self) -> io::Result<String> {
        match std::fs::read_to_string(&self.branches) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            read => read,
        }
    }

    fn write_branches(&self, text: &str) -> io::Result<()> {
        files::write_whole(&self.branches, text.as_bytes())?;
        files::sync_dir(self.state.path())
    }

    fn save(&self, memory: &MemoryBroker) -> io::Result<()> {
        match self.state.save(memory).failed {
            Some((failure, _)) => Err(failure.source),
            None => files::sync_dir(self.state.path()),
        }
    }
}

/// Writes a record: `1 TO STAGE OWNS LEADS`, each of the last two `yes` or `no`.
fn record_text(record: Record) -> String {
    let word = |is: bool| if is { "yes" } else { "no" };
    let Record { to, stage, redis_may_own, memory_leads } = record;
    let (owns, leads) = (word(redis_may_own), word(memory_leads));
    format!("1 {} {} {owns} {leads}\n", to.as_str(), stage.as_str())
}

fn record_from(text: &str) -> Option<Record> {
    let words: Vec<_> = text.strip_suffix('\n')?.split(' ').collect();
    let ["1", to, stage, owns, leads] = words[..] else { return None };
    let is = |word: &str| match word {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    Some(Record {
        to: [Target::Memory, Target::Redis].into_iter().find(|target| target.as_str() == to)?,
        stage: Stage::ALL.into_iter().find(|known| known.as_str() == stage)?,
        redis_may_own: is(owns)?,
        memory_leads: is(leads)?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Record, Stage, Target, record_from, record_text};

    #[test]
    fn a_record_round_trips() {
        for to in [Target::Memory, Target::Redis] {
            for (owns, leads) in [(false, true), (true, false)] {
                let stage = Stage::Switching;
                let record = Record { to, stage, redis_may_own: owns, memory_leads: leads };
                assert_eq!(record_from(&record_text(record)), Some(record));
            }
        }
        for text in ["", "1 redis idle yes no", "2 redis idle yes no\n", "1 redis idle yes\n"] {
            assert_eq!(record_from(text), None, "{text}");
        }
    }
}
