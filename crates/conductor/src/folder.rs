//! The folder of a run: the document and its plan, the journal, what steps left behind, what people say
//! to it, and how it stands.
//!
//! Owns: where each thing lies, and that no file is ever there by half. What stands in the journal and
//! what follows from it is not its business.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use evidence::Hash;
use runbook::{Mode, Options, Plan, plan};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Live, Sample};

const DOCUMENT: &str = "runbook.md";
const PLAN: &str = "plan.json";
const INFO: &str = "run.json";
const JOURNAL: &str = "journal";
const OUTPUTS: &str = "outputs";
const SAMPLES: &str = "samples.jsonl";
const STATUS: &str = "status.json";
const INBOX: &str = "inbox";
const PROGRAMS: &str = "programs";

/// The longest file that is read whole, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The longest file of samples; looks beyond are not written down.
const SAMPLES_BYTES_MAX: u64 = 64 << 20;

/// The folder of a run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

/// What a run was begun with, beside its document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunInfo {
    /// The run's name.
    pub run: String,
    /// The mode that was asked for.
    pub mode: Mode,
    /// The environment that was asked for, where the document does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// What the run acts on, by the digest of its description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acts_on: Option<Hash>,
    /// Where that description was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acts_on_file: Option<PathBuf>,
}

/// The longest name of a run.
const NAME_LENGTH_MAX: usize = 64;

/// Returns whether a run may be called that: it stands in the journal, on the router and in the names of
/// files, so it has 1 to 64 letters, digits, `.`, `_` and `-`, does not begin with `.`, and is not `none`.
pub fn is_run_name(name: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let has_length = (1..=NAME_LENGTH_MAX).contains(&name.len());
    has_length && name.bytes().all(is_good) && !name.starts_with('.') && name != "none"
}

/// A folder that can't be made or read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// There is something already.
    #[error("{0} is there already: a run has a folder of its own, and `resume` goes on with one")]
    Taken(PathBuf),
    /// A run can't be called that.
    #[error(
        "a run's name has 1 to {NAME_LENGTH_MAX} letters, digits, `.`, `_` or `-`, does not begin with `.` and \
         is not `none`; `{0}` is none"
    )]
    Name(String),
    /// There is none, or it is none of a run.
    #[error("{0} is no folder of a run")]
    Missing(PathBuf),
    /// A file of it can't be read or written.
    #[error("{file} can't be read or written")]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of it is not what was written.
    #[error("{file} is not what the run wrote: {why}")]
    Changed {
        /// Which.
        file: PathBuf,
        /// Why.
        why: String,
    },
}

impl RunFolder {
    /// Makes the folder of a new run, which nobody else may look into.
    ///
    /// # Errors
    /// Fails where there is something already, or it can't be written.
    pub fn create(
        path: &Path,
        document: &str,
        plan: &Plan,
        info: &RunInfo,
    ) -> Result<Self, FolderError> {
        if !is_run_name(&info.run) {
            return Err(FolderError::Name(evidence::Visible(&info.run).to_string()));
        }
        let folder = RunFolder { path: path.to_owned() };
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent).map_err(failed(parent))?;
        }
        DirBuilder::new().mode(0o700).create(path).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => FolderError::Taken(path.to_owned()),
            _ => FolderError::File { file: path.to_owned(), source },
        })?;
        for name in [OUTPUTS, INBOX] {
            let file = path.join(name);
            fs::create_dir(&file).map_err(failed(&file))?;
        }
        let canonical = plan.canonical().map_err(|error| folder.changed(PLAN, error))?;
        folder.put(DOCUMENT, document.as_bytes())?;
        folder.put(PLAN, canonical.as_bytes())?;
        folder.put_json(INFO, info)?;
        Ok(folder)
    }

    /// Opens the folder of a run.
    ///
    /// # Errors
    /// Fails where it is none.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let folder = RunFolder { path: path.to_owned() };
        if folder.path.join(INFO).is_file() && folder.path.join(PLAN).is_file() {
            Ok(folder)
        } else {
            Err(FolderError::Missing(path.to_owned()))
        }
    }

    /// Removes the folder of a run that has not begun, so that nothing stands in the way of the next try:
    /// there is no journal, or nobody writes it and it has no whole entry.
    pub(crate) fn drop_unbegun(&self) {
        let is_unbegun = match File::open(self.journal()) {
            Err(error) => error.kind() == io::ErrorKind::NotFound,
            Ok(file) => {
                let is_free = file.try_lock().is_ok();
                is_free && self.get(JOURNAL).is_ok_and(|bytes| !bytes.contains(&b'\n'))
            }
        };
        if is_unbegun && let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, "the folder of a run that did not begin could not be removed");
        }
    }

    /// Returns whether a process carries the run out at this moment.
    pub fn is_carried_out(&self) -> bool {
        let opened = File::open(self.journal());
        opened.is_ok_and(|file| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns where the journal is.
    pub fn journal(&self) -> PathBuf {
        self.path.join(JOURNAL)
    }

    /// Returns where people put what they say.
    pub fn inbox(&self) -> PathBuf {
        self.path.join(INBOX)
    }

    /// Returns where programs of the run in a folder are noted while they run.
    pub fn programs(path: &Path) -> PathBuf {
        path.join(PROGRAMS)
    }

    /// Returns the document's text.
    ///
    /// # Errors
    /// Fails where it can't be read.
    pub fn document(&self) -> Result<String, FolderError> {
        let bytes = self.get(DOCUMENT)?;
        String::from_utf8(bytes).map_err(|error| self.changed(DOCUMENT, error))
    }

    /// Returns what the run was begun with.
    ///
    /// # Errors
    /// Fails where it can't be read.
    pub fn info(&self) -> Result<RunInfo, FolderError> {
        self.get_json(INFO)
    }

    /// Returns the plan, made anew of the document as it was.
    ///
    /// # Errors
    /// Fails where the document or the plan was changed since.
    pub fn plan(&self) -> Result<Plan, FolderError> {
        let (document, info) = (self.document()?, self.info()?);
        let options = Options { mode: Some(info.mode), environment: info.environment };
        let planned = plan(&document, &options).plan;
        let plan = planned.ok_or_else(|| self.changed(DOCUMENT, "it makes no plan any more"))?;
        let canonical = plan.canonical().map_err(|error| self.changed(PLAN, error))?;
        let kept = self.get(PLAN)?;
        if kept != canonical.as_bytes() {
            if is_of_another_document(&kept, plan.source) {
                return Err(self.changed(DOCUMENT, "the plan was made of another document"));
            }
            return Err(self.changed(PLAN, "the document makes another plan"));
        }
        Ok(plan)
    }

    /// Keeps an output under its digest; it is on disk when this returns.
    ///
    /// # Errors
    /// Fails where it can't be written.
    pub fn keep(&self, bytes: &[u8]) -> Result<Hash, FolderError> {
        let sha256 = Hash::of(bytes);
        let name = format!("{OUTPUTS}/{sha256}");
        if !self.path.join(&name).is_file() {
            self.put(&name, bytes)?;
        }
        Ok(sha256)
    }

    /// Returns an output by its digest.
    ///
    /// # Errors
    /// Fails where it is not there, or is another one.
    pub fn output(&self, sha256: Hash) -> Result<Vec<u8>, FolderError> {
        let name = format!("{OUTPUTS}/{sha256}");
        let bytes = self.get(&name)?;
        if Hash::of(&bytes) == sha256 {
            Ok(bytes)
        } else {
            Err(self.changed(&name, "it has another digest"))
        }
    }

    /// Returns the outputs with these digests that are there.
    ///
    /// # Errors
    /// Fails where one was changed, or can't be read.
    pub fn outputs(
        &self,
        wanted: impl Iterator<Item = Hash>,
    ) -> Result<BTreeMap<Hash, Vec<u8>>, FolderError> {
        let is_missing = |error: &FolderError| {
            matches!(error, FolderError::File { source, .. }
                if source.kind() == io::ErrorKind::NotFound)
        };
        let found = wanted.filter_map(|sha256| match self.output(sha256) {
            Err(error) if is_missing(&error) => None,
            found => Some(found.map(|bytes| (sha256, bytes))),
        });
        found.collect()
    }

    /// Writes down how the run stands.
    ///
    /// # Errors
    /// Fails where it can't be written.
    pub fn show(&self, live: &Live) -> Result<(), FolderError> {
        self.put_json(STATUS, live)
    }

    /// Returns how the run stood when that was written last; nothing where it never was.
    ///
    /// # Errors
    /// Fails where it can't be read.
    pub fn live(&self) -> Result<Option<Live>, FolderError> {
        if self.path.join(STATUS).is_file() { self.get_json(STATUS).map(Some) } else { Ok(None) }
    }

    /// Adds looks to what was seen over time.
    ///
    /// # Errors
    /// Fails where they can't be written.
    pub fn add_samples(&self, samples: &[Sample]) -> Result<(), FolderError> {
        let file = self.path.join(SAMPLES);
        let mut lines = Vec::new();
        for sample in samples {
            serde_json::to_writer(&mut lines, sample)
                .map_err(|error| self.changed(SAMPLES, error))?;
            lines.push(b'\n');
        }
        let mut opened =
            OpenOptions::new().create(true).append(true).open(&file).map_err(failed(&file))?;
        let more = lines.len() as u64;
        let has_room = opened.metadata().is_ok_and(|about| about.len() + more <= SAMPLES_BYTES_MAX);
        if has_room { opened.write_all(&lines).map_err(failed(&file)) } else { Ok(()) }
    }

    /// Returns what was seen over time, as it was written; nothing where nothing was.
    ///
    /// # Errors
    /// Fails where it can't be read.
    pub fn samples(&self) -> Result<Vec<u8>, FolderError> {
        if self.path.join(SAMPLES).is_file() { self.get(SAMPLES) } else { Ok(Vec::new()) }
    }

    fn get_json<T: DeserializeOwned>(&self, name: &str) -> Result<T, FolderError> {
        serde_json::from_slice(&self.get(name)?).map_err(|error| self.changed(name, error))
    }

    fn put_json(&self, name: &str, value: &impl Serialize) -> Result<(), FolderError> {
        let bytes = serde_json::to_vec(value).map_err(|error| self.changed(name, error))?;
        self.put(name, &bytes)
    }

    fn get(&self, name: &str) -> Result<Vec<u8>, FolderError> {
        let file = self.path.join(name);
        let mut bytes = Vec::new();
        let opened = File::open(&file).map_err(failed(&file))?;
        opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed(&file))?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(self.changed(name, format!("it has more than {FILE_BYTES_MAX} bytes")));
        }
        Ok(bytes)
    }

    /// Writes a file whole beside its place, and then puts it there.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        evidence::folder::write_whole(&self.path.join(name), bytes)
            .map_err(failed(&self.path.join(name)))
    }

    fn changed(&self, name: &str, why: impl std::fmt::Display) -> FolderError {
        FolderError::Changed { file: self.path.join(name), why: format!("{why}") }
    }
}

/// Returns whether a plan that was kept names another document than this.
fn is_of_another_document(kept: &[u8], source: Hash) -> bool {
    // The first line is the form's name.
    let json = kept.splitn(2, |byte| *byte == b'\n').nth(1).unwrap_or_default();
    let plan: serde_json::Value = serde_json::from_slice(json).unwrap_or_default();
    plan.get("source").and_then(|it| it.as_str()).is_some_and(|it| it != source.to_string())
}

fn failed(file: &Path) -> impl Fn(io::Error) -> FolderError + use<> {
    let file = file.to_owned();
    move |source| FolderError::File { file: file.clone(), source }
}

#[cfg(test)]
mod tests;
