//! A file of settings, `NAME=value` on each line, that is edited without losing anything else of it.
//!
//! Owns: its form, and that there is always a whole one: a new one is written beside it and takes its
//! place, and the one before stays as `FILE.previous`. Must not know: what a setting means.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crate::{SecretText, Setting};

/// The longest file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A file of settings that can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsFileError {
    /// It can't be read.
    #[error("the settings' file {} can't be read: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It can't be written.
    #[error("the settings' file {} can't be written: {source}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line of it is no setting.
    #[error("line {line} of {} is neither NAME=value nor a comment", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// Which.
        line: usize,
    },
    /// A name stands in it twice.
    #[error("`{name}` stands twice in {}; leave one of them", file.display())]
    Twice {
        /// The file.
        file: PathBuf,
        /// The name.
        name: String,
    },
    /// What is to be set does not fit on a line.
    #[error("the value of `{0}` has a line end, which can't stand in a file of settings")]
    LineEnd(String),
}

/// Reads all settings of a file.
///
/// # Errors
/// Fails where it can't be read, or has a line that is none of a file of settings.
pub(crate) fn read(file: &Path) -> Result<BTreeMap<String, SecretText>, SettingsFileError> {
    let text = text_of(file)?;
    let mut all = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        if let Some((name, value)) = pair(file, index, line)?
            && all.insert(name.to_owned(), SecretText::plain(value)).is_some()
        {
            return Err(SettingsFileError::Twice { file: file.to_owned(), name: name.to_owned() });
        }
    }
    Ok(all)
}

/// Makes settings so, and leaves all other lines as they are; returns whether anything changed.
///
/// # Errors
/// Fails where it can't be read or written; then it is as it was.
pub(crate) fn write(file: &Path, settings: &[Setting]) -> Result<bool, SettingsFileError> {
    read(file)?;
    let before = text_of(file)?;
    let mut after = String::new();
    let mut left: Vec<&Setting> = settings.iter().collect();
    for (index, line) in before.lines().enumerate() {
        let name = pair(file, index, line)?.map(|(name, _)| name);
        let found = left.iter().position(|setting| Some(setting.name.as_str()) == name);
        match found {
            Some(found) => after.push_str(&line_of(left.swap_remove(found))?),
            None => after.push_str(line),
        }
        after.push('\n');
    }
    for setting in settings.iter().filter(|it| left.contains(it)) {
        after.push_str(&line_of(setting)?);
        after.push('\n');
    }
    if after == before {
        return Ok(false);
    }
    let failed = |source| SettingsFileError::Write { file: file.to_owned(), source };
    replace(file, &after).map_err(failed)?;
    Ok(true)
}

fn text_of(file: &Path) -> Result<String, SettingsFileError> {
    let failed = |source| SettingsFileError::Read { file: file.to_owned(), source };
    let length = fs::metadata(file).map_err(failed)?.len();
    if length > FILE_BYTES_MAX {
        let why = format!("it has more than {FILE_BYTES_MAX} bytes");
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, why)));
    }
    fs::read_to_string(file).map_err(failed)
}

fn pair<'l>(
    file: &Path,
    index: usize,
    line: &'l str,
) -> Result<Option<(&'l str, &'l str)>, SettingsFileError> {
    let line = line.trim_start();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let is_name = |name: &str| {
        let is_good = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !name.is_empty() && name.chars().all(is_good)
    };
    match line.split_once('=') {
        Some((name, value)) if is_name(name) => Ok(Some((name, value))),
        _ => Err(SettingsFileError::Line { file: file.to_owned(), line: index + 1 }),
    }
}

fn line_of(setting: &Setting) -> Result<String, SettingsFileError> {
    let value = setting.value.expose();
    if value.contains(['\n', '\r']) {
        return Err(SettingsFileError::LineEnd(setting.name.clone()));
    }
    Ok(format!("{}={value}", setting.name))
}

fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(end);
    name.into()
}

fn replace(file: &Path, text: &str) -> io::Result<()> {
    let permissions = fs::metadata(file)?.permissions();
    let (new, previous) = (beside(file, ".new"), beside(file, ".previous"));
    // Secrets may stand in it: nobody else may read it before it has the permissions of the old one.
    let mut to = File::options().create(true).write(true).truncate(true).mode(0o600).open(&new)?;
    to.write_all(text.as_bytes())?;
    to.set_permissions(permissions)?;
    to.sync_all()?;
    let _none = fs::remove_file(&previous);
    fs::hard_link(file, &previous)?;
    fs::rename(&new, file)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests;
