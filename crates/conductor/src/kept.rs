//! What a run left in its folder, as a record is made of it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use evidence::Hash;

use crate::{FolderError, Onlooker, Sample, report::Material};

/// What the folder of a run's evidence is called, where nobody names another.
const EVIDENCE: &str = "evidence";

/// What a record is made of beside the run itself.
#[derive(Clone, Debug)]
pub struct Kept {
    document: String,
    outputs: BTreeMap<Hash, Vec<u8>>,
    samples: Vec<Sample>,
    checkpoint: Option<String>,
}

impl Kept {
    /// Reads it from a run's folder, and the checkpoint from its evidence, where that is in one of these
    /// folders. A line of samples that a crash left unfinished is none.
    ///
    /// # Errors
    /// Fails where it is not there, or was changed.
    pub fn of(run: &Onlooker, evidence: &[PathBuf]) -> Result<Self, FolderError> {
        let lines = run.folder.samples()?;
        let samples = lines.split(|byte| *byte == b'\n');
        let samples = samples.filter_map(|line| serde_json::from_slice(line).ok()).collect();
        Ok(Kept {
            document: run.folder.document()?,
            outputs: run.outputs()?,
            samples,
            checkpoint: evidence.iter().find_map(|folder| checkpoint(run, folder)),
        })
    }

    /// Returns where the evidence of a run may be, unless people put it elsewhere: in its folder, or
    /// beside it, as a rehearsal has it.
    pub fn evidence_beside(run: &Path) -> Vec<PathBuf> {
        let beside = fs::canonicalize(run).ok();
        let beside = beside.as_deref().and_then(Path::parent).map(|folder| folder.join(EVIDENCE));
        [run.join(EVIDENCE)].into_iter().chain(beside).collect()
    }

    /// Returns whether there is a signed checkpoint of this run.
    pub fn has_checkpoint(&self) -> bool {
        self.checkpoint.is_some()
    }

    /// Returns it as a report takes it.
    pub fn material<'m>(&'m self, run: &'m Onlooker) -> Material<'m> {
        Material {
            document: &self.document,
            plan: &run.plan,
            journal: &run.read,
            outputs: &self.outputs,
            samples: &self.samples,
            checkpoint: self.checkpoint.as_deref(),
        }
    }
}

/// Returns the signed checkpoint in a folder of evidence, where it is that of this run: its first line is
/// the log's name.
fn checkpoint(run: &Onlooker, folder: &Path) -> Option<String> {
    let (name, text) = (run.state.run()?, fs::read_to_string(folder.join("checkpoint")).ok()?);
    (text.lines().next() == Some(name)).then_some(text)
}
