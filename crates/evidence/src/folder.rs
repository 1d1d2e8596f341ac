//! The evidence folder on disk: the one place here that knows files.

mod standing;

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    path::{Path, PathBuf},
};

pub use self::standing::{StandingError, StandingLog};
use crate::{
    CHECKPOINT_FILE, Contents, ENTRIES_FILE, Hash, OUTPUTS_FOLDER, OutputFile, RECORD_SUFFIX,
    Recorder, RecorderError, Signer, Visible,
};

/// What the names of files end in that are not written to their end.
const TEMPORARY_SUFFIX: &str = ".tmp";

/// The longest log or checkpoint that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Why a folder can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file or a folder.
    #[error("{} can't be used", Visible(.path.display()))]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is too long to be ours.
    #[error("{} is longer than {FILE_BYTES_MAX} bytes", Visible(.0.display()))]
    TooLong(PathBuf),
    /// The evidence can't be made.
    #[error("the evidence can't be made")]
    Recorder(#[from] RecorderError),
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_owned();
    |source| FolderError::Io { path, source }
}

/// Reads a folder. Links are not followed; they are strange.
///
/// # Errors
/// Fails where something can't be read.
pub fn read(folder: &Path) -> Result<Contents, FolderError> {
    let mut contents = Contents::default();
    for (name, path, kind) in list(folder)? {
        let name = match name.into_string() {
            Ok(name) => name,
            Err(name) => {
                contents.strange.push(escaped(&name));
                continue;
            }
        };
        match name.as_str() {
            ENTRIES_FILE if kind.is_file() => contents.entries = Some(read_whole(&path)?),
            CHECKPOINT_FILE if kind.is_file() => contents.checkpoint = Some(read_whole(&path)?),
            OUTPUTS_FOLDER if kind.is_dir() => read_outputs(&path, &mut contents)?,
            _ if kind.is_file() && name.ends_with(RECORD_SUFFIX) => {
                contents.records.insert(name, digest(&path)?);
            }
            _ => contents.strange.push(name),
        }
    }
    contents.strange.sort();
    Ok(contents)
}

/// Writes a log into a folder that is not there yet.
///
/// # Errors
/// Fails where the folder is there, or something can't be written.
pub fn write(folder: &Path, recorder: &Recorder, signer: &Signer) -> Result<(), FolderError> {
    let checkpoint = recorder.checkpoint(signer)?;
    fs::create_dir(folder).map_err(io_error(folder))?;
    let outputs = folder.join(OUTPUTS_FOLDER);
    fs::create_dir(&outputs).map_err(io_error(&outputs))?;
    for (digest, bytes) in recorder.outputs() {
        put(&outputs.join(digest.to_string()), bytes)?;
    }
    put(&folder.join(ENTRIES_FILE), recorder.lines())?;
    put(&folder.join(CHECKPOINT_FILE), checkpoint.as_bytes())
}

fn list(folder: &Path) -> Result<Vec<(OsString, PathBuf, fs::FileType)>, FolderError> {
    let mut all = Vec::new();
    for item in fs::read_dir(folder).map_err(io_error(folder))? {
        let item = item.map_err(io_error(folder))?;
        let kind = item.file_type().map_err(io_error(&item.path()))?;
        all.push((item.file_name(), item.path(), kind));
    }
    Ok(all)
}

fn read_outputs(folder: &Path, contents: &mut Contents) -> Result<(), FolderError> {
    for (name, path, kind) in list(folder)? {
        match name.into_string() {
            Ok(name) if kind.is_file() => {
                contents.outputs.insert(name, digest(&path)?);
            }
            Ok(name) => contents.strange.push(format!("{OUTPUTS_FOLDER}/{name}")),
            Err(name) => contents.strange.push(format!("{OUTPUTS_FOLDER}/{}", escaped(&name))),
        }
    }
    Ok(())
}

/// Writes a name that is no text so that it can be told from every other: no entry can name it.
fn escaped(name: &OsStr) -> String {
    name.as_bytes().escape_ascii().to_string()
}

fn read_whole(path: &Path) -> Result<Vec<u8>, FolderError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(io_error(path))?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(io_error(path))?;
    let is_too_long = bytes.len() as u64 > FILE_BYTES_MAX;
    if is_too_long { Err(FolderError::TooLong(path.to_owned())) } else { Ok(bytes) }
}

fn digest(path: &Path) -> Result<OutputFile, FolderError> {
    let read = File::open(path).and_then(Hash::of_all);
    let (sha256, bytes) = read.map_err(io_error(path))?;
    Ok(OutputFile { bytes, sha256 })
}

/// Writes a file that is whole or absent, also after a crash; only its owner may read it. One that is
/// there is replaced.
///
/// # Errors
/// Fails where it can't be written; nothing is left behind then.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(TEMPORARY_SUFFIX);
    let temporary = PathBuf::from(temporary);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&temporary)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written.and_then(|()| fs::rename(&temporary, path)) {
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    write_whole(path, bytes).map_err(io_error(path))
}
