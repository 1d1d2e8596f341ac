//! The evidence folder on disk: the one place here that knows files.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::{
    CHECKPOINT_FILE, Contents, ENTRIES_FILE, Hash, OUTPUTS_FOLDER, OutputFile, Recorder,
    RecorderError, Signer,
};

/// The longest log or checkpoint that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Why a folder can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file or a folder.
    #[error("{} can't be used", .path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is too long to be ours.
    #[error("{} is longer than {FILE_BYTES_MAX} bytes", .0.display())]
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
        match name.as_str() {
            ENTRIES_FILE if kind.is_file() => contents.entries = Some(read_whole(&path)?),
            CHECKPOINT_FILE if kind.is_file() => contents.checkpoint = Some(read_whole(&path)?),
            OUTPUTS_FOLDER if kind.is_dir() => read_outputs(&path, &mut contents)?,
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
        write_whole(&outputs.join(digest.to_string()), bytes)?;
    }
    write_whole(&folder.join(ENTRIES_FILE), recorder.lines())?;
    write_whole(&folder.join(CHECKPOINT_FILE), checkpoint.as_bytes())
}

fn list(folder: &Path) -> Result<Vec<(String, PathBuf, fs::FileType)>, FolderError> {
    let mut all = Vec::new();
    for item in fs::read_dir(folder).map_err(io_error(folder))? {
        let item = item.map_err(io_error(folder))?;
        let kind = item.file_type().map_err(io_error(&item.path()))?;
        all.push((item.file_name().to_string_lossy().into_owned(), item.path(), kind));
    }
    Ok(all)
}

fn read_outputs(folder: &Path, contents: &mut Contents) -> Result<(), FolderError> {
    for (name, path, kind) in list(folder)? {
        if kind.is_file() {
            contents.outputs.insert(name, digest(&path)?);
        } else {
            contents.strange.push(format!("{OUTPUTS_FOLDER}/{name}"));
        }
    }
    Ok(())
}

fn read_whole(path: &Path) -> Result<Vec<u8>, FolderError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(io_error(path))?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(io_error(path))?;
    let is_too_long = bytes.len() as u64 > FILE_BYTES_MAX;
    if is_too_long { Err(FolderError::TooLong(path.to_owned())) } else { Ok(bytes) }
}

fn digest(path: &Path) -> Result<OutputFile, FolderError> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path).map_err(io_error(path))?;
    let (mut block, mut bytes) = (vec![0; 64 << 10], 0);
    loop {
        let read = file.read(&mut block).map_err(io_error(path))?;
        if read == 0 {
            return Ok(OutputFile { bytes, sha256: Hash(hasher.finalize().into()) });
        }
        hasher.update(&block[..read]);
        bytes += read as u64;
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = file.map_err(io_error(path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io_error(path))
}
